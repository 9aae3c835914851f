"""Several breaks with rules: chosen by the plan within the hours that each row of the table names."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest

from releve.network import BreakRule, Duty, DutyPeriod, Operator, PlannedAbsence
from releve.network.checks import check_files
from releve.network.duties import add_breaks
from releve.network.moments import zone
from releve.plan import Placement, check_plan
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.result import Pause
from releve.plan.roster import Pattern, clip_pattern, list_break_patterns
from releve.plan.settings import PlanSettings
from tests.network.clean_tables import as_csv, clean_tables
from tests.plan import planner_parts
from tests.plan.night_operators import DAY as DAY_SHIFT
from tests.plan.night_operators import NIGHT, need_of, night_operator, plan_chain, shifts_of

DAY = date(2026, 12, 2)
COFFEE = BreakRule("coffee", 15.0, min_hours=3.0, earliest_hours=1.0, latest_hours=4.0)
TEA = BreakRule("tea", 15.0, min_hours=6.0, earliest_hours=5.0, latest_hours=8.0)
MEAL = BreakRule("meal", 0.0, earliest_hours=2.0, latest_hours=6.0)
PRAYER = BreakRule("prayer", 10.0, site="a", from_time="15:00", to_time="16:30", apart_minutes=20.0)


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=UTC)


def give(period: DutyPeriod, *rules: BreakRule, site: str = "a") -> Duty:
    return add_breaks(Duty("x", (period,)), rules, site, "Europe/Paris")  # UTC+1 in December


def list_breaks(row: Placement) -> list[tuple[datetime, datetime]]:
    """Return the breaks of a placement in order, the roster's own among them."""
    own = [(row.break_start, row.break_end)] if row.break_start and row.break_end else []
    return sorted([*own, *((one.start, one.end) for one in row.pauses if not one.away)])


def test_each_pattern_has_every_break_within_its_hours_and_apart() -> None:
    patterns = list_break_patterns(give(DutyPeriod(at(8), at(16, 30), 30.0), COFFEE, MEAL, TEA, PRAYER))
    assert len(patterns) > 1
    for one in patterns:
        (prayer,) = (pause for pause in one.pauses if pause.end - pause.start == timedelta(minutes=10))
        coffee, tea = (pause for pause in one.pauses if pause != prayer)
        assert one.break_start is not None
        assert one.break_end is not None
        assert at(10) <= one.break_start < one.break_end <= at(14)
        assert at(9) <= coffee.start < coffee.end <= at(12)
        assert at(13) <= tea.start < tea.end <= at(16)
        assert at(14) <= prayer.start < prayer.end <= at(15, 30)  # 15:00 to 16:30 in Paris
        breaks = sorted([(one.break_start, one.break_end), *((p.start, p.end) for p in one.pauses)])
        assert all(after[0] - before[1] >= timedelta(minutes=20) for before, after in pairwise(breaks))
        assert coffee.end + timedelta(hours=1) <= one.break_start or one.break_end + timedelta(hours=1) <= coffee.start


def test_a_row_gives_nothing_where_it_does_not_fit() -> None:
    period = DutyPeriod(at(8), at(12), 0.0)
    assert list_break_patterns(give(period, TEA)) == list_break_patterns(Duty("x", (period,)))
    dated = replace(COFFEE, valid_from=date(2027, 2, 8), valid_to=date(2027, 3, 9))
    assert give(period, dated) == Duty("x", (period,))
    assert give(period, replace(COFFEE, site="b")) == Duty("x", (period,))
    # a second one an hour from the first leaves no half hour for a third
    crowded = [replace(COFFEE, id=f"c{n}", apart_minutes=90.0) for n in range(3)]
    assert {len(one.pauses) for one in list_break_patterns(give(period, *crowded))} == {2}


def test_a_time_of_day_after_midnight_binds_the_night_shift() -> None:
    rule = BreakRule("suhoor", 20.0, from_time="04:00", to_time="05:00")
    patterns = list_break_patterns(give(DutyPeriod(at(21), at(5, day=3), 0.0), rule))
    assert {one.pauses for one in patterns} == {
        (Pause(start, start + timedelta(minutes=20), away=False),) for start in (at(3, day=3), at(3, 30, day=3))
    }


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        (at(11), at(12)),  # the middle of what is left, 13:15, is beyond the hours of the table
        (at(12), at(12)),
        (at(13), at(13)),  # they are over: at once
        (at(15, 30), None),  # less than twice the break is left
    ],
)
def test_a_break_that_fell_into_the_way_to_another_place_keeps_to_its_hours(
    arrival: datetime, expected: datetime | None
) -> None:
    (period,) = give(DutyPeriod(at(8), at(16), 30.0), replace(MEAL, from_time="12:00", to_time="13:30")).periods
    assert period.meal is not None
    assert (period.meal.first, period.meal.last) == (at(11), at(12, 30))  # in UTC
    had = Pattern(at(8), at(16), at(10, 30), at(11))
    left = clip_pattern(had, arrival, at(10), [period.meal._replace(first=at(11, 30))])
    assert left is not None
    assert (left.start, left.break_start) == (arrival, expected)
    free = clip_pattern(had, at(11), at(10))
    assert free is not None
    assert free.break_start in (at(13), at(13, 30)), "without a table in the middle"


