"""Laws that hold whatever the figures: what changes nothing, and what never hurts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outbreak import (
    Contacts,
    Controls,
    Detail,
    Outcome,
    Population,
    Room,
    Scenario,
    build_population,
    covid,
    simulate,
)
from tests.crashtest.outbreak.populations import build_operator, sample_population
from tests.crashtest.outbreak.test_oracle import EVERYTHING

ROOM = Room(900.0, 3.0, 50)
SITES = {"m": [20, 15, 12], "k": [25, 10]}


def run(population: Population, controls: Controls = EVERYTHING) -> Outcome:
    """Run a population in which an agent's risk does not depend on who else is employed."""
    rates = {"m": 0.002, "k": 0.004}
    importation = np.array([[rates.get(name, 0.01)] * 80 for name in population.sites])
    contacts = Contacts(2.5, 0.4, 0.2, 0.15, 0.1, 0.15, room=ROOM)
    scenario = Scenario(population, covid(), contacts, 80, importation)
    detail = Detail(closed=True, persons=True)
    return simulate(scenario, controls, replications=40, seed=11, detail=detail)


def story(population: Population, found: Outcome, sites: set[str]) -> dict[str, list[object]]:
    """Return what happened to every agent and household of some sites, and to the sites."""
    out: dict[str, list[object]] = {}
    for at, name in enumerate(population.agents):
        if population.sites[population.site[at]] not in sites:
            continue
        family = slice(population.home_pointer[at], population.home_pointer[at + 1])
        out[name] = [
            found.infected_on[:, at].tolist(),
            found.ill_on[:, at].tolist(),
            found.infected_on[:, family].tolist(),
        ]
    for at, name in enumerate(population.sites):
        if name in sites:
            out[name] = [found.closed[:, :, at].tolist()]
    return out


@pytest.mark.parametrize(
    ("sites", "empty"),
    [
        ({"x": [1], **SITES}, ()),
        ({"m": SITES["m"], "x": [30, 30], "k": SITES["k"]}, ("x",)),
        ({"k": SITES["k"], "m": SITES["m"]}, ()),
        ({"x": [12], **SITES}, ()),
    ],
    ids=["an isolated extra person", "an empty site", "another order of sites", "another site"],
)
def test_nothing_else_changes_bit_for_bit(sites: dict[str, list[int]], empty: tuple[str, ...]) -> None:
    before, after = (build_population(build_operator(SITES)), build_population(build_operator(sites, empty=empty)))
    expected = story(before, run(before), set(SITES))
    assert story(after, run(after), set(SITES)) == expected
    assert any(day >= 0 for one in expected.values() for row in one[:1] for day in np.ravel(row))


def test_the_order_of_the_tables_changes_nothing() -> None:
    operator = build_operator(SITES)
    turned = replace(
        operator,
        zones=operator.zones[::-1],
        floors=operator.floors[::-1],
        seats=operator.seats[::-1],
        agents=operator.agents[::-1],
    )
    before, after = build_population(operator), build_population(turned)
    assert before.agents == after.agents
    assert (run(before).rows == run(after).rows).all()


def test_the_same_seed_gives_the_same_bits_however_the_work_is_split() -> None:
    scenario = Scenario(sample_population(), covid(), Contacts(2.0), 60, np.full((4, 60), 1e-3))
    detail = Detail(series=True, persons=True)
    one = simulate(scenario, EVERYTHING, replications=37, seed=4, detail=detail)
    for threads in (2, 3, 50):
        more = simulate(scenario, EVERYTHING, replications=37, seed=4, threads=threads, detail=detail)
        assert (more.rows == one.rows).all()
        assert (more.infected_on == one.infected_on).all()
        assert (more.series == one.series).all()
    parts = [simulate(scenario, EVERYTHING, replications=n, first=first, seed=4) for first, n in ((0, 10), (10, 27))]
    assert (np.concatenate([part.rows for part in parts]) == one.rows).all()
    assert (simulate(scenario, EVERYTHING, replications=37, seed=5).rows != one.rows).any()


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Controls(telework=0.8), Controls(telework=0.4)),
        (Controls(masks=0.3), Controls()),
        (Controls(extra_air_changes=3.0), Controls()),
        (Controls(stay_home=0.8), Controls(stay_home=0.2)),
        (Controls(immune=0.3), Controls()),
    ],
    ids=["telework", "masks", "air", "staying at home", "immunity"],
)
def test_a_measure_never_hurts_in_expectation(better: Controls, worse: Controls) -> None:
    scenario = Scenario(sample_population(), covid(), Contacts(2.0), 80, np.full((4, 80), 5e-4))
    first, second = (simulate(scenario, controls, replications=400, seed=6) for controls in (better, worse))
    assert first.less_than(second, "infected").low > 0


def test_more_home_ready_agents_never_hurt_in_expectation() -> None:
    population = sample_population()
    ready = population.home_ready.copy()
    means = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        some = replace(population, home_ready=ready & (population.cohort_rank < share))
        scenario = Scenario(some, covid(), Contacts(2.0), 80, np.full((4, 80), 5e-4))
        means.append(simulate(scenario, Controls(telework=1.0), replications=400, seed=6))
    for fewer, more in pairwise(means):
        assert more.less_than(fewer, "infected").value > 0
