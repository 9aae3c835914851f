"""The controls of a crash test as the situation's dated rules have them.

The live desk and the crash test go by the same rows: on every simulated day each site is closed
by the closure row in force there on that date, and a confirmed agent is away for the days of the
absence row. What no rule says (how many agents with symptoms stay at home or are tested) is a
parameter with a default. Brigades come as the draw of visits declares it, where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.errors import CrashTestError
from releve.crashtest.outbreak import ClosureCalendar, ClosurePolicy, Controls, Visits
from releve.inspection import DrawError
from releve.network import Operator, Site
from releve.situation import Situation, SituationRules, build_frame
from releve.situation.rule_kinds import AbsenceRule, ClosureRule

__all__ = [
    "STAY_HOME",
    "SYMPTOM_TEST",
    "build_closure_calendar",
    "build_controls",
    "build_drawn_visits",
    "list_closure_rules",
]

STAY_HOME = 0.5
"""Assumed: share of agents with symptoms who stay at home from the day they begin."""
SYMPTOM_TEST = 0.7
"""Assumed: share of agents with symptoms who are tested."""


def build_controls(
    rules: SituationRules,
    sites: Sequence[Site],
    first: date,
    days: int,
    *,
    at_home: NDArray[np.bool_] | None = None,
    presence: NDArray[np.bool_] | None = None,
    stay_home: float = STAY_HOME,
    symptom_test: float = SYMPTOM_TEST,
    visits: Visits | None = None,
) -> Controls:
    """Return the controls of ``days`` days from ``first``, by the rules in force on each of them.

    ``sites`` in the order of the population; ``at_home[agent]`` and ``presence`` as in
    :class:`Controls`. Without an absence row a confirmed agent is away for the default
    days of :class:`AbsenceRule`.
    """
    absences = [
        [_find_absence_days(rules, site, first + timedelta(days=day)) for day in range(days)]
        for site in sites
    ]
    return Controls(
        stay_home=stay_home,
        symptom_test=symptom_test,
        isolation_days=np.array(absences, dtype=np.int32),
        closure=build_closure_calendar(rules, sites, first, days),
        at_home=at_home,
        presence=presence,
        visits=visits,
    )


def build_drawn_visits(
    situation: Situation, operator: Operator, sites: Sequence[str], day: date
) -> Visits | None:
    """Return the visits of the draws planned for a day; None where none is planned.

    Each site (``sites`` in the order of the population) has the probability that the frame of the
    day publishes, or would publish as known now, on every day of the run. With several plans it is
    visited when one of them draws it. CrashTestError where the rule of a plan cannot hold.
    """
    missed: dict[str, float] = {}
    for plan in situation.draws.values():
        if not 1 <= plan.number_day(day) <= plan.planned.days:
            continue
        framed = plan.frames.get(day)
        units = framed.units if framed else build_frame(plan.planned, situation, operator, day)
        try:
            found = plan.find_probabilities(units)
        except DrawError as error:
            raise CrashTestError(f"draw plan {plan.planned.plan}: {error}") from None
        for site, probability in found.items():
            missed[site] = missed.get(site, 1.0) * float(1 - probability)
    if not missed:
        return None
    return Visits(probabilities=tuple(1.0 - missed.get(site, 1.0) for site in sites))


def _find_absence_days(rules: SituationRules, site: Site, day: date) -> int:
    return (rules.one(AbsenceRule, day, site) or AbsenceRule()).case_days


def build_closure_calendar(
    rules: SituationRules, sites: Sequence[Site], first: date, days: int
) -> ClosureCalendar:
    """Return the closure row in force at each site on each day, as a policy on whole days.

    CrashTestError when two rows are in force at one site on one day.
    """
    rows = {site.id: _find_closure_rows(rules, site, first, days) for site in sites}
    policies = {
        rule_id: _convert_rule(rule) for row in rows.values() for rule_id, rule in row.values()
    }
    position = {rule_id: at for at, rule_id in enumerate(policies)}
    number = np.full((len(sites), days), -1, dtype=np.int32)
    for at, site in enumerate(sites):
        for day, (rule_id, _rule) in rows[site.id].items():
            number[at, day] = position[rule_id]
    return ClosureCalendar(tuple(policies.values()), number)


def list_closure_rules(
    rules: SituationRules, sites: Sequence[Site], first: date, days: int
) -> tuple[str, ...]:
    """Return the ids of the closure rows that a run goes by, sorted."""
    rows = (_find_closure_rows(rules, site, first, days) for site in sites)
    return tuple(sorted({rule_id for row in rows for rule_id, _rule in row.values()}))


def _find_closure_rows(
    rules: SituationRules, site: Site, first: date, days: int
) -> dict[int, tuple[str, ClosureRule]]:
    """Return the closure row in force at a site by simulated day; days without one are left out."""
    found = {}
    for day in range(days):
        on = first + timedelta(days=day)
        rows = rules.in_force(ClosureRule, on, site)
        if len(rows) > 1:
            ids = ", ".join(rule_id for rule_id, _rule in rows)
            raise CrashTestError(
                f"one closure rule at a site, got {ids} at {site.id} on {on}: end one of them"
                " before that day"
            )
        if rows:
            found[day] = rows[0]
    return found


def _convert_rule(rule: ClosureRule) -> ClosurePolicy:
    return ClosurePolicy(
        cases=rule.n,
        within_days=int(rule.days),
        hours=rule.hours,
        further_case_hours=rule.further_case_hours,
        earlier_cases_count=rule.earlier_cases_count,
    )
