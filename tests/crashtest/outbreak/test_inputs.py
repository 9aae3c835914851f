"""What bad input gets, and what the parameters mean."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from releve.plugins.crashtest.engine.outbreak import (
    ClosurePolicy,
    Contacts,
    Controls,
    Duration,
    OutbreakError,
    PoolOverflowError,
    Quarantine,
    Room,
    Rotation,
    Scenario,
    Sensitivity,
    Visits,
    build_population,
    compute_distance_factor,
    compute_rates,
    covid,
    influenza,
    simulate,
    tabulate_days,
)
from releve.plugins.crashtest.engine.outbreak.disease import tabulate_multiplier
from releve.plugins.crashtest.engine.outbreak.population import AssumedPlaces, count_assumed_places
from tests.crashtest.outbreak.populations import build_operator, one_room, sample_population


def test_a_zone_without_volume_is_named() -> None:
    operator = build_operator({"a": [4, 4]})
    for volume in (0.0, math.nan):
        bare = copy(operator.zones[1])
        object.__setattr__(bare, "volume_m3", volume)  # the tables themselves refuse it
        with pytest.raises(OutbreakError, match=r"zone a-z1 has no volume .* volume_m3"):
            build_population(replace(operator, zones=(operator.zones[0], bare)))


def test_a_site_with_agents_and_no_seat_is_named() -> None:
    operator = build_operator({"a": [4], "b": [3]})
    seats = tuple(seat for seat in operator.seats if seat.zone != "b-z0")
    with pytest.raises(OutbreakError, match="site b has agents and no seat"):
        build_population(replace(operator, seats=seats))


def test_more_agents_than_seats_sit_in_several_sittings() -> None:
    operator = build_operator({"a": [6]})
    population = build_population(replace(operator, seats=operator.seats[:4]))
    assert [(g.sitting, g.end - g.first, g.places) for g in population.groups] == [(0, 4, 4), (1, 2, 4)]


def test_given_seats_are_taken() -> None:
    operator = build_operator({"a": [2, 2]})
    swapped = {agent.id: operator.seats[3 - at].id for at, agent in enumerate(operator.agents)}
    population = build_population(operator, seats=swapped)
    assert population.agents[0] == min(operator.agents[2].id, operator.agents[3].id)
    with pytest.raises(OutbreakError, match="has no known seat: nowhere"):
        build_population(operator, seats=dict.fromkeys(swapped, "nowhere"))


def test_too_small_a_pool_raises_and_drops_nothing() -> None:
    scenario = Scenario(one_room(300), covid(), Contacts(3.0), 60, None, (0, 1, 2), 5)
    with pytest.raises(PoolOverflowError, match="replication 0 needs more than 5 events"):
        simulate(scenario, replications=3, pool=5)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Contacts(-1.0), "0 <= reproduction"),
        (lambda: Contacts(zone=0.9), "zone \\+ seat"),
        (lambda: Contacts(household_attack=1.0), "household_attack"),
        (lambda: Room(0.0, 3.0, 50), "volume_m3 > 0"),
        (lambda: Controls(masks=1.5), "0 <= masks <= 1"),
        (lambda: Controls(extra_air_changes=-1), "extra_air_changes >= 0"),
        (lambda: ClosurePolicy(0), "cases"),
        (lambda: ClosurePolicy(hours=-1), "hours"),
        (lambda: Visits(0.5), "every_days >= 1"),
        (lambda: Visits(7, 0), "tests >= 1"),
        (lambda: Visits(probabilities=(0.5, 1.2)), "0 <= probability <= 1"),
        (lambda: Quarantine(0), "days"),
        (lambda: Rotation(((True,), (True, False))), "one length"),
        (lambda: Duration("normal", 1, 1), "kind in"),
        (lambda: Duration("gamma", 0, 1), "shape > 0"),
        (lambda: Sensitivity((2, 1), (0.1, 0.2), 3, ""), "rising"),
        (lambda: tabulate_multiplier(0), "dispersion > 0"),
        (lambda: compute_distance_factor(-1), "metres >= 0"),
    ],
)
def test_a_parameter_out_of_range_is_quoted(make: object, text: str) -> None:
    with pytest.raises(OutbreakError, match=text):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"replications": 0}, "expected replications >= 1, got 0"),
        ({"threads": 0}, "threads >= 1"),
        ({"seed": -1}, "seed"),
        ({"controls": Controls(test="nose")}, "test in"),
        ({"controls": Controls(at_home=np.zeros(3, dtype=bool))}, "at_home has 20 agents"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(given: dict[str, object], text: str) -> None:
    scenario = Scenario(one_room(20), covid(), Contacts(1.0), 30)
    with pytest.raises(OutbreakError, match=text):
        simulate(scenario, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"days": 0}, "1 <= days"),
        ({"first_count": 1}, "first_cases to name agents"),
        ({"first_cases": (99,), "first_count": 1}, "first case < 20"),
        ({"importation": np.full((1, 30), -1e-4)}, "importation >= 0"),
        ({"importation": np.zeros((2, 30))}, "a row a site"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(changes: dict[str, object], text: str) -> None:
    scenario = Scenario(one_room(20), covid(), Contacts(1.0), 30)
    with pytest.raises(OutbreakError, match=text):
        replace(scenario, **changes)


def test_the_layers_share_the_reproduction_number() -> None:
    population = sample_population()
    rates = compute_rates(population, covid(), Contacts(2.0, 0.5, 0.2, 0.1, 0.1, 0.1))
    sizes = np.array([g.end - g.first for g in population.groups])
    assert (rates.zone * sizes).sum() / population.size == pytest.approx(1.0)
    assert rates.seat * population.near.size / population.size == pytest.approx(0.4)
    riders = np.diff(population.rider_pointer)
    assert (rates.shuttle * riders).sum() / population.size == pytest.approx(0.2)


def test_better_air_infects_fewer_when_the_room_is_the_measure() -> None:
    operator = build_operator({"a": [30]})
    aired = replace(operator, zones=(replace(operator.zones[0], air_changes_per_hour=8.0),))
    contacts = Contacts(2.0, room=Room(600.0, 2.0, 30))
    before, after = (compute_rates(build_population(o), covid(), contacts).zone[0] for o in (operator, aired))
    assert before == pytest.approx(1.4)
    assert after / before == pytest.approx((2 + 1.25) / (8 + 1.25))


def test_ventilation_acts_as_the_office_simulation_of_the_literature() -> None:
    # The dose at 6 air changes against 0.5, with 1.25 per hour removed otherwise: 0.24.
    assert pytest.approx(0.24, abs=0.005) == (0.5 + 1.25) / (6 + 1.25)


def test_durations_keep_their_mean_and_multipliers_theirs() -> None:
    for law, mean in (
        (Duration("weibull", 2.826, 5.665), 5.046),
        (Duration("gamma", 4.0, 1.5), 6.0),
        (Duration("lognormal", 1.63, 0.5), 5.78),
        (Duration("gamma", 4.0, 1.5, offset=2.0), 8.0),
    ):
        table = tabulate_days(law)
        assert table.sum() == pytest.approx(1)
        assert (np.arange(len(table)) * table).sum() == pytest.approx(mean, rel=0.01)
    for k in (0.1, 0.4, 2.0):
        bins = tabulate_multiplier(k)
        assert bins.mean() == pytest.approx(1.0)
        assert bins.var() == pytest.approx(1 / k, rel=0.03)


@pytest.mark.parametrize(
    ("duration", "share", "day"),
    [
        (covid().incubation, 0.5, 5.1),  # McAloon et al. 2020: median
        (influenza().incubation, 0.5, 1.4),  # Lessler et al. 2009: median, dispersion 1.51
        (influenza().incubation, 0.841345, 1.4 * 1.51),
        (influenza().generation, 0.5, 2.7),  # NEJM 2009: median
    ],
)
def test_the_presets_have_the_published_quantiles(duration: Duration, share: float, day: float) -> None:
    assert duration.cdf(np.array([day - 0.05]))[0] < share < duration.cdf(np.array([day + 0.05]))[0]


@pytest.mark.parametrize(
    ("duration", "exact"),
    [
        (Duration("lognormal", 1.63, 0.5), stats.lognorm(0.5, scale=math.exp(1.63))),
        (Duration("gamma", 4.0, 1.5), stats.gamma(4.0, scale=1.5)),
        (Duration("weibull", 2.36, 3.18, offset=1.0), stats.weibull_min(2.36, 1.0, 3.18)),
    ],
)
def test_a_duration_has_the_distribution_of_its_parameters(duration: Duration, exact: Any) -> None:
    days = np.linspace(0.0, 20.0, 41)
    np.testing.assert_allclose(duration.cdf(days), exact.cdf(days), atol=1e-12)


def test_the_sensitivity_tables_hold_the_published_points() -> None:
    pcr, flow = (covid().tests[name].table() for name in ("pcr", "lateral_flow"))
    assert [pcr[d] for d in (0, 1, 2, 3, 4, 10)] == [0, 0.04, 0.25, 0.71, 0.79, 0.51]
    assert [flow[d] for d in (3, 4, 7, 10)] == [0.42, 0.63, 0.40, 0.14]
    assert pcr[-1] == flow[-1] == 0


def test_distance_halves_the_seat_layer_by_the_metre() -> None:
    assert compute_distance_factor(0.5) == 1.0
    assert compute_distance_factor(2.0) == pytest.approx(1 / 2.02)


def test_air_and_places_that_are_not_given_are_assumed_and_counted() -> None:
    operator = build_operator({"a": [8]})
    bare = replace(
        operator, sites=tuple(replace(site, seats=12) for site in operator.sites), floors=(), zones=(), seats=()
    )
    assert count_assumed_places(bare) == AssumedPlaces(zones=1, seats=12)
    group = build_population(bare).groups[0]
    assert (group.zone, group.places, group.volume_m3, group.air_changes_per_hour) == ("a", 12, 12 * 25.0, 1.0)
    assert count_assumed_places(operator) == AssumedPlaces(zones=0, seats=0)
