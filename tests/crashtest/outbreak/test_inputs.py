"""What bad input gets, curves of daily cases, and who meets whom on site and on the runs of vehicles."""

from __future__ import annotations

import csv
import io
import math
from copy import copy
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from releve.network import sample_operator
from releve.plugins.crashtest.engine.outbreak import (
    ClosurePolicy,
    Contacts,
    Controls,
    Duration,
    IncidenceError,
    Manifest,
    OutbreakError,
    Outcome,
    PoolOverflowError,
    Population,
    Quarantine,
    Room,
    Rotation,
    Scenario,
    Sensitivity,
    Visits,
    build_importation,
    build_population,
    compute_distance_factor,
    compute_rates,
    covid,
    influenza,
    measure_room,
    read_incidence,
    simulate,
    tabulate_days,
)
from releve.plugins.crashtest.engine.outbreak.disease import tabulate_multiplier
from releve.plugins.crashtest.engine.outbreak.population import AssumedPlaces, count_assumed_places
from releve.plugins.crashtest.engine.run_arrays import find_presence
from tests.crashtest.outbreak.populations import build_operator, constant, one_room, sample_population
from tests.crashtest.rough_quarter import plan_operator


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


GOOD = "date,Morocco\n2020-03-01,7\n2020-03-02,0\n2020-03-03,14\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "2020-03-05,1\n", r"row 5: 2020-03-05 follows 2020-03-03: give a row for every day"),
        (GOOD + "2020-03-03,1\n", "row 5: 2020-03-03 follows 2020-03-03"),
        (GOOD + "2020-03-04,-3\n", r"row 5, column 'Morocco': -3 cases: .*negative='spread'"),
        (GOOD + "2020-03-04,\n", "row 5, column 'Morocco': '' is not a count"),
        (GOOD + "2020-03-04,nan\n", "'nan' is not a count"),
        (GOOD + "4 March,1\n", "row 5: '4 March' is not a date: write YYYY-MM-DD"),
        ("date,France\n", "no column 'Morocco': the columns are date, France"),
        ("date,Morocco\n", "no row"),
    ],
)
def test_a_curve_with_a_fault_is_refused_with_row_and_fix(text: str, message: str) -> None:
    with pytest.raises(IncidenceError, match=message):
        read_incidence(text, "Morocco")


def test_a_correction_can_be_spread_over_the_days_before_it() -> None:
    curve = read_incidence(GOOD + "2020-03-04,-7\n", "Morocco", negative="spread")
    assert curve.cases == pytest.approx((14 / 3, 0, 28 / 3, 0))
    with pytest.raises(IncidenceError, match="-30 cases"):
        read_incidence(GOOD + "2020-03-04,-30\n", "Morocco", negative="spread")


def test_smoothing_is_the_centred_mean_of_seven_days() -> None:
    days = "".join(f"2020-03-{at:02},{at}\n" for at in range(1, 22))
    curve = read_incidence("date,Morocco\n" + days, "Morocco")
    smooth = curve.smoothed()
    assert smooth[10] == 11
    assert smooth[0] == np.mean([1, 2, 3, 4])
    rate = curve.rate(date(2020, 3, 2), 5, population=100, reported=0.5, delay_days=3)
    assert rate == pytest.approx([0.1, 0.12, 0.14, 0.16, 0.18])
    with pytest.raises(IncidenceError, match="the curve goes from 2020-03-01 to 2020-03-21"):
        curve.rate(date(2020, 3, 18), 5, population=100)


def test_a_destination_without_a_rate_is_named() -> None:
    with pytest.raises(IncidenceError, match=r"no rate for .*, where site"):
        build_importation(sample_population(), {"XX": np.zeros(3)})


