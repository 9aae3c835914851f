"""The frame of a day's draw: every site with its weight, from what is on record before."""

from __future__ import annotations

from collections import Counter
from datetime import date

from releve.network import Operator
from releve.situation.events_draw import DrawPlanned, FrameUnit
from releve.situation.refusal import to_local_day
from releve.situation.situation import Situation

__all__ = ["build_frame"]

_LONGEST_DAYS = 366
_UNKEPT = ("partly", "not_kept")


def build_frame(
    plan: DrawPlanned, situation: Situation, operator: Operator, day: date
) -> tuple[FrameUnit, ...]:
    """Return every site with its weight by the rule of a plan, as known before a day.

    A site that was never visited counts 366 days.
    """
    agents = Counter(agent.home_site for agent in operator.agents)
    visits = {visit.site: visit for visit in situation.inspections}  # the last one of each
    units = []
    for site in operator.sites:
        days, findings, last = _LONGEST_DAYS, 0, visits.get(site.id)
        if last is not None:
            since = (day - to_local_day(last.happened_at, site.id, operator)).days
            days = min(max(since, 0), _LONGEST_DAYS)
            findings = sum(finding.verdict in _UNKEPT for finding in last.findings)
        weight = 1 + plan.per_agent * agents[site.id]
        weight += plan.per_day * days + plan.per_finding * findings
        units.append(
            FrameUnit(
                site=site.id,
                weight=weight,
                agents=agents[site.id],
                days=days,
                findings=findings,
                closed=situation.site(site.id).closure is not None,
            )
        )
    return tuple(units)
