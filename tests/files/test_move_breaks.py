"""The tables of who moves say when the break was and when it becomes."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from releve.files.plan_folder import write_plans
from releve.plan import Move, Plan, plan_day
from releve.plan.result import Placement
from tests.plan.tiny_operators import at, two_sites_one_client


def plan_with_move(move: Move) -> Plan:
    case = two_sites_one_client()
    plan = plan_day(case.operator, case.requirement, case.settings)
    scenario = replace(plan.scenarios["site:a"], moves=(move,))
    return replace(plan, scenarios={**plan.scenarios, "site:a": scenario})


def read_move(folder: Path, move: Move) -> dict[str, str]:
    write_plans(folder / "plan", [plan_with_move(move)], stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    with (folder / "plan" / "moves" / "site-a.csv").open(encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    return row


def test_a_row_of_a_break_that_moves_gives_both_breaks(tmp_path: Path) -> None:
    before = Placement("b1", "b", "p", at("08:00"), at("16:00"), at("12:00"), at("12:30"))
    after = replace(before, break_start=at("13:00"), break_end=at("13:30"))
    row = read_move(tmp_path, Move("b1", before, after, "break"))
    # The plan's sites keep the time of Casablanca, an hour before Paris.
    assert row["reason"] == "break"
    assert (row["before_break_start_local"], row["before_break_end_local"]) == ("2026-12-01T11:00", "2026-12-01T11:30")
    assert (row["after_break_start_local"], row["after_break_end_local"]) == ("2026-12-01T12:00", "2026-12-01T12:30")
    assert row["before_break_start_utc"] == "2026-12-01T11:00Z"
    assert row["after_break_end_utc"] == "2026-12-01T12:30Z"


def test_an_agent_who_stops_work_has_no_break_afterwards(tmp_path: Path) -> None:
    before = Placement("a1", "a", "p", at("08:00"), at("16:00"), at("12:00"), at("12:30"))
    row = read_move(tmp_path, Move("a1", before, None, "stranded"))
    assert row["before_break_start_utc"] == "2026-12-01T11:00Z"
    assert row["after_break_start_local"] == row["after_break_start_utc"] == ""