def test_the_relief_of_a_running_day_keeps_the_breaks_that_it_moves_to_their_hours() -> None:
    case, plan = planner_parts.running_day(300)
    zone_name = case.operator.sites[0].time_zone
    operator = replace(case.operator, breaks=(BreakRule("meal", 0.0, from_time="11:00", to_time="14:00"),))
    plan = planner_parts.plan_case(replace(case, operator=operator))
    when, moved = planner_parts.clock(case, "11:30"), 0
    day = build_running_day(operator, plan, case.requirement, when, case.settings)
    for lost in planner_parts.list_site_losses(operator):
        for move in solve_intraday_relief(day, lost, case.settings, curve=False).moves:
            before, after = move.before, move.after
            if before is None or after is None or after.break_start in (None, before.break_start):
                continue
            moved += 1
            local = [instant.astimezone(zone(zone_name)) for instant in (after.break_start, after.break_end)]
            over = after.start.astimezone(zone(zone_name)).time() > time(13, 30)
            assert over or time(11) <= local[0].time() <= local[1].time() <= time(14)
    assert moved


def operator_with_breaks(seed: int, *rules: BreakRule) -> Operator:
    return replace(night_operator(seed, DAY - timedelta(days=2), 5), breaks=rules)


@pytest.mark.parametrize("seed", range(4))
def test_plans_of_nights_and_split_shifts_keep_the_table(seed: int) -> None:
    draw = random.Random(seed)
    rules = draw.sample([COFFEE, TEA, MEAL, PRAYER, replace(COFFEE, id="c2", apart_minutes=30.0)], 3)
    operator = operator_with_breaks(seed, *rules)
    needs = [need_of(operator, DAY + timedelta(days=offset), seed) for offset in (-1, 0, 1)]
    plans = plan_chain(operator, needs)
    assert [plan.violations for plan in plans] == [(), (), ()]
    assert any(not one.away for plan in plans for row in plan.placements for one in row.pauses)
    for plan in plans:
        assert plan_from_json(plan_to_json(plan)).placements == plan.placements
        for row in plan.placements:
            assert all(b[1] <= a[0] for b, a in pairwise(list_breaks(row)))
    # a night that is carried over keeps the breaks of its evening
    for before, after in pairwise(plans):
        begun = {row.agent: list_breaks(row) for row in before.placements if row.end > after.starts[0]}
        kept = {row.agent: list_breaks(row) for row in after.placements if row.carried}
        assert begun == {name: kept[name] for name in begun}


@pytest.mark.parametrize("seed", range(3))
def test_what_an_absence_leaves_of_a_shift_has_its_own_breaks(seed: int) -> None:
    operator = operator_with_breaks(seed, COFFEE, TEA, MEAL)
    draw = random.Random(seed)
    away = []
    for shift in operator.shifts:
        if draw.random() < 0.5:
            start = shift.start + timedelta(minutes=30 * draw.randint(0, 10))
            away.append(PlannedAbsence(shift.agent, start, start + timedelta(hours=draw.choice((1, 2, 4))), "meeting"))
    operator = replace(operator, absences=tuple(away))
    plans = plan_chain(operator, [need_of(operator, DAY + timedelta(days=offset), seed) for offset in (-1, 0, 1)])
    assert [plan.violations for plan in plans] == [(), (), ()]
    assert any(len(list_breaks(row)) > 1 for plan in plans for row in plan.placements)


def test_a_table_that_fits_nobody_changes_no_bit_of_a_plan() -> None:
    bare = operator_with_breaks(3)
    need = need_of(bare, DAY, 3)
    (plan,) = plan_chain(bare, [need])
    (same,) = plan_chain(replace(bare, breaks=(replace(PRAYER, site="", valid_from=date(2027, 1, 1)),)), [need])
    assert plan_to_json(plan) == plan_to_json(same)


