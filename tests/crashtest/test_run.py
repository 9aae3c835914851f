"""The join: by hand, against a quarter in plain Python, by laws bit for bit; what does not belong is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from releve.demand.forecast.day_parts import DayParts
from releve.network import Floor, Seat, Zone, sample_operator
from releve.plan import PlannedSite, list_contingencies, plan_day
from releve.plugins.crashtest.engine.call_outcomes import build_queue_table, serve
from releve.plugins.crashtest.engine.comparison import Case, compare
from releve.plugins.crashtest.engine.kernel_types import BINS, PROGRAMME, Demand, Presence, Rows, Work
from releve.plugins.crashtest.engine.lost_places import (
    CLOSURE,
    FIRST_HAZARD,
    Losses,
    OutageArrays,
    PlaceArrays,
    find_losses,
)
from releve.plugins.crashtest.engine.outages import OutagesOverflowError, draw_outages
from releve.plugins.crashtest.engine.outbreak import PoolOverflowError, simulate
from releve.plugins.crashtest.engine.policies import apply_policies, rank_mixes
from releve.plugins.crashtest.engine.quarter import simulate_quarters
from releve.plugins.crashtest.engine.run import Runner, join_quarters, run
from releve.plugins.crashtest.engine.run_arrays import CrashTest, _index_reliefs, build_run_arrays
from releve.plugins.crashtest.engine.settings import CrashTestError, OtherOperator, Settings
from tests.crashtest.oracle import Quarter
from tests.crashtest.rough_quarter import CONTROLS, DAYS, HAZARDS, PARTS, are_same, build_test, plan_operator, run_test
from tests.plan.planner_parts import running_day


def test_a_quarter_is_that_of_plain_python() -> None:
    test = build_test()
    ready = build_run_arrays(test)
    fresh = Runner(ready)
    several = 0
    for replication in (0, 3):
        plain = Quarter(test, ready, replication)
        kernel = np.zeros((DAYS, len(test.programmes), 48))
        found = fresh.run(replication, 1, kernel)
        placed = [plain.placed(day) for day in range(DAYS)]
        assert np.allclose(kernel, placed, rtol=0, atol=1e-9)
        for p, row in enumerate(test.programmes):
            if row.kind == "inbound":
                wanted = plain.inbound(p, placed)
                assert np.allclose(found.programme[0, p, :3], wanted, rtol=5e-4, atol=1e-6)
        several += sum(len(day[t]) > 1 for day in plain.lost for t in range(48))
    assert several > 0, "no half hour with two losses: a rougher quarter is needed"


def measured(width: float) -> CrashTest:
    """The rough test with home efficiency known within ``width`` on either side."""
    test = build_test()
    rows = tuple(
        replace(
            row,
            home_efficiency_low=row.home_efficiency * (1 - width),
            home_efficiency_high=row.home_efficiency * (1 + width),
        )
        for row in test.operator.programmes
    )
    return replace(test, operator=replace(test.operator, programmes=rows))


def test_a_quarter_of_a_measured_efficiency_is_that_of_plain_python() -> None:
    test = measured(0.3)
    ready = build_run_arrays(test)
    for replication in (0, 3):
        plain = Quarter(test, ready, replication)
        kernel = np.zeros((DAYS, len(test.programmes), 48))
        Runner(ready).run(replication, 1, kernel)
        placed = [plain.placed(day) for day in range(DAYS)]
        assert np.allclose(kernel, placed, rtol=0, atol=1e-9)


def test_an_interval_without_width_changes_no_bit() -> None:
    assert are_same(run_test(build_test()), run_test(measured(0.0)))


def test_an_interval_changes_calls_in_the_direction_drawn_and_no_disaster() -> None:
    test = measured(0.3)
    point, drawn = run_test(build_test()), run_test(test)
    assert np.array_equal(point.lost, drawn.lost)
    assert np.array_equal(point.outbreak, drawn.outbreak)
    presence = build_run_arrays(test).presence
    calm, busy = PROGRAMME.index("calm_lost"), presence.base_home.any(axis=(0, 2))
    assert busy.any()
    worse = better = 0
    for replication in range(len(drawn)):
        quarter = Quarter(test, build_run_arrays(test), replication) if replication < 8 else None
        for p in np.flatnonzero(busy) if quarter else ():
            change = drawn.programme[replication, p, calm] - point.programme[replication, p, calm]
            below = quarter is not None and quarter.home_factor(int(p)) < 1
            worse += below and change > 0
            better += not below and change < 0
            assert change >= -1e-9 if below else change <= 1e-9
    assert worse
    assert better


def test_threads_and_parts_change_no_bit() -> None:
    settings = Settings(quarters=130, days=DAYS, seed=3, nearest=True)
    ready = build_run_arrays(build_test(settings=settings))
    whole = run(ready)
    assert are_same(whole, run(ready, threads=2))
    parts = [run(ready, first=first, count=count) for first, count in ((70, 60), (0, 7), (7, 63))]
    assert are_same(whole, join_quarters(parts))
    with pytest.raises(ValueError, match="the next part begins at 60"):
        join_quarters([parts[0], run(ready, count=60)])


def test_the_order_of_sites_changes_no_bit() -> None:
    operator, plan = plan_operator()
    turned = replace(operator, sites=operator.sites[::-1])
    one, two = run_test(build_test()), run_test(build_test(turned, plan))
    assert np.array_equal(one.programme, two.programme)
    assert np.array_equal(one.client, two.client)
    assert np.array_equal(one.outbreak, two.outbreak)
    last = len(operator.sites)
    assert np.array_equal(one.lost[:, :last], two.lost[:, :last][:, ::-1])


def test_an_empty_site_and_an_isolated_person_change_nothing_else() -> None:
    operator, plan = plan_operator()
    site = replace(operator.sites[0], id="zz-empty", name="Empty", lat=-40.0, lon=-70.0)
    extra = replace(
        operator.agents[0], id="zz-alone", home_site="zz-empty", home_ready=False, carrier="",
        stop="", own_transport=True,
    )  # fmt: skip
    larger = replace(
        operator,
        sites=(*operator.sites, site),
        floors=(*operator.floors, Floor("zz-f", "zz-empty")),
        zones=(*operator.zones, Zone("zz-z", "zz-f", 500.0, 3.0)),
        seats=(*operator.seats, Seat("zz-s", "zz-z", 0.0, 0.0)),
    )
    room = PlannedSite("zz-empty", "Empty", site.destination, site.time_zone, 1, (), 0, True)
    opened = replace(plan, sites=(*plan.sites, room))
    one = run_test(build_test())
    for other in (larger, replace(larger, agents=(*operator.agents, extra))):
        two = run_test(build_test(other, opened))
        assert np.array_equal(one.programme, two.programme)
        assert np.array_equal(one.client, two.client)
        assert np.array_equal(one.fan, two.fan)


def test_a_quarter_without_disasters_is_calm() -> None:
    test = build_test(hazards=())
    quiet = replace(test, scenario=replace(test.scenario, importation=None))
    found = run_test(quiet)
    lost, calm = (PROGRAMME.index(name) for name in ("lost", "calm_lost"))
    assert np.array_equal(found.programme[..., lost], found.programme[..., calm])
    assert not found.harm.any()
    assert not found.lost.any()


def test_the_harm_of_the_causes_is_what_is_lost_beyond_the_calm_quarter() -> None:
    found = run_test(build_test())
    lost, calm = (PROGRAMME.index(name) for name in ("lost", "calm_lost"))
    beyond = (found.programme[..., lost] - found.programme[..., calm]).sum(axis=1)
    harm = found.harm.sum(axis=(1, 2))
    assert beyond.max() > 0
    # But for a place lost only while no agent is due there, which took no agents, yet its relief may move
    # others: before the first cause of a quarter no cause is charged.
    assert np.isclose(harm, beyond, rtol=1e-9, atol=1e-9).mean() >= 0.9
    assert np.allclose(harm, beyond, rtol=1e-4)


def test_calls_are_neither_made_nor_dropped() -> None:
    found = run_test(build_test())
    offered, lost, within = (PROGRAMME.index(name) for name in ("offered", "lost", "within"))
    p = found.programme
    assert (p[..., lost] >= 0).all()
    assert (p[..., lost] + p[..., within] <= p[..., offered] * (1 + 1e-9)).all()
    assert (found.client[..., 1] <= found.client[..., 0]).all()


def test_a_later_answer_never_helps() -> None:
    early, late = (
        run_test(build_test(settings=Settings(40, DAYS, 3, wait, wait + 1, nearest=True))) for wait in (0, 16)
    )
    weight = np.array([row.penalty_per_missed_call for row in build_test().programmes])
    lost = PROGRAMME.index("lost")
    assert (early.programme[..., lost] @ weight).sum() < (late.programme[..., lost] @ weight).sum()


def test_more_home_ready_agents_never_hurt_in_expectation() -> None:
    operator, _ = plan_operator()
    case, _ = running_day(120)
    carrier = next(row.carrier for row in operator.agents if row.carrier)
    ready = tuple(
        row if row.home_ready else replace(row, home_ready=True, line_type="fibre", line_mbps=50.0, carrier=carrier)
        for row in operator.agents
    )
    larger = replace(operator, agents=ready)
    lost = [row for row in list_contingencies(larger) if row.kind in ("site", "carrier")]
    plan = plan_day(larger, case.requirement, case.settings, contingencies=lost)
    found = []
    for label, test in (("as it is", build_test()), ("all home-ready", build_test(larger, plan))):
        prepared = build_run_arrays(test)
        found.append(Case(label, test, prepared, run(prepared)))
    assert compare(*found).penalty.high < 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Settings(quarters=0), "expected quarters >= 1, got 0"),
        (lambda: Settings(days=0), "1 <= days"),
        (lambda: Settings(seed=-1), "0 <= seed"),
        (lambda: Settings(reaction_intervals=49), "reaction_intervals <= 48"),
        (lambda: Settings(target=1.0), "0 <= target < 1"),
        (lambda: build_test(settings=Settings(days=DAYS + 1)), "an outbreak of as many days as the test"),
        (lambda: build_test(plans=()), "a plan of at least one day"),
        (lambda: build_test(needs=()), "a requirement for each plan"),
        (lambda: build_test(busyness=(0.1, 0.2, 0.3)), "busyness of"),
        (lambda: build_test(parts=(PARTS,)), "parts of .* programmes, got 1"),
        (lambda: build_test(busyness=(-0.1,) * len(plan_operator()[1].programmes)), "0 <= busyness < 3"),
        (lambda: run(build_run_arrays(build_test()), count=0), "expected quarters >= 1, got 0"),
    ],
)
def test_a_parameter_out_of_range_is_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(CrashTestError, match=message):
        wrong()


def test_a_programme_without_calls_is_held_to_the_target_of_its_plan() -> None:
    _, plan = plan_operator()
    own = replace(plan, settings={**plan.settings, "target": 0.2})
    strict = build_test(plans=(own,), settings=Settings(quarters=2, days=DAYS, target=0.01))
    assert build_test(plans=(own,)).target == 0.2
    assert strict.target == 0.01
    least = build_run_arrays(build_test(plans=(own,))).demand.least
    kinds = [row.kind for row in build_test().programmes]
    assert {round(least[p], 9) for p, kind in enumerate(kinds) if kind != "inbound"} <= {0.8}
    test = build_test(plans=(own,))
    with pytest.raises(CrashTestError, match=r"different targets \(0.2 and 0.3\): say what"):
        replace(test, plans=(own, replace(own, settings={**own.settings, "target": 0.3})), needs=test.needs * 2)


def test_a_plan_of_another_operator_is_refused() -> None:
    _, plan = plan_operator()
    with pytest.raises(OtherOperator, match=r"another operator: its name .*plan this operator again"):
        build_test(sample_operator(120, 4, 9), plan)
    stranger = replace(plan.placements[0], agent="unknown")
    with pytest.raises(OtherOperator, match="places agent unknown"):
        build_test(plans=(replace(plan, placements=(stranger,)),))


def test_the_requirement_of_another_day_and_a_day_of_46_half_hours_are_refused() -> None:
    _, plan = plan_operator()
    test = build_test()
    other = replace(test.needs[0], day=plan.day.replace(day=1))
    with pytest.raises(CrashTestError, match="forecast the day of the plan"):
        build_test(needs=(other,))
    short = replace(plan, starts=plan.starts[:46])
    with pytest.raises(CrashTestError, match="because the clocks change"):
        build_test(plans=(short,))


def test_a_zone_without_volume_is_refused() -> None:
    operator, _ = plan_operator()
    with pytest.raises(ValueError, match=r"zones.volume_m3 must be more than 0, got 0.0"):
        replace(operator.zones[0], volume_m3=0.0)


def test_too_little_room_raises_and_nothing_is_dropped() -> None:
    test = build_test()
    with pytest.raises(PoolOverflowError, match="give a larger pool"):
        simulate(test.scenario, CONTROLS, replications=20, pool=2)
    places = build_run_arrays(test).numbers.places
    with pytest.raises(OutagesOverflowError, match="outages <= 3"):
        draw_outages(HAZARDS, places, days=DAYS, seed=1, replications=20, most=3)


def test_a_weekday_without_a_plan_is_left_out_and_named() -> None:
    test = build_test(settings=Settings(quarters=2, days=DAYS))
    ready = build_run_arrays(test)
    assert ready.unplanned == (1, 2, 3, 4, 5, 6)
    days = run(ready).client[:, :, 0]
    assert days.max() == 6, "six Mondays in forty days from a Monday"


def test_a_programme_whose_volume_is_not_known_is_named_and_has_no_calls() -> None:
    test: CrashTest = build_test()
    calls = test.needs[0].calls.copy()
    calls[:, 0] = float("nan")
    name = test.programmes[0].id
    ready = build_run_arrays(replace(test, needs=(replace(test.needs[0], calls=calls, unknown={name: "x"}),)))
    assert ready.unknown == (name,)
    assert not run(ready, count=2).programme[:, 0].any()


def test_the_best_mix_is_the_one_with_the_least_penalty_that_the_budget_buys() -> None:
    prices = {"masks": 10.0, "air": 20.0, "visits": 5.0}
    saves = {"masks": 30.0, "air": 50.0, "visits": 0.0}

    def penalty_of(chosen: tuple[str, ...]) -> float:
        return 100.0 - sum(saves[name] for name in chosen)

    assert rank_mixes(tuple(prices), prices, 30.0, penalty_of)[0].measures == ("masks", "air")
    assert rank_mixes(tuple(prices), prices, 25.0, penalty_of)[0].measures == ("air",)
    assert [one.measures for one in rank_mixes(tuple(prices), prices, 4.0, penalty_of)] == [()]
    with pytest.raises(CrashTestError, match="policy is one of as-given"):
        apply_policies(("prayer",), build_test())


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
        part_weight=np.array([DayParts().weights]), client_key=np.zeros(1, dtype=np.uint64),
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
        factor=np.zeros((days, 1)), shared=np.zeros((1, 2 * days + 1)),
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
                day=np.zeros((1, 4)), factor=np.zeros((1, 1)), shared=np.zeros((1, 3)))  # fmt: skip
    serve(demand, work, np.full((1, T), 2.0), 0, 0, 0, 1.0)
    return float(work.out[0, 0, 1]), float(work.queue[0, 0])
