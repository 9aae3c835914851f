"""Runs as contacts: two vehicles of one stop do not share, emptier vehicles infect fewer."""

from __future__ import annotations

import numpy as np
import pytest

from releve.network import sample_operator
from releve.plugins.crashtest.engine.outbreak import (
    Contacts,
    Manifest,
    Population,
    Scenario,
    build_population,
    compute_rates,
    covid,
    measure_room,
    simulate,
)

OPERATOR = sample_operator(200, 2, 1, weeks_of_history=0)


def fill(riders: int) -> tuple[Manifest, ...]:
    """Return runs of at most so many riders, stop by stop, of 40 minutes."""
    waiting: dict[tuple[str, str], list[str]] = {}
    for agent in OPERATOR.agents:
        if agent.stop:
            waiting.setdefault((agent.home_site, agent.stop), []).append(agent.id)
    return tuple(
        Manifest(tuple(names[at : at + riders]), 40.0)
        for names in waiting.values()
        for at in range(0, len(names), riders)
    )


def list_sharers(population: Population, agent: str) -> set[str]:
    vehicle = population.vehicle[population.number[agent]]
    first, last = population.rider_pointer[vehicle : vehicle + 2]
    return {population.agents[at] for at in population.riders[first:last]}


def test_agents_share_a_vehicle_with_those_of_their_first_run_and_no_others() -> None:
    one, two, other = (Manifest(f(8), 30.0) for f in (lambda n: ("a00001", "a00002"),
                       lambda n: ("a00003", "a00004"), lambda n: ("a00002", "a00005")))  # fmt: skip
    population = build_population(OPERATOR, manifests=(one, two, other))
    assert list_sharers(population, "a00001") == {"a00001", "a00002"}
    assert list_sharers(population, "a00003") == {"a00003", "a00004"}
    assert list_sharers(population, "a00005") == {"a00005"}
    assert population.vehicle[population.number["a00009"]] == -1


def test_a_measured_room_changes_nothing_for_its_own_population() -> None:
    population = build_population(OPERATOR)
    free = compute_rates(population, covid(), Contacts())
    pinned = compute_rates(population, covid(), Contacts(room=measure_room(population)))
    for name in ("zone", "shuttle", "seat"):
        assert np.allclose(getattr(free, name), getattr(pinned, name), rtol=1e-9)
    assert measure_room(build_population(OPERATOR, manifests=())) is None


def test_half_the_riders_are_half_the_contacts_only_in_a_room_that_is_pinned() -> None:
    full, half = (build_population(OPERATOR, manifests=fill(riders)) for riders in (16, 8))

    def measure_contacts(population: Population, contacts: Contacts) -> float:
        rates = compute_rates(population, covid(), contacts).shuttle
        return float((rates * np.diff(population.rider_pointer)).sum() / population.size)

    own, pinned = Contacts(), Contacts(room=measure_room(full))
    assert measure_contacts(half, own) == pytest.approx(measure_contacts(full, own))
    assert measure_contacts(half, pinned) < 0.6 * measure_contacts(full, pinned)


@pytest.mark.slow
def test_half_the_riders_infect_fewer_people() -> None:
    full, half = (build_population(OPERATOR, manifests=fill(riders)) for riders in (16, 8))
    contacts = Contacts(2.5, zone=0.5, shuttle=0.3, room=measure_room(full))

    def count_infected(population: Population) -> float:
        everyone = range(population.size)
        scenario = Scenario(population, covid(), contacts, days=30, first_cases=everyone, first_count=3)
        return simulate(scenario, replications=400, seed=7).mean("infected").value

    assert count_infected(half) < 0.97 * count_infected(full)
