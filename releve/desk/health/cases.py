"""What the health officer sees: open cases, what they share, and the contacts of one.

Status, dates and site under a pseudonym, and nothing else of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.accounts.scopes import Scope
from releve.desk.health.forms import SeatingForm
from releve.desk.places.stream_context import StreamContext, when
from releve.live import api as live
from releve.live.api import IdentityCache
from releve.network import zone
from releve.situation import (
    AbsenceRule,
    CaseCluster,
    DeclaredCase,
    Stay,
    TracedContact,
    TracingRule,
    find_clusters,
    trace_contacts,
)

_STATUSES = {"declared_case": lazy("Declared case"), "contact": lazy("Contact")}
_KINDS = {
    "floor": lazy("Floor {name}"),
    "zone": lazy("Zone {name}"),
    "shuttle": lazy("Shuttle of {name}"),
    "shift": lazy("Shift {name}"),
}


@dataclass(frozen=True, slots=True)
class CaseRow:
    """An open case: ``first_day`` and ``last_day`` of its measure, by the site's days."""

    event: str
    pseudonym: str
    status: str
    word: str
    site: str
    site_name: str
    first_day: date
    last_day: date
    since: str
    until: str
    url: str


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """Cases that shared something, and on which days they were dated."""

    kind: str
    name: str
    word: str
    site: str
    site_name: str
    agents: tuple[str, ...]
    first: datetime
    last: datetime
    days: str


@dataclass(frozen=True, slots=True)
class ContactRow:
    """An agent who shared something with a case: ``why`` in words, with how long."""

    agent: str
    why: tuple[str, ...]
    span: str
    facts: TracedContact


@dataclass(frozen=True)
class CasesPage:
    """Every open case, the newest first, and every cluster, the largest first."""

    cases: tuple[CaseRow, ...]
    clusters: tuple[ClusterRow, ...]
    apart: str
    form: SeatingForm


@dataclass(frozen=True)
class CasePage:
    """One case; ``contacts`` is None until they are asked for."""

    row: CaseRow
    clusters: tuple[ClusterRow, ...]
    looked: str
    form: SeatingForm
    contacts: tuple[ContactRow, ...] | None = None
    seated: bool = False


def list_open_cases(now: StreamContext, reach: Scope) -> tuple[DeclaredCase, ...]:
    """Return the cases of some sites whose measure lasts, the newest first; none erased."""
    found = []
    for case in _known(now, reach):
        today = now.find_day(case.site)
        if case.cleared_at is None and today <= _days(case, now)[1]:
            found.append(case)
    return tuple(reversed(found))


def _known(now: StreamContext, reach: Scope) -> Iterable[DeclaredCase]:
    """Yield the cases that still name an agent, by their date, on sites of the operator."""
    for case in now.situation.cases:
        if case.agent and case.site in now.operator.site and reach.has_site(case.site):
            yield case


def _days(case: DeclaredCase, now: StreamContext) -> tuple[date, date]:
    """Return the first and the last day of a measure, by the rule of its day."""
    site = now.operator.site[case.site]
    day = case.at.astimezone(zone(site.time_zone)).date()
    rule = live.select_rules(now.situation).one(AbsenceRule, day, site) or AbsenceRule()
    first = case.since or day
    return first, rule.last_day(case.status, first, case.until)


def build_cases_page(
    now: StreamContext, reach: Scope, form: SeatingForm, seating: Mapping[str, str] | None = None
) -> CasesPage:
    """Return the page of every open case; clusters of floors and zones where a seating is given."""
    span = _rule(now, now.at).cluster_days
    rows = tuple(_case_row(case, now) for case in list_open_cases(now, reach))
    return CasesPage(rows, _cluster_rows(now, reach, seating), _in_days(span, now), form)


def build_case_page(
    now: StreamContext,
    reach: Scope,
    case: DeclaredCase,
    form: SeatingForm,
    seating: Mapping[str, str] | None = None,
) -> CasePage:
    """Return the page of one case; its contacts where a ``seating`` is given, even an empty one."""
    rule = _rule(now, case.at)
    own = [row for row in _cluster_rows(now, reach, seating) if case.agent in row.agents]
    page = CasePage(_case_row(case, now), tuple(own), _in_days(rule.days_before, now), form)
    if seating is None:
        return page
    since = case.at - timedelta(days=rule.days_before)
    stays = _find_stays(now, (since, case.at), seating)
    rows = tuple(_contact_row(row, now) for row in trace_contacts(case, stays, now.operator, rule))
    return CasePage(page.row, page.clusters, page.looked, form, rows, bool(seating))


def _rule(now: StreamContext, at: datetime) -> TracingRule:
    day = at.astimezone(zone(now.operator.row.time_zone)).date()
    return live.select_rules(now.situation).one(TracingRule, day) or TracingRule()


def _in_days(days: float, now: StreamContext) -> str:
    text = ngettext("{days} day", "{days} days", int(days))
    return text.format(days=now.text.number(days, 0 if days == int(days) else 1))


_clusters: IdentityCache[tuple[CaseCluster, ...]] = IdentityCache()


