"""On the phone, on a phone: large targets at 360 px, without JavaScript, in both languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from releve.files.plan_folder import write_plans
from tests.browser_tools import View, command, follow, keep, looked_at, overflow, serious, served
from tests.desk.fixture_plan import week
from tests.desk_outbound.test_browser import AS_MANAGER, EXAMPLE, STAMP

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NARROW: ViewportSize = {"width": 360, "height": 740}
LARGE = 44
"""Pixels: the least height of a target for a thumb."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An open desk with a campaign and the synthetic people of the example."""
    folder = tmp_path_factory.mktemp("phone")
    home = folder / "home"
    write_plans(folder / "plan", week(1), stamp=STAMP, calendars=False)
    shown = ["CLIENT-A", "--object", "electricity", "--sector", "energy-supply", "--by", "test"]
    command(home, "outbound", "campaign", "automne", "--client", *shown)
    command(home, "outbound", "facts", "import", str(EXAMPLE), "--by", "test")
    with served(home, str(folder / "plan"), "--open", "--act") as found:
        yield found


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
