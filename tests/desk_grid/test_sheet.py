"""The grid in a workbook and back: the differences shown are those that were made, and no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from releve.network import HOME
from releve.network.workbook import WORKBOOK_TYPE
from releve.runs.roster_draft import load_draft
from tests.desk_grid.conftest import ask_home, editor_of, find_home_ready
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@dataclass
class Sheet:
    """The only sheet of a workbook, as a spreadsheet shows it."""

    titles: list[str]
    rows: list[list[str]]

    def find(self, agent: str) -> list[str]:
        return next(row for row in self.rows if row[0] == agent)


def fetch(client: Client, query: str = "days=7") -> Sheet:
    response = client.get(f"/grid/sheet?{query}")
    assert response["Content-Type"] == WORKBOOK_TYPE
    frame = pl.read_excel(BytesIO(response.content), infer_schema_length=0)
    return Sheet(frame.columns, [[cell or "" for cell in row] for row in frame.rows()])


def send(client: Client, sheet: Sheet) -> Any:
    out = BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet("grid")
    for number, row in enumerate((sheet.titles, *sheet.rows)):
        page.write_row(number, 0, row)
    book.close()
    file = SimpleUploadedFile("grid.xlsx", out.getvalue(), WORKBOOK_TYPE)
    return client.post("/grid/sheet/read?format=json", {"file": file})


def shorten_cells(scenario: Scenario, sheet: Sheet, count: int) -> dict[tuple[str, str], str]:
    """Let people begin half an hour later, one duty a cell, and return the cells by agent and day."""
    made: dict[tuple[str, str], str] = {}
    for row in sheet.rows:
        for plan in scenario.plans:
            at = sheet.titles.index(plan.day.isoformat())
            if len(made) < count and re.match(r"^\d\d:\d\d-\d\d:\d\d (?!r[ée]serve)\S+ \S+$", row[at]):
                hour, minute = int(row[at][:2]), int(row[at][3:5])
                row[at] = f"{hour + minute // 30:02d}:{(minute + 30) % 60:02d}{row[at][5:]}"
                made[row[0], plan.day.isoformat()] = row[at]
    return made


def test_a_workbook_that_was_not_edited_changes_nothing(planner: Client) -> None:
    page = send(planner, fetch(planner)).json()
    assert (page["changes"], page["faults"]) == ([], [])


def test_fifty_edits_of_a_workbook_are_the_fifty_differences_shown(scenario: Scenario, planner: Client) -> None:
    book = fetch(planner)
    made = shorten_cells(scenario, book, 50)
    assert len(made) == 50
    page = send(planner, book).json()
    assert page["faults"] == []
    assert {(row["agent"], row["day"]): row["after"] for row in page["changes"]} == made
    assert load_draft("planner").edits == ()
    assert planner.post("/grid/sheet/read", {"token": page["token"], "draft": "0"}).status_code == 302
    kept = load_draft("planner")
    assert {(duty.key, one.day.isoformat()) for one in kept.edits for duty in one.edit.duties} == set(made)


def test_times_place_and_programme_of_a_cell_are_read_and_what_cannot_be_is_named(
    scenario: Scenario, planner: Client
) -> None:
    plan, editor = scenario.plans[0], editor_of(scenario)
    first, second, third, *_ = find_home_ready(plan, editor)
    book = fetch(planner)
    at = book.titles.index(plan.day.isoformat())
    rows = [book.find(row.agent) for row in (first, second, third)]
    start, end = rows[0][at].split()[0].split("-")
    rows[0][at] = f"{start}-{int(end[:2]) - 1:02d}{end[2:]} domicile {first.programme}"
    rows[1][at] = "morning"
    rows[2][at] = rows[2][at].replace(third.place, "atlantis")
    found = send(planner, book).json()
    assert [row["agent"] for row in found["changes"]] == [first.agent]
    (duty,) = found["effects"][0]["duties"]
    assert duty["after"]["state"] == "home"
    assert len(duty["periods"]) == 1
    named = {row["agent"]: row["reason"] for row in found["faults"]}
    assert set(named) == {second.agent, third.agent}
    assert "atlantis" in named[third.agent]


def test_what_another_planner_changed_since_the_download_is_not_overwritten(
    scenario: Scenario, planner: Client, other: Client
) -> None:
    plan, editor = scenario.plans[0], editor_of(scenario)
    shared, mine, *_ = find_home_ready(plan, editor)
    book = fetch(planner)
    assert other.post("/grid/keep", ask_home(shared, plan)).status_code == 302
    assert other.post("/grid/draft/publish", {"draft": "1"}).status_code == 302
    at = book.titles.index(plan.day.isoformat())
    for row in (book.find(shared.agent), book.find(mine.agent)):
        row[at] = f"{row[at].split()[0]} reserve"
    found = send(planner, book).json()
    assert [row["agent"] for row in found["changes"]] == [mine.agent]
    (fault,) = found["faults"]
    assert fault["agent"] == shared.agent
    assert HOME in fault["reason"] or "domicile" in fault["reason"]


def test_a_sheet_without_its_stand_or_days_is_refused(planner: Client) -> None:
    book = fetch(planner)
    book.titles.pop()
    for row in book.rows:
        row.pop()
    assert send(planner, book).status_code == 422
