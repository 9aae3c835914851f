"""Several days planned from a program: the notebook's week is the command's week."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from releve.network import Operator
from releve.network.sample import sample_operator
from releve.plan import Plan, PlanError, PlanSettings
from releve.plan.plan_json import plan_from_json
from releve.plan.week import (
    PlanRequest,
    add_missing,
    forecast_day,
    list_roster_days,
    name_days,
    plan_days,
    select_open_days,
    solve_days,
)
from tests.cli.folders import run, sample, write_folder

NOTEBOOK = Path(__file__).parents[3] / "docs" / "notebook.md"


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample(agents=80)


def test_the_notebook_plans_the_days_that_the_command_plans(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", NOTEBOOK.read_text("utf-8"), re.M | re.S)
    assert len([line for line in code.splitlines() if line and "import" not in line]) < 10
    folder = write_folder(operator, tmp_path / "operator")
    monkeypatch.chdir(tmp_path)
    assert "list_roster_days(operator, 7)" in code
    exec(code.replace("(operator, 7)", "(operator, 2)"), {})
    lines = capsys.readouterr().out.splitlines()
    result = run("plan", folder, "--days", 2, "--json")
    assert result.exit_code == 0, result.stderr
    plans = [plan_from_json(json.dumps(one)) for one in json.loads(result.stdout)]
    assert len(lines) == len(plans) == 2
    for line, plan in zip(lines, plans, strict=True):
        secure = " ".join(["secure:", *(row.client for row in plan.verdicts if row.secure)])
        assert line == f"{plan.day} {len(plan.placements)} agents placed; N-1 {secure}"


def test_a_week_is_its_steps_one_after_another(operator: Operator) -> None:
    days = list_roster_days(operator, 2)
    week = plan_days(operator, PlanRequest(days)).plans
    demands = select_open_days([forecast_day(operator, day) for day in days])
    solved = solve_days(operator, [need for _, need in demands], PlanSettings())
    plans = add_missing(operator, solved, name_days(operator, solved))
    assert [plan.placements for plan in week] == [plan.placements for plan in plans]
    assert [plan.missing for plan in week] == [plan.missing for plan in plans]
    assert all(plan.missing is not None and not plan.violations for plan in week)


def test_agents_keep_place_and_programme_from_day_to_day(operator: Operator) -> None:
    """Where the next day has room for them: more do than when each day is named by itself."""
    days = list_roster_days(operator, 2)
    needs = [forecast_day(operator, day)[1] for day in days]
    solved = solve_days(operator, needs, PlanSettings(), protect=False)

    def posts(plan: Plan) -> dict[str, tuple[str, str]]:
        return {row.agent: (row.place, row.programme) for row in plan.placements}

    def kept(first: Plan, second: Plan) -> int:
        return len(posts(first).items() & posts(second).items())

    first, second = name_days(operator, solved)
    (alone,) = name_days(operator, solved[1:])
    assert kept(first, second) >= kept(first, alone)
    assert kept(first, second) > 0


def test_days_are_the_rosters_unless_a_first_day_is_given(operator: Operator) -> None:
    first, second = list_roster_days(operator, 2)
    assert (second - first).days == 1
    assert list_roster_days(operator, 2, second)[0] == second
    bare = replace(operator, shifts=())
    assert list_roster_days(bare, 1, first) == [first]
    with pytest.raises(PlanError, match="no roster: add shifts, or name the first day"):
        list_roster_days(bare, 1)


def test_closed_days_are_left_out_unless_all_are_closed(operator: Operator) -> None:
    day = list_roster_days(operator, 1)[0]
    expected, need = forecast_day(operator, day)
    closed = replace(need, agents=np.zeros_like(need.agents))
    unknown = replace(closed, unknown={need.programmes[0]: "no history"})
    kept = select_open_days([(expected, closed), (expected, need), (expected, unknown)])
    assert [one for _, one in kept] == [need, unknown]
    assert select_open_days([(expected, closed)]) == [(expected, closed)]


def test_a_quantile_above_the_mean_requires_no_fewer_agents(operator: Operator) -> None:
    day = list_roster_days(operator, 1)[0]
    mean, high = forecast_day(operator, day)[1], forecast_day(operator, day, 0.9)[1]
    assert np.nansum(high.agents) > np.nansum(mean.agents)
    with pytest.raises(ValueError, match=r"a level must be between 0 and 1, got 1\.5"):
        forecast_day(operator, day, 1.5)


@pytest.mark.slow
def test_a_week_of_the_sample_is_planned_without_a_violation() -> None:
    operator = sample_operator(120, 3, 2, weeks_of_history=4)
    request = PlanRequest(list_roster_days(operator, 7), missing=False)
    plans = plan_days(operator, request).plans
    assert 5 <= len(plans) <= 7
    assert all(not plan.violations for plan in plans)


def forecast_table(operator: Operator) -> pl.DataFrame:
    """Return the forecast of the roster's first day as a planner's own tool would export it."""
    (day,) = list_roster_days(operator, 1)
    found, _ = forecast_day(operator, day)
    rows = [
        (start.isoformat(), row.id, found.mean[i, p], found.aht_s[i, p])
        for p, row in enumerate(operator.programmes)
        for i, start in enumerate(found.starts)
        if found.open[i, p]
    ]
    return pl.DataFrame(rows, schema=["start", "programme", "calls", "aht_s"], orient="row")


def test_a_forecast_made_elsewhere_takes_the_place_of_the_history(operator: Operator) -> None:
    (day,) = list_roster_days(operator, 1)
    _, need = forecast_day(operator, day)
    table = forecast_table(operator)
    bare = replace(operator, history=())
    _, same = forecast_day(bare, day, table=table)
    np.testing.assert_array_equal(same.agents, need.agents)
    assert not same.unknown
    doubled = table.with_columns(pl.col("calls") * 2)
    _, more = forecast_day(bare, day, table=doubled)
    assert more.agents.sum() > need.agents.sum()


def test_the_command_plans_for_a_forecast_file(operator: Operator, tmp_path: Path) -> None:
    folder = write_folder(operator, tmp_path / "operator")
    file = tmp_path / "forecast.csv"
    forecast_table(operator).write_csv(file)
    options = ("--json", "--no-missing", "--unprotected")
    given = run("plan", folder, "--forecast", file, *options)
    assert given.exit_code == 0, given.stderr
    own = run("plan", folder, *options)
    assert plan_from_json(given.stdout).placements == plan_from_json(own.stdout).placements


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("start,programme\n", "lacks the columns calls"),
        ("start,programme,calls\n2026-11-30T08:00,moon,3\n", "programmes not known: moon"),
        ("start,programme,calls\n2026-11-30T08:00,p,3,4\n", "row 2 has more cells"),
    ],
)
def test_a_forecast_file_that_cannot_be_read_is_refused(
    operator: Operator, tmp_path: Path, text: str, says: str
) -> None:
    folder = write_folder(operator, tmp_path / "operator")
    file = tmp_path / "forecast.csv"
    file.write_text(text, encoding="utf-8")
    result = run("plan", folder, "--forecast", file)
    assert result.exit_code == 1
    assert says in result.stderr
