"""The outbreak as its documentation tells it, in plain Python with lists and dictionaries.

It shares the keyed numbers, the numbers of the decisions and the tables of the disease with the
kernel, and nothing else: who meets whom, who is there, what a rule does are written again.
"""

from __future__ import annotations

import math
from collections import defaultdict

from releve.plugins.crashtest.engine.outbreak import ClosureCalendar, ClosurePolicy, Controls, Population, Scenario, rng
from releve.plugins.crashtest.engine.outbreak.contacts import REMOVAL_PER_HOUR, compute_infectiousness, compute_rates
from releve.plugins.crashtest.engine.outbreak.disease import tabulate_days, tabulate_multiplier
from releve.situation import find_closing_case

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    """Return splitmix64's finaliser."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def unit(key: int, slot: int) -> float:
    """Return the number of a decision."""
    return ((mix((key + slot * GOLDEN) & MASK) >> 11) + 0.5) * 2.0**-53


def pick(u: float, n: int) -> int:
    """Return a whole number below n."""
    return min(int(u * n), n - 1)


def poisson(u: float, mean: float) -> int:
    """Return a Poisson number by inversion."""
    k, term = 0, math.exp(-mean)
    total = term
    while u > total:
        k += 1
        term *= mean / k
        total += term
    return k


class Plain:
    """One replication."""

    def __init__(self, scenario: Scenario, controls: Controls, seed: int, replication: int) -> None:
        """Prepare the tables and lists."""
        self.s, self.c, self.pop = scenario, controls, scenario.population
        self.rates = compute_rates(self.pop, scenario.disease, scenario.contacts)
        self.rep = mix((mix((seed + GOLDEN) & MASK) + replication * GOLDEN) & MASK)
        self.infected: dict[int, int] = {}
        self.ill: dict[int, int] = {}
        self.by: dict[int, int] = {}
        self.layer: dict[int, str] = {}
        self.back: dict[int, int] = defaultdict(int)
        self.away_days: set[tuple[int, int]] = set()
        self.confirmed: dict[int, int] = {}
        self.cases: dict[int, list[int]] = defaultdict(list)
        self.opens: dict[int, int] = defaultdict(int)
        self.closed_days: set[tuple[int, int]] = set()
        self.visit_number: dict[int, int] = defaultdict(int)
        self.n: dict[str, int] = defaultdict(int)
        self.results: dict[int, list[int]] = defaultdict(list)
        self.onsets: dict[int, list[int]] = defaultdict(list)
        self.visits: dict[int, list[int]] = defaultdict(list)
        self.attempts: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
        disease = scenario.disease
        self.incubation = tabulate_days(disease.incubation).cumsum().tolist()
        self.generation = tabulate_days(disease.generation).cumsum().tolist()
        self.multiplier = tabulate_multiplier(disease.dispersion.value).tolist()
        self.home_multiplier = tabulate_multiplier(disease.household_dispersion.value).tolist()
        self.sensitivity = disease.tests[controls.test].table().tolist()
        self.home = self._home_workers()
        self.group_of = [g for g, one in enumerate(self.pop.groups) for _ in range(one.first, one.end)]

    def key(self, who: int) -> int:
        """Return a person's key in this replication."""
        return mix(self.rep ^ int(self.pop.key[who]))

    def site_key(self, site: int) -> int:
        """Return a site's key in this replication."""
        return mix(self.rep ^ int(self.pop.site_key[site]))

    def staff(self, site: int) -> list[int]:
        """Return the agents of a site."""
        return [a for a in range(self.pop.size) if self.pop.site[a] == site]

    def _home_workers(self) -> set[int]:
        if self.c.at_home is not None:
            return {a for a in range(self.pop.size) if self.c.at_home[a]}
        pop = self.pop
        return {a for a in range(pop.size) if pop.home_ready[a] and pop.telework_rank[a] < self.c.telework}

    def present(self, a: int, t: int) -> bool:
        """Return whether an agent is on site."""
        on = self.c.rotation.on
        cohort = min(int(self.pop.cohort_rank[a] * len(on)), len(on) - 1)
        comes = on[cohort][t % len(on[cohort])]
        open_ = self.opens[int(self.pop.site[a])] <= t
        return a not in self.home and comes and self.back[a] <= t and open_

    def run(self) -> Plain:
        """Run all days."""
        self._begin()
        for t in range(self.s.days):
            self._results(t)
            for a in self.onsets[t]:
                self._fall_ill(a, t)
            self._results(t)
            for site in self.visits[t]:
                self._visit(site, t)
                self._plan_visit(site, t)
            self._results(t)
            for who, j in reversed(self.attempts[t]):
                if j is None:
                    self._infect(who, t, "outside", -2)
                else:
                    self._attempt(who, j, t)
            self.closed_days |= {(s, t) for s in range(len(self.pop.sites)) if self.opens[s] > t}
        return self

    def _begin(self) -> None:
        luck = mix(self.rep ^ rng.FIRST_CASE)
        for i in range(self.s.first_count):
            who = self.s.first_cases[pick(unit(luck, i), len(self.s.first_cases))]
            self.attempts[0].append((who, None))
        for site in range(len(self.pop.sites)):
            staff = self.staff(site)
            if not staff:
                continue
            if self.s.importation is not None:
                self._import(site, staff)
            if self.c.visits and self.c.visits.probabilities[site : site + 1] != (0.0,):
                self._plan_visit(site, -1)

    def _import(self, site: int, staff: list[int]) -> None:
        assert self.s.importation is not None
        upto = [float(x) for x in (self.s.importation[site] * len(staff)).cumsum()]
        key, reached, i = self.site_key(site), 0.0, 0
        while True:
            reached -= math.log(unit(key, rng.IMPORT_GAP + 2 * i))
            day = next((d for d, total in enumerate(upto) if total > reached), None)
            if day is None:
                return
            who = staff[pick(unit(key, rng.IMPORT_WHO + 2 * i), len(staff))]
            self.attempts[day].append((who, None))
            i += 1

    def _plan_visit(self, site: int, t: int) -> None:
        assert self.c.visits is not None
        u = unit(self.site_key(site), rng.VISIT_GAP + self.visit_number[site])
        self.visit_number[site] += 1
        visits = self.c.visits
        chance = visits.probabilities[site] if visits.probabilities else 1 / visits.every_days
        gap = 1 + (int(math.log(u) / math.log1p(-chance)) if chance < 1 else 0)
        if t + gap < self.s.days:
            self.visits[t + gap].append(site)

    def _keep_away(self, a: int, t: int, until: int) -> None:
        until = min(until, self.s.days)
        self.away_days |= {(a, d) for d in range(t, until)}
        self.back[a] = max(self.back[a], until)

    def _isolation_days(self, a: int, t: int) -> int:
        days = self.c.isolation_days
        return days if isinstance(days, int) else int(days[self.pop.site[a], t])

    def _closure_policy(self, site: int, t: int) -> ClosurePolicy | None:
        found = self.c.closure
        if not isinstance(found, ClosureCalendar):
            return found
        number = int(found.number[site, t])
        return None if number < 0 else found.policies[number]

    def _results(self, t: int) -> None:
        for a in reversed(self.results.pop(t, [])):
            if a in self.confirmed:
                continue
            self.confirmed[a] = t
            self._keep_away(a, t, t + self._isolation_days(a, t))
            self._quarantine(a, t)
            if self.c.closure:
                self._rule(int(self.pop.site[a]), t)

    def _quarantine(self, a: int, t: int) -> None:
        q, pop = self.c.quarantine, self.pop
        if q is None:
            return
        beside = [int(b) for b in pop.near[pop.near_pointer[a] : pop.near_pointer[a + 1]]]
        zone = [b for b, g in enumerate(self.group_of) if g == self.group_of[a] and b != a]
        ride = [b for b in range(pop.size) if pop.vehicle[b] == pop.vehicle[a] >= 0 and b != a]
        for share, people in ((q.seat, beside), (q.zone, zone), (q.shuttle, ride)):
            for b in people:
                if unit(self.key(b) ^ mix(int(pop.key[a])), 0) < share:
                    self._keep_away(b, t, t + q.days)

    def _rule(self, site: int, t: int) -> None:
        """Ask the rule of the situation, on all confirmed cases of the site so far."""
        rule, cases = self._closure_policy(site, t), self.cases[site]
        cases.append(t)
        if rule is None:
            return
        if self.opens[site] > t:
            if rule.further_days:
                self.opens[site] = max(self.opens[site], t + rule.further_days)
            return
        counting = [d for d in cases if rule.earlier_cases_count or d >= self.opens[site]]
        last = counting[-rule.cases :]
        if find_closing_case(last, rule.cases, rule.within_days, [d >= self.opens[site] for d in last]) < 0:
            return
        self.n["closures"] += 1
        self.opens[site] = t + rule.days
        for a in self.staff(site):
            if a in self.confirmed or unit(self.key(a), rng.CLOSING_TEST + t) >= rule.tested:
                continue
            positive = self._positive(a, t, rng.CLOSING_RESULT + t)
            self._test(positive, a, t + max(1, self.c.result_days))

    def _positive(self, a: int, t: int, slot: int) -> bool:
        since = t - self.infected[a] if a in self.infected else -1
        known = self.sensitivity[since] if 0 <= since < len(self.sensitivity) else 0.0
        return unit(self.key(a), slot) < max(known, self.c.false_positive)

    def _test(self, positive: bool, a: int, due: int) -> None:
        self.n["tests"] += 1
        if positive:
            self.results[due].append(a)

    def _fall_ill(self, a: int, t: int) -> None:
        if unit(self.key(a), rng.STAYS_HOME) < self.c.stay_home:
            self._keep_away(a, t, t + self._isolation_days(a, t))
        if a not in self.confirmed and unit(self.key(a), rng.IS_TESTED) < self.c.symptom_test:
            taken = t + self.c.test_days
            self._test(self._positive(a, taken, rng.RESULT), a, taken + self.c.result_days)

    def _visit(self, site: int, t: int) -> None:
        assert self.c.visits is not None
        staff, wanted = self.staff(site), self.c.visits.tests
        here = [a for a in staff if self.present(a, t)]
        key, drawn = self.site_key(site), []
        if len(staff) > 4 * wanted:
            for at in range(16 * wanted):
                a = staff[pick(unit(key, rng.VISIT_DRAW + (t << 20) + at), len(staff))]
                if a in here and a not in drawn and len(drawn) < wanted:
                    drawn.append(a)
        if len(drawn) < min(wanted, len(staff)):
            drawn = []
            for seen, a in enumerate(here):
                u = unit(key, rng.VISIT_SCAN + (t << 20) + staff.index(a))
                if u * (len(here) - seen) < min(wanted, len(here)) - len(drawn):
                    drawn.append(a)
        self.n["visits"] += bool(drawn)
        found = [a for a in drawn if self._positive(a, t, rng.VISIT_RESULT + t)]
        for a in drawn:
            self._test(a in found, a, t + self.c.result_days)
        self.n["visits_positive"] += bool(found)

    def _layers(self, a: int) -> dict[str, tuple[float, list[int | None]]]:
        """Return an agent's layers: the attempts, and the places they may reach."""
        pop, r = self.pop, self.rates
        group = pop.groups[self.group_of[a]]
        mates = [*range(group.first, group.end), *[None] * (group.places - group.end + group.first)]
        on_floor = [b for b in range(pop.size) if pop.floor[b] == pop.floor[a]]
        other_zones = [b for b in on_floor if self.group_of[b] != self.group_of[a]]
        other_floors = [b for b in self.staff(int(pop.site[a])) if b not in set(on_floor)]
        beside = pop.near[pop.near_pointer[a] : pop.near_pointer[a + 1]].tolist()
        v = int(pop.vehicle[a])
        ride = pop.riders[pop.rider_pointer[v] : pop.rider_pointer[v + 1]].tolist() if v >= 0 else []
        if ride:
            last = ride.pop()
            ride = [last if b == a else b for b in ride]
        return {
            "zone": (float(r.zone[self.group_of[a]]), [b for b in mates if b != a]),
            "seat": (r.seat * len(beside), beside),
            "floor": (r.floor if other_zones else 0.0, list(other_zones)),
            "site": (r.site if other_floors else 0.0, list(other_floors)),
            "shuttle": (float(r.shuttle[v]) if v >= 0 else 0.0, ride),
        }

    def _family(self, who: int) -> list[int]:
        pop = self.pop
        owner = who if who < pop.size else int(pop.owner[who - pop.size])
        members = list(range(pop.home_pointer[owner], pop.home_pointer[owner + 1]))
        return members if who < pop.size else [owner if b == who else b for b in members]

    def _infect(self, who: int, t: int, layer: str, by: int) -> None:
        key, disease = self.key(who), self.s.disease
        if who in self.infected or unit(key, rng.IMMUNE) < self.c.immune:
            return
        self.infected[who], self.layer[who], self.by[who] = t, layer, by
        sick, factor = compute_infectiousness(disease)
        if unit(key, rng.SYMPTOMS) >= disease.asymptomatic.value:
            factor = sick
            self.ill[who] = t + self._day(self.incubation, unit(key, rng.INCUBATION))
            if who < self.pop.size:
                self.onsets[self.ill[who]].append(who)
        if who < self.pop.size:
            law = self.multiplier
            strength = factor * law[pick(unit(key, rng.MULTIPLIER), len(law))]
            mean = strength * sum(rate for rate, _ in self._layers(who).values())
            self._plan(who, t, 0, poisson(unit(key, rng.ATTEMPTS), mean))
        if family := self._family(who):
            law = self.home_multiplier
            strength = factor * law[pick(unit(key, rng.HOME_MULTIPLIER), len(law))]
            mean = strength * self.rates.household * len(family)
            self._plan(who, t, rng.HOME_ATTEMPT, poisson(unit(key, rng.HOME_ATTEMPTS), mean))

    def _day(self, cumulative: list[float], u: float) -> int:
        return next((k for k, total in enumerate(cumulative) if total > u), len(cumulative) - 1)

    def _plan(self, who: int, t: int, first: int, count: int) -> None:
        for j in range(first, first + count):
            u = unit(self.key(who), rng.ATTEMPT + 4 * j + rng.TIME)
            self.attempts[t + self._day(self.generation, u)].append((who, j))

    def _attempt(self, who: int, j: int, t: int) -> None:
        def luck(what: int) -> float:
            return unit(self.key(who), rng.ATTEMPT + 4 * j + what)

        if j >= rng.HOME_ATTEMPT:
            family = self._family(who)
            self._infect(family[pick(luck(rng.TARGET), len(family))], t, "household", who)
            return
        if not self.present(who, t):
            return
        layers = self._layers(who)
        left = luck(rng.LAYER) * sum(rate for rate, _ in layers.values())
        reached = 0.0
        for name, (rate, places) in layers.items():  # noqa: B007 - used after the loop
            reached += rate
            if reached > left:
                break
        target = places[pick(luck(rng.TARGET), len(places))]
        if target is None or not self.present(target, t):
            return
        if luck(rng.ACCEPT) < self._factor(name, who):
            self._infect(target, t, name, who)

    def _factor(self, layer: str, a: int) -> float:
        factor = 1 - self.c.masks
        if layer == "zone":
            air = self.pop.groups[self.group_of[a]].air_changes_per_hour + REMOVAL_PER_HOUR
            return factor * air / (air + self.c.extra_air_changes)
        if layer == "seat":
            return factor * min(1.0, 2.02 ** (1 - self.c.distance_m))
        return factor


def row_of(done: Plain) -> dict[str, int]:
    """Return the fields of a replication."""
    size = done.pop.size
    layers = list(done.layer.values())
    named = {f"by_{name}": layers.count(name) for name in ("zone", "seat", "floor", "site", "shuttle", "household")}
    return named | {
        "infected": sum(who < size for who in done.infected),
        "household": sum(who >= size for who in done.infected),
        "imported": layers.count("outside"),
        "confirmed": len(done.confirmed),
        "closures": done.n["closures"],
        "site_days_closed": len(done.closed_days),
        "away_days": len(done.away_days),
        "tests": done.n["tests"],
        "visits": done.n["visits"],
        "visits_positive": done.n["visits_positive"],
    }


def population_check(population: Population) -> None:
    """Assert that groups, floors and sites are ranges, and members follow their agents."""
    assert [g.first for g in population.groups[1:]] == [g.end for g in population.groups[:-1]]
    assert population.groups[-1].end == population.size
    for numbers, ranges in ((population.site, population.site_range), (population.floor, population.floor_range)):
        for at, (first, end) in enumerate(ranges):
            assert (numbers[first:end] == at).all()
        assert sum(end - first for first, end in ranges) == population.size
