"""What the health officer sees: open cases, what they share, and the contacts of one.

Status, dates and site under a pseudonym, and nothing else of a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.page import StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.situation import CaseCluster, OpenCase, TracedContact


class _HealthPage(StreamPage):
    """Every cluster of the sites that the reader may see, the largest first."""

    clusters: tuple[CaseCluster, ...]
    sites: dict[str, str] = Field(description="Names of the sites, by id")


class CasesPage(_HealthPage):
    """Every open case, the newest first."""

    cases: tuple[OpenCase, ...]
    cluster_days: float = Field(description="From one case of a cluster to the next, at most")


class CasePage(_HealthPage):
    """One case; ``contacts`` is null until they are asked for."""

    case: OpenCase
    days_before: float = Field(description="Days before the case in which contacts are sought")
    contacts: tuple[TracedContact, ...] | None
    seated: bool = Field(description="Seats were given with the question")


def cases_page(
    now: StreamContext,
    reach: Scope,
    cases: tuple[OpenCase, ...],
    seating: Mapping[str, str] | None,
) -> CasesPage:
    """Return the page of every open case; clusters of floors and zones where a seating is given."""
    rule = live.find_tracing_rule(now.situation, now.operator, now.at)
    return CasesPage(
        **_build_head(now, reach),
        clusters=_list_clusters(now, reach, seating),
        cases=cases,
        cluster_days=rule.cluster_days,
    )


def case_page(
    now: StreamContext, reach: Scope, case: OpenCase, seating: Mapping[str, str] | None
) -> CasePage:
    """Return the page of one case; its contacts where a ``seating`` is given, even an empty one."""
    found = live.trace_case(now.stream, now.operator, now.situation, case.event, seating)
    clusters = _list_clusters(now, reach, seating)
    return CasePage(
        **_build_head(now, reach),
        clusters=tuple(row for row in clusters if case.pseudonym in row.agents),
        case=case,
        days_before=found.days_before,
        contacts=found.contacts,
        seated=bool(seating),
    )


def _build_head(now: StreamContext, reach: Scope) -> dict[str, Any]:
    names = {row.id: row.name for row in now.operator.sites if reach.has_site(row.id)}
    return {**now.head, "sites": names}


def _list_clusters(
    now: StreamContext, reach: Scope, seating: Mapping[str, str] | None
) -> tuple[CaseCluster, ...]:
    return live.find_case_clusters(
        now.stream, now.operator, now.situation, now.at, reach.has_site, seating or {}
    )
