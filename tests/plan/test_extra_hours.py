"""Longer shifts and people called in: what they bring, whom the rows keep out, and that none breaks one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.network import Agent, Operator, WorkingTimeRow
from releve.network.worktime import WorkingTime
from releve.plan import PlanSettings, plan_day
from releve.plan.checker.working_time import find_working_time_faults
from releve.plan.extra_hours import CALL_IN, EXTENSION, ExtraHours, find_extra_hours, read_period
from tests.plan.tiny_operators import HALF_HOUR, agent, at, operator_of, programme, requirement_of, shift, site


def extra_of(operator: Operator, needs: Mapping[tuple[str, str], float], **more: object) -> ExtraHours:
    need = requirement_of(operator, needs)
    plan = plan_day(operator, need, PlanSettings(), contingencies=())
    return find_extra_hours(operator, plan, need, PlanSettings(), plan.placements, **more)  # type: ignore[arg-type]


def half_hours(first: str, count: int, people: float) -> dict[tuple[str, str], float]:
    hour, minute = map(int, first.split(":"))
    times = [(hour * 60 + minute + 30 * i) for i in range(count)]
    return {("p", f"{at // 60:02}:{at % 60:02}"): people for at in times}


def one_site(people: Sequence[Agent], shifts: Sequence[object], **tables: object) -> Operator:
    return operator_of([site("a")], {"a": (9, 2.0)}, [programme("p", "k")], people, shifts, **tables)  # type: ignore[arg-type]


def test_a_shift_is_made_longer_as_far_as_a_day_goes() -> None:
    operator = one_site([agent("a1", "a", "p")], [shift("a1", "07:00", "16:00")])
    found = extra_of(operator, half_hours("08:00", 20, 1))  # until 18:00
    (proposal,) = found.proposals
    assert (proposal.kind, proposal.placement.end - proposal.placement.start) == (EXTENSION, 2 * HALF_HOUR)
    assert (found.missing_before, found.missing_after, found.missing_without_rows) == (4.0, 2.0, 0.0)
    assert found.lost_share == 0.5
    assert found.violations == ()


@pytest.mark.parametrize(
    ("night", "evening", "start"), [(4, 4, "02:00"), (2, 6, "19:00")], ids=["the night", "the evening"]
)
def test_of_a_night_carried_in_and_the_next_evening_each_is_made_longer(night: int, evening: int, start: str) -> None:
    operator = one_site([agent("a1", "a", "p")], [shift("a1", "-2:00", "2:00"), shift("a1", "20:00", "24:00")])
    needs = half_hours("01:00", night, 1) | half_hours(f"{22 - evening // 2}:00", evening, 1)
    (proposal,) = (found := extra_of(operator, needs)).proposals
    assert (proposal.kind, proposal.placement.start) == (EXTENSION, at(start))
    assert (found.missing_before, found.missing_after) == (2.0, 0.0)


def test_who_is_left_out_is_counted_by_row_with_what_it_would_bring_and_who_decides() -> None:
    operator = one_site([agent("a1", "a", "p")], [shift("a1", "06:00", "16:00")])
    found = extra_of(operator, half_hours("08:00", 20, 1))
    assert found.proposals == ()
    (left,) = found.left_out
    assert (left.row.id, left.people, left.gain) == ("MA-DAY", 1, 4.0)
    assert (found.helpful, found.kept_out, found.lost_share) == (1, 1, 1.0)
    assert "Urgent works alone" in left.row.decides


def test_a_person_off_is_called_in_and_one_who_needs_the_rest_is_not() -> None:
    people = [agent("a1", "a", "p"), agent("a2", "a", "p", carrier="Red"), agent("a3", "a", "p", carrier="Red")]
    night = shift("a2", "20:00", "23:30")
    before = replace(night, start=night.start - timedelta(days=1), end=night.end - timedelta(days=1) + 9 * HALF_HOUR)
    operator = one_site(people, [shift("a1", "08:00", "12:00"), before])
    found = extra_of(operator, half_hours("08:00", 8, 2) | half_hours("12:00", 8, 1))
    assert "a3" in {one.placement.agent for one in found.proposals if one.kind == CALL_IN}
    assert "a2" not in {one.placement.agent for one in found.proposals if one.kind == CALL_IN}


def test_an_own_row_keeps_more_people_out() -> None:
    people = [agent("a1", "a", "p")]
    shifts = [shift("a1", "08:00", "16:00")]
    needs = half_hours("08:00", 20, 1)
    assert extra_of(one_site(people, shifts), needs).missing_after == 0.0
    own = (WorkingTimeRow("own-day", "day_hours", 8.5, "Agreement", "MA"),)
    found = extra_of(one_site(people, shifts, working_time=own), needs)
    assert found.missing_after == 3.0
    assert found.left_out == ()  # one half hour was given


def test_on_a_running_day_hours_begin_when_people_can_be_there_and_lack_notice() -> None:
    people = [agent("a1", "a", "p"), agent("a2", "a", "p", carrier="Red")]
    operator = one_site(people, [shift("a1", "08:00", "12:00")])
    since = requirement_of(operator, {}).starts[20]  # 10:00
    found = extra_of(operator, half_hours("08:00", 24, 2), since=since)
    for one in found.proposals:
        assert one.placement.start >= since
        assert "HOUSE-NOTICE" in one.remarks
    assert {one.kind for one in found.proposals} == {EXTENSION, CALL_IN}


def test_a_lost_place_and_absent_people_are_left_out() -> None:
    people = [agent("a1", "a", "p"), agent("a2", "a", "p", carrier="Red")]
    operator = one_site(people, [shift("a1", "08:00", "12:00")])
    needs = half_hours("12:00", 16, 1)
    assert {one.placement.agent for one in extra_of(operator, needs, absent=("a2",)).proposals} == {"a1"}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Operator, dict[tuple[str, str], float]]:
    """Draw people of three countries with shifts on the days around the planned one, and a need."""
    people, shifts = [], []
    for i in range(draw(st.integers(1, 5))):
        where = draw(st.sampled_from("abc"))
        carrier = draw(st.sampled_from(["", "Red"]))
        people.append(
            agent(f"{where}{i}", where, "p", carrier=carrier, contract_hours=draw(st.sampled_from([30.0, 44.0])))
        )
        for day in draw(st.sets(st.integers(-5, 3), max_size=7)):
            start = draw(st.integers(0, 47))
            one = shift(people[-1].id, "00:00", "00:30")
            first = one.start + timedelta(days=day) + start * HALF_HOUR
            shifts.append(replace(one, start=first, end=first + draw(st.integers(4, 20)) * HALF_HOUR))
    shifts = [
        one
        for k, one in enumerate(shifts)
        if all(other.agent != one.agent or other.end <= one.start or other.start >= one.end for other in shifts[:k])
    ]
    shifts.append(replace(shift(people[0].id, "10:00", "12:00"), agent="z"))
    people.append(agent("z", "a", "p"))
    sites = [site("a", "MA"), site("b", "FR", 33.6, -7.5), site("c", "BE", 33.6, -7.4)]
    operator = operator_of(sites, dict.fromkeys("abc", (40, 2.0)), [programme("p", "k")], people, shifts)
    first, count = draw(st.integers(0, 30)), draw(st.integers(4, 16))
    times = [first * 30 + 30 * i for i in range(count)]
    needs = {("p", f"{at // 60:02}:{at % 60:02}"): float(draw(st.integers(1, 3))) for at in times}
    return operator, needs


@pytest.mark.slow
@given(cases())
def test_no_longer_shift_and_no_call_in_breaks_a_row(drawn: tuple[Operator, dict[tuple[str, str], float]]) -> None:
    operator, needs = drawn
    found = extra_of(operator, needs)
    rostered = WorkingTime(operator).rostered
    work = {
        name: [*rostered.get(name, ()), period]
        for name, period in ((one.placement.agent, read_period(one.placement)) for one in found.proposals)
    }
    assert tuple(find_working_time_faults(operator, work, rostered)) == ()
    assert found.violations == ()
    assert len(work) == len(found.proposals)
    assert found.missing_without_rows <= found.missing_after <= found.missing_before
    assert found.kept_out <= found.helpful
    for left in found.left_out:
        assert left.row.strength == "forbid"
        assert left.people > 0
        assert left.row.decides
