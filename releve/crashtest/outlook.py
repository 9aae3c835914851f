"""From today's situation to the outbreak of the coming days.

Known are the cases that the closure rule counts, and the lost sites until they may reopen. Unknown
are the infections that these cases caused: each replication draws one infected colleague for each
case, from the zones of the cases. The outlook names this assumption where it is shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np

from releve.crashtest.outbreak import Population, Scenario
from releve.network import to_utc
from releve.situation import Situation

__all__ = ["LOOKED_BACK_DAYS", "UNKNOWN_DAYS", "start_from_situation"]

LOOKED_BACK_DAYS = 14
"""Days before the outlook whose cases count."""
UNKNOWN_DAYS = 2
"""Days a lost site stays lost when its reopening is not known."""


def start_from_situation(
    scenario: Scenario, situation: Situation, first: date, time_zone: str
) -> Scenario:
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
    shut = [
        (number[name], _count_days(until, now)) for name, until in lost.items() if name in number
    ]
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
