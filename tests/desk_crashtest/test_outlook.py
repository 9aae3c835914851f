"""The coming fourteen days: who may make and see them, what is recorded, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from releve.accounts.grants import STREAM
from releve.accounts.permissions import OUTSIDE, Role
from releve.files.atomic import try_lock
from releve.ledger.chain import iter_entries
from releve.live import api as live
from releve.network import day_bounds
from releve.plugins.crashtest import crash_test_job, orders, outlook_job
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.outlook_job import OUTLOOKS, OutlookOrder, read_chances
from releve.plugins.crashtest.request import CrashTestRequest
from releve.runs.job_process import run_job
from releve.runs.job_store import JobStore, RunError, note_asked
from tests.desk_crashtest.conftest import build_result
from tests.desk_crashtest.test_pages import plain
from tests.desk_live.conftest import Browsers, browsers
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario
from tests.runs.conftest import work_here

__all__ = ["_nothing_in_memory", "_own_home", "browsers", "known_times", "planned", "scenario", "work_here"]

pytestmark = [pytest.mark.django_db, pytest.mark.database]

HERE = "/crashtest/outlook"
_MADE = build_result("as-given", 7)
RESULT = replace(
    _MADE,
    days=14,
    quarters=200,
    sites=(replace(_MADE.sites[0], name="Casablanca 1", closes=Estimate(0.25, 0.2, 0.31)),),
    clients=(replace(_MADE.clients[0], name="Azur", survival=(1.0, 0.9), breaks_target=Estimate(0.05, 0.03, 0.09)),),
)


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose process would have been started."""
    found: list[Path] = []

    def start(folder: Path) -> None:
        note_asked(folder)
        found.append(folder)

    monkeypatch.setattr(orders, "start_job", start)
    return found


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, work_here: None) -> list[object]:
    """Let the simulation give RESULT without running; the requests it was asked for."""
    asked: list[object] = []

    def run(request: object, _execution: object, *, resume: bool) -> SimpleNamespace:
        asked.append(request)
        return SimpleNamespace(results=[RESULT])

    monkeypatch.setattr(crash_test_job, "run_crash_test", run)
    return asked


def recorded(kind: str) -> list[dict[str, Any]]:
    return [dict(row.body) for row in iter_entries(stream=STREAM) if row.kind == kind]


def started(web: Client, spawned: list[Path]) -> tuple[Path, OutlookOrder, str]:
    """Start an outlook without its process."""
    answer = web.post(HERE)
    assert answer.status_code == 302, answer.content
    folder = spawned[-1]
    return (folder, OutlookOrder(**json.loads((folder / "desk.json").read_text())), answer["Location"])


def test_it_takes_over_cases_and_lost_sites_and_nothing_else_of_them(scenario: Scenario) -> None:
    one, other, third, *_ = scenario.agents_at(scenario.site)
    scenario.positive(one)
    scenario.act("case.declared", site=scenario.site, agent=other, status="contact")
    scenario.positive(third)
    scenario.clear(third)
    situation = live.situation_now(scenario.stream)
    first, _ = day_bounds(scenario.plans[1].day, scenario.operator.row.time_zone)
    case, closed = orders.select_outlook_events(situation, first)
    assert (case.kind, case.agent, case.since, case.until) == ("case.declared", one, None, None)
    assert (closed.kind, closed.site) == ("site.closed", scenario.site), "by the rule, after two"


@pytest.mark.parametrize("role", [Role.HEALTH, Role.CONTINUITY])
def test_it_is_made_by_who_may_and_that_is_recorded_without_a_name(
    browsers: Browsers, scenario: Scenario, spawned: list[Path], role: Role
) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    web = browsers.sign_in(role)
    page = web.get(HERE)
    assert page["Cache-Control"] == "private, no-store"
    assert "Les quatorze jours à venir" in plain(page)
    folder, order, url = started(web, spawned)
    assert order.first == str(scenario.plans[1].day), "from tomorrow on: today's cases are known"
    assert agent in (folder / "inputs" / "events" / "events.jsonl").read_text()
    (made,) = recorded("outlook.made")
    assert (made["run"], made["of"]) == (folder.name, scenario.stream)
    assert agent not in json.dumps(made)
    assert "se recharge" in plain(web.get(url))
    assert recorded("outlook.seen") == [], "there is nothing to see yet"


