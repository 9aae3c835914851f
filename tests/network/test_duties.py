"""The roster's rows joined to duties, and the border of planning days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from releve.network import Shift, find_faults, write_operator
from releve.network.duties import join_shifts
from releve.network.sample import sample_operator
from releve.plan.roster import select_duties
from tests.plan.night_operators import night_operator

DAY = date(2026, 12, 2)
GAP = timedelta(hours=8)


def row(start: str, end: str, pause: float = 0.0, agent: str = "a") -> Shift:
    """Return a shift from times like ``2 22:00`` of December 2026, in UTC."""
    at = [datetime.strptime(f"2026-12-{text} +0000", "%Y-%m-%d %H:%M %z").astimezone(UTC) for text in (start, end)]
    return Shift(agent, at[0], at[1], pause)


def spans(*rows: Shift) -> list[list[tuple[str, str, float]]]:
    return [
        [(f"{one.start:%d %H:%M}", f"{one.end:%d %H:%M}", one.break_minutes) for one in duty.periods]
        for duty in join_shifts(rows, GAP)
    ]


def test_rows_that_adjoin_are_one_period_with_the_breaks_of_both() -> None:
    assert spans(row("02 22:00", "03 00:00", 15), row("03 00:00", "03 06:00", 15)) == [[("02 22:00", "03 06:00", 30)]]


def test_a_gap_shorter_than_a_daily_rest_is_that_of_a_split_shift() -> None:
    assert len(spans(row("02 06:00", "02 10:00"), row("02 14:00", "02 18:00"))) == 1
    assert len(spans(row("02 06:00", "02 10:00"), row("02 18:00", "02 22:00"))) == 2
    (duty,) = join_shifts([row("02 14:00", "02 18:00"), row("02 06:00", "02 10:00")], GAP)
    assert [(f"{a:%H:%M}", f"{b:%H:%M}") for a, b in duty.gaps] == [("10:00", "14:00")]


def test_a_short_rest_between_two_days_of_work_joins_nothing() -> None:
    assert len(spans(row("02 14:00", "02 23:00"), row("03 06:00", "03 14:00"))) == 2


def test_people_and_the_order_of_the_rows_are_kept() -> None:
    rows = [row("03 08:00", "03 16:00", agent="b"), row("02 08:00", "02 16:00", agent="a")]
    assert [duty.agent for duty in join_shifts(rows, GAP)] == ["b", "a"]


@pytest.mark.parametrize("day_starts", ["00:00", "02:30", "04:00", "23:30"])
@pytest.mark.parametrize("day", [DAY, date(2026, 10, 25), date(2027, 3, 28)])
def test_days_lie_side_by_side_wherever_they_begin(day_starts: str, day: date) -> None:
    operator = night_operator(1, day, 1)
    operator = replace(operator, row=replace(operator.row, day_starts=day_starts))
    first, last = operator.day_bounds(day)
    assert operator.day_bounds(day - timedelta(days=1))[1] == first
    assert operator.day_bounds(day + timedelta(days=1))[0] == last
    at = first
    while at < last:
        assert operator.find_day(at) == day
        at += timedelta(minutes=30)


def test_the_duties_of_a_day_are_those_with_work_in_it_each_with_a_key_of_its_own() -> None:
    shifts = (
        row("01 22:00", "02 06:00"),
        row("02 14:30", "02 18:30"),
        row("03 02:30", "03 06:00"),
        row("02 08:00", "02 12:00", agent="b"),
    )
    operator = replace(night_operator(1, DAY, 1, "Europe/Paris"), shifts=shifts)
    found = select_duties(operator, DAY)
    assert {key: f"{duty.start:%d %H:%M}" for key, duty in found.items()} == {
        "a|carried": "01 22:00", "a": "02 14:30", "b": "02 08:00",
    }  # fmt: skip
    early = replace(operator, shifts=(row("02 00:00", "02 04:00"), row("02 12:00", "02 16:00")))
    assert {key: f"{duty.start:%H:%M}" for key, duty in select_duties(early, DAY).items()} == {
        "a": "00:00", "a|2": "12:00",
    }  # fmt: skip


def test_a_border_off_the_half_hour_is_refused() -> None:
    operator = sample_operator(50, 2, 1, weeks_of_history=2)
    wrong = replace(operator, row=replace(operator.row, day_starts="04:15"))
    right = replace(operator, row=replace(operator.row, day_starts="04:30"))
    refused, kept = ([fault.column for fault in find_faults(write_operator(one))[1]] for one in (wrong, right))
    assert "day_starts" in refused
    assert "day_starts" not in kept


def leave(*spans_away: tuple[str, str]) -> list[tuple[datetime, datetime]]:
    return [(found.start, found.end) for found in (row(start, end) for start, end in spans_away)]


@pytest.mark.parametrize(
    ("away", "left"),
    [
        ([("02 09:00", "02 10:00")], [("08:00", "09:00", 0), ("10:00", "16:30", 30)]),
        ([("01 00:00", "02 08:00"), ("02 16:30", "09 00:00")], [("08:00", "16:30", 30)]),
        ([("02 12:15", "03 00:00")], [("08:00", "12:15", 30)]),
        ([("02 12:00", "03 00:00")], [("08:00", "12:00", 0)]),
        ([("02 08:00", "02 10:00"), ("02 09:00", "02 12:00")], [("12:00", "16:30", 30)]),
        ([("01 00:00", "02 12:00"), ("02 12:00", "03 00:00")], []),
    ],
)  # fmt: skip
def test_an_absence_leaves_the_rest_of_a_duty_and_the_break_to_its_longer_half(
    away: list[tuple[str, str]], left: list[tuple[str, str, float]]
) -> None:
    (duty,) = join_shifts([row("02 08:00", "02 16:30", 30)], GAP)
    found = duty.leave_out(leave(*away))
    periods = () if found is None else found.periods
    assert [(f"{one.start:%H:%M}", f"{one.end:%H:%M}", one.break_minutes) for one in periods] == left
