"""Nights on the command line: the plan covers them, and a loss at 02:00 relieves those who began the day before."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from releve.files.plan_folder import read_plans
from releve.network import HOME
from releve.plan import BASE
from tests.cli.folders import run, write_folder
from tests.plan.night_operators import HALF_HOUR
from tests.plan.test_nights import DAY, ten_by_night

BEFORE = DAY - timedelta(days=1)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the folder of ten agents from 22:00 to 06:00, a programme open round the clock, and its plan."""
    place = tmp_path_factory.mktemp("nights")
    operator = ten_by_night()
    folder = write_folder(operator, place / "operator")
    first, last = operator.day_bounds(BEFORE)[0], operator.day_bounds(DAY)[1]
    starts = [first + n * HALF_HOUR for n in range((last - first) // HALF_HOUR)]
    calls = pl.DataFrame({"start": [at.isoformat() for at in starts], "programme": "p", "calls": 20.0})
    calls.write_csv(place / "forecast.csv")
    out = place / "plan"
    done = run(
        "plan", folder, "--day", BEFORE, "--days", 2, "--forecast", place / "forecast.csv", "--no-missing", "--out", out
    )
    assert done.exit_code == 0, done.output
    return folder, out


def test_the_hours_after_midnight_are_covered(planned: tuple[Path, Path]) -> None:
    _, plan = read_plans(planned[1])
    assert plan.violations == ()
    night = [t for t, start in enumerate(plan.starts) if start.hour < 6]  # Casablanca is on UTC
    assert (plan.scenarios[BASE].placed[night, 0] > 0).all()
    assert {row.agent for row in plan.placements if row.carried}


def test_a_loss_at_two_relieves_those_who_began_the_day_before(planned: tuple[Path, Path]) -> None:
    folder, out = planned
    _, plan = read_plans(out)
    done = run("relief", folder, "--plan", out, "--close", "a", "--at", f"{DAY}T02:00", "--json")
    assert done.exit_code == 0, done.output
    moves = json.loads(done.stdout)["moves"]
    there = {row.agent for row in plan.placements if row.carried and row.place == "a"}
    relieved = {move["agent"] for move in moves if move["place"] == HOME and move["from"] < f"{DAY}T06:00"}
    assert there
    assert relieved & there
