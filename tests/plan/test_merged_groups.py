"""Groups that only a stop tells apart are one group where no vehicle limits them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.plan import list_contingencies
from releve.plan.candidate_groups import MergedGroups, merge_groups
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.n1_program import add_n1_day, solve_n1_program
from releve.plan.scenario_lp import build_layout
from tests.plan.test_rides import SETTINGS, build_operator, build_problem


def merge(vehicles: int) -> MergedGroups:
    problem = build_problem(vehicles)
    return merge_groups(problem, build_layout(problem).rides)


def test_what_is_left_are_the_groups_of_an_operator_without_vehicles() -> None:
    assert len(merge(12).problem.size) == len(build_problem(0).size) < len(merge(12).full.size)


def test_groups_that_no_run_can_bring_stay_apart() -> None:
    """They may not work where the others of their group may."""
    problem = build_problem(12)
    fleet = problem.fleet
    assert fleet is not None
    near = replace(fleet, settings=replace(fleet.settings, max_ride_minutes=20))
    far = replace(problem, fleet=near)
    rides = build_layout(far).rides
    assert rides is not None
    found = merge_groups(far, rides)
    kept = [group.stop for group in found.problem.groups.groups]
    assert len(kept) > len(merge(12).problem.size)
    served = {rides.visits[visit] for visit in rides.runs.call_visit.tolist()}
    for j, row in enumerate(rides.row.tolist()):
        ways = {(wave[row], rides.stop[row]) for wave in (rides.wave_to, rides.wave_from)}
        if row >= 0 and not ways <= served:
            assert kept[found.group[far.group[j]]] == rides.stop[row]


def test_without_vehicles_nothing_is_merged_and_nothing_moves() -> None:
    found = merge(0)
    assert np.array_equal(found.assignment, np.arange(len(found.full.group)))
    people = np.random.default_rng(1).uniform(0, 2, len(found.full.group))
    assert found.spread_in_turn(people) is people


def test_people_and_places_are_the_same_in_both() -> None:
    found = merge(12)
    full, small = found.full, found.problem
    assert small.size.sum() == full.size.sum()
    assert sorted(sum(small.groups.members, ())) == sorted(sum(full.groups.members, ()))
    assert np.array_equal(small.group[found.assignment], found.group[full.group])
    for name in ("place", "programme", "price", "link"):
        assert np.array_equal(getattr(small, name)[found.assignment], getattr(full, name))
    assert np.array_equal(small.carrier[found.group], full.carrier)


def draw_people(found: MergedGroups, seed: int) -> np.ndarray:
    """Return people of the smaller problem, none of its groups beyond its size."""
    small, rng = found.problem, np.random.default_rng(seed)
    people = rng.uniform(0, 1, len(small.group)) * rng.integers(0, 2, len(small.group))
    whole = np.bincount(small.group, people, len(small.size))
    room = rng.uniform(0, 1, len(small.size)) * small.size
    return people * (room / np.maximum(whole, 1e-9))[small.group]


@pytest.mark.parametrize("seed", range(20))
def test_people_are_spread_over_the_groups_within_their_sizes(seed: int) -> None:
    found = merge(12)
    full, people = found.full, draw_people(found, seed)
    room = np.random.default_rng(seed).uniform(0.5, 1, len(full.size)) * full.size
    for spread, most in (
        (found.spread_in_turn(people), full.size.astype(float)),
        (found.spread_evenly(people, room), None),
    ):
        assert (spread >= 0).all()
        again = np.bincount(found.assignment, spread, len(people))
        assert again == pytest.approx(people, abs=1e-9)
        if most is not None:
            assert (np.bincount(full.group, spread, len(most)) <= most + 1e-9).all()


def test_whole_people_are_not_cut_in_parts() -> None:
    found = merge(12)
    people = np.floor(draw_people(found, 3))
    assert people.any()
    assert np.array_equal(found.spread_in_turn(people) % 1, np.zeros(len(found.full.group)))


def test_the_merged_programme_has_the_optimum_of_all_groups_with_all_vehicles() -> None:
    problem = build_problem(12)
    losses = list_contingencies(build_operator(12))
    floors = np.zeros((1 + len(losses), len(problem.clients)))
    found = solve_n1_program(problem, losses, floors, SETTINGS)
    every, free = LinearProgram(), LinearProgram()
    add_n1_day(every, problem, losses, floors, SETTINGS)
    add_n1_day(free, problem, losses, floors, SETTINGS, rides=False)
    whole = solve_lp(every, method="ipm", crossover=False)
    assert found.objective == pytest.approx(whole.objective, rel=1e-6)
    assert found.columns < free.n_columns
    assert len(found.assigned) == len(found.exposure_price) == len(problem.group)
    assert (np.bincount(problem.group, found.assigned) <= problem.size + 1e-6).all()
    for cut in found.cuts:
        assert len(cut.slope) == len(problem.size)
