"""What the health officer sees: open cases, what they share, and the contacts of one.

Status, dates and site under a pseudonym, and nothing else of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.network import zone
from releve.situation import (
    AbsenceRule,
    DeclaredCase,
    TracedContact,
    TracingRule,
    trace_contacts,
)


class CaseRow(PageModel):
    """An open case: the first and the last day of its measure, by the site's days."""

    event: str
    pseudonym: str
    status: str
    site: str
    since: date
    until: date


class ClusterRow(PageModel):
    """Cases that shared something, and when the first and the last were dated."""

    kind: str = Field(description="floor, zone, shuttle or shift")
    name: str
    site: str
    time_zone: str = Field(description="Of the site")
    pseudonyms: tuple[str, ...]
    first: datetime
    last: datetime


class _HealthPage(StreamPage):
    """Every cluster of the sites that the reader may see, the largest first."""

    clusters: tuple[ClusterRow, ...]
    sites: dict[str, str] = Field(description="Names of the sites, by id")


class CasesPage(_HealthPage):
    """Every open case, the newest first."""

    cases: tuple[CaseRow, ...]
    cluster_days: float = Field(description="From one case of a cluster to the next, at most")


class CasePage(_HealthPage):
    """One case; ``contacts`` is null until they are asked for."""

    case: CaseRow
    days_before: float = Field(description="Days before the case in which contacts are sought")
    contacts: tuple[TracedContact, ...] | None
    seated: bool = Field(description="Seats were given with the question")


def list_open_cases(now: StreamContext, reach: Scope) -> tuple[DeclaredCase, ...]:
    """Return the cases of some sites whose measure lasts, the newest first; none erased."""
    found = []
    for case in _known(now, reach):
        today = now.find_day(case.site)
        if case.cleared_at is None and today <= _case_row(case, now).until:
            found.append(case)
    return tuple(reversed(found))


def _known(now: StreamContext, reach: Scope) -> Iterable[DeclaredCase]:
    """Yield the cases that still name an agent, by their date, on sites of the operator."""
    for case in now.situation.cases:
        if case.agent and case.site in now.operator.site and reach.has_site(case.site):
            yield case


def cases_page(now: StreamContext, reach: Scope, seating: Mapping[str, str] | None) -> CasesPage:
    """Return the page of every open case; clusters of floors and zones where a seating is given."""
    clusters = _list_clusters(now, reach, seating)
    return CasesPage(
        **now.head,
        clusters=clusters,
        sites=_name_sites(now, reach),
        cases=tuple(_case_row(case, now) for case in list_open_cases(now, reach)),
        cluster_days=_rule(now, now.at).cluster_days,
    )


def case_page(
    now: StreamContext, reach: Scope, case: DeclaredCase, seating: Mapping[str, str] | None
) -> CasePage:
    """Return the page of one case; its contacts where a ``seating`` is given, even an empty one."""
    rule, contacts = _rule(now, case.at), None
    if seating is not None:
        since = case.at - timedelta(days=rule.days_before)
        stays = live.find_stays(
            now.stream, now.operator, now.situation, (since, case.at), seating=seating
        )
        contacts = tuple(trace_contacts(case, stays, now.operator, rule))
    clusters = _list_clusters(now, reach, seating)
    return CasePage(
        **now.head,
        clusters=tuple(row for row in clusters if case.agent in row.pseudonyms),
        sites=_name_sites(now, reach),
        case=_case_row(case, now),
        days_before=rule.days_before,
        contacts=contacts,
        seated=bool(seating),
    )


def _name_sites(now: StreamContext, reach: Scope) -> dict[str, str]:
    return {row.id: row.name for row in now.operator.sites if reach.has_site(row.id)}


def _case_row(case: DeclaredCase, now: StreamContext) -> CaseRow:
    """Return a case with the days of its measure, by the rule of its day."""
    site = now.operator.site[case.site]
    day = case.at.astimezone(zone(site.time_zone)).date()
    rule = live.select_rules(now.situation).one(AbsenceRule, day, site) or AbsenceRule()
    first = case.since or day
    last = rule.last_day(case.status, first, case.until)
    return CaseRow.from_row(case, pseudonym=case.agent, since=first, until=last)


def _rule(now: StreamContext, at: datetime) -> TracingRule:
    day = at.astimezone(zone(now.operator.row.time_zone)).date()
    return live.select_rules(now.situation).one(TracingRule, day) or TracingRule()


def _list_clusters(
    now: StreamContext, reach: Scope, seating: Mapping[str, str] | None
) -> tuple[ClusterRow, ...]:
    """Return the clusters whose last case is no older than the days that make a cluster."""
    rule, known = _rule(now, now.at), tuple(_known(now, reach))
    found = live.find_case_clusters(
        now.stream, now.operator, now.situation, rule, known, seating or {}
    )
    lately = now.at - timedelta(days=rule.cluster_days)
    return tuple(
        ClusterRow.from_row(
            row, pseudonyms=row.agents, time_zone=now.operator.site[row.site].time_zone
        )
        for row in found
        if row.last >= lately
    )
