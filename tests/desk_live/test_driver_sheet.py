"""The sheet of a driver is one page of paper, in both languages, however full the vehicle's day."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from releve.desk import transport
from releve.desk.transport import DriverSheet
from releve.plan.timetable import RunCall
from releve.transport import FROM_SITE, TO_SITE
from tests.browser_tools import with_styles
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_transport import find_runs, planned, relieved
from tests.live.scenario import Scenario

__all__ = ["planned", "relieved"]

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.browser]


def print_pages(html: str, folder: Path) -> int:
    """Return how many pages of paper Chromium prints of a page, with the desk's own styles."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")

    page, paper = folder / "sheet.html", folder / "sheet.pdf"
    page.write_text(with_styles(html), encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
               f"--user-data-dir={folder / 'profile'}", "--no-pdf-header-footer")  # fmt: skip
    subprocess.run(
        [path, *options, f"--print-to-pdf={paper}", page.as_uri()], check=True, capture_output=True, timeout=120
    )
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
