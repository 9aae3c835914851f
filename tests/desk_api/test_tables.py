"""Tables for a programme that draws: every row once, the same in every form, and nothing of another client."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from releve.accounts.permissions import Role
from releve.desk.api import tables
from releve.live import api as live
from releve.plan.coverage import measure_coverage
from releve.service_record.models import IntervalReport
from tests.desk_api.conftest import Program, program
from tests.live.conftest import living
from tests.live.scenario import Scenario

__all__ = ["living"]

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def read(who: Program, table: str, day: Any, until: Any = None) -> list[dict[str, Any]]:
    """Return the rows of a table for some days, page after page."""
    rows: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        answer = who.get(f"/tables/{table}?first={day}&last={until or day}&offset={offset}")
        assert answer.status_code == 200, answer.content
        found = answer.json()
        rows += found["rows"]
        offset = found["next"]
    return rows


@pytest.fixture
def plan(scenario: Scenario) -> Any:
    """The plan in force of the first planned day."""
    return next(iter(live.list_days_in_force().values())).load().plan


def test_the_coverage_table_gives_what_the_plan_says(plan: Any, manager: Program, monkeypatch: Any) -> None:
    monkeypatch.setattr(tables, "_PAGE_ROWS", 7)
    rows = read(manager, "coverage", plan.day)
    by_key = {(row["start"], row["programme"]): row for row in rows}
    assert len(by_key) == len(rows) > 7, "each half hour of a programme once, over all pages"
    assert sum(row["required"] for row in rows) == pytest.approx(float(np.nansum(plan.required)))
    for client, _name in plan.clients:
        at = plan.find_columns(client)
        placed = plan.scenarios["base"].placed
        worst = np.nanmin(measure_coverage(plan.required[:, at], placed[:, at]))
        (cell,) = [r for r in read(manager, "matrix", plan.day) if (r["client"], r["lost"]) == (client, "base")]
        assert cell["worst_coverage"] == pytest.approx(worst)


def test_the_staff_table_counts_each_placement_and_names_no_agent(plan: Any, manager: Program) -> None:
    rows = read(manager, "staff", plan.day)
    worked = sum((end - start).total_seconds() for one in plan.placements for start, end in one.list_periods()) - sum(
        (one.break_end - one.break_start).total_seconds() for one in plan.placements if one.break_start
    )
    paused = sum((p.end - p.start).total_seconds() for o in plan.placements for p in o.pauses if not p.away)
    assert sum(row["agents"] for row in rows) * 1800 == pytest.approx(worked - paused)
    assert {row["place"] for row in rows} == {one.place for one in plan.placements}
    said = manager.get(f"/tables/staff?first={plan.day}&last={plan.day}").content.decode()
    assert not any(one.agent in said for one in plan.placements)


def test_every_form_holds_the_same_rows(plan: Any, manager: Program) -> None:
    rows = read(manager, "coverage", plan.day)
    asked = f"/tables/coverage?first={plan.day}&last={plan.day}&format="
    parquet = pl.read_parquet(io.BytesIO(manager.get(asked + "parquet").content))
    csv = pl.read_csv(io.BytesIO(manager.get(asked + "csv").content), try_parse_dates=True)
    assert parquet.height == csv.height == len(rows)
    for name in ("required", "planned"):
        assert parquet[name].to_list() == [row[name] for row in rows] == csv[name].to_list()
    assert [f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in parquet["start"].to_list()] == [row["start"] for row in rows]
    assert parquet["start"].to_list() == csv["start"].to_list()
    empty = manager.get("/tables/reliefs?first=2020-01-01&last=2020-01-02&format=csv")
    assert empty.content.decode().split(",")[0] == "generation", "a table without rows has its columns"


def test_calls_are_those_that_were_reported(plan: Any, manager: Program) -> None:
    client, programme = next((owner, name) for name, owner, _title in plan.programmes)
    start = plan.starts[20]
    IntervalReport.objects.create(
        programme=programme, source="acd", start=start, minutes=30, recorded_at=start, offered=12, answered=11
    )
    until = plan.day + timedelta(days=1)
    (row,) = read(manager, "calls", plan.day, until)
    assert (row["client"], row["programme"], row["offered"], row["answered"]) == (client, programme, 12, 11)
    assert (row["start"], row["abandoned"]) == (f"{start:%Y-%m-%dT%H:%M:%SZ}", None)


def test_a_relief_stands_with_what_was_lost_and_how_many_it_moved(living: Scenario, manager: Program) -> None:
    living.two_positives()
    living.work()
    day = live.now(live.LIVE).date()
    rows = read(manager, "reliefs", day, day + timedelta(days=1))
    made = {row.generation: row for row in live.list_reliefs()}
    assert rows
    assert {row["generation"]: row["moved"] for row in rows} == {number: row.moved for number, row in made.items()}
    assert rows[-1]["lost"] == living.site


def test_a_loss_stands_until_its_end(scenario: Scenario, manager: Program) -> None:
    assert manager.record("power.down", "a", site=scenario.site).status_code == 201
    day = live.now(live.LIVE).date()
    (loss,) = read(manager, "losses", day - timedelta(days=1), day + timedelta(days=1))
    assert (loss["kind"], loss["place"], loss["end"]) == ("power.down", scenario.site, None)
    assert manager.record("power.up", "b", site=scenario.site).status_code == 201
    (loss,) = read(manager, "losses", day - timedelta(days=1), day + timedelta(days=1))
    assert loss["end"] is not None


def test_a_client_reads_its_own_rows_and_no_other_table(plan: Any, scenario: Scenario) -> None:
    own = plan.clients[0][0]
    client = program(Role.CLIENT, clients=(own,))
    listed = [row["name"] for row in client.get("/tables").json()["tables"]]
    assert listed == ["staff", "coverage", "matrix", "calls"]
    for name in listed:
        assert {row["client"] for row in read(client, name, plan.day)} <= {own}, name
    assert read(client, "coverage", plan.day)
    assert client.get("/tables/losses").status_code == 404
    assert client.get("/tables/agents").status_code == 404


@pytest.mark.parametrize("asked", ["first=2026-12-05&last=2026-12-01", "first=2026-01-01&last=2026-12-01"])
def test_a_period_that_is_none_or_too_long_is_refused(scenario: Scenario, manager: Program, asked: str) -> None:
    answer = manager.get(f"/tables/coverage?{asked}")
    assert answer.status_code == 422
    assert "62 days at most" in answer.content.decode()
