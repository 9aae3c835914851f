"""*Now* on A4 paper: nothing is cut off, neither the page nor the bars of its clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser_tools import PRINTED, overflow, with_styles
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.browser]

NARROWEST_BAR = 60
"""CSS pixels below which the 48 hours of a bar cannot be distinguished."""


@pytest.fixture(scope="module", autouse=True)
def _database_beside_a_browser() -> Iterator[None]:
    """Let the database be read in the thread in which the browser's loop stands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.mark.parametrize("language", ["fr", "en"])
def test_now_on_paper_shows_each_bar_whole(
    browsers: Browsers, scenario: Scenario, browser: Browser, language: str
) -> None:
    scenario.close()
    answer = browsers.sign_in().get("/now", headers={"accept-language": language})
    page = browser.new_page()
    page.emulate_media(media="print")
    page.set_content(with_styles(answer.content.decode()))
    for name, width in PRINTED.items():
        page.set_viewport_size({"width": width, "height": 900})
        assert overflow(page) == 0, f"A4 {name}"
        bars = [bar.bounding_box() for bar in page.locator(".coverages .strip").all()]
        assert len(bars) == len(scenario.operator.clients)
        for bar in bars:
            assert bar is not None
            assert bar["width"] >= NARROWEST_BAR
            assert bar["x"] + bar["width"] <= width, f"A4 {name} cuts a bar off"
    page.close()
