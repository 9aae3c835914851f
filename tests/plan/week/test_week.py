"""The hybrid week: days at home, meetings, N-1 each day; and several days planned from a program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from releve.demand.log_table import read_log
from releve.errors import Phrase
from releve.network import HOME, Operator, find_site_seats
from releve.network.sample import sample_operator
from releve.plan import Plan, PlanError, PlanSettings
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.week import (
    PlanRequest,
    add_missing,
    forecast_day,
    hybrid,
    hybrid_week,
    list_roster_days,
    name_days,
    plan_days,
    select_open_days,
    solve_days,
)
from releve.plan.week.days import group_week_by_team
from releve.plan.week.hybrid import build_hybrid_problem, plan_hybrid_week
from releve.plan.week.hybrid_meetings import HybridInfeasibleError, choose_meetings
from releve.plan.week.hybrid_program import HybridProblem, name_home_days, round_home_heads, solve_hybrid_program
from releve.plan.week.verification import check_hybrid_week
from tests.cli.folders import run, sample, write_folder
from tests.desk.fixture_plan import build_hybrid_week, week
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
    assert hybrid_week.read_planned_week(case.operator, case.plans) == case.found.week
    (gone, *agents), (left, *teams) = case.operator.agents, case.operator.teams
    fewer = replace(case.operator, agents=tuple(row for row in agents if row.team != left.id), teams=tuple(teams))
    week = hybrid_week.read_planned_week(fewer, case.plans)
    assert week is not None
    assert week.home.keys() == case.found.week.home.keys() & fewer.agent.keys()
    assert gone.id not in week.home
    assert week.meetings.keys() == case.found.week.meetings.keys() - {left.id}
    alone = [replace(plan, home_days=(), teams=()) for plan in case.plans]
    assert hybrid_week.read_planned_week(case.operator, alone) is None


def test_earlier_days_of_the_same_calendar_week_count_and_no_others() -> None:
    week = build_hybrid_case().found.week
    first, second, *_ = week.days
    past = hybrid_week.select_past_days(week, second)
    assert past is not None
    assert past == hybrid_week.move_week(week, [first])
    assert hybrid_week.select_past_days(week, first) is None
    assert hybrid_week.select_past_days(week, second + timedelta(days=7)) is None, "of the week before"
    assert hybrid_week.select_past_days(None, second) is None


def test_an_absence_plans_the_rest_of_the_week_again() -> None:
    case = build_hybrid_case()
    week, rest = case.found.week, case.needs[1:]
    team = case.operator.teams[0]
    operator = remove_shifts(case.operator, team.supervisor, frozenset(need.day for need in rest))
    past = replace(hybrid_week.move_week(week, week.days[:1]), meetings={})
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


def check(operator: Operator, week: hybrid_week.HybridWeek) -> list[str]:
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
    header, *rows = hybrid_week.write_week_table(case.operator, case.found.week)
    frame = pl.DataFrame(rows, schema=list(header), orient="row")
    assert hybrid_week.read_week_table(case.operator, frame) == case.found.week
    french = frame.with_columns(pl.all().replace({"home": "télétravail", "meeting": "équipe"}))
    assert hybrid_week.read_week_table(case.operator, french) == case.found.week
    lines = [";".join(row) for row in hybrid_week.write_week_table(case.operator, case.found.week, french=True)]
    for text in (
        hybrid_week.format_week(case.operator, case.found.week).encode(),
        "\n".join(lines).encode("utf-8-sig"),
    ):
        again = read_log("week.csv", text).whole_frame()
        assert hybrid_week.read_week_table(case.operator, again) == case.found.week


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (3, "sometimes", "'sometimes' is not home, site, meeting or empty"),
        (0, "z9", "row 2: 'z9' is not the id of an agent"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(column: int, value: str, message: str) -> None:
    case = build_hybrid_case()
    header, first, *rows = hybrid_week.write_week_table(case.operator, case.found.week)
    first = (*first[:column], value, *first[column + 1 :])
    frame = pl.DataFrame([first, *rows], schema=list(header), orient="row")
    with pytest.raises(ValueError, match="row 2") as caught:
        hybrid_week.read_week_table(case.operator, frame)
    assert isinstance(caught.value.args[0], Phrase)
    assert message in str(caught.value)


def test_a_plan_of_a_hybrid_day_is_read_back_with_its_week() -> None:
    plan = build_hybrid_case().plans[0]
    assert plan.home_days
    assert plan_to_json(plan_from_json(plan_to_json(plan))) == plan_to_json(plan)
    alone = replace(plan, home_days=(), teams=())
    assert '"home_days"' not in plan_to_json(alone)
    assert plan_from_json(plan_to_json(alone)).teams == ()


NOTEBOOK = Path(__file__).parents[3] / "docs" / "notebook.md"


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample(agents=80)


def test_the_notebook_plans_the_day_that_the_command_plans(
    operator: Operator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", NOTEBOOK.read_text("utf-8"), re.M | re.S)
    (code,) = (block for block in blocks if "plan_days(" in block)
    folder = write_folder(operator, tmp_path / "operator")
    made = "operator = sample_operator(60, 2, 1)\n"
    assert made in code
    exec(code.replace(made, ""), {"operator": operator})
    lines = capsys.readouterr().out.splitlines()
    result = run("plan", folder, "--days", 1, "--json")
    assert result.exit_code == 0, result.stderr
    plan = plan_from_json(result.stdout)
    secure = " ".join(["secure:", *(row.client for row in plan.verdicts if row.secure)])
    assert lines == [f"{plan.day} {len(plan.placements)} agents placed; N-1 {secure}"]


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


def test_each_team_is_counted_by_day() -> None:
    shown = group_week_by_team(build_hybrid_week())
    assert shown.team == "casa-1-t01"
    (row,) = shown.teams
    first = row.days[0]
    assert first is not None
    assert (first.site, first.home, first.meets) == (3, 2, False)
    assert shown.meetings == 1
    assert (shown.total[0].site, shown.total[0].home) == (3, 2)
    assert shown.home_share == 3 / 10


def test_the_members_of_a_team_are_listed_with_their_supervisor() -> None:
    shown = group_week_by_team(build_hybrid_week(), "no such team")
    assert shown.team == "casa-1-t01"
    days = [agent.days[0] for agent in shown.agents]
    assert {day.time_zone for day in days if day} == {"Africa/Casablanca"}
    assert [agent.leads for agent in shown.agents].count(True) == 1


def test_a_week_without_teams_has_days_alone() -> None:
    plans = week(2)
    shown = group_week_by_team(plans)
    assert shown.days == tuple(plan.day for plan in plans)
    assert (shown.teams, shown.agents, shown.team) == ((), (), "")
