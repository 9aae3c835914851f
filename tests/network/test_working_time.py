"""The rows of working time: what ships, what an operator adds, and what work breaks of them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.network import Shift, WorkingTimeRow, list_columns, to_utc
from releve.network.checks import check_files
from releve.network.worktime import (
    PARAMETERS,
    Breach,
    WorkingTime,
    WorkPeriod,
    WorkRecord,
    WorkRow,
    WorkRowError,
    WorkRules,
    build_rules,
    load_shipped_rows,
)
from releve.network.worktime.judgement import find_breaches, judge_proposal
from releve.plan.checker.working_time import count_breaches
from tests.network.clean_tables import as_csv, clean_tables

CASABLANCA, PARIS = "Africa/Casablanca", "Europe/Paris"
COUNTRIES = ("MA", "FR", "TN", "MG", "SN")
MONDAY = date(2026, 11, 30)


def work(*hours: str, zone: str = CASABLANCA, pause: int = 0) -> tuple[WorkPeriod, ...]:
    """Return periods of texts like ``30 08-16`` (day of November 2026 on, start, end of the clock)."""
    found = []
    for text in hours:
        day, times = text.split()
        start, end = (float(part) for part in times.split("-"))
        first = datetime.combine(date(2026, 11, 1), time()) + timedelta(days=int(day) - 1)
        moments = [to_utc(first + timedelta(hours=at), zone) for at in (start, end if end > start else end + 24)]
        found.append(WorkPeriod.from_shift(Shift("a", *moments, pause)))
    return tuple(found)


def row(parameter: str, value: float, **more: object) -> WorkRow:
    values: dict[str, object] = {"strength": "forbid", "confidence": "sure", "source": "a source", "text": "a text"}
    return WorkRow("ROW", "MA", parameter, value, **{**values, **more})  # type: ignore[arg-type]


def broken(limit: WorkRow, periods: tuple[WorkPeriod, ...], zone: str = CASABLANCA) -> list[tuple[date, float]]:
    """Return the breaches of one row, counted by the engine and, minute by minute, by the checker."""
    rules = WorkRules("MA", [limit])
    found = {one.day: one.found for one in find_breaches(rules, WorkRecord.build(periods, zone), 40.0)}
    again = count_breaches(rules, periods, zone, 40.0)
    assert {day: pytest.approx(value) for (_, day), value in again.items()} == found
    return sorted(found.items())


# The rows that ship -----------------------------------------------------------------------------


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_has_rows_with_a_source_and_how_sure_it_is(country: str) -> None:
    own = [one for one in load_shipped_rows() if one.country == country]
    assert own
    for one in own:
        assert one.source
        assert one.text
        assert one.confidence in ("sure", "likely", "unsure")


@pytest.mark.parametrize("country", [*COUNTRIES, "BE"])
def test_a_country_without_a_figure_has_that_of_the_house_named_as_policy(country: str) -> None:
    in_force = build_rules(country).list_in_force(MONDAY)
    limited = {one.parameter for one in in_force if one.strength == "forbid"}
    assert {"day_hours", "week_hours", "daily_rest", "weekly_rest", "days_week", "home_agreement"} <= limited
    for one in in_force:
        assert (one.country == "ANY") == (one.confidence == "policy") == ("house policy" in one.source)


def test_house_policy_gives_way_to_a_law_that_forbids_and_not_to_one_that_warns() -> None:
    france = {one.id for one in build_rules("FR").list_in_force(MONDAY)}
    assert "FR-DREST" in france
    assert "HOUSE-DREST" not in france
    morocco = {one.id for one in build_rules("MA").list_in_force(MONDAY)}
    assert "MA-NIGHT-REST" in morocco
    assert "HOUSE-DREST" in morocco


def test_a_row_binds_from_its_first_day_to_its_last() -> None:
    limit = row("day_hours", 8, first=date(2026, 12, 1), last=date(2026, 12, 2))
    assert [day.day for day, _ in broken(limit, work(*(f"{day} 08-18" for day in range(30, 34))))] == [1, 2]


def test_the_table_of_own_rows_knows_the_parameters() -> None:
    (column,) = (one for one in list_columns(WorkingTimeRow) if one.name == "parameter")
    assert set(column.condition.one_of) == set(PARAMETERS) - {"home_agreement"}


def test_a_row_that_is_not_one_is_refused() -> None:
    with pytest.raises(WorkRowError, match="a parameter of"):
        row("hours", 8)
    with pytest.raises(WorkRowError, match="window"):
        row("night_hours", 8)


# Each parameter, on both sides of its limit -----------------------------------------------------


def test_a_day_has_its_most_hours_by_both_readings_of_a_day() -> None:
    limit = row("day_hours", 10)
    assert broken(limit, work("30 08-18")) == []
    assert broken(limit, work("30 08-18.5")) == [(MONDAY, 10.5)]
    assert broken(limit, work("30 08-18.5", pause=30)) == []
    assert broken(limit, work("30 19-06")) == [(MONDAY, 11.0)]  # a night counts to the day it starts on
    assert broken(limit, work("30 18-03", "31 15-24")) == [(date(2026, 12, 1), 12.0)]  # and midnight to midnight
    assert broken(limit, work("30 18-23", "31 01-07")) == [(MONDAY, 11.0)]  # two hours off do not part it
    assert broken(limit, work("30 00-08", "30 23-07")) == []  # fifteen do


def test_a_week_is_counted_from_monday_to_the_minute_over_midnight() -> None:
    limit = row("week_hours", 44)
    six = work(*(f"{day} 08-16" for day in range(30, 36)))
    assert broken(limit, six) == [(MONDAY, 48.0)]
    assert broken(limit, six[:5]) == []
    nights = work(*(f"{day} 16.5-01.5" for day in range(32, 37)))  # Wednesday to Sunday, 1.5 h of it on Monday
    assert broken(row("week_hours", 43.4), nights) == [(MONDAY, 43.5)]
    assert broken(row("week_hours", 43.5), nights) == []


def test_a_rolling_week_is_any_seven_days() -> None:
    days = work(*(f"{day} 08-16" for day in (33, 34, 35, 37, 38, 39)))  # Thursday to Saturday, Monday to Wednesday
    assert broken(row("week_hours", 44), days) == []
    assert broken(row("week_hours", 44, rolling=True), days) == [(date(2026, 12, 3), 48.0)]


def test_hours_may_be_averaged_over_weeks() -> None:
    weeks = work(*(f"{day + 7 * week} 08-18" for week in range(2) for day in range(30, 35)))
    assert broken(row("week_hours", 44, weeks=2), weeks) == [(MONDAY, 50.0)]
    assert broken(row("week_hours", 44, weeks=3), weeks) == []


def test_the_hours_of_a_contract_are_a_share() -> None:
    six = work(*(f"{day} 08-16" for day in range(30, 36)))
    assert broken(row("contract_share", 1, strength="cost"), six) == [(MONDAY, 1.2)]


def test_a_daily_rest_is_free_time_within_the_24_hours_from_a_start() -> None:
    limit = row("daily_rest", 11)
    assert broken(limit, work("30 08-21", "31 08-16")) == []
    assert broken(limit, work("30 08-21.5", "31 08-16")) == [(MONDAY, 10.5)]
    assert broken(limit, work("30 14-22", "31 06-14")) == [(MONDAY, 8.0)]
    assert broken(limit, work("30 06-10", "30 14-18", "31 06-10")) == []  # a split shift has one rest
    assert broken(limit, work("30 22-06", "31 22-06")) == []


def test_a_night_of_23_hours_takes_an_hour_of_the_rest() -> None:
    days = [datetime.combine(date(2027, 3, day), time(8)) for day in (27, 28)]
    spring = tuple(WorkPeriod(to_utc(at, PARIS), to_utc(at.replace(hour=21), PARIS)) for at in days)
    assert broken(row("daily_rest", 11), spring, PARIS) == [(date(2027, 3, 27), 10.0)]


def test_a_weekly_rest_counts_for_the_week_that_holds_a_day_of_it() -> None:
    limit = row("weekly_rest", 35)
    six = [f"{day} 08-20" for day in range(30, 36)]
    assert broken(limit, work(*six, "37 07-15")) == []  # Saturday 20:00 to Monday 07:00
    assert broken(limit, work(*six, "37 06.5-15")) == [(MONDAY, 34.5)]
    assert broken(limit, work(*six, "36 08-16", "37 08-16")) == [(MONDAY, 0.0)]


def test_free_days_are_from_midnight_to_midnight() -> None:
    limit = row("free_days", 1)
    nights = [f"{day} 22-06" for day in range(30, 36)]  # the last ends on Sunday
    assert broken(limit, work(*nights)) == [(MONDAY, 0.0)]
    assert broken(limit, work(*nights[:5])) == []


def test_days_are_counted_in_a_week_and_in_a_row() -> None:
    days = work(*(f"{day} 08-12" for day in range(31, 43)))  # twelve, Tuesday to Saturday week
    assert broken(row("days_week", 6), days) == []
    assert broken(row("days_row", 6), days) == [(date(2026, 12, 1), 12.0)]


def test_a_night_worker_has_fewer_hours_from_the_second_night_of_a_week_on() -> None:
    limit = row("night_hours", 8, window="21:00-06:00", least_hours=3, nights=2)
    assert broken(limit, work("30 20-05")) == []
    assert broken(limit, work("30 20-05", "32 20-05")) == [(MONDAY, 9.0), (date(2026, 12, 2), 9.0)]
    assert broken(limit, work("30 14-23", "32 14-23")) == []  # two hours of night


def test_a_break_is_due_once_so_many_hours_are_worked() -> None:
    limit = row("break_minutes", 20, after_hours=6)
    assert broken(limit, work("30 08-14")) == [(MONDAY, 0.0)]
    assert broken(limit, work("30 08-13.75")) == []
    assert broken(limit, work("30 08-16", pause=20)) == []


def test_a_span_is_from_the_first_start_to_the_last_end() -> None:
    assert broken(row("day_span", 12), work("30 06-10", "30 16-19")) == [(MONDAY, 13.0)]


# Metamorphic laws and the recount ---------------------------------------------------------------

MOMENTS = st.integers(0, 16 * 48)
ZONES = st.sampled_from([(CASABLANCA, date(2026, 11, 30)), (PARIS, date(2026, 10, 19)), (PARIS, date(2027, 3, 22))])


@st.composite
def rosters(draw: st.DrawFn) -> tuple[str, tuple[WorkPeriod, ...]]:
    """Draw up to eight periods of half hours in 16 days, over a change of the clocks or not."""
    zone, first = draw(ZONES)
    origin = to_utc(datetime.combine(first, time()), zone)
    periods = []
    for start in draw(st.lists(MOMENTS, max_size=8, unique=True)):
        length = draw(st.integers(1, 26))
        periods.append(
            WorkPeriod.from_shift(
                Shift(
                    "a",
                    origin + start * timedelta(minutes=30),
                    origin + (start + length) * timedelta(minutes=30),
                    draw(st.sampled_from([0, 20])) if length > 4 else 0,
                )
            )
        )
    return zone, tuple(periods)


def judge(country: str, periods: tuple[WorkPeriod, ...], zone: str) -> dict[tuple[str, date], float]:
    found = find_breaches(build_rules(country), WorkRecord.build(periods, zone), 40.0)
    return {(one.row.id, one.day): one.found for one in found}


@pytest.mark.slow
@given(rosters(), st.sampled_from((*COUNTRIES, "BE")))
def test_the_engine_and_the_recount_by_the_minute_find_the_same(
    drawn: tuple[str, tuple[WorkPeriod, ...]], country: str
) -> None:
    zone, periods = drawn
    again = count_breaches(build_rules(country), periods, zone, 40.0)
    assert judge(country, periods, zone) == {key: pytest.approx(found) for key, found in again.items()}


@given(rosters(), st.sampled_from(COUNTRIES), st.integers(1, 25))
def test_a_shift_given_as_two_adjoining_parts_is_the_whole(
    drawn: tuple[str, tuple[WorkPeriod, ...]], country: str, cut: int
) -> None:
    zone, periods = drawn
    whole = tuple(WorkPeriod(one.start, one.end) for one in periods)
    parts = []
    for one in whole:
        middle = min(one.end, one.start + cut * timedelta(minutes=30))
        parts += [WorkPeriod(one.start, middle), *([WorkPeriod(middle, one.end)] if middle < one.end else [])]
    assert judge(country, tuple(parts), zone) == judge(country, whole, zone)


@pytest.mark.slow
@given(rosters(), rosters(), st.sampled_from(COUNTRIES))
def test_what_is_allowed_breaks_no_row_that_the_own_work_did_not(
    drawn: tuple[str, tuple[WorkPeriod, ...]], other: tuple[str, tuple[WorkPeriod, ...]], country: str
) -> None:
    zone, own = drawn
    rules = build_rules(country)
    for proposed in other[1][:1]:
        refused = {
            one.row.id for one in judge_proposal(rules, own, [proposed], zone, 40.0) if one.row.strength == "forbid"
        }
        before, after = (count_breaches(rules, work, zone, 40.0) for work in (own, (*own, proposed)))
        forbids = {one.id: one for one in rules.rows if one.strength == "forbid"}
        worse = {
            name
            for (name, day), found in after.items()
            if name in forbids
            and (
                (name, day) not in before or forbids[name].kind.is_looser(round(found, 6), round(before[name, day], 6))
            )
        }
        assert refused == worse


# The roster of an operator ----------------------------------------------------------------------


def test_the_breaches_of_a_roster_are_named_by_person_and_day() -> None:
    tables = clean_tables()
    tables["shifts"] = [
        {"agent": "a000", "start": f"2026-{11 + (day > 30)}-{day - 30 * (day > 30):02}T08:00"}
        | {"end": f"2026-{11 + (day > 30)}-{day - 30 * (day > 30):02}T16:00", "break_minutes": "0"}
        for day in range(30, 36)
    ]
    tables["teams"] = [one | {"meets_per_fortnight": "0"} for one in tables["teams"]]
    del tables["curfews"]
    operator = check_files(as_csv(tables)).operator
    assert operator is not None
    first, *others = WorkingTime(operator).check_roster()
    assert first.row.strength == "forbid"
    (week,) = (one for one in (first, *others) if one.row.id == "MA-WEEK")
    (breach,) = week.breaches
    assert week.describe(breach) == "a000, 2026-11-30: 48 h of work in a week, at most 44 h"
    assert week.sentence.startswith("MA-WEEK (forbidden): 1 people, 1 times. Normal hours are 44 a week")
    assert "Loi 65-99, art. 184 (the text was read)" in week.sentence


def test_an_own_row_tightens_the_law() -> None:
    own = (WorkingTimeRow("casa-week", "week_hours", 40, "Agreement, art. 3", "MA"),)
    found = find_breaches(
        build_rules("MA", own), WorkRecord.build(work(*(f"{d} 08-17" for d in range(30, 35))), CASABLANCA), 45
    )
    assert {one.row.id for one in found} >= {"MA-WEEK", "casa-week"}


def test_an_own_row_takes_the_place_of_house_policy_on_its_days() -> None:
    own = (WorkingTimeRow("rest", "daily_rest", 10, "Agreement", "MA", date(2026, 12, 1), None),)
    rules = build_rules("MA", own)
    assert "HOUSE-DREST" in rules.find_ids(MONDAY)
    assert "HOUSE-DREST" not in rules.find_ids(date(2026, 12, 1))


@pytest.mark.parametrize(
    ("cells", "column", "said"),
    [
        ({"parameter": "week_hours", "value": "46", "country": "MA"}, "value", "MA-WEEK has 44"),
        ({"parameter": "daily_rest", "value": "10", "country": "FR"}, "value", "FR-DREST has 11"),
        ({"parameter": "day_hours", "value": "11"}, "value", "MA-DAY has 10"),  # every country with a site
        ({"parameter": "night_hours", "value": "8"}, "window", "needs the hours of the night"),
        ({"parameter": "day_hours", "value": "9", "country": "Maroc1"}, "country", "ISO 3166"),
        ({"id": "MA-DAY", "parameter": "day_hours", "value": "9"}, "id", "a row of the law"),
        ({"parameter": "day_hours", "value": "9", "valid_from": "2026-12-02", "valid_to": "2026-12-01"}, "valid_to",
         "ends before"),
    ],
)  # fmt: skip
def test_an_own_row_that_loosens_or_is_not_clear_is_a_fault(cells: dict[str, str], column: str, said: str) -> None:
    tables = clean_tables()
    tables["working_time"] = [{"id": "own-1", "source": "Agreement"} | cells]
    (fault,) = check_files(as_csv(tables)).faults
    assert (fault.table, fault.row, fault.column) == ("working_time", 2, column)
    assert said in fault.reason


def test_own_rows_that_tighten_or_replace_house_policy_are_no_fault() -> None:
    tables = clean_tables()
    tables["working_time"] = [
        {"id": "own-1", "parameter": "week_hours", "value": "42", "country": "MA", "source": "Agreement"},
        {"id": "own-2", "parameter": "daily_rest", "value": "10", "country": "MA", "source": "Agreement"},
        {"id": "own-3", "parameter": "jours sans travail par semaine au moins", "value": "2", "source": "Accord"},
    ]
    checked = check_files(as_csv(tables))
    assert checked.faults == ()
    assert checked.operator is not None
    assert [one.parameter for one in checked.operator.working_time] == ["week_hours", "daily_rest", "free_days"]


def test_a_breach_that_is_there_already_refuses_nothing_that_leaves_it_as_it_is() -> None:
    rules = build_rules("MA")
    long = work("30 08-20")  # twelve hours: MA-DAY is broken as it stands
    assert judge_proposal(rules, long, work("32 08-12"), CASABLANCA, 44) == ()
    worse = judge_proposal(rules, long, work("30 20-21"), CASABLANCA, 44)
    assert [one.row.id for one in worse if one.row.strength == "forbid"] == ["MA-DAY"]
    assert isinstance(worse[0], Breach)
