"""The calendar in a browser: next week published beside this one, a day changed, and put back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from releve.accounts.permissions import Role
from releve.desk.access.guard import COOKIE
from releve.files.plan_folder import write_plans
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.plan_json import plan_to_json
from releve.plan.week import require_day
from releve.runs.job_store import JobStore, current_stamp
from releve.runs.plan_job import PLAN_RUNS, PlanOrder
from tests import processes
from tests.browser_tools import WAIT_MS, View, command, environ_of, follow, keep, looked_at, overflow, serious, served
from tests.live.moved_plans import choose_agents, move_plan, send_home
from tests.live.scenario import keep_planned

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MONDAY = date(2035, 1, 8)
"""The roster's first day: it stays ahead, whenever the test runs."""
TUESDAY, WEEK = MONDAY + timedelta(days=1), timedelta(days=7)
PLANNER = [(COOKIE, f"{Role.PLANNER.value}:")]
VIEW = View("en-GB")


def plan_two_days() -> tuple[Operator, tuple[Plan, ...]]:
    operator = read_operator(write_operator(sample_operator(60, 3, 5, start=MONDAY, weeks_of_history=4)))
    lost = tuple(row for row in list_contingencies(operator) if row.kind == "site")
    return operator, tuple(
        plan_day(operator, require_day(operator, day), PlanSettings(), contingencies=lost) for day in (MONDAY, TUESDAY)
    )


@dataclass(frozen=True)
class Desk:
    """An open desk with two days in force, and a worker beside it."""

    home: Path
    address: str
    plans: tuple[Plan, ...]

    def add_run(self, plans: Sequence[Plan]) -> str:
        """Add a run as its process leaves it; return its id."""
        order = PlanOrder("planner", current_stamp(), 1, 60, plans[0].day.isoformat(), len(plans))
        folder = JobStore(self.home, PLAN_RUNS).add(order, {"operator": {}})
        (folder / "plan").mkdir()
        texts = {plan.day.isoformat(): plan_to_json(plan) for plan in plans}
        for day, text in texts.items():
            (folder / "plan" / f"plan-{day}.json").write_text(text, "utf-8")
        digests = {day: hashlib.sha256(text.encode()).hexdigest() for day, text in texts.items()}
        tree = {"days": digests, "left_out": [], "unknown": {}}
        (folder / "planned.json").write_text(json.dumps(tree), "utf-8")
        (folder / "complete.json").write_text("{}", "utf-8")
        return folder.name

    def list_letters(self) -> list[dict[str, str]]:
        """Return what was written to agents."""
        files = sorted((self.home / "outbox").glob("*.json"))
        found = [json.loads(path.read_text("utf-8")) for path in files]
        return [row for row in found if row["subject"] == "Votre planning change"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    operator, plans = keep_planned("calendar-2035", plan_two_days)
    home, folder, tables = tmp_path / "home", tmp_path / "plan", tmp_path / "operator"
    tables.mkdir()
    for name, data in write_operator(operator).items():
        (tables / name).write_bytes(data)
    command(home, "registry", "import", str(tables), "--yes")
    write_plans(folder, plans, stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    command(home, "live", "activate", str(folder))
    with (
        served(home, "--open", "--act") as address,
        processes.start("releve", "live", "work", environ=environ_of(home), quiet=True) as worker,
    ):
        try:
            yield Desk(home, address, plans)
        finally:
            worker.terminate()
            worker.wait(20)


def read_state(page: Page, day: date) -> str:
    """Return what the calendar says of a day."""
    row = page.locator("li", has=page.locator(f"a[href='/calendar/{day}']"))
    return row.locator(".state").inner_text().strip()


def test_next_week_is_published_a_day_is_changed_and_yesterdays_version_is_put_back(
    browser: Browser, desk: Desk
) -> None:
    following = desk.add_run([move_plan(plan, WEEK) for plan in desk.plans])
    moved = choose_agents(desk.plans[1], 2)
    changed = desk.add_run([send_home(desk.plans[1], moved)])
    with looked_at(browser, desk.address, VIEW, PLANNER) as page:
        page.goto(f"/planning/runs/{following}")
        expect(page.get_by_text("this day is not in force yet").first).to_be_visible()
        follow(page.get_by_role("link", name="Put in force"))
        follow(page.get_by_role("button", name="Put in force"))
        expect(page.get_by_role("heading", name="Calendar of days in force")).to_be_visible()
        page.goto(f"/calendar/?from={MONDAY}")
        both = [MONDAY, TUESDAY, MONDAY + WEEK, TUESDAY + WEEK]
        assert [read_state(page, day) for day in both] == ["in force"] * 4, "this week stays"
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "calendar", VIEW)

        page.goto(f"/planning/runs/{changed}")
        expect(page.get_by_text("2 agents work differently")).to_be_visible()
        expect(page.get_by_text("work at home: 2")).to_be_visible()
        assert serious(page) == []
        keep(page, "calendar-consequences", VIEW)
        follow(page.get_by_role("link", name="Put in force"))
        follow(page.get_by_role("button", name="Put in force"))
        wait_for_letters(page, desk, 2)
        letters = desk.list_letters()
        assert all("à domicile" in row["text"] for row in letters), "those who now work at home"

        page.goto(f"/calendar/{TUESDAY}")
        expect(page.get_by_text("2 agents work differently")).to_be_visible()
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "calendar-day", VIEW)
        follow(page.get_by_role("button", name="Put back"))
        expect(page.get_by_text("The day is put back.")).to_be_visible()
        wait_for_letters(page, desk, 4)
        back = [row for row in desk.list_letters() if row not in letters]
        assert all("vous travaillez sur le site" in row["text"] for row in back), "back on their sites"
        assert page.get_by_role("link", name="an earlier plan").count() == 2
        follow(page.get_by_role("link", name="an earlier plan").first)
        expect(page.get_by_text("An earlier plan of this day: it is not in force.")).to_be_visible()
        page.goto(f"/calendar/?from={MONDAY}")
        assert [read_state(page, day) for day in both] == ["in force"] * 4
    with looked_at(browser, desk.address, View("en-GB", "phone", "dark"), PLANNER) as page:
        for address in (f"/calendar/?from={MONDAY}", f"/calendar/{TUESDAY}", f"/planning/runs/{changed}"):
            page.goto(address)
            assert (overflow(page), serious(page)) == (0, [])
        keep(page, "calendar-phone", View("en-GB", "phone", "dark"))


def wait_for_letters(page: Page, desk: Desk, count: int) -> None:
    """Wait until the worker has written to so many agents in all, and to no more."""
    waited = 0
    while len(desk.list_letters()) < count and waited < WAIT_MS:
        page.wait_for_timeout(500)
        waited += 500
    page.wait_for_timeout(2000)
    assert len(desk.list_letters()) == count
