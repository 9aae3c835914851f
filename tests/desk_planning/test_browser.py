"""From a French workbook to a plan in force in a browser, without a terminal: clicks counted."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from releve.accounts.permissions import Role
from releve.desk.access.guard import COOKIE
from releve.network import Operator, sample_operator
from releve.network.workbook import write_workbook
from tests.browser_tools import WAIT_MS, View, faults_above, follow, keep, looked_at, overflow, serious, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MONDAY = date(2035, 1, 8)
"""The roster's first day: it stays ahead, so that every run plans the same days."""
PLANNER = [(COOKIE, f"{Role.PLANNER.value}:")]


def _with_seats_by_count(operator: Operator) -> Operator:
    """Return an operator whose sites have a number of seats, and no floors, zones or places."""
    floors = {zone.id: zone.floor for zone in operator.zones}
    sites = {floor.id: floor.site for floor in operator.floors}
    count = Counter(sites[floors[seat.zone]] for seat in operator.seats)
    rows = tuple(replace(site, seats=count[site.id]) for site in operator.sites)
    return replace(operator, sites=rows, floors=(), zones=(), seats=())


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = sample_operator(50, 2, 5, start=MONDAY, weeks_of_history=4)
    path = tmp_path_factory.mktemp("workbook") / "prestataire.xlsx"
    path.write_bytes(write_workbook(_with_seats_by_count(made), "fr"))
    return path


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path / "home", "--open", "--act") as found:
        yield found


class Clicks:
    """Clicks through pages, counted."""

    def __init__(self) -> None:
        self.count = 0

    def follow(self, link: Locator) -> None:
        self.count += 1
        follow(link)


def test_a_workbook_becomes_a_plan_in_force_in_a_few_clicks(browser: Browser, address: str, workbook: Path) -> None:
    clicks, began = Clicks(), time.monotonic()
    with looked_at(browser, address, View("fr-FR", "desk", "light"), PLANNER) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="Importer un classeur", level=1)).to_be_visible()
        assert serious(page) == []
        clicks.follow(page.get_by_role("link", name="Importer un classeur"))
        page.locator("input[type=file]").set_input_files(workbook)
        clicks.follow(page.get_by_role("button", name="Vérifier"))
        clicks.follow(page.get_by_role("button", name="Appliquer et calculer un plan"))
        assert serious(page) == []
        keep(page, "planning-progress")
        confirm = page.get_by_role("link", name="Mettre en vigueur")
        confirm.wait_for(timeout=WAIT_MS)
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "planning-compared")
        run = page.url
        clicks.follow(confirm)
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "planning-confirm")
        clicks.follow(page.get_by_role("button", name="Mettre en vigueur"))
        expect(page.get_by_text("Le plan est en vigueur")).to_be_visible()
        expect(page.get_by_role("heading", name=re.compile("Du 8 janvier 2035"))).to_be_visible()
        keep(page, "planning-in-force")
    print(f"{clicks.count} clicks, {time.monotonic() - began:.0f} s of the machine")
    assert clicks.count == 5
    with looked_at(browser, address, View("en-GB", "phone", "dark"), PLANNER) as page:
        page.goto(run)
        expect(page.get_by_text("This plan is in force.")).to_be_visible()
        assert (overflow(page), serious(page)) == (0, [])
        keep(page, "planning-compared", View("en-GB", "phone", "dark"))
    with looked_at(browser, address, View("fr-FR", "phone"), PLANNER) as page:
        page.goto(run)
        assert (overflow(page), faults_above(page)) == (0, [])
        keep(page, "planning-compared", View("fr-FR", "phone"))
