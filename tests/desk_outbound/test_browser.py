"""The pages of outbound calls in a real browser, and on the phone, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from releve.files.plan_folder import write_plans
from releve.network.moments import UTC
from tests.browser_tools import VIEWS, View, command, follow, keep, looked_at, overflow, serious, served
from tests.desk.fixture_plan import week

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AS_MANAGER = [("releve_role", "outbound:")]
STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "campaign" / "facts"
PAGES = {
    "campaigns": "/outbound/",
    "campaign": "/outbound/campaigns/automne",
    "sheet": "/outbound/campaigns/automne/sheet",
    "rules": "/outbound/rules?on=2026-08-11&jurisdiction=FR",
    "flips": "/outbound/rules/flips",
    "person": "/outbound/person?campaign=automne",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An open desk with a campaign and the synthetic people of the example."""
    folder = tmp_path_factory.mktemp("outbound")
    home = folder / "home"
    write_plans(folder / "plan", week(1), stamp=STAMP, calendars=False)
    shown = ["CLIENT-A", "--object", "electricity", "--sector", "energy-supply", "--by", "test"]
    command(home, "outbound", "campaign", "automne", "--client", *shown)
    command(home, "outbound", "facts", "import", str(EXAMPLE), "--by", "test")
    with served(home, str(folder / "plan"), "--open", "--act") as found:
        yield found


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_every_page_is_for_everybody(browser: Browser, address: str, view: View) -> None:
    with looked_at(browser, address, view, AS_MANAGER) as page:
        for name, path in PAGES.items():
            page.goto(path)
            expect(page.locator("main h1")).to_be_visible()
            keep(page, name, view)
            assert overflow(page) == 0, name
            assert serious(page) == [], name


def test_a_look_is_asked_for_and_shown(browser: Browser, address: str) -> None:
    with looked_at(browser, address, View(), AS_MANAGER) as page:
        page.goto("/outbound/person")
        page.locator("#id_number").fill("01 99 00 00 01")
        page.locator("#id_reason").fill("elle demande pourquoi")
        follow(page.locator("main form button.main"))
        expect(page.locator("#answer")).to_contain_text("Refusé")
        keep(page, "history")
        assert serious(page) == []


NARROW: ViewportSize = {"width": 360, "height": 740}
LARGE = 44
"""Pixels: the least height of a target for a thumb."""


@pytest.mark.parametrize("language", ["fr-FR", "en-GB"])
def test_stop_is_recorded_on_a_phone(browser: Browser, address: str, language: str) -> None:
    view = View(language, "phone")
    number = "01 99 00 00 01" if language == "fr-FR" else "+33 1 99 00 00 99"
    with looked_at(browser, address, view, AS_MANAGER) as page:
        page.set_viewport_size(NARROW)
        page.goto("/outbound/requests")
        keep(page, "phone-form", view)
        assert overflow(page) == 0
        assert serious(page) == []
        for target in page.locator("main form button, main fieldset label").all():
            box = target.bounding_box()
            assert box is not None
            assert box["height"] >= LARGE
        page.locator("#id_number").fill(number)
        page.locator("#id_client").select_option("CLIENT-A")
        page.locator("input[value=stop]").check()
        follow(page.locator("main form button.main"))
        expect(page.locator("#done-title")).to_be_visible()
        keep(page, "phone-done", view)
        assert overflow(page) == 0
        assert serious(page) == []
        assert "99" not in page.url.removeprefix(address)


@pytest.mark.parametrize("language", ["fr-FR", "en-GB"])
def test_rights_are_seen_on_a_phone(browser: Browser, address: str, language: str) -> None:
    view = View(language, "phone")
    with looked_at(browser, address, view, AS_MANAGER) as page:
        page.set_viewport_size(NARROW)
        page.goto("/outbound/rights")
        page.locator("#id_number").fill("01 99 00 00 01")
        page.locator("#id_reason").fill("la personne le demande")
        follow(page.locator("button[value=see]"))
        expect(page.locator("button[value=erase]")).to_be_visible()
        keep(page, "phone-rights", view)
        assert overflow(page) == 0
        assert serious(page) == []
        page.goto("/outbound/feeds")
        assert overflow(page) == 0
        assert serious(page) == []
