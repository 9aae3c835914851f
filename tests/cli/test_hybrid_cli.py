"""``releve plan --hybrid``: a week on the terminal and in a folder, and again without an agent."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from releve.files.plan_folder import read_plans
from releve.network import HOME
from releve.plan.result import Plan
from tests.cli.folders import run, write_folder
from tests.plan.week.hybrid_case import DAYS, build_hybrid_case, build_operator

TABLE = "hybrid-week.csv"
Planned = tuple[Path, Path, str]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """The folder of the operator, that of its week, and what was printed."""
    root = tmp_path_factory.mktemp("hybrid")
    folder = write_folder(build_operator(), root / "operator")
    done = run("plan", folder, "--days", DAYS, "--hybrid", "--no-missing", "--out", root / "week", "--lang", "fr")
    assert done.exit_code == 0, done.output
    return folder, root / "week", done.output


def read_table(week: Path) -> dict[str, dict[str, str]]:
    """Return the cells of a week by agent and column."""
    with (week / TABLE).open(encoding="utf-8", newline="") as stream:
        return {row["agent"]: row for row in csv.DictReader(stream)}


def list_people(plan: Plan) -> set[str]:
    """Return everybody who is at work or in reserve on a day."""
    return {*(row.agent for row in plan.placements), *plan.reserve}


def test_the_week_is_printed_and_its_folder_holds_the_same(planned: Planned) -> None:
    _, week, said = planned
    case = build_hybrid_case()
    assert "Semaine hybride" in said
    assert all(team.id in said for team in case.operator.teams)
    plans = read_plans(week)
    assert [plan.day for plan in plans] == list(case.found.week.days)
    cells = read_table(week)
    for plan in plans:
        home = {row.agent for row in plan.placements if row.place == HOME}
        assert home <= set(plan.home_days)
        column = plan.day.isoformat()
        assert set(plan.home_days) & list_people(plan) == {
            agent for agent, row in cells.items() if row[column] == "home"
        }


@pytest.mark.slow
def test_an_absence_plans_the_rest_of_the_week_and_keeps_the_days_before(planned: Planned, tmp_path: Path) -> None:
    folder, week, _ = planned
    first, second, *rest = read_plans(week)
    leaders = {team.supervisor for team in build_operator().teams}
    agent = min(list_people(second) - leaders)
    until = rest[-1].day
    done = run(
        "plan", folder, "--day", second.day, "--days", DAYS - 1, "--hybrid", "--no-missing",
        "--last-week", week / TABLE, "--absent", f"{agent}@{second.day}..{until}",
        "--out", tmp_path / "rest",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    again = read_plans(tmp_path / "rest")
    assert [plan.day for plan in again] == [second.day, *(plan.day for plan in rest)]
    assert all(agent not in list_people(plan) for plan in again)
    assert agent in list_people(first)
    others = {plan.day: list_people(plan) - {agent} for plan in (second, *rest)}
    assert {plan.day: list_people(plan) for plan in again} == others


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--absent", "a@2026-01-01"), "need --hybrid"),
        (("--hybrid", "--verify"), "leave out --hybrid"),
        (("--hybrid", "--absent", "a99999@2026-01-01"), "is not an agent"),
        (("--hybrid", "--absent", "{agent}@tomorrow"), "write a00042@2026-12-02..2026-12-04"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(planned: Planned, words: tuple[str, ...], reason: str) -> None:
    agent = build_operator().agents[0].id
    done = run("plan", planned[0], *(word.format(agent=agent) for word in words))
    assert done.exit_code == 2
    assert reason in done.output


def test_a_week_table_that_cannot_be_read_is_refused_by_its_row(planned: Planned, tmp_path: Path) -> None:
    folder, week, _ = planned
    text = (week / TABLE).read_text(encoding="utf-8").replace(",home", ",moon", 1)
    (tmp_path / TABLE).write_text(text, encoding="utf-8")
    done = run("plan", folder, "--hybrid", "--days", 2, "--last-week", tmp_path / TABLE)
    assert done.exit_code == 1
    assert "moon" in done.output
