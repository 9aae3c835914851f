"""Clusters of declared cases, by where the plan, its reliefs or the roster had people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from releve.live.identity_cache import IdentityCache
from releve.live.models import Relief
from releve.live.partners import list_lendings
from releve.live.plans import load_activation
from releve.live.presence import find_stays
from releve.network import Operator
from releve.situation import CaseCluster, DeclaredCase, Situation, TracingRule, find_clusters

__all__ = ["find_case_clusters"]

_clusters: IdentityCache[tuple[CaseCluster, ...]] = IdentityCache()


def find_case_clusters(
    stream: str,
    operator: Operator,
    situation: Situation,
    rule: TracingRule,
    cases: Sequence[DeclaredCase],
    seating: Mapping[str, str],
) -> tuple[CaseCluster, ...]:
    """Return the clusters of declared cases, which are given by date; the largest first.

    ``seating`` is the seat by agent. Without one they are found again only when something happened:
    the stays of some weeks are behind them.
    """
    known = [case for case in cases if case.status == "declared_case"]
    if not known:
        return ()

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
