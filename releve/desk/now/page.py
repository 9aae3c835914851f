"""What *Now* holds, in no language: rendered by a template, sent as JSON, answered by the API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.urls import reverse
from django.utils.http import urlencode
from pydantic import Field

from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.live.streams import Looked
from releve.desk.live.timeline import SENTENCES, visible
from releve.desk.page import PageModel, known
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.api import IdentityCache, MessageCounts
from releve.network import Client, Operator
from releve.situation import Notice, Situation, list_notices

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

__all__ = [
    "COVERED",
    "TONES",
    "ClientNow",
    "LateNotice",
    "NowPage",
    "NowSite",
    "PlanReach",
    "TimelineEntry",
    "Tone",
    "client_now",
    "now_page",
    "plan_reach",
]

Tone = Literal["missed", "thin", "unknown", "held"]
TONES: tuple[Tone, ...] = ("missed", "thin", "unknown", "held")
"""States of a client, the worst first."""
COVERED = 1 - 1e-6
"""A share of the requirement from which nothing is missing, but for rounding."""

_MAX_NOTICES = 30
_MAX_ENTRIES = 20
_ENTRIES_READ = 200
"""Entries read at most to find those that this reader may see."""


class NowSite(PageModel):
    """A site's state; the addresses are empty where the reader may not go there."""

    site: str
    name: str
    state: Literal["open", "closed", "cut_off"]
    cause: str = Field(default="", description="Of a closure: rule, authority, hazard or operator")
    since: datetime | None = Field(default=None, description="When it closed or was cut off")
    earliest_reopening: datetime | None = None
    reopening_url: str = ""
    room_url: str = Field(default="", description="Of its incident room")


class ClientNow(PageModel):
    """A client's coverage: covered over required, now, and at the worst of 48 hours."""

    client: str
    name: str
    state: Tone
    now: float | None = None
    worst: float | None = None
    worst_at: datetime | None = None
    missing: float | None = Field(
        default=None, description="Share of what is required in 48 h that is missing"
    )
    url: str
    shares: tuple[float | None, ...] = Field(default=(), exclude=True)
    """Coverage of each half hour, for the drawing alone; the client's own address has them."""


class PlanReach(PageModel):
    """How far the plan in force reaches; both null where none is in force or it is over."""

    in_force: bool
    begins: datetime | None = Field(
        default=None, description="Where it begins after the 48 hours: when"
    )
    until: datetime | None = None


class LateNotice(PageModel):
    """What is late or ends soon; ``site`` is empty where it is not of one site."""

    code: str
    site: str
    due_at: datetime
    params: dict[str, Any] = Field(description="Days, instants, numbers and ids; no person")


class EffectAside(PageModel):
    """A task that failed too often and was set aside; ``retry_url`` for those who may retry it."""

    id: int
    kind: str
    error: str
    retry_url: str


class TimelineEntry(PageModel):
    """An entry of the ledger that concerns no person."""

    kind: str
    at: datetime
    params: dict[str, Any] = Field(description="site, carrier, actor or moved")


class NowPage(PageModel):
    """Everything as it stands, as far as the reader may see it; null: there is no such right."""

    stream: str = Field(description="live, or drill:NUMBER", examples=["live"])
    drill: str = Field(description="Title of the drill: nothing of it is real; empty: live")
    at: datetime = Field(description="The stream's time, to the minute")
    time_zone: str
    url: str = Field(description="This page for people")
    state: Tone = Field(
        description="The worst of the clients seen; of none: thin when a site is lost, or unknown"
    )
    plan: PlanReach
    sites: tuple[NowSite, ...] = Field(description="Those that are closed or cut off first")
    clients: tuple[ClientNow, ...] = Field(description="Those that are short now first")
    late: tuple[LateNotice, ...]
    messages: MessageCounts | None = Field(
        description="Of the last relief: notified, answered, waiting"
    )
    aside: tuple[EffectAside, ...]
    retried: int = Field(description="Tasks that failed and are being retried")
    timeline: tuple[TimelineEntry, ...] = Field(description="The newest first")

    @property
    def lost(self) -> tuple[NowSite, ...]:
        """Sites that are closed or cut off."""
        return tuple(site for site in self.sites if site.state != "open")


def now_page(looked: Looked, user: AnyUser) -> NowPage:
    """Return a stream as one user may see it.

    The number of queries does not depend on the number of sites, clients or people.
    """
    stream, seen = looked.name, scope_for(user, "situation.see")
    operator, situation = live.operator_now(), live.situation_now(stream)
    at = live.now(stream)
    works, all_sites = can(user, "incident.work"), seen.sites is None
    coverage = live.compute_coverage(stream) if seen.clients is None or seen.clients else None
    clients = _clients(operator, coverage, seen)
    sites = tuple(_sites(operator, situation, seen, can(user, "reopening.approve"), works))
    return NowPage(
        stream=stream,
        drill=looked.title,
        at=at.replace(second=0, microsecond=0),  # so that it stays the same while nothing happens
        time_zone=operator.row.time_zone,
        url=reverse("now"),
        state=_state(clients, sites),
        plan=plan_reach(coverage),
        sites=sites,
        clients=clients,
        late=tuple(_late(situation, operator, at, seen)),
        messages=live.count_messages(stream) if all_sites else None,
        aside=tuple(_effect(row, works) for row in live.list_effects_aside(stream) if all_sites),
        retried=len(live.list_late_effects(stream)) if all_sites else 0,
        timeline=tuple(_timeline(stream, seen)),
    )


