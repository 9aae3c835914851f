"""Two cases under the same disasters: differences quarter by quarter, each with its interval.

A case may start from today's situation: known are the cases that the closure rule counts, and the
lost sites until they may reopen. For the infections that these cases caused, each replication draws
one infected colleague for each case, from its zone; the outlook names this assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from releve.network import to_utc
from releve.plugins.crashtest.engine.ablation import estimate_mean
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from releve.plugins.crashtest.engine.outbreak import FIELDS, Estimate, Population, Scenario
from releve.plugins.crashtest.engine.result import (
    compute_largest_penalty,
    compute_penalties,
    find_broken_targets,
    read_estimates,
)
from releve.plugins.crashtest.engine.run import Quarters
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays
from releve.plugins.crashtest.engine.settings import require
from releve.situation import Situation

_OFFERED, _LOST = (PROGRAMME.index(name) for name in ("offered", "lost"))


@dataclass(frozen=True)
class Case:
    """A test that was run: what it is called, its arrays and its rows."""

    label: str
    test: CrashTest
    ready: RunArrays
    rows: Quarters


@dataclass(frozen=True)
class ClientDifference:
    """What a client gains (negative) or loses: calls lost and penalty (EUR) a quarter, P(breaks
    its target), each the other case less the first."""

    client: str
    lost: Estimate
    penalty: Estimate
    breaks_target: Estimate


@dataclass(frozen=True)
class Difference:
    """A case less the first, over the same quarters: calls lost, penalty in EUR, days of sites
    closed by the rule, agents infected, a quarter. ``wider``: how many times the variance of the
    difference in calls would be if the two had met different disasters."""

    label: str
    against: str
    lost: Estimate
    penalty: Estimate
    site_days_closed: Estimate
    infected: Estimate
    wider: float
    clients: tuple[ClientDifference, ...]


def compare(first: Case, other: Case) -> Difference:
    """Return ``other`` less ``first``; both must have run the same quarters of the same seed."""
    one = (first.rows.first, len(first.rows), first.test.settings.seed, first.test.settings.days)
    two = (other.rows.first, len(other.rows), other.test.settings.seed, other.test.settings.days)
    require(one == two, "both cases have the same quarters, seed and days", (one, two))
    lost = [case.rows.programme[:, :, _LOST].sum(axis=1) for case in (first, other)]
    cost = [compute_penalties(case.ready, case.rows) for case in (first, other)]
    apart = float((lost[1] - lost[0]).var())
    calls = float(first.rows.programme[:, :, _OFFERED].sum(axis=1).max())
    dear = float(compute_largest_penalty(first.ready, first.rows).sum())
    agents = len(first.ready.tally_of)
    site_days = float(len(first.test.operator.sites) * one[3])
    return Difference(
        label=other.label,
        against=first.label,
        lost=_estimate_difference(lost[1] - lost[0], calls),
        penalty=_estimate_difference(cost[1].sum(axis=1) - cost[0].sum(axis=1), dear),
        site_days_closed=_estimate_difference(
            _select_field(other, "site_days_closed") - _select_field(first, "site_days_closed"), site_days
        ),
        infected=_estimate_difference(_select_field(other, "infected") - _select_field(first, "infected"), agents),
        wider=float(lost[0].var() + lost[1].var()) / apart if apart > 0 else np.inf,
        clients=_compare_clients(first, other),
    )


def _estimate_difference(values: Any, most: float) -> Estimate:
    """Return the mean of a difference that is within ``most`` either way in every quarter."""
    return estimate_mean(values, most=most, least=-most)


def _select_field(case: Case, name: str) -> Any:
    return case.rows.outbreak[:, FIELDS.index(name)]


def _compare_clients(first: Case, other: Case) -> tuple[ClientDifference, ...]:
    found = []
    cost = [compute_penalties(case.ready, case.rows) for case in (first, other)]
    dear = compute_largest_penalty(first.ready, first.rows)
    misses = [find_broken_targets(case.test, case.ready, case.rows) for case in (first, other)]
    for c, client in enumerate(first.test.operator.clients[: cost[0].shape[1]]):
        mine = first.ready.demand.client == c
        lost = [case.rows.programme[:, mine, _LOST].sum(axis=1) for case in (first, other)]
        calls = first.rows.programme[:, mine, _OFFERED].sum(axis=1)
        found.append(
            ClientDifference(
                client=client.id,
                lost=_estimate_difference(lost[1] - lost[0], float(calls.max())),
                penalty=_estimate_difference(cost[1][:, c] - cost[0][:, c], float(dear[c])),
                breaks_target=_estimate_difference(misses[1][:, c] - misses[0][:, c], 1.0),
            )
        )
    return tuple(found)


def encode_difference(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain values; what is not known (an infinity) is None."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return dict(plain(asdict(difference)))


def decode_difference(tree: Mapping[str, Any]) -> Difference:
    """Return the difference of :func:`encode_difference`; what is not known is an infinity."""
    found = read_estimates(tree)
    wider = np.inf if found["wider"] is None else found["wider"]
    clients = tuple(ClientDifference(**read_estimates(row)) for row in tree["clients"])
    return Difference(**{**found, "wider": wider, "clients": clients})


LOOKED_BACK_DAYS = 14
"""Days before the outlook whose cases count."""
UNKNOWN_DAYS = 2
"""Days a lost site stays lost when its reopening is not known."""


def start_from_situation(scenario: Scenario, situation: Situation, first: date, time_zone: str) -> Scenario:
    """Return the scenario with what a situation knows at the start of its ``first`` day."""
    population = scenario.population
    number = {name: at for at, name in enumerate(population.sites)}
    now = to_utc(datetime.combine(first, time()), time_zone)
    known, colleagues = [], []
    for case in situation.cases:
        days = -((case.at - now) // timedelta(days=1))
        recent = case.status == "declared_case" and 1 <= days <= LOOKED_BACK_DAYS
        if recent and case.cleared_at is None and case.site in number:
            known.append((number[case.site], days))
            colleagues += _list_colleagues(population, case.agent, number[case.site])
    lost = situation.lost_places(now).sites
    shut = [(number[name], _count_days(until, now)) for name, until in lost.items() if name in number]
    return replace(
        scenario,
        first_cases=(*scenario.first_cases, *colleagues),
        first_count=scenario.first_count + (len(known) if colleagues else 0),
        known_cases=(*scenario.known_cases, *known),
        shut=(*scenario.shut, *shut),
    )


def _count_days(until: datetime | None, now: datetime) -> int:
    if until is None:
        return UNKNOWN_DAYS
    return max(1, int(np.ceil((until - now) / timedelta(days=1))))


def _list_colleagues(population: Population, agent: str, site: int) -> list[int]:
    """Return the others of an agent's zone and sitting; all of the site for an unknown agent."""
    at = population.number.get(agent)
    if at is None:
        return list(range(*(int(end) for end in population.site_range[site])))
    group = population.groups[population.group[at]]
    return [one for one in range(group.first, group.end) if one != at]
