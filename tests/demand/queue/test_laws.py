"""Laws that hold whatever the figures."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from releve.demand.queue import Centre, CentreSpec, Distribution, QueueOutcome, QueueOverflow, simulate
from releve.demand.queue.model import COUNTS
from tests.demand.queue.test_oracle import CASES, two_and_three

FIELDS = (*COUNTS, "wait_answered_s", "wait_abandoned_s")


def same(one: QueueOutcome, other: QueueOutcome, names: tuple[str, ...] = ("orders", "claims")) -> bool:
    """Return whether the programmes of these names met the same, to the last bit."""
    first = [one.centre.programmes.index(name) for name in names]
    second = [other.centre.programmes.index(name) for name in names]
    return all(np.array_equal(getattr(one, what)[:, :, first], getattr(other, what)[:, :, second]) for what in FIELDS)


def beside(extra: str, **more: Any) -> Centre:
    """The two programmes with a third between them without calls."""
    given: dict[str, Any] = {
        "programmes": ["orders", extra, "claims"],
        "calls": [[20, 0, 10], [40, 0, 15], [20, 0, 30]],
        "aht_s": [[200, 9, 300], [220, 9, 310], [180, 9, 320]],
        "patience_s": [120, 9, 90],
        "call_rank": [[0, 1, -1], [0, 0, 0], [-1, 0, 0]],
        "agent_rank": [[0, 1, -1], [0, 0, 0], [-1, 0, 0]],
    }
    return two_and_three(**{**given, **more})


@pytest.mark.parametrize("extra", ["a", "returns", "zz"])
def test_a_programme_nobody_calls_changes_nothing(extra: str) -> None:
    day = {"day_factor_cv": 0.3}
    assert same(simulate(two_and_three(**day), 5, seed=1), simulate(beside(extra, **day), 5, seed=1))


@pytest.mark.parametrize("extra", ["a", "west", "zz"])
def test_a_group_without_agents_changes_nothing(extra: str) -> None:
    more = two_and_three(
        groups=["north", extra, "both", "south"],
        agents=[[4, 0, 2, 3], [3, 0, 3, 2], [4, 0, 1, 4]],
        call_rank=[[0, 0, 1, -1], [-1, 0, 0, 0]],
        agent_rank=[[0, 0, 1, -1], [-1, 0, 0, 0]],
    )
    found, plain = simulate(more, 5, seed=1), simulate(two_and_three(), 5, seed=1)
    assert same(plain, found)
    assert np.array_equal(plain.busy_s, found.busy_s[:, :, [0, 2, 3]])


def test_the_order_of_groups_and_programmes_is_irrelevant() -> None:
    plain = two_and_three(redial=[0.7, 0.4], transfer=[[0, 0.3], [0.1, 0]])
    turned = two_and_three(
        programmes=["claims", "orders"],
        groups=["south", "north", "both"],
        calls=plain.calls[:, ::-1],
        aht_s=plain.aht_s[:, ::-1],
        agents=plain.agents[:, [2, 0, 1]],
        patience_s=plain.patience_s[:, ::-1],
        call_rank=plain.call_rank[::-1][:, [2, 0, 1]],
        agent_rank=plain.agent_rank[::-1][:, [2, 0, 1]],
        redial=[0.4, 0.7],
        transfer=[[0, 0.1], [0.3, 0]],
    )
    one, other = simulate(plain, 5, seed=2), simulate(turned, 5, seed=2)
    assert same(one, other)
    assert np.array_equal(one.busy_s[:, :, [2, 0, 1]], other.busy_s)


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_threads_and_any_split_give_the_same_bits(case: str) -> None:
    one = simulate(CASES[case], 13, seed=3)
    threads = simulate(CASES[case], 13, seed=3, threads=3)
    parts = [simulate(CASES[case], n, seed=3, first=at) for at, n in ((0, 4), (4, 9))]
    for what in (*FIELDS, "busy_s", "staffed_s", "events"):
        assert np.array_equal(getattr(one, what), getattr(threads, what))
        split = np.concatenate([getattr(part, what) for part in parts])
        assert np.array_equal(getattr(one, what), split)


def test_another_seed_is_another_day() -> None:
    one, other = (simulate(two_and_three(), 3, seed=seed).offered for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_both_plans_meet_the_same_callers() -> None:
    few, many = (simulate(two_and_three(agents=n), 4, seed=4) for n in (2, 9))
    assert np.array_equal(few.offered, many.offered)


@pytest.mark.parametrize("group", [0, 1, 2])
def test_one_more_agent_never_hurts_in_expectation(group: int) -> None:
    plain = two_and_three()
    more = plain.agents.copy()
    more[:, group] += 1
    better = dataclasses.replace(plain, agents=more)
    before, after = (simulate(centre, 400, seed=5) for centre in (plain, better))
    gain = (after.within - before.within).sum(axis=(1, 2))
    fewer = (before.abandoned - after.abandoned).sum(axis=(1, 2))
    assert gain.mean() > 3.3 * gain.std() / 20
    assert fewer.mean() > 3.3 * fewer.std() / 20


def test_one_more_agent_is_measured_fifteen_times_closer_on_the_same_calls() -> None:
    """The variance of a difference, keyed numbers against independent days."""
    calls = np.full((20, 1), 250.0)
    plan = [CentreSpec(["a"], np.arange(21) * 1800.0, calls, 300, n, patience_s=120).build() for n in (42, 43)]
    few, many = (simulate(centre, 200, seed=6) for centre in plan)
    other = simulate(plan[1], 200, seed=7)

    def service(found: QueueOutcome) -> np.ndarray[Any, Any]:
        return np.asarray(found.within.sum((1, 2)) / found.offered.sum((1, 2)))

    keyed, apart = service(many) - service(few), service(other) - service(few)
    assert apart.var() > 15 * keyed.var()


def test_fewer_places_only_ever_take_callers_away_from_the_line() -> None:
    loose, tight = (simulate(two_and_three(waiting_places=n), 50, seed=8) for n in (-1, 1))
    assert loose.blocked.sum() == 0
    assert tight.blocked.sum() > 0
    assert tight.abandoned.sum() < loose.abandoned.sum()


def test_who_stays_to_finish_is_busy_and_present_after_she_should_have_left() -> None:
    """One agent until 60 s, calls of 100 s each, a call in the first minute for certain."""
    centre = CentreSpec(
        ["a"], [0.0, 60.0, 200.0], [[100], [0]], 100, [[1], [0]], service=Distribution("constant")
    ).build()
    found = simulate(centre, 1)
    assert found.answered.sum() == 1
    assert found.left.sum() == found.offered.sum() - 1
    assert found.busy_s.sum() == pytest.approx(100.0)
    assert found.staffed_s[0, :, 0] == pytest.approx([60.0, found.busy_s[0, 1, 0], 0.0])


def test_room_grows_and_a_centre_beyond_it_is_refused() -> None:
    centre = CentreSpec(["a"], [0.0, 3600.0], 5000, 600, 1).build()
    assert simulate(centre, 1).offered.sum() > 4000
    with pytest.raises(QueueOverflow, match="expected at most 1000 calls in the centre at once"):
        simulate(centre, 1, most_calls=1000)


def test_progress_is_reports_and_ends_with_all() -> None:
    reports: list[tuple[int, int]] = []
    simulate(two_and_three(), 30, progress=lambda *said: reports.append(said))
    assert reports[-1] == (30, 30)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