def plan_reach(coverage: live.Coverage | None) -> PlanReach:
    """Return how far the plan behind a coverage reaches."""
    if coverage is None:
        return PlanReach(in_force=False)
    return PlanReach(in_force=True, begins=coverage.planned_from, until=coverage.planned_until)


def _state(clients: tuple[ClientNow, ...], sites: tuple[NowSite, ...]) -> Tone:
    if clients:
        return clients[0].state
    return "thin" if any(site.state != "open" for site in sites) else "unknown"


def _sites(
    operator: Operator, situation: Situation, seen: Scope, reopens: bool, works: bool
) -> Iterator[NowSite]:
    rows = [_site(operator, situation, row.id) for row in operator.sites if seen.has_site(row.id)]
    for row in sorted(rows, key=lambda row: row.state == "open"):
        closed = row.state == "closed"
        room = f"{reverse('incident')}?{urlencode({'site': row.site})}"
        links = {
            "reopening_url": reverse("record_reopening", args=[row.site])
            if closed and reopens
            else "",
            "room_url": room if closed and works else "",
        }
        yield row.model_copy(update=links)


def _site(operator: Operator, situation: Situation, site: str) -> NowSite:
    closure, name = situation.site(site).closure, operator.site[site].name
    if closure is not None:
        return NowSite(
            site=site,
            name=name,
            state="closed",
            cause=closure.cause,
            since=closure.ordered_at,
            earliest_reopening=closure.earliest_reopening,
        )
    for kind in ("power", "link"):
        if outage := situation.outages.get((kind, site)):
            return NowSite(site=site, name=name, state="cut_off", since=outage.since)
    return NowSite(site=site, name=name, state="open")


def _clients(
    operator: Operator, coverage: live.Coverage | None, seen: Scope
) -> tuple[ClientNow, ...]:
    if coverage is None:
        return ()

    def build() -> tuple[ClientNow, ...]:
        own = {row.client: row for row in coverage.clients}
        rows = [client_now(row, own[row.id]) for row in operator.clients if row.id in own]
        return tuple(sorted(rows, key=lambda row: TONES.index(row.state)))

    rows = _known_clients.get(coverage.stream, (operator, coverage.clients), build)
    return tuple(row for row in rows if seen.has_client(row.client))


_known_clients: IdentityCache[tuple[ClientNow, ...]] = IdentityCache()
"""By stream: every client, for as long as the coverage is the same."""


def client_now(client: Client, coverage: live.ClientCoverage | None) -> ClientNow:
    """Return a client's coverage; None: no plan in force reaches it."""
    figures: dict[str, Any] = {}
    if coverage is not None:
        figures = {name: known(getattr(coverage, name)) for name in ("now", "worst", "missing")}
        figures["worst_at"] = coverage.worst_at
        figures["shares"] = tuple(map(known, coverage.share.tolist()))
    url = reverse("api_client", args=[client.id])
    return ClientNow(client=client.id, name=client.name, state=_tone(coverage), url=url, **figures)


def _tone(coverage: live.ClientCoverage | None) -> Tone:
    if coverage is None or coverage.worst is None:
        return "unknown"
    if coverage.now is not None and coverage.now < COVERED:
        return "missed"
    return "thin" if coverage.worst < COVERED else "held"


def _late(
    situation: Situation, operator: Operator, at: datetime, seen: Scope
) -> Iterator[LateNotice]:
    """Yield notices of the sites seen; those of no site only to a reader who sees all sites."""
    found = (
        row
        for row in list_notices(situation, operator, live.rules_now(), at)
        if (seen.has_site(row.site) if row.site else seen.sites is None)
    )
    for row, _rank in zip(found, range(_MAX_NOTICES), strict=False):
        yield LateNotice(code=row.code, site=row.site, due_at=row.due_at, params=_impersonal(row))


def _impersonal(notice: Notice) -> dict[str, Any]:
    """Return a notice's parameters without the agent whose absence it is about."""
    return {name: value for name, value in notice.params.items() if name != "agent"}


def _effect(row: Any, works: bool) -> EffectAside:
    url = reverse("effect_retry", args=[row.pk]) if works else ""
    return EffectAside(id=row.pk, kind=row.kind, error=row.error, retry_url=url)


def _timeline(stream: str, seen: Scope) -> Iterator[TimelineEntry]:
    rows = LedgerEntry.objects.filter(stream=stream, kind__in=SENTENCES).order_by("-seq")
    shown = 0
    for kind, at, written in rows.values_list("kind", "recorded_at", "body")[:_ENTRIES_READ]:
        body = json.loads(written)
        if visible(body, seen):
            yield TimelineEntry(
                kind=kind, at=datetime.fromisoformat(at), params=_params(kind, body)
            )
            shown += 1
        if shown == _MAX_ENTRIES:
            return


def _params(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the sentence of an entry names, and nothing else of it."""
    named = str(SENTENCES[kind])
    names = ("site", "carrier", *(name for name in ("actor", "moved") if f"{{{name}}}" in named))
    return {name: body[name] for name in names if body.get(name) is not None}
