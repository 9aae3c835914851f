"""Brigades of a crash test come with the probabilities that the draw of visits publishes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.plugins.crashtest.engine import CrashTestError
from releve.plugins.crashtest.engine.lost_places import build_drawn_visits
from releve.plugins.crashtest.engine.outbreak import (
    Contacts,
    Controls,
    Scenario,
    Visits,
    build_population,
    covid,
    simulate,
)
from releve.situation.draw_chains import compute_probabilities
from tests.crashtest.outbreak.populations import build_operator
from tests.situation.draw_rows import DAY, frame, plan
from tests.situation.rule_chain import Chain

SITES = ("casa", "rabat", "lille")


def drawn_visits(chain: Chain, sites: tuple[str, ...] = SITES) -> Visits | None:
    return build_drawn_visits(chain.situation, chain.operator, sites, DAY)


def test_each_site_has_the_probability_that_its_frame_publishes() -> None:
    chain = Chain()
    assert drawn_visits(chain) is None
    plan(chain, per_agent=60, most_permille=600)
    expected = drawn_visits(chain)
    frame(chain)
    units = chain.situation.draws["p1"].frames[DAY].units
    published = compute_probabilities({unit.site: unit.weight for unit in units}, 1, most_permille=600)
    found = drawn_visits(chain)
    assert found == expected, "before the frame is on record: the one that would be"
    assert found is not None
    assert found.probabilities == pytest.approx([float(published[site]) for site in SITES])
    assert len(set(published.values())) == len(SITES)
    turned = drawn_visits(chain, ("lille", "elsewhere", "casa"))
    assert turned is not None
    assert turned.probabilities == (found.probabilities[2], 0.0, found.probabilities[0])


def test_a_site_is_visited_when_one_of_two_plans_draws_it() -> None:
    chain = Chain()
    plan(chain)
    one = drawn_visits(chain)
    plan(chain, plan="p2", operator_anchor="0" * 64)
    both = drawn_visits(chain)
    assert one is not None
    assert both is not None
    assert both.probabilities == pytest.approx([1 - (1 - p) ** 2 for p in one.probabilities])


def test_a_plan_whose_rule_cannot_hold_is_named() -> None:
    chain = Chain()
    plan(chain, visits=2)
    first = replace(chain.operator, sites=chain.operator.sites[:1])
    with pytest.raises(CrashTestError, match=r"draw plan p1: 2 visits among 1 units"):
        build_drawn_visits(chain.situation, first, SITES, DAY)


def test_the_mean_number_of_visits_is_that_of_the_published_probabilities() -> None:
    """Site by site, and all of them together as many a day as the plan says."""
    chain = Chain()
    plan(chain, per_agent=60)
    drawn = drawn_visits(chain)
    assert drawn is not None
    assert sum(drawn.probabilities) == pytest.approx(1.0)
    days, runs = 40, 400
    population = build_population(build_operator({"a": [8], "b": [5], "c": [6]}))
    scenario = Scenario(population, covid(), Contacts(0.0), days=days, importation=np.zeros((3, days)))

    def check(probabilities: tuple[float, ...]) -> None:
        controls = Controls(visits=replace(drawn, tests=1, probabilities=probabilities))
        found = simulate(scenario, controls, replications=runs, seed=3).column("visits")
        spread = sum(p * (1 - p) for p in probabilities) * days / runs
        assert abs(found.mean() - days * sum(probabilities)) <= 4 * spread**0.5

    for at in range(3):
        alone = [0.0] * 3
        alone[at] = drawn.probabilities[at]
        check(tuple(alone))
    check(drawn.probabilities)
