"""The kernel against closed forms, laws, and its plain version person by person."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import hypergeom

from releve.plugins.crashtest.engine.outbreak import (
    FIELDS,
    ClosureCalendar,
    ClosurePolicy,
    Contacts,
    Controls,
    Detail,
    Disease,
    Outcome,
    Population,
    Quarantine,
    Room,
    Rotation,
    Scenario,
    Visits,
    build_population,
    compute_rates,
    covid,
    influenza,
    simulate,
    tabulate_days,
)
from releve.plugins.crashtest.engine.outbreak.contacts import compute_infectiousness
from tests.crashtest.outbreak.oracle import Plain, population_check, row_of
from tests.crashtest.outbreak.populations import build_operator, constant, one_room, plain, sample_population

AIR_ONLY = {"zone": 1.0, "seat": 0.0, "floor": 0.0, "site": 0.0, "shuttle": 0.0}


@cache
def room(agents: int) -> Population:
    """Return one large room, made once."""
    return one_room(agents)


def mixed(agents: int, reproduction: float, disease: Disease, days: int, first: int) -> Scenario:
    """Return one room in which everybody meets everybody."""
    contacts = Contacts(reproduction, **AIR_ONLY)
    return Scenario(room(agents), disease, contacts, days, None, tuple(range(agents)), first)


def near(values: np.ndarray, expected: float, slack: float = 0.0) -> bool:
    """Return whether the mean is within four standard errors, and a slack, of what is expected."""
    error = values.std(ddof=1) / math.sqrt(len(values))
    return bool(abs(values.mean() - expected) < 4 * error + slack)


@pytest.mark.slow
@pytest.mark.parametrize(("r", "z"), [(1.5, 0.58392), (2.0, 0.79715), (3.0, 0.94055)])
def test_the_final_size_is_that_of_the_equation(r: float, z: float) -> None:
    agents, first = 20_000, 20
    found = simulate(mixed(agents, r, constant(), 500, first), replications=30, seed=1)
    share = first / agents
    exact = brentq(lambda x: 1 - (1 - share) * math.exp(-r * x) - x, 1e-6, 1)
    assert abs(exact - z) < 0.002
    assert near(found.column("infected") / agents, exact, 0.001)


def test_the_final_size_holds_in_a_smaller_room() -> None:
    agents, first = 4_000, 20
    found = simulate(mixed(agents, 2.0, constant(), 300, first), replications=60, seed=2)
    share = first / agents
    exact = brentq(lambda x: 1 - (1 - share) * math.exp(-2.0 * x) - x, 1e-6, 1)
    assert near(found.column("infected") / agents, exact, 0.003)


def next_generation(scenario: Scenario) -> dict[str, np.ndarray]:
    """Return the next-generation matrix of every layer, person by person: [infector, infected]."""
    reference = Plain(scenario, Controls(), 0, 0)
    persons = scenario.population.persons
    layers = {name: np.zeros((persons, persons)) for name in ("zone", "seat", "floor", "site", "shuttle", "household")}
    for who in range(persons):
        family = reference._family(who)
        layers["household"][who, family] = reference.rates.household
        if who < scenario.population.size:
            for name, (rate, places) in reference._layers(who).items():
                for target in places:
                    if target is not None:
                        layers[name][who, target] += rate / len(places)
    return layers


def test_the_mean_progeny_over_all_layers_is_that_of_the_next_generation_matrix() -> None:
    population = build_population(build_operator({"b": [24, 20, 22], "a": [30, 18]}))
    shares = {"zone": 0.3, "seat": 0.2, "floor": 0.2, "site": 0.15, "shuttle": 0.15}
    contacts = Contacts(0.05, household_attack=0.012, **shares)
    everybody = tuple(range(population.size))
    scenario = Scenario(population, covid(), contacts, 90, None, everybody, 1)
    found = simulate(scenario, replications=60_000, seed=3)
    layers = next_generation(scenario)
    progeny = np.linalg.inv(np.eye(population.persons) - sum(layers.values()))[: population.size]
    # A multiplier hits the same person twice with the second moment; the pairs are 1e-4 of all.
    assert near(found.column("infected"), progeny[:, : population.size].sum(1).mean(), 5e-4)
    assert near(found.column("household"), progeny[:, population.size :].sum(1).mean(), 5e-4)
    for name, matrix in layers.items():
        assert near(found.column(f"by_{name}"), (progeny @ matrix).sum(1).mean(), 3e-4), name


@pytest.mark.parametrize("disease", [covid(), influenza()], ids=["covid", "influenza"])
def test_the_generation_time_has_the_mean_and_spread_of_its_law(disease: Disease) -> None:
    scenario = mixed(300, 0.6, constant(disease), 120, 1)
    found = simulate(scenario, replications=3000, seed=4, detail=Detail(persons=True))
    rep, who = np.nonzero(found.infected_by >= 0)
    days = found.infected_on[rep, who] - found.infected_on[rep, found.infected_by[rep, who]]
    table = tabulate_days(disease.generation)
    mean = (np.arange(len(table)) * table).sum()
    spread = math.sqrt(((np.arange(len(table)) - mean) ** 2 * table).sum())
    assert near(days, mean)
    assert days.std() == pytest.approx(spread, rel=0.06)


def test_the_covid_generation_time_is_the_published_one() -> None:
    table = tabulate_days(covid().generation)
    mean = (np.arange(len(table)) * table).sum()
    assert mean == pytest.approx(5.047, abs=0.01)
    spread = math.sqrt(((np.arange(len(table)) - mean) ** 2 * table).sum())
    assert spread == pytest.approx(1.954, abs=0.03)


@pytest.mark.parametrize(
    ("r", "rate", "window"), [(1.2, 0.0366, (20, 50)), (2.0, 0.1451, (14, 30)), (3.0, 0.2383, (12, 20))]
)
def test_the_growth_rate_solves_euler_and_lotka(r: float, rate: float, window: tuple[int, int]) -> None:
    table = tabulate_days(covid().generation)
    days = np.arange(len(table))
    exact = brentq(lambda x: r * (table * np.exp(-x * days)).sum() - 1, 1e-4, 1)
    assert abs(exact - rate) < 0.003
    scenario = mixed(20_000, r, constant(), window[1] + 1, 4)
    found = simulate(scenario, replications=1500, seed=5, detail=Detail(series=True))
    curve = found.series[:, :, 0].mean(0)
    expected = np.zeros(window[1] + 1)
    expected[0] = 4
    for t in range(1, len(expected)):  # the renewal equation
        back = np.arange(1, min(t, len(table) - 1) + 1)
        expected[t] = r * (table[back] * expected[t - back]).sum()
    assert curve[1:].sum() == pytest.approx(expected[1:].sum(), rel=0.05)
    first, last = window
    slope = np.polyfit(np.arange(first, last), np.log(curve[first:last]), 1)[0]
    theory = np.polyfit(np.arange(first, last), np.log(expected[first:last]), 1)[0]
    assert slope == pytest.approx(theory, abs=0.006)
    assert theory == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize(("r", "published"), [(1.5, 0.7823), (3.0, 0.5268)])
def test_extinction_is_that_of_negative_binomial_offspring(r: float, published: float) -> None:
    k = 0.45
    exact = brentq(lambda q: (1 + r / k * (1 - q)) ** -k - q, 0, 0.99)
    assert exact == pytest.approx(published, abs=1e-4)
    disease = replace(constant(), dispersion=plain(k))
    found = simulate(mixed(3_000, r, disease, 150, 1), replications=2000, seed=6)
    assert near((found.column("infected") < 150).astype(float), exact, 0.004)


def ball(size: int, escape: np.ndarray) -> np.ndarray:
    """Return the final size among ``size`` members of one first case (Ball 1986).

    ``escape[m]`` = E exp(-hazard m), m members to be escaped by together.
    """
    out = np.zeros(size + 1)
    for j in range(size + 1):
        done = sum(math.comb(size - i, j - i) * out[i] / escape[size - j] ** (i + 1) for i in range(j))
        out[j] = (math.comb(size, j) - done) * escape[size - j] ** (j + 1)
    return out


@pytest.mark.parametrize("members", [1, 2, 3, 5])
@pytest.mark.parametrize("dispersion", [math.inf, 1.11])
def test_household_outbreaks_have_the_exact_final_size(members: int, dispersion: float) -> None:
    disease = replace(covid() if dispersion < math.inf else constant(), household_dispersion=plain(dispersion))
    population = one_room(1, others=(0.0,) * members + (1.0,))
    contacts = Contacts(0.0, household_attack=0.3, **AIR_ONLY)
    scenario = Scenario(population, disease, contacts, 120, None, (0,), 1)
    found = simulate(scenario, replications=20_000, seed=7)
    hazard, (sick, well) = (compute_rates(population, disease, contacts).household, compute_infectiousness(disease))
    silent = disease.asymptomatic.value

    def escape(m: int, factor: float) -> float:
        load = hazard * factor * m
        return math.exp(-load) if dispersion == math.inf else (1 + load / dispersion) ** -dispersion

    laplace = np.array([(1 - silent) * escape(m, sick) + silent * escape(m, well) for m in range(members + 1)])
    exact = ball(members, laplace)
    assert exact.sum() == pytest.approx(1)
    assert laplace[1] == pytest.approx(0.7, abs=1e-3)
    seen = found.histogram("household")
    for j, chance in enumerate(exact):
        share = seen[j] / 20_000 if j < len(seen) else 0.0
        assert abs(share - chance) < 4 * math.sqrt(chance / 20_000) + 1e-3


def reed_frost(size: int, p: float) -> np.ndarray:
    """Return the final size by walking through every chain of Reed and Frost."""
    out = np.zeros(size + 1)

    def walk(left: int, new: int, chance: float) -> None:
        if new == 0 or left == 0:
            out[size - left] += chance
            return
        caught = 1 - (1 - p) ** new
        for k in range(left + 1):
            part = math.comb(left, k) * caught**k * (1 - caught) ** (left - k)
            walk(left - k, k, chance * part)

    walk(size, 1, 1.0)
    return out


def test_ball_and_reed_frost_agree_without_dispersion() -> None:
    escape = np.array([0.7**m for m in range(6)])
    assert ball(5, escape) == pytest.approx(reed_frost(5, 0.3))


@pytest.mark.parametrize(("agents", "tests"), [(200, 20), (60, 20), (30, 40)])
def test_a_visit_finds_cases_as_the_hypergeometric_law_says(agents: int, tests: int) -> None:
    disease, days, draws = constant(), 7, 4
    scenario = mixed(agents, 0.0, disease, days, draws)
    controls = Controls(visits=Visits(1, tests), result_days=30)
    found = simulate(scenario, controls, replications=6000, seed=8)
    sensitivity = disease.tests["pcr"].table()
    cases = found.column("infected")
    expected = 0.0
    for i in range(1, draws + 1):
        k = np.arange(i + 1)
        law = hypergeom(agents, i, min(tests, agents)).pmf(k)
        missed = sum((law * (1 - sensitivity[t]) ** k).sum() for t in range(days))
        expected += float((cases == i).mean()) * (days - missed)
    assert near(found.column("visits_positive"), expected)
    assert (found.column("visits") == days).all()
    assert (found.column("tests") == days * min(tests, agents)).all()


def test_paired_differences_vary_less_than_independent_ones() -> None:
    population = build_population(build_operator({"b": [40, 40, 40], "a": [60, 60]}))
    scenario = Scenario(population, covid(), Contacts(1.2), 90, np.full((2, 90), 1e-3))
    same, other = (simulate(scenario, replications=1500, seed=seed) for seed in (1, 2))
    masked = simulate(scenario, Controls(masks=0.1), replications=1500, seed=1)

    def spread(a: Outcome, b: Outcome) -> float:
        return float((a.column("infected") - b.column("infected")).var())

    assert spread(other, masked) > 2 * spread(same, masked)
    effect = masked.less_than(same, "infected")
    assert effect.low > 0
    assert set(FIELDS) >= {"infected", "closures"}


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
