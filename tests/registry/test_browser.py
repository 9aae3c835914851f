"""The reference data in a real browser: every page in every view, and an edit as one makes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from releve.files.plan_folder import write_plans
from releve.network.moments import UTC
from tests.browser_tools import VIEWS, View, command, context, follow, keep, looked_at, overflow, serious, served
from tests.desk.fixture_plan import week

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AS_PLANNER = [("releve_role", "planner:")]
STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAGES = {
    "index": "/registry/",
    "agents": "/registry/tables/agents",
    "search": "/registry/tables/shifts?q=a00042",
    "programme": "/registry/tables/programmes/add",
    "versions": "/registry/versions",
    "version": "/registry/versions/2",
    "undo": "/registry/versions/2/undo",
    "import": "/registry/import",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An open desk with the sample operator, and a second version of it."""
    folder = tmp_path_factory.mktemp("registry")
    home = folder / "home"
    write_plans(folder / "plan", week(1), stamp=STAMP, calendars=False)
    command(home, "registry", "sample", "--agents", "60", "--sites", "2")
    second(home, folder / "operator")
    with served(home, str(folder / "plan"), "--open", "--act") as found:
        yield found


def second(home: Path, folder: Path) -> None:
    """Import the sample again with a few rows changed."""
    command(home, "registry", "export", str(folder))
    path = folder / "agents.csv"
    path.write_text(path.read_text().replace(",40,", ",35,"))
    command(home, "registry", "import", str(folder), "--yes", "--comment", "35 heures")


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_every_page_is_for_everybody(browser: Browser, address: str, view: View) -> None:
    with looked_at(browser, address, view, AS_PLANNER) as page:
        for name, path in PAGES.items():
            page.goto(path)
            expect(page.locator("h1")).to_be_visible()
            assert serious(page) == [], name
            assert overflow(page) == 0, name
            keep(page, f"registry-{name}", view)


def test_a_fault_is_read_by_its_field_mended_and_stored(browser: Browser, address: str) -> None:
    with context(browser, address, View(), AS_PLANNER) as visitor:
        page = visitor.new_page()
        page.goto("/registry/tables/sites")
        follow(page.locator("tbody th a").first)
        page.locator("#id_lat").fill("nord")
        page.locator("#id_name").fill("Casablanca <Étoile>")
        follow(page.locator("main form button.main"))
        expect(page.locator("#id_lat")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("n’est pas un nombre")).to_be_visible()
        expect(page.locator("#id_name")).to_have_value("Casablanca <Étoile>")
        assert serious(page) == []
        keep(page, "registry-fault")
        page.locator("#id_lat").fill("33,541")
        follow(page.locator("main form button.main"))
        expect(page.get_by_text("Casablanca <Étoile>")).to_be_visible()
        expect(page.get_by_text("Enregistré en version 3")).to_be_visible()
        page.goto("/registry/tables/sites/rows/casa-1/remove")
        expect(page.get_by_text("La ligne ne peut pas être supprimée")).to_be_visible()
        assert serious(page) == []
        keep(page, "registry-remove")