def _cluster_rows(
    now: StreamContext, reach: Scope, seating: Mapping[str, str] | None
) -> tuple[ClusterRow, ...]:
    """Return the clusters whose last case is no older than the days that make a cluster.

    Without a seating they are read again only when something happened: the stays of some weeks
    are behind them.
    """
    rule = _rule(now, now.at)
    if seating:
        found = _found(now, reach, rule, seating)
    else:
        key = (now.stream, reach, rule, *_in_force(now.stream))
        sources = (now.operator, now.situation)
        found = _clusters.get(key, sources, lambda: _found(now, reach, rule, {}))
    lately = now.at - timedelta(days=rule.cluster_days)
    return tuple(_cluster_row(row, now) for row in found if row.last >= lately)


def _in_force(stream: str) -> tuple[int, int, tuple[live.Lending, ...]]:
    """Return the plan and the relief in force by number, 0 where there is none, and who is lent."""
    plan, newest = live.load_activation(), live.list_reliefs(stream, most=1)
    lent = live.list_lendings(stream)
    return plan.pk if plan else 0, newest[0].generation if newest else 0, lent


def _found(
    now: StreamContext, reach: Scope, rule: TracingRule, seating: Mapping[str, str]
) -> tuple[CaseCluster, ...]:
    known = [case for case in _known(now, reach) if case.status == "declared_case"]
    if not known:
        return ()
    since = known[0].at - timedelta(days=rule.cluster_days)
    agents = frozenset(case.agent for case in known)
    stays = _find_stays(now, (since, known[-1].at), seating, agents)
    return find_clusters(known, stays, now.operator, rule)


def _find_stays(
    now: StreamContext,
    period: tuple[datetime, datetime],
    seating: Mapping[str, str],
    agents: frozenset[str] | None = None,
) -> tuple[Stay, ...]:
    return live.find_stays(
        now.stream, now.operator, now.situation, period, of=agents, seating=seating
    )


def _case_row(case: DeclaredCase, now: StreamContext) -> CaseRow:
    first, last = _days(case, now)
    return CaseRow(
        case.event,
        case.agent,
        case.status,
        str(_STATUSES[case.status]),
        case.site,
        now.operator.site[case.site].name,
        first,
        last,
        now.text.day(first, weekday=False),
        now.text.day(last, weekday=False),
        reverse("health_case", args=[case.event]),
    )


def _cluster_row(found: CaseCluster, now: StreamContext) -> ClusterRow:
    site = now.operator.site[found.site]
    tz = zone(site.time_zone)
    days = dict.fromkeys(at.astimezone(tz).date() for at in (found.first, found.last))
    return ClusterRow(
        found.kind,
        found.name,
        str(_KINDS[found.kind]).format(name=found.name),
        found.site,
        site.name,
        found.agents,
        found.first,
        found.last,
        " – ".join(now.text.day(day, weekday=False) for day in days),
    )


def _contact_row(contact: TracedContact, now: StreamContext) -> ContactRow:
    span = f"{when(contact.first, now.text)} – {when(contact.last, now.text)}"
    return ContactRow(contact.agent, tuple(_why(contact, now)), span, contact)


def _why(contact: TracedContact, now: StreamContext) -> Iterable[str]:
    if contact.neighbour_minutes:
        reason = _("neighbouring seat, {time} ({metres} m)")
        metres = now.text.number(contact.nearest_m or 0, 1)
        yield reason.format(time=_long(contact.neighbour_minutes, now), metres=metres)
    if contact.zone_minutes:
        yield _("same zone, {time}").format(time=_long(contact.zone_minutes, now))
    if contact.shuttle_rides:
        reason = ngettext(
            "same shuttle, {rides} ride", "same shuttle, {rides} rides", contact.shuttle_rides
        )
        reason = reason.format(rides=now.text.number(contact.shuttle_rides))
        time = _long(contact.shuttle_minutes, now) if contact.shuttle_minutes else ""
        yield f"{reason}, {time}" if time else reason


def _long(minutes: float, now: StreamContext) -> str:
    """Return a length as ``7 h 30 min``, with spaces that do not break."""
    hours, rest = divmod(round(minutes), 60)
    parts = [f"{now.text.number(hours)}\N{NO-BREAK SPACE}h"] if hours else []
    parts += [f"{rest}\N{NO-BREAK SPACE}min"] if rest or not hours else []
    return "\N{NO-BREAK SPACE}".join(parts)


def build_page_twin(page: CasesPage | CasePage) -> dict[str, Any]:
    """Return a page as JSON."""
    found: dict[str, Any] = {"clusters": [_cluster_twin(row) for row in page.clusters]}
    if isinstance(page, CasesPage):
        return {"cases": [_case_twin(row) for row in page.cases], **found}
    listed = page.contacts
    return {
        "case": _case_twin(page.row),
        **found,
        "contacts": None if listed is None else _facts(listed),
    }


def _facts(rows: Sequence[ContactRow]) -> list[dict[str, Any]]:
    return [{**asdict(row.facts), **_times(row.facts.first, row.facts.last)} for row in rows]


def _case_twin(row: CaseRow) -> dict[str, Any]:
    return {
        "event": row.event,
        "pseudonym": row.pseudonym,
        "status": row.status,
        "since": row.first_day.isoformat(),
        "until": row.last_day.isoformat(),
        "site": row.site,
    }


def _cluster_twin(row: ClusterRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": row.name,
        "site": row.site,
        "pseudonyms": list(row.agents),
        **_times(row.first, row.last),
    }


def _times(first: datetime, last: datetime) -> dict[str, str]:
    return {"first": first.isoformat(), "last": last.isoformat()}