def test_as_many_are_infected_outside_as_the_curve_says() -> None:
    rate = np.concatenate([np.full(20, 0.002), np.full(20, 0.0), np.full(20, 0.001)])
    scenario = Scenario(one_room(500), covid(), Contacts(0.0), 60, build_importation(one_room(500), {"MA": rate}))
    found = simulate(scenario, replications=3000, seed=1)
    expected = 500 * (1 - np.exp(-rate.sum()))
    imported = found.column("imported")
    assert abs(imported.mean() - expected) < 4 * imported.std() / np.sqrt(3000)


@pytest.mark.realdata
@pytest.mark.parametrize("country", ["Morocco", "Tunisia", "Madagascar", "Senegal"])
def test_the_real_curves_are_read_and_keep_their_total(shared_data: Path, country: str) -> None:
    text = (shared_data / "covid_daily_jhu" / "daily_cases.csv").read_text()
    curve = read_incidence(text, country, negative="spread")
    assert curve.start == date(2020, 1, 22)
    assert len(curve.cases) == 1143
    assert curve.smoothed().sum() == pytest.approx(sum(curve.cases), rel=1e-3)
    assert curve.rate(date(2020, 8, 1), 90, population=3e7, reported=0.1).max() < 0.01


@pytest.mark.realdata
@pytest.mark.parametrize("country", ["France", "Tunisia", "Madagascar"])
def test_real_corrections_are_refused_unless_spread(shared_data: Path, country: str) -> None:
    text = (shared_data / "covid_daily_jhu" / "daily_cases.csv").read_text()
    with pytest.raises(IncidenceError, match="a correction by the source"):
        read_incidence(text, country)
    rows = list(csv.DictReader(io.StringIO(text)))
    spread = read_incidence(text, country, negative="spread")
    assert sum(spread.cases) == pytest.approx(sum(int(row[country]) for row in rows))
    assert min(spread.cases) >= 0


POPULATION = one_room(40, others=(1.0,))


def run(controls: Controls) -> Outcome:
    """Return 200 outbreaks of 40 days that one of all agents begins."""
    scenario = Scenario(
        POPULATION, constant(), Contacts(3.0), days=40, first_cases=range(POPULATION.size), first_count=1
    )
    return simulate(scenario, controls, replications=200, seed=4)


def lay(half: np.ndarray, first: list[bool]) -> Controls:
    """Return two halves that come on opposite days of a cycle."""
    cycle = np.array(first, dtype=np.bool_)
    return Controls(presence=np.where(half[:, None], cycle, ~cycle))


def test_presence_every_day_is_what_no_presence_is() -> None:
    everyone = np.ones((POPULATION.size, 7), dtype=np.bool_)
    same = run(Controls(presence=everyone)).rows
    assert np.array_equal(same, run(Controls()).rows)
    weekdays = np.tile(np.arange(7) < 5, (POPULATION.size, 1))
    rotated = run(Controls(rotation=Rotation.weekdays()))
    assert np.array_equal(run(Controls(presence=weekdays)).rows, rotated.rows)


def test_alternate_weeks_infect_fewer_than_alternate_days_and_these_than_all() -> None:
    half = np.arange(POPULATION.size) % 2 == 0
    everyone = run(Controls()).mean("infected").value
    days = run(lay(half, [True, False])).mean("infected").value
    weeks = run(lay(half, [True] * 7 + [False] * 7)).mean("infected").value
    assert weeks < days < everyone


@pytest.mark.parametrize("shape", [(3, 7), (40,)])
def test_presence_of_other_agents_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutbreakError, match="presence has 40 agents"):
        run(Controls(presence=np.ones(shape, dtype=np.bool_)))


def test_only_a_hybrid_week_says_who_comes_on_which_weekday() -> None:
    operator, plan = plan_operator()
    agents = tuple(row.id for row in operator.agents)
    assert find_presence([plan], agents, plan.day) is None
    placed = [row.agent for row in plan.placements]
    found = find_presence([replace(plan, home_days=(placed[0],))], agents, plan.day)
    assert found is not None
    assert not found[agents.index(placed[0])].any()
    assert not found[:, 1:].any()
    assert found[:, 0].sum() > len(placed) / 2


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
