"""Pages on paper: *Now* on A4, and a driver's sheet on one page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser

from releve.desk import transport
from releve.desk.transport import DriverSheet
from releve.plan.timetable import RunCall
from releve.transport import FROM_SITE, TO_SITE
from tests.browser_tools import PRINTED, overflow, with_styles
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_transport import find_runs, planned, relieved
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.browser]

__all__ = ["planned", "relieved"]


def print_pages(html: str, folder: Path) -> int:
    """Return how many pages of paper Chromium prints of a page, with the desk's own styles."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")

    page, paper = folder / "sheet.html", folder / "sheet.pdf"
    page.write_text(with_styles(html), encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
               f"--user-data-dir={folder / 'profile'}", "--no-pdf-header-footer")  # fmt: skip
    # Under another clock (scripts/test --clock) Chromium starts in minutes; it has the true one.
    environment = {name: text for name, text in os.environ.items() if name != "LD_PRELOAD"}
    command = [path, *options, f"--print-to-pdf={paper}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=environment)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", paper.read_bytes()))


def find_busiest(web: Client, scenario: Scenario) -> str:
    """Return the address of the sheet of the vehicle with the most lines."""
    lines: dict[str, int] = {}
    for run in find_runs(scenario).runs:
        lines[run.vehicle] = lines.get(run.vehicle, 0) + len(run.stops) + 3
    return f"/transport/vehicles/{max(lines, key=lambda vehicle: lines[vehicle])}"


def fill(page: DriverSheet, runs: int, stops: int) -> DriverSheet:
    """Return a sheet of so many runs, to the site and from it by turns, of so many calls each."""
    (first, *_) = page.sheet.runs
    rows = []
    for at in range(runs):
        leg = TO_SITE if at % 2 == 0 else FROM_SITE
        begin = first.calls[0].at + at * timedelta(minutes=75)
        calls = tuple(
            RunCall(
                place=f"stop{n}" if n else first.site, name=f"Sidi Bernoussi, marché {n}",
                at=begin + n * timedelta(minutes=7), riders=8,
            )
            for n in range(stops)
        )  # fmt: skip
        rows.append(replace(first, run=f"r{at:04}", leg=leg, calls=calls))
    return page.model_copy(update={"sheet": replace(page.sheet, runs=tuple(rows))})


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_sheet_of_the_busiest_vehicle_is_one_page(
    browsers: Browsers, relieved: Scenario, tmp_path: Path, language: str
) -> None:
    web = browsers.sign_in()
    answer = web.get(find_busiest(web, relieved), headers={"accept-language": language})
    html = answer.content.decode()
    assert html.count('<table class="list run">') >= 2
    assert print_pages(html, tmp_path) == 1


@pytest.mark.parametrize(
    ("runs", "calls", "classes"),
    [(5, 2, ""), (2, 9, ""), (14, 2, " narrow"), (4, 12, " narrow"), (12, 6, " narrow fine")],
)
def test_fuller_days_are_one_page_as_well(
    browsers: Browsers,
    relieved: Scenario,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runs: int,
    calls: int,
    classes: str,
) -> None:
    """The busiest vehicle of the sample of 600 agents makes nine runs of two to four calls."""
    made = transport.sheet_page

    def build_full(*args: Any) -> DriverSheet | None:
        found = made(*args)
        return None if found is None else fill(found, runs, calls)

    monkeypatch.setattr(transport, "sheet_page", build_full)
    web = browsers.sign_in()
    html = web.get(find_busiest(web, relieved)).content.decode()
    assert html.count('<table class="list run">') == runs
    assert f'<section class="sheet driver{classes}"' in html
    assert print_pages(html, tmp_path) == 1
    if runs == 12:
        assert print_pages(html.replace("narrow fine", "narrow"), tmp_path) > 1, "without the fine print"


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
