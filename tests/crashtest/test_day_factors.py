"""How busy the days of a quarter are: the law of one day, what two days share, and what no other input moves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import special

from releve.demand.forecast.day_parts import DayParts
from releve.kernels.arrays import Floats
from releve.plugins.crashtest.commands import describe_day_spreads
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME, Demand
from releve.plugins.crashtest.engine.outbreak.rng import derive_key, derive_replication_key, draw_unit, hash_key
from releve.plugins.crashtest.engine.policies import apply_policies
from releve.plugins.crashtest.engine.quarter import draw_day_factors
from releve.plugins.crashtest.engine.result import build_result
from releve.plugins.crashtest.engine.run import run
from releve.plugins.crashtest.engine.run_arrays import BUSY_BINS, CrashTest, build_run_arrays
from tests.crashtest.oracle import Quarter
from tests.crashtest.rough_quarter import PARTS, build_test, run_test

DAYS, QUARTERS = 15, 12_000
OFFERED = PROGRAMME.index("offered")


def draw(demand: Demand, quarters: int, days: int = DAYS) -> Floats:
    """Return the factors ``[quarter, day, programme]``."""
    shared = np.zeros((len(demand.client_key), 1 + -(-days // 7) + days))
    out = np.empty((quarters, days, len(demand.key)))
    for number in range(quarters):
        key: Any = np.uint64(derive_replication_key(3, number))
        draw_day_factors(demand, key, shared, out[number])
    return out


def build_demand(*names: str, clients: tuple[int, ...], parts: DayParts = PARTS) -> Demand:
    """Return programmes that are busy by .15, each of a numbered client."""
    count = len(names)
    return build_run_arrays(build_test()).demand._replace(
        key=np.array([hash_key("programme", name) for name in names]),
        client=np.array([sorted(set(clients)).index(c) for c in clients], dtype=np.int32),
        client_key=np.array([hash_key("client", c) for c in sorted(set(clients))]),
        part_weight=np.array([parts.weights] * count),
        busy=np.stack([build_run_arrays(build_test()).demand.busy[0]] * count),
    )


@cache
def drawn() -> tuple[Demand, Floats, Floats]:
    """Return three programmes of two clients, their factors, and the normal numbers that these stand for."""
    demand = build_demand("a", "b", "c", clients=(1, 1, 2))
    factor = draw(demand, QUARTERS)
    normals = special.ndtri((np.searchsorted(demand.busy[0], factor) + 0.5) / BUSY_BINS)
    return demand, factor, normals


def test_the_factors_are_those_of_plain_python() -> None:
    test = build_test()
    ready = build_run_arrays(test)
    found = draw(ready.demand, 3, test.settings.days)
    for number in (0, 2):
        plain = Quarter(test, ready, number)
        wanted = [[plain.factor(day, p) for p in range(len(test.programmes))] for day in range(test.settings.days)]
        assert np.array_equal(found[number], wanted)


def test_one_day_has_the_mean_and_the_variance_that_it_has_without_parts() -> None:
    _, factor, _ = drawn()
    assert np.abs(factor.mean(axis=0) - 1.0).max() < 0.15 * 4 / np.sqrt(QUARTERS)
    assert factor.var(axis=0) == pytest.approx(np.full(factor.shape[1:], 0.15**2), rel=0.08)


def test_two_days_share_what_their_week_quarter_and_client_say() -> None:
    demand, _, normals = drawn()
    for day, other in ((0, 6), (6, 7), (3, 3), (2, 14)):
        for p, q in product(range(3), repeat=2):
            wanted = PARTS.span + (PARTS.week if day // 7 == other // 7 else 0) + (PARTS.own if day == other else 0)
            wanted *= 1.0 if p == q else PARTS.client if demand.client[p] == demand.client[q] else 0.0
            found = float(np.mean(normals[:, day, p] * normals[:, other, q]))
            assert found == pytest.approx(wanted, abs=0.05), (day, other, p, q)


def test_a_mean_over_days_keeps_what_they_share() -> None:
    _, _, normals = drawn()
    for days, weeks in ((1, 1), (7, 1), (14, 2)):
        wanted = PARTS.span + PARTS.week / weeks + PARTS.own / days
        found = normals[:, :days].mean(axis=1).var(axis=0)
        assert found == pytest.approx(np.full(len(found), wanted), rel=0.08)


def test_without_parts_each_day_is_its_own_number() -> None:
    ready = build_run_arrays(build_test(parts=()))
    found = draw(ready.demand, 5)
    for number, day, p in product(range(5), range(DAYS), range(len(ready.demand.kind))):
        key = derive_key(derive_replication_key(3, number), ready.demand.key[p])
        u = draw_unit(np.uint64(key), day)
        assert found[number, day, p] == ready.demand.busy[p, int(u * BUSY_BINS)]


def test_other_programmes_and_clients_move_no_factor() -> None:
    _, factor, _ = drawn()
    turned = draw(build_demand("c", "b", clients=(2, 1)), 3)
    assert np.array_equal(turned, factor[:3, :, [2, 1]])
    assert np.array_equal(draw(build_demand("b", clients=(1,)), 3), factor[:3, :, [1]]), "one programme"


def test_policies_and_disasters_meet_the_same_days() -> None:
    offered = [
        run_test(test).programme[..., OFFERED]
        for test in (build_test(), build_test(hazards=()), apply_policies(("no-rule",), build_test()))
    ]
    assert np.array_equal(offered[0], offered[1])
    assert np.array_equal(offered[0], offered[2])


def test_quarters_differ_more_and_their_mean_stays() -> None:
    """Of a programme the calls of a quarter vary by the part that its days share, as of one long day."""
    alike, apart = (run_test(build_test(parts=parts)).programme[..., OFFERED] for parts in (build_test().parts, ()))
    busy = alike.mean(axis=0) > 0
    mean = apart.mean(axis=0)[busy]
    assert alike.mean(axis=0)[busy] == pytest.approx(mean, rel=0.05)
    wider = (alike.std(axis=0)[busy] / apart.std(axis=0)[busy]).mean()
    days, weeks = 40, 6
    assert wider == pytest.approx(np.sqrt(days * (PARTS.span + PARTS.week / weeks + PARTS.own / days)), rel=0.25)


@pytest.mark.parametrize("days", [1, 6, 8])
def test_a_quarter_of_few_days_is_the_beginning_of_a_longer_one(days: int) -> None:
    _, factor, _ = drawn()
    assert np.array_equal(draw(build_demand("a", "b", "c", clients=(1, 1, 2)), 2, days), factor[:2, :days])


def describe(test: CrashTest) -> str:
    ready = build_run_arrays(test)
    return " ".join(describe_day_spreads(build_result(test, ready, run(ready, count=2))))


def test_the_command_says_what_was_drawn_and_from_what() -> None:
    test = build_test()
    assert "forecast by 15%; of that variance 30% is common to a quarter, 20% to each week" in describe(test)
    assert "no history measures these shares" in describe(test)
    measured = (replace(PARTS, span=0.4, measured=0.6), *(replace(PARTS, measured=0.2),) * (len(test.parts) - 1))
    text = describe(replace(test, parts=measured))
    assert "30% to 40% is common to a quarter" in text
    assert "history measures 20% to 60% of these shares, the rest is the default" in text
    for other in (replace(test, busyness=()), replace(test, parts=())):
        assert not describe(other), "days that do not stray, or each by itself"