def test_the_checker_finds_breaks_that_the_table_does_not_allow() -> None:
    operator = operator_with_breaks(1, COFFEE, MEAL)
    need = need_of(operator, DAY, 1)
    (plan,) = plan_chain(operator, [need])
    index, row = next((i, row) for i, row in enumerate(plan.placements) if len(list_breaks(row)) == 2)
    (pause,) = (one for one in row.pauses if not one.away)
    others = tuple(one for one in row.pauses if one.away)
    assert row.break_start is not None
    assert row.break_end is not None

    def check(**changed: object) -> tuple[str, ...]:
        rows = list(plan.placements)
        rows[index] = replace(row, **changed)  # type: ignore[arg-type]
        return check_plan(operator, replace(plan, placements=tuple(rows)), PlanSettings(), aht_s=need.aht_s)

    def move(one: Pause, minutes: int) -> Pause:
        return Pause(one.start + timedelta(minutes=minutes), one.end + timedelta(minutes=minutes), away=False)

    assert check() == ()
    late = timedelta(hours=7) - (row.break_start - row.start)
    bad = [
        check(pauses=others),
        check(pauses=(*others, move(pause, 5))),
        check(pauses=(*others, Pause(row.break_end, row.break_end + (pause.end - pause.start), away=False))),
        check(pauses=(*others, Pause(pause.start, pause.end + timedelta(minutes=5), away=False))),
        check(pauses=(*row.pauses, move(pause, 360))),
        check(break_start=row.break_start + late, break_end=row.break_end + late),
    ]
    for found in bad:
        assert any("not those due by the table: coffee (15 min), meal (30 min)" in text for text in found) or any(
            "not those due by the table: meal (30 min), coffee (15 min)" in text for text in found
        ), found


def test_the_checker_faults_a_break_in_the_gap_of_a_split_shift() -> None:
    for seed in range(4):
        operator = operator_with_breaks(seed, COFFEE)
        need = need_of(operator, DAY, seed)
        (plan,) = plan_chain(operator, [need])
        for at, row in enumerate(plan.placements):
            for gap in (one for one in row.pauses if one.away):
                more = Pause(gap.start, gap.start + timedelta(minutes=15), away=False)
                rows = list(plan.placements)
                rows[at] = replace(row, pauses=tuple(sorted((*row.pauses, more), key=lambda one: one.end)))
                found = check_plan(operator, replace(plan, placements=tuple(rows)), PlanSettings(), aht_s=need.aht_s)
                assert any("breaks outside the work of the shift: 1" in text for text in found), found
                return
    pytest.fail("a sample has a split shift")


@pytest.mark.parametrize("kind", [NIGHT, DAY_SHIFT])
def test_a_relief_in_the_day_keeps_the_breaks_of_the_table(kind: str) -> None:
    operator = operator_with_breaks(2, COFFEE, TEA)
    rows = [
        row
        for person in operator.agents
        for offset in (-1, 0)
        for row in shifts_of(person.id, operator.site[person.home_site], DAY + timedelta(days=offset), kind)
    ]
    operator = replace(operator, shifts=tuple(rows))
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=4.0) for offset in (-1, 0)]
    _, plan = plan_chain(operator, needs)
    hour = 1 if kind == NIGHT else 10
    lost = next(row for row in plan.contingencies if row.id == "site:a")
    day = build_running_day(operator, plan, needs[1], plan.starts[0] + timedelta(hours=hour), PlanSettings())
    found = solve_intraday_relief(day, lost, PlanSettings(), curve=False)
    moved = [(move.before, move.after) for move in found.moves if move.before is not None and move.after is not None]
    assert moved
    for before, after in moved:
        ahead = [(max(start, after.start), end) for start, end in list_breaks(before) if end > after.start]
        assert set(ahead) <= set(list_breaks(after))
        more = set(list_breaks(after)) - set(ahead)  # the meal that fell into the way comes after it
        assert len(more) <= 1
        assert all(end - start == before.break_end - before.break_start for start, end in more)


# The table --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ({"from_time": "18h", "to_time": "19:00"}, "from_time", "is not a time of day"),
        ({"from_time": "18:00"}, "to_time", "one of the two times of day is missing"),
        ({"earliest_hours": "3", "latest_hours": "3"}, "latest_hours", "is over before it may begin"),
        ({"from_time": "18:05", "to_time": "18:29"}, "to_time", "no half hour between the two times"),
        ({"valid_from": "2027-02-08", "valid_to": "2027-02-07"}, "valid_to", "ends before it starts"),
        ({"site": "casa-77"}, "site", "casa-77"),
    ],
)
def test_a_row_that_cannot_be_kept_is_named_with_its_mend(row: dict[str, str], column: str, said: str) -> None:
    tables = clean_tables()
    tables["breaks"] = [{"id": "coffee", "minutes": "15"} | row]
    (fault,) = check_files(as_csv(tables)).faults
    assert (fault.table, fault.row, fault.column) == ("breaks", 2, column)
    assert said in f"{fault.value} {fault.reason}"
