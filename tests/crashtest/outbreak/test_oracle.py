"""The kernel against its plain version, person by person, with the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outbreak import (
    ClosureCalendar,
    ClosurePolicy,
    Contacts,
    Controls,
    Detail,
    Quarantine,
    Rotation,
    Scenario,
    Visits,
    build_population,
    covid,
    influenza,
    simulate,
)
from tests.crashtest.outbreak.oracle import Plain, population_check, row_of
from tests.crashtest.outbreak.populations import build_operator

EVERYTHING = Controls(
    masks=0.2,
    distance_m=1.4,
    extra_air_changes=1.5,
    telework=0.5,
    rotation=Rotation.by_turns(3, 2),
    stay_home=0.4,
    symptom_test=0.8,
    false_positive=0.01,
    isolation_days=8,
    quarantine=Quarantine(5, seat=0.8, zone=0.2, shuttle=0.5),
    visits=Visits(4, 6),
    closure=ClosurePolicy(2, 7, 72.0, tested=0.5, reopening_days=1),
    immune=0.1,
)
POLICIES = {
    "nothing": Controls(),
    "everything": EVERYTHING,
    "results at once": Controls(
        symptom_test=1.0, test_days=0, result_days=0, closure=ClosurePolicy(3, 5, 30.0), visits=Visits(2, 3)
    ),
    "earlier cases do not count": Controls(
        symptom_test=0.9,
        test_days=0,
        closure=ClosurePolicy(2, 14, 48.0, earlier_cases_count=False, further_case_hours=24.0, tested=1.0),
    ),
    "rules and isolation that differ by site and day": Controls(
        stay_home=0.5,
        symptom_test=0.9,
        isolation_days=np.repeat([[7, 9], [5, 3], [12, 2]], 30, axis=1).astype(np.int32),
        closure=ClosureCalendar(
            (ClosurePolicy(2, 14, 48.0), ClosurePolicy(3, 10, 72.0, further_case_hours=24.0)),
            np.repeat([[0, 1], [1, 0], [0, -1]], 30, axis=1).astype(np.int32),
        ),
    ),
    "many tests": Controls(visits=Visits(1, 40), telework=0.9, closure=ClosurePolicy(1)),
    "visits drawn by site": Controls(visits=Visits(tests=6, probabilities=(1.0, 0.3, 0.0)), closure=ClosurePolicy(1)),
    "few present": Controls(visits=Visits(2, 5), rotation=Rotation.by_turns(8, 1)),
}


def scenario(disease: object = None) -> Scenario:
    """Return a small operator with every layer and importation at two sites."""
    population = build_population(build_operator({"b": [14, 9, 11], "a": [30], "c": [6, 5]}))
    return Scenario(
        population,
        covid() if disease is None else influenza(),
        Contacts(2.5, zone=0.4, seat=0.2, floor=0.15, site=0.1, shuttle=0.15),
        days=60,
        importation=np.array([[0.002] * 60, [0.001] * 60, [0.0] * 60]),
        first_cases=(1, 40, 60),
        first_count=2,
    )


def test_agents_are_numbered_so_that_groups_are_ranges() -> None:
    population_check(scenario().population)


@pytest.mark.parametrize("name", POLICIES)
def test_the_kernel_is_its_plain_version_person_by_person(name: str) -> None:
    case, controls = scenario(), POLICIES[name]
    found = simulate(case, controls, replications=6, seed=5, first=3, detail=Detail(persons=True))
    for at in range(6):
        plain = Plain(case, controls, 5, 3 + at).run()
        days = {who: int(t) for who, t in enumerate(found.infected_on[at]) if t >= 0}
        assert days == plain.infected
        assert {who: int(found.ill_on[at, who]) for who in plain.ill} == plain.ill
        assert {who: int(found.infected_by[at, who]) for who in days} == plain.by
        assert {f: int(found.column(f)[at]) for f in row_of(plain)} == row_of(plain)
    assert found.mean("infected").value > 3


def test_the_kernel_is_its_plain_version_for_influenza_and_a_lateral_flow_test() -> None:
    case, controls = scenario(influenza), replace(EVERYTHING, test="lateral_flow")
    found = simulate(case, controls, replications=4, seed=9)
    for at in range(4):
        row = row_of(Plain(case, controls, 9, at).run())
        assert {f: int(found.column(f)[at]) for f in row} == row


def test_days_away_by_group_and_closed_sites_are_those_of_the_plain_version() -> None:
    case = scenario()
    tallies = (np.arange(case.population.size) % 3).astype(np.int32)
    detail = Detail(series=True, closed=True, away=True, tally_of=tallies)
    found = simulate(case, EVERYTHING, replications=4, seed=2, detail=detail)
    for at in range(4):
        plain = Plain(case, EVERYTHING, 2, at).run()
        away = np.zeros((60, 3), dtype=int)
        for a, t in plain.away_days:
            away[t, tallies[a]] += 1
        assert (found.away[at] == away).all()
        assert {(s, t) for t, s in np.argwhere(found.closed[at])} == plain.closed_days
        assert (found.daily("away")[:, 1] >= 0).all()
        new = np.bincount([t for who, t in plain.infected.items() if who < case.population.size], minlength=60)
        assert (found.series[at, :, 0] == new).all()
