"""The hybrid week: days at home by contract, meetings, N-1 on every day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from releve.demand.call_log_file import read_log
from releve.errors import Phrase
from releve.network import HOME, Operator, find_site_seats
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.planner import PlanError
from releve.plan.result import Plan
from releve.plan.settings import PlanSettings
from releve.plan.week import hybrid
from releve.plan.week.hybrid import build_hybrid_problem, plan_hybrid_week
from releve.plan.week.hybrid_meetings import HybridInfeasibleError, choose_meetings
from releve.plan.week.hybrid_program import HybridProblem, name_home_days, round_home_heads, solve_hybrid_program
from releve.plan.week.hybrid_week import (
    HybridWeek,
    format_week,
    move_week,
    read_planned_week,
    read_week_table,
    select_past_days,
    write_week_table,
)
from releve.plan.week.verification import check_hybrid_week
from tests.plan.week.hybrid_case import build_hybrid_case, build_operator, remove_shifts, require_days

pytestmark = pytest.mark.xdist_group("hybrid week")


def build_problem(operator: Operator | None = None, seats: float = 1.0) -> HybridProblem:
    """Return the week as arrays, with a share of the seats."""
    operator = operator or build_operator()
    needs = require_days()
    rooms = [find_site_seats(operator, need.day) for need in needs]
    case = build_hybrid_problem(operator, needs, rooms, PlanSettings())
    days = tuple(
        replace(day, problem=replace(day.problem, seats=np.floor(day.problem.seats * seats).astype(np.int64)))
        for day in case.days
    )
    return replace(case, days=days)


def meet_all(case: HybridProblem, d: int) -> Mapping[str, frozenset[int]]:
    """Return meetings of every team that can meet on day ``d``."""
    day = case.work.days[d]
    at_work = case.work.sites[day]
    return {team.id: frozenset((d,)) for team in case.operator.teams if team.supervisor in at_work}


def test_the_week_keeps_every_rule_and_its_days_are_plans() -> None:
    case = build_hybrid_case()
    assert check_hybrid_week(case.operator, case.found.week, case.plans) == ()
    assert [plan.violations for plan in case.plans] == [()] * len(case.plans)
    assert len(case.found.week.meetings) == len(case.operator.teams)


def test_the_week_is_near_a_bound_that_it_is_not_below() -> None:
    found = build_hybrid_case().found
    assert found.bound <= found.objective * (1 + 1e-9)
    assert found.gap < 0.05


def test_a_second_week_without_changes_moves_no_agent() -> None:
    case = build_hybrid_case()
    days = [replace(need) for need in case.needs]
    again = plan_hybrid_week(case.operator, days, last=case.found.week)
    assert again.kept
    assert again.week == case.found.week
    assert again.objective == case.found.objective


def test_the_week_is_read_back_from_its_plans_without_those_who_are_gone() -> None:
    case = build_hybrid_case()
    assert read_planned_week(case.operator, case.plans) == case.found.week
    (gone, *agents), (left, *teams) = case.operator.agents, case.operator.teams
    fewer = replace(case.operator, agents=tuple(row for row in agents if row.team != left.id), teams=tuple(teams))
    week = read_planned_week(fewer, case.plans)
    assert week is not None
    assert week.home.keys() == case.found.week.home.keys() & fewer.agent.keys()
    assert gone.id not in week.home
    assert week.meetings.keys() == case.found.week.meetings.keys() - {left.id}
    alone = [replace(plan, home_days=(), teams=()) for plan in case.plans]
    assert read_planned_week(case.operator, alone) is None


def test_earlier_days_of_the_same_calendar_week_count_and_no_others() -> None:
    week = build_hybrid_case().found.week
    first, second, *_ = week.days
    past = select_past_days(week, second)
    assert past is not None
    assert past == move_week(week, [first])
    assert select_past_days(week, first) is None
    assert select_past_days(week, second + timedelta(days=7)) is None, "of the week before"
    assert select_past_days(None, second) is None


def test_an_absence_plans_the_rest_of_the_week_again() -> None:
    case = build_hybrid_case()
    week, rest = case.found.week, case.needs[1:]
    team = case.operator.teams[0]
    operator = remove_shifts(case.operator, team.supervisor, frozenset(need.day for need in rest))
    past = replace(move_week(week, week.days[:1]), meetings={})
    with pytest.raises(HybridInfeasibleError) as caught:
        plan_hybrid_week(operator, rest, last=week, past=past)
    assert {(one.team, one.kind) for one in caught.value.relaxations} == {(team.id, "meeting")}
    fewer = [replace(row, meets_per_fortnight=0) if row.id == team.id else row for row in operator.teams]
    operator = replace(operator, teams=tuple(fewer))
    found = plan_hybrid_week(operator, rest, last=week, past=past)
    assert check_hybrid_week(operator, found.week, past=past) == ()
    assert found.week.days == tuple(need.day for need in rest)


def test_the_recount_names_what_is_broken() -> None:
    case = build_hybrid_case()
    operator, week = case.operator, case.found.week
    owing = next(
        agent
        for agent, held in week.home.items()
        if held and sum(agent in {*plan.reserve, *at_work(plan)} for plan in case.plans) == 3
    )
    broken = check(case.operator, replace(week, home={**week.home, owing: frozenset()}))
    assert any(owing in text and "are due" in text for text in broken)
    everyday = frozenset(week.days)
    broken = check(operator, replace(week, home={**week.home, owing: everyday}))
    assert any(owing in text for text in broken)
    team = operator.teams[0]
    (day,) = week.meetings[team.id]
    broken = check(operator, replace(week, meetings={**week.meetings, team.id: ()}))
    assert f"the team {team.id} meets 0 times, 1 are due" in broken
    led = {**week.home, team.supervisor: frozenset((day,))}
    broken = check(operator, replace(week, home=led))
    assert any("without its supervisor" in text for text in broken)
    everyone = {
        agent: held | {day} if operator.agent[agent].team == team.id else held for agent, held in week.home.items()
    }
    assert any(" at work" in text for text in check(operator, replace(week, home=everyone)))


def test_the_recount_compares_the_plans_with_the_week() -> None:
    case = build_hybrid_case()
    plan = case.plans[0]
    at_home = next(row for row in plan.placements if row.place == HOME)
    moved = replace(
        plan,
        placements=tuple(
            replace(row, place=case.operator.agent[row.agent].home_site) if row == at_home else row
            for row in plan.placements
        ),
    )
    (sentence,) = check_hybrid_week(case.operator, case.found.week, [moved])
    assert str(sentence).startswith(f"{at_home.agent} is placed at")


def at_work(plan: Plan) -> set[str]:
    """Return the agents who are placed."""
    return {row.agent for row in plan.placements}


def check(operator: Operator, week: HybridWeek) -> list[str]:
    """Return what the recount finds, as texts."""
    return [str(sentence) for sentence in check_hybrid_week(operator, week)]


def test_all_teams_on_one_day_cost_more_where_seats_are_scarce() -> None:
    case = build_problem(seats=0.5)
    free = solve_hybrid_program(case, {})
    chosen = choose_meetings(case, free.home)
    ours = solve_hybrid_program(case, chosen)
    together = solve_hybrid_program(case, meet_all(case, 1))
    assert free.bound <= ours.objective * (1 + 1e-6)
    assert ours.objective < together.objective


def test_a_large_operator_has_its_days_alone_as_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = solve_hybrid_program(build_problem(), {})
    monkeypatch.setattr(hybrid, "MOST_WITH_LOSSES", 0)
    case = build_problem()
    priced = solve_hybrid_program(case, {})
    alone = sum(day.alone.bound for day in case.days if day.alone is not None)
    assert 0 < alone <= whole.objective * (1 + 1e-6)
    assert priced.rows < whole.rows


def test_an_impossible_week_names_the_team_and_the_cheapest_relaxation() -> None:
    operator = build_operator()
    team = operator.teams[0]
    agents = tuple(
        replace(row, home_days_min=7, home_days_max=7) if row.id == team.supervisor else row for row in operator.agents
    )
    case = build_problem(replace(operator, agents=agents))
    nothing = [np.zeros(len(one.cells)) for one in case.classes]
    if not operator.agent[team.supervisor].home_ready:
        pytest.skip("the supervisor of the sample cannot work at home")
    with pytest.raises(HybridInfeasibleError) as caught:
        choose_meetings(case, nothing)
    (relaxation,) = caught.value.relaxations
    assert (relaxation.team, relaxation.kind) == (team.id, "least")
    assert team.supervisor in str(caught.value)


def test_a_week_without_a_roster_is_refused() -> None:
    with pytest.raises(PlanError, match="needs a roster"):
        plan_hybrid_week(replace(build_operator(), shifts=()), require_days())


def test_members_of_a_class_have_days_at_home_that_differ_by_one_at_most() -> None:
    case = build_problem()
    rng = np.random.default_rng(5)
    home = [np.array([rng.uniform(cell.least, cell.most) for cell in one.cells]) for one in case.classes]
    free = replace(case, classes=tuple(replace(one, bounds=dict.fromkeys(one.bounds, (0, 7))) for one in case.classes))
    heads = round_home_heads(free, home, {})
    week = name_home_days(free, heads, {}, None)
    for one, row in zip(case.classes, heads, strict=True):
        count = [len(week.home[agent]) for agent in one.members]
        assert max(count) - min(count) <= 1
        assert sum(count) == row.sum()


def test_the_week_goes_out_to_a_spreadsheet_and_back() -> None:
    case = build_hybrid_case()
    header, *rows = write_week_table(case.operator, case.found.week)
    frame = pl.DataFrame(rows, schema=list(header), orient="row")
    assert read_week_table(case.operator, frame) == case.found.week
    french = frame.with_columns(pl.all().replace({"home": "télétravail", "meeting": "équipe"}))
    assert read_week_table(case.operator, french) == case.found.week
    for language in (False, True):
        text = format_week(case.operator, case.found.week, french=language).encode("utf-8-sig")
        again = read_log("week.csv", text).whole_frame()
        assert read_week_table(case.operator, again) == case.found.week


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (3, "sometimes", "'sometimes' is not home, site, meeting or empty"),
        (0, "z9", "row 2: 'z9' is not the id of an agent"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(column: int, value: str, message: str) -> None:
    case = build_hybrid_case()
    header, first, *rows = write_week_table(case.operator, case.found.week)
    first = (*first[:column], value, *first[column + 1 :])
    frame = pl.DataFrame([first, *rows], schema=list(header), orient="row")
    with pytest.raises(ValueError, match="row 2") as caught:
        read_week_table(case.operator, frame)
    assert isinstance(caught.value.args[0], Phrase)
    assert message in str(caught.value)


def test_a_plan_of_a_hybrid_day_is_read_back_with_its_week() -> None:
    plan = build_hybrid_case().plans[0]
    assert plan.home_days
    assert plan_to_json(plan_from_json(plan_to_json(plan))) == plan_to_json(plan)
    alone = replace(plan, home_days=(), teams=())
    assert '"home_days"' not in plan_to_json(alone)
    assert plan_from_json(plan_to_json(alone)).teams == ()
