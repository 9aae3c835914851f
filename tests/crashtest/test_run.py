"""The join: against a quarter in plain Python, and by laws, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.network import Floor, Seat, Zone
from releve.plan import PlannedSite, list_contingencies, plan_day
from releve.plugins.crashtest.engine import CrashTest, Runner, Settings, build_run_arrays, join_quarters, run
from releve.plugins.crashtest.engine.comparison import Case, compare
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from tests.crashtest.oracle import Quarter
from tests.crashtest.rough_quarter import DAYS, are_same, build_test, plan_operator, run_test
from tests.plan.running_day import running_day


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
    # A hundredth of a call: a place lost only while no agent is due there took no agents,
    # yet its relief may move others; before the first cause of a quarter no cause is charged.
    assert np.allclose(harm, beyond, rtol=1e-9, atol=0.01)


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