def test_only_chances_are_kept_and_each_look_is_recorded(
    browsers: Browsers, scenario: Scenario, spawned: list[Path], simulated: list[object]
) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    web = browsers.sign_in(Role.HEALTH)
    folder, _order, url = started(web, spawned)
    run_job(folder)
    assert {path.name for path in folder.iterdir()} == {"desk.json", "found.json", "lock"}
    kept = "".join(path.read_text() for path in folder.iterdir())
    assert agent not in kept
    assert "infected" not in kept
    page = web.get(url)
    assert page["Cache-Control"] == "private, no-store"
    assert "Casablanca 1 25,0 % (20,0–31,0)" in plain(page)
    assert "Azur 10,0 % (6,6–14,9)" in plain(page)
    twin = web.get(f"{url}?format=json").json()
    assert twin["chances"]["sites"][0]["closes"]["value"] == 0.25
    looks = recorded("outlook.seen")
    assert [row["run"] for row in looks] == [folder.name] * 2
    assert "Casablanca" not in json.dumps(looks)


def test_a_failure_leaves_no_inputs_and_says_why(
    browsers: Browsers, spawned: list[Path], simulated: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: object, _execution: object, *, resume: bool) -> None:
        raise RunError("no plan for that day")

    monkeypatch.setattr(crash_test_job, "run_crash_test", fail)
    folder, _order, url = started(browsers.sign_in(Role.HEALTH), spawned)
    run_job(folder)
    assert not (folder / "inputs").exists()
    page = plain(browsers.sign_in(Role.HEALTH).get(url))
    assert "no plan for that day" in page
    assert "n’a pas pu être" in page


def test_it_goes_by_the_rules_of_the_installation(
    browsers: Browsers, spawned: list[Path], simulated: list[object]
) -> None:
    own = settings.HOME / "rules" / "own.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text(
        "- id: THREE\n  kind: closure\n  from: 2026-01-01\n  ends: MA-COVID-CLOSE\n"
        "  source: a test\n  confidence: certain\n  parameters: {n: 3, days: 14, hours: 72}\n"
    )
    folder, _order, _url = started(browsers.sign_in(Role.HEALTH), spawned)
    assert (folder / "inputs" / "rules" / "own.yaml").read_text() == own.read_text()
    run_job(folder)
    (request,) = simulated
    assert isinstance(request, CrashTestRequest)
    assert request.rules == (folder / "inputs" / "rules" / "own.yaml",)


def test_inputs_that_a_killed_process_left_and_old_outlooks_are_swept(
    browsers: Browsers, spawned: list[Path], simulated: list[object]
) -> None:
    web = browsers.sign_in(Role.HEALTH)
    killed, _, url = started(web, spawned)
    working, _, _ = started(web, spawned)
    old, _order, _ = started(web, spawned)
    run_job(old)
    while_ago = datetime.now(UTC) - timedelta(seconds=90)
    made = ((old, datetime(2026, 1, 1, 8, tzinfo=UTC)), (killed, while_ago), (working, while_ago))
    for folder, at in made:
        tree = json.loads((folder / "desk.json").read_text())
        (folder / "desk.json").write_text(json.dumps({**tree, "at": at.isoformat()}))
    lock = try_lock(working / "lock")
    assert lock is not None
    with lock:
        web.get(HERE)
    assert not (killed / "inputs").exists()
    assert (working / "inputs").exists(), "its process is at work"
    assert not old.exists()
    assert "n’a pas pu être" in plain(web.get(url))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.HEALTH, Role.CONTINUITY}))
def test_nobody_else_makes_or_sees_one(
    browsers: Browsers, spawned: list[Path], simulated: list[object], role: Role
) -> None:
    folder, _order, url = started(browsers.sign_in(Role.CONTINUITY), spawned)
    run_job(folder)
    web, wanted = browsers.sign_in(role), 404 if role in OUTSIDE else 403
    assert {web.get(HERE).status_code, web.get(url).status_code} == {wanted}
    assert web.post(HERE).status_code == wanted
    assert len(spawned) == 1
    assert recorded("outlook.seen") == []
    assert HERE not in web.get("/now").content.decode()


@pytest.mark.parametrize("name", ["none", ".hidden"])
def test_what_is_no_outlook_is_not_there(browsers: Browsers, name: str) -> None:
    assert browsers.sign_in(Role.HEALTH).get(f"{HERE}/{name}").status_code == 404


@pytest.mark.slow
def test_the_whole_way_from_a_case_to_chances(
    browsers: Browsers, scenario: Scenario, spawned: list[Path], work_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlook_job, "QUARTERS", 60)
    scenario.positive(scenario.agents_at(scenario.site)[0])
    folder, _order, _ = started(browsers.sign_in(Role.HEALTH), spawned)
    run_job(folder)
    look = JobStore(settings.HOME, OUTLOOKS).get(folder.name)
    assert look is not None
    assert look.state == "done", look.reason
    found = read_chances(look)
    assert found is not None
    assert {row.site for row in found.sites} == {site.id for site in scenario.operator.sites}
    assert all(row.misses_a_day.high >= 0 for row in found.clients)
