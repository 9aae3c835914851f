"""Two days of one programme and two sites, every figure worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from releve.plugins.crashtest.engine import build_run_arrays
from releve.plugins.crashtest.engine.call_outcomes import build_queue_table, serve
from releve.plugins.crashtest.engine.kernel_types import BINS, Demand, Presence, Rows, Work
from releve.plugins.crashtest.engine.lost_places import (
    CLOSURE,
    FIRST_HAZARD,
    Losses,
    OutageArrays,
    PlaceArrays,
    find_losses,
)
from releve.plugins.crashtest.engine.quarter import simulate_quarters
from releve.plugins.crashtest.engine.run_arrays import _index_reliefs
from tests.crashtest.rough_quarter import build_test

T = 48
KEYS = np.array([0x1234567, 0x89ABCDE], dtype=np.uint64)


def build_places(days: int, reaction: int, several: int) -> PlaceArrays:
    """Two sites with five people each from the half hour 16 up to 32, but for a break in 24."""
    at_place = np.zeros((1, 2, T))
    at_place[:, :, 16:32] = 5.0
    at_place[:, :, 24] = 0.0
    return PlaceArrays(
        calendar=np.zeros(days, dtype=np.int32),
        first_busy=np.full((1, 2), 16, dtype=np.int32),
        at_place=at_place,
        used=np.ones((1, 2), dtype=np.bool_),
        key=KEYS,
        reaction=reaction,
        several=several,
    )


def build_outages(*rows: tuple[float, float, int]) -> OutageArrays:
    """Outages of one quarter: begin and end in hours, place."""
    begin, end, place = zip(*rows, strict=True) if rows else ((), (), ())
    return OutageArrays(
        np.array([0, len(rows)]), np.array(begin, float), np.array(end, float),
        np.array(place, np.int32), np.zeros(len(rows), np.int16),
    )  # fmt: skip


def segments(losses: Losses, day: int) -> list[tuple[int, int, dict[int, bool]]]:
    """Return begin, end, and whether the loss of each lost place is answered."""
    found = []
    for s in range(losses.pointer[day], losses.pointer[day + 1]):
        row = slice(losses.place_pointer[s], losses.place_pointer[s + 1])
        held = dict(zip(losses.place[row].tolist(), losses.answered[row].tolist(), strict=True))
        found.append((int(losses.begin[s]), int(losses.end[s]), held))
    return found


def test_a_loss_is_answered_after_its_wait_and_two_at_once_later() -> None:
    closed = np.zeros((1, 3, 2), dtype=np.bool_)
    closed[0, 1:, 0] = True
    found = find_losses(build_places(3, 1, 2), closed, build_outages((10, 14, 0), (11, 12, 1)), 3)
    assert segments(found, 0) == [
        (20, 21, {0: False}),
        (21, 22, {0: True}),
        (22, 24, {0: True, 1: False}),
        (24, 28, {0: True}),
    ]
    # A closure is answered one half hour after the first is due; on its second day, at once.
    assert segments(found, 1) == [(0, 17, {0: False}), (17, T, {0: True})]
    assert segments(found, 2) == [(0, T, {0: True})]
    assert found.taken[0].tolist() == [[0, 0, 7 * 5 + 2 * 5], [0, 15 * 5, 0], [0, 15 * 5, 0]]
    assert found.lost[0, :, CLOSURE].tolist() == [2 * T, 0]
    assert found.lost[0, :, FIRST_HAZARD].tolist() == [8, 2]
    assert found.closures[0, 0] == 1


def build_demand(kind: int, calls: float, deadline: int = 1) -> Demand:
    """A programme whose work takes half an hour each, in the half hours 16 up to 32."""
    come = np.zeros((1, 1, T))
    come[..., 16:32] = calls
    return Demand(
        calls=come, log_load=np.log(np.maximum(come, 1e-12)), open=come > 0,
        pace=np.ones((1, 1, T)), kind=np.array([kind], dtype=np.int32), available=np.ones(1),
        patience=np.ones(1), occupancy=np.ones(1), deadline=np.array([deadline]),
        least=np.array([0.9]), client=np.zeros(1, dtype=np.int32), penalty=np.ones(1),
        key=np.zeros(1, dtype=np.uint64), busy=np.ones((1, 1)),
        table=build_queue_table(1800.0, 1800.0, 20.0)[None],
    )  # fmt: skip


def build_presence(days: int, *heads: float) -> Presence:
    """States of so many heads each, the first the base plan from which the others are kept as
    changes; a tally of 20 agents."""
    worked = np.zeros((1, 1, T))
    worked[..., 16:32] = 1.0
    worked[..., 24] = 0.0
    zero = np.zeros((1, 1), dtype=np.int32)
    each = np.zeros(len(heads), dtype=np.int32)
    changed = np.array(heads) - (0.0, *heads[:1] * (len(heads) - 1))
    return Presence(
        calendar=np.zeros(days, dtype=np.int32), worked=worked, hours=worked.sum(axis=2),
        first=zero + 16, end=zero + 32, pair_pattern=zero, pair_programme=zero,
        pairs=np.array([1], dtype=np.int32), base=worked * heads[0],
        pointer=np.arange(len(heads) + 1), tally=each, pair=each, heads=changed,
        home=0.0 * changed, tally_size=np.array([20.0]), base_home=0.0 * worked,
        home_shift=np.zeros((1, 1)), home_key=np.zeros(1, dtype=np.uint64),
    )  # fmt: skip


def run_quarter(demand: Demand, who: Presence, losses: Losses, state: list[int], away: list[int]) -> Rows:
    """Return the rows of one quarter."""
    days = len(away)
    work = Work(
        shift=np.zeros(1), base=np.zeros_like(who.base),
        share=np.ones(1), people=np.zeros(1), placed=np.zeros((1, T)), queue=np.zeros((2, 1)),
        come=np.zeros((2, 1, days * T)), opened=np.zeros((2, 1), dtype=np.int64),
        done=np.zeros((2, 1)), out=np.zeros((2, 1, 4)), day=np.zeros((1, 4)),
    )  # fmt: skip
    rows = Rows(
        programme=np.zeros((1, 1, 7)), client=np.zeros((1, 1, 5), dtype=np.int32),
        worst=np.zeros((1, 1)), harm=np.zeros((1, losses.taken.shape[2], 1)),
        fan=np.zeros((days, 1, BINS), dtype=np.int64),
    )  # fmt: skip
    absent: Any = np.array(away, dtype=np.int32).reshape(1, days, 1)
    simulate_quarters(
        demand, who, losses, np.array(state, dtype=np.int64), absent, 0, np.arange(1), work, rows, np.zeros((0, 0, 0))
    )
    return rows


def test_a_day_of_outage_and_illness_loses_what_arithmetic_says() -> None:
    # Ten agents, ten contacts a half hour; two of twenty are away; one site is lost from 20 on;
    # until 21 five are left, then the relief has eight.
    losses = find_losses(build_places(2, 1, 2), np.zeros((1, 2, 2), np.bool_), build_outages((10, 24, 0)), 3)
    assert [row[:2] for row in segments(losses, 0)] == [(20, 21), (21, T)]
    rows = run_quarter(build_demand(1, 10.0), build_presence(2, 10.0, 5.0, 8.0), losses, [1, 2], [2, 0])
    dialled = 0.9 * (4 * 10 + 5 + 10 * 8)
    lost, calm = 160 - dialled, 10.0  # the break of all ten loses ten, disaster or not
    assert rows.programme[0, 0, :2] == pytest.approx([320, lost + calm])
    assert rows.programme[0, 0, 4] == pytest.approx(2 * calm)
    # Away: a tenth of ten people for 15 half hours; the site: five people for eleven.
    ill, hazard = 1.5 * 10, 5 * 11.0
    shared = (lost - calm) * np.array([ill, 0.0, hazard]) / (ill + hazard)
    assert rows.harm[0, :, 0] == pytest.approx(shared)
    assert rows.client[0, 0].tolist() == [2, 1, 2, 0, 0]
    assert rows.worst[0, 0] == pytest.approx(lost / 160)


def test_work_of_a_bad_day_that_is_lost_on_the_next_counts_for_the_bad_day() -> None:
    # Ten agents do ten of the 9.5 items a half hour, due within four. In the break of the first day
    # 9.5 are left, which they work off by half an item a half hour. In the last two half hours no
    # agent is there: done are 126 of 152, late is none (123.5 were due). Next morning they have 206
    # done before the break; in it 209 are due: three are lost, on a day without a cause.
    losses = find_losses(build_places(2, 1, 2), np.zeros((1, 2, 2), np.bool_), build_outages((15, 16, 0)), 3)
    rows = run_quarter(build_demand(2, 9.5, deadline=4), build_presence(2, 10.0, 0.0, 0.0), losses, [1, 2], [0, 0])
    assert rows.programme[0, 0, :2] == pytest.approx([304, 3])
    assert rows.programme[0, 0, 4] == 0.0
    assert rows.worst[0, 0] == pytest.approx(3 / 152)
    assert rows.client[0, 0, 4] == 1
    assert rows.harm[0, :, 0] == pytest.approx([0.0, 0.0, 3.0])


def test_a_relief_of_several_places_is_found_when_one_of_them_has_nobody() -> None:
    test = build_test()
    ready = build_run_arrays(test)
    busy = np.flatnonzero(ready.where.first_busy[0] < T).tolist()
    first, second, empty = busy[0], busy[1], ready.numbers.count + 5
    day = ready.days[0]._replace(first_busy=np.append(ready.days[0].first_busy, [T] * 6))
    plan = {frozenset((first,)): 1, frozenset((first, empty)): 2, frozenset((second, empty)): 3}
    found = _index_reliefs(plan, day)
    assert found[frozenset((first,))] == 1, "the relief of exactly this loss comes first"
    assert found[frozenset((first, empty))] == 2
    assert found[frozenset((second,))] == 3
    assert frozenset() not in found


@pytest.mark.parametrize("calendar", [[0, -1], [0]], ids=["no plan tomorrow", "the last day"])
def test_who_waits_at_midnight_when_nobody_is_planned_is_lost(calendar: list[int]) -> None:
    """A line that is open all day, with two agents for three Erlangs."""
    calls = np.full((1, 1, T), 3.0)
    demand = build_demand(0, 0.0)._replace(calls=calls, log_load=np.log(calls), open=calls > 0)
    all_day = np.ones((1, 1, T))
    who = build_presence(len(calendar), 2.0)._replace(
        calendar=np.array(calendar, dtype=np.int32), worked=all_day, base=2.0 * all_day,
        hours=all_day.sum(axis=2), first=np.zeros((1, 1), np.int32),
        end=np.full((1, 1), T, np.int32),
    )  # fmt: skip
    where = build_places(len(calendar), 1, 2)._replace(calendar=who.calendar)
    losses = find_losses(where, np.zeros((1, len(calendar), 2), np.bool_), build_outages(), 3)
    rows = run_quarter(demand, who, losses, [], [0] * len(calendar))
    lost, waiting = measure_line(demand)
    assert waiting > 0.1
    assert rows.programme[0, 0, :2] == pytest.approx([3.0 * T, lost + waiting])
    assert rows.programme[0, 0, 4] == pytest.approx(lost + waiting)
    # Who is served: what came less what hung up; two agents' work and no more.
    assert 3.0 * T - lost - waiting <= 2.0 * T


def measure_line(demand: Demand) -> tuple[float, float]:
    """Return what a day of two agents loses, and who waits at its end."""
    shapes = ((1,), (1, 1, T), (1,), (1,), (1, T), (2, 1), (2, 1, T))
    work = Work(*map(np.zeros, shapes),
                opened=np.zeros((2, 1), np.int64), done=np.zeros((2, 1)), out=np.zeros((2, 1, 4)),
                day=np.zeros((1, 4)))  # fmt: skip
    serve(demand, work, np.full((1, T), 2.0), 0, 0, 0, 1.0)
    return float(work.out[0, 0, 1]), float(work.queue[0, 0])
