"""The loop of simulation and planning: it ends, keeps the best plan, and says why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from releve.demand import Requirement
from releve.plan import Plan, SolvedDay
from releve.plan.simulation_check import SimulatedDay
from releve.plan.week import VerificationProgress, VerifiedDay, verify_days
from tests.plan.wave_day import build_demand, operator, solve_unprotected, verify_wave


@pytest.fixture(scope="module")
def held() -> VerifiedDay:
    return verify_wave(30)


def test_planned_again_until_every_half_hour_holds(held: VerifiedDay) -> None:
    assert held.why == "held"
    assert 1 <= held.round <= 5
    assert held.before.misses().any()
    assert not held.after.misses().any()
    need = held.solved.need
    assert (need.on_phone >= held.before.found.requirement.on_phone).all()
    assert held.after.found.requirement is need


def test_a_plan_that_gets_no_better_is_not_kept() -> None:
    of = operator(14)
    worse = solve_unprotected(of, build_demand(of)[1])
    found = verify_wave(30, solved=worse)
    assert (found.round, found.why) == (0, "no better")
    assert found.solved is not worse
    assert found.after is found.before


def test_each_day_has_its_own_end() -> None:
    of = operator(30)
    forecast, need = build_demand(of)
    calm = replace(forecast, mean=forecast.mean / 2)
    asked: list[int] = []

    def again(needs: Sequence[Requirement]) -> list[SolvedDay]:
        asked.append(len(needs))
        return [solve_unprotected(of, one) for one in needs]

    solved = solve_unprotected(of, need)
    first, second = verify_days(of, [calm, forecast], [solved, solved], again, rounds=3, replications=100)
    assert (first.round, first.why) == (0, "held")
    assert second.round >= 1
    assert set(asked) == {1}


class Recorder(VerificationProgress):
    """Records what a verification reports."""

    def __init__(self) -> None:
        self.rounds: list[tuple[int, tuple[int, float]]] = []
        self.days: dict[int, list[int]] = {}
        self.reliefs: list[tuple[int, int]] = []

    def simulate(self, day: date, number: int, done: int, of: int) -> None:
        assert 0 <= done <= of == 100
        self.days.setdefault(number, []).append(done)

    def finish_round(self, number: int, day: SimulatedDay) -> None:
        self.rounds.append((number, day.badness))

    def simulate_reliefs(self, plan: Plan, done: int, of: int) -> None:
        self.reliefs.append((done, of))


def test_progress_reports_every_round_and_relief() -> None:
    seen = Recorder()
    found = verify_wave(30, rounds=1, progress=seen)
    assert seen.rounds == [(0, found.before.badness), (1, found.after.badness)]
    assert all(done[0] == 0 and done[-1] == 100 for done in seen.days.values())
    total = seen.reliefs[-1][1]
    assert seen.reliefs == [(done, total) for done in range(total + 1)]
