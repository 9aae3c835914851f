"""Clusters of declared cases and the contacts of one: for the health officer alone.

People were where the plan, its reliefs or the roster had them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.live.current_rules import select_rules
from releve.live.identity_cache import IdentityCache
from releve.live.models import Relief
from releve.live.partners import list_lendings
from releve.live.plans import load_activation
from releve.live.presence import find_stays
from releve.network import Operator
from releve.situation import (
    CaseCluster,
    DeclaredCase,
    Situation,
    TracedContact,
    TracingRule,
    find_clusters,
    list_known_cases,
    to_local_day,
    trace_contacts,
)

__all__ = ["CaseTrace", "find_case_clusters", "find_tracing_rule", "trace_case"]

_clusters: IdentityCache[tuple[CaseCluster, ...]] = IdentityCache()


@dataclass(frozen=True, slots=True)
class CaseTrace:
    """The contacts of a case in the ``days_before`` it; None: they were not asked for."""

    days_before: float
    contacts: tuple[TracedContact, ...] | None


def find_tracing_rule(situation: Situation, operator: Operator, at: datetime) -> TracingRule:
    """Return the rule by which contacts and clusters are found on the day of an instant."""
    day = to_local_day(at, "", operator)
    return select_rules(situation).one(TracingRule, day) or TracingRule()


def trace_case(
    stream: str,
    operator: Operator,
    situation: Situation,
    event: str,
    seating: Mapping[str, str] | None,
) -> CaseTrace:
    """Return the contacts of the case of an event where a ``seating`` is given, even an empty one.

    It is the seat by agent. StopIteration without such a case.
    """
    case = next(row for row in situation.cases if row.event == event)
    rule = find_tracing_rule(situation, operator, case.at)
    if seating is None:
        return CaseTrace(rule.days_before, None)
    period = (case.at - timedelta(days=rule.days_before), case.at)
    stays = find_stays(stream, operator, situation, period, seating=seating)
    return CaseTrace(rule.days_before, tuple(trace_contacts(case, stays, operator, rule)))


def find_case_clusters(
    stream: str,
    operator: Operator,
    situation: Situation,
    now: datetime,
    sees: Callable[[str], bool],
    seating: Mapping[str, str],
) -> tuple[CaseCluster, ...]:
    """Return the clusters on the sites that a reader ``sees``, the largest first.

    Their last case is within the days that make a cluster. ``seating`` maps agents to seats.
    """
    rule = find_tracing_rule(situation, operator, now)
    known = [
        case
        for case in list_known_cases(situation, operator, sees)
        if case.status == "declared_case"
    ]
    found = _find_clusters(stream, operator, situation, rule, known, seating) if known else ()
    lately = now - timedelta(days=rule.cluster_days)
    return tuple(row for row in found if row.last >= lately)


def _find_clusters(
    stream: str,
    operator: Operator,
    situation: Situation,
    rule: TracingRule,
    known: Sequence[DeclaredCase],
    seating: Mapping[str, str],
) -> tuple[CaseCluster, ...]:
    """Return the clusters of cases, which are given by date.

    Without a seating they are found again only when something happened: the stays of some weeks are
    behind them.
    """

    def find() -> tuple[CaseCluster, ...]:
        period = (known[0].at - timedelta(days=rule.cluster_days), known[-1].at)
        agents = frozenset(case.agent for case in known)
        stays = find_stays(stream, operator, situation, period, of=agents, seating=seating)
        return find_clusters(known, stays, operator, rule)

    if seating:
        return find()
    plan = load_activation()
    relief = Relief.objects.filter(stream=stream).order_by("-generation").first()
    key = (
        stream,
        rule,
        tuple(case.event for case in known),
        plan.pk if plan else 0,
        relief.generation if relief else 0,
        list_lendings(stream),
    )
    return _clusters.get(key, (operator, situation), find)
