"""A closure from the first positive to the reopening, clicked through the French desk."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from releve.desk.access.roles import Role
from releve.desk.access.visitor import COOKIE as ROLE_COOKIE
from releve.desk.live.streams import COOKIE as STREAM_COOKIE
from tests.browser_tools import (
    VIEWS,
    View,
    _environ,
    command,
    context,
    faults_of,
    keep,
    looked_at,
    overflow,
    serious,
    served,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SITE = "casa-1"
WAIT_MS = 30_000


@dataclass(frozen=True)
class Installation:
    """A served open desk with a plan in force, and a worker beside it."""

    home: Path
    address: str
    agents: tuple[str, ...]

    def cookies(self, role: Role, drill: str = "") -> list[tuple[str, str]]:
        found = [(ROLE_COOKIE, f"{role.value}:")]
        return [*found, (STREAM_COOKIE, drill)] if drill else found


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("desk_live")
    home, operator, plan = folder / "home", folder / "operator", folder / "plan"
    size = ("--agents", "60", "--sites", "3", "--seed", "5")
    command(home, "network", "sample", *size, str(operator))
    command(home, "registry", "import", str(operator), "--yes")
    args = ("--days", "3", "--out", str(plan), "--no-missing", "--no-calendars")
    command(home, "plan", str(operator), *args)
    command(home, "live", "activate", str(plan))
    rows = json.loads(next(plan.rglob("*.json")).read_text(encoding="utf-8"))
    work = [sys.executable, "-m", "releve", "live", "work"]
    with (
        served(home, str(plan), "--open") as address,
        subprocess.Popen(work, env=_environ(home, {}), stderr=subprocess.DEVNULL) as worker,
    ):
        try:
            yield Installation(home, address, agents_at(rows, SITE))
        finally:
            worker.terminate()
            worker.wait(20)


def agents_at(plan: dict[str, dict[str, list[list[str]]]], site: str) -> tuple[str, ...]:
    """Return who is placed on a site, by a plan as it is written."""
    rows = plan["placements"]["rows"]
    return tuple(sorted(agent for agent, place, *_ in rows if place == site))


@contextmanager
def acting_as(
    browser: Browser, desk: Installation, cookies: Sequence[tuple[str, str]]
) -> Iterator[Page]:
    """Yield a page; the browser may complain of nothing but the refusals (422) that are meant."""
    with context(browser, desk.address, View(), cookies) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        yield page
        assert [fault for fault in faults if "422" not in fault] == []


def declare(page: Page, agent: str) -> None:
    page.goto("/record/")
    page.get_by_role("link", name="Test positif").click()
    page.get_by_label("Site", exact=True).select_option(SITE)
    page.get_by_label("Pseudonyme").fill(agent)
    page.get_by_role("button", name="Déclarer").click()
    expect(page).to_have_url(re.compile("/now$"))


def test_a_closure_is_lived_through_from_the_first_positive_to_the_reopening(
    browser: Browser, installation: Installation
) -> None:
    """The issue's first point, on a drill's clock, by three people."""
    desk, view = installation, View()
    with acting_as(browser, desk, desk.cookies(Role.CONTINUITY)) as manager:
        manager.goto("/drills")
        manager.get_by_label("répété").fill("Deux cas à Casablanca")
        manager.get_by_label("Son horloge part de").fill("2026-11-30T10:40")
        manager.get_by_role("button", name="Commencer l’exercice").click()
        expect(manager.locator(".drill")).to_contain_text("Deux cas à Casablanca")
        before = manager.locator(".coverages").inner_text()
        drill = manager.context.cookies()
        stream = next(row["value"] for row in drill if row["name"] == STREAM_COOKIE)
        officer_cookies = desk.cookies(Role.HEALTH, stream)
        with acting_as(browser, desk, officer_cookies) as officer:
            declare(officer, desk.agents[0])
            expect(officer.locator(f"#site-{SITE}")).to_contain_text("ouvert")
            declare(officer, desk.agents[1])
            closed = officer.locator(f"#site-{SITE}")
            expect(closed).to_contain_text("fermé par la règle")
            expect(closed.locator(".countdown")).to_contain_text(re.compile(r"4[78]\sh"))
            manager.goto("/now")
            moments = manager.locator(".moments")
            expect(moments).to_contain_text("Une relève a été établie", timeout=WAIT_MS)
            expect(moments).to_contain_text("Le routage a été publié")
            expect(moments).to_contain_text("ont été prévenues", timeout=WAIT_MS)
            assert manager.locator(".coverages").inner_text() != before
            keep(manager, "closed", view)
            acknowledge(browser, desk, manager, stream)
            reopen(manager, officer)


def acknowledge(browser: Browser, desk: Installation, manager: Page, stream: str) -> None:
    """An agent answers by the link of the message, on a phone, without a sign-in."""
    waiting = manager.locator("#told-waiting")
    expect(waiting).not_to_have_text("0", timeout=WAIT_MS)
    outbox = desk.home / "drills" / stream.partition(":")[2] / "outbox"
    letters = [path.read_text(encoding="utf-8") for path in sorted(outbox.glob("*.json"))]
    found = next(m for text in letters if (m := re.search(r"/ack/[\w-]+", text)))
    with looked_at(browser, desk.address, View(size="phone")) as agent:
        agent.goto(found[0])
        keep(agent, "ack", View(size="phone"))
        agent.get_by_role("button", name="Je l’ai lu").click()
        expect(agent.get_by_role("heading", name="Merci")).to_be_visible()
    manager.goto("/now")
    expect(manager.locator("#told-answered")).to_have_text("1")


def reopen(manager: Page, officer: Page) -> None:
    """Refused too early and to one person; granted to two, after 48 hours."""
    manager.locator(f"#reopen-{SITE}").click()
    reopening = manager.url
    manager.get_by_role("button", name="Rouvrir le site").click()
    expect(manager.get_by_role("alert")).to_contain_text("ne peut pas rouvrir avant")
    for left in range(manager.locator(".rows button").count(), 0, -1):
        manager.locator(".rows button").first.click()
        expect(manager.locator(".rows button")).to_have_count(left - 1)
    yes = "Je dis oui à la réouverture"
    manager.get_by_role("button", name=yes).click()
    expect(manager.get_by_text("Une autre personne doit le dire aussi")).to_be_visible()
    manager.get_by_role("button", name=yes).click()
    expect(manager.get_by_role("alert")).to_contain_text("Vous avez déjà dit oui")
    manager.goto("/drills")
    manager.get_by_label("Heures", exact=True).fill("48")
    manager.get_by_role("button", name="Avancer l’horloge").click()
    manager.goto(reopening)
    manager.get_by_role("button", name="Rouvrir le site").click()
    expect(manager.get_by_role("alert")).to_contain_text("il en manque 1")
    keep(manager, "refused", View())
    officer.goto(reopening)
    officer.get_by_role("button", name=yes).click()
    manager.goto(reopening)
    manager.get_by_role("button", name="Rouvrir le site").click()
    expect(manager.locator(f"#site-{SITE}")).to_contain_text("ouvert")


PAGES = (
    "/now", "/record/", "/record/case", "/record/closure", "/record/check", "/record/inspection",
    "/drills", "/ack/none",
)  # fmt: skip


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_every_page_is_for_everybody(
    browser: Browser, installation: Installation, view: View
) -> None:
    """No serious fault for axe, nothing wider than the screen, no complaint of the browser."""
    cookies = installation.cookies(Role.CONTINUITY)
    with looked_at(browser, installation.address, view, cookies) as page:
        for path in PAGES:
            page.goto(path)
            assert serious(page) == [], path
            assert overflow(page) == 0, path
            keep(page, path.strip("/").replace("/", "-"), view)
