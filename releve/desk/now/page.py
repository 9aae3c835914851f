"""What *Now* holds, in no language: rendered by a template, sent as JSON, answered by the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from pydantic import Field

from releve.accounts.scopes import can, is_outsider, scope_for
from releve.desk.live.forms_control import FORMS
from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage
from releve.desk.service.page import ServiceNow, service_now
from releve.desk.switches.page import PressedSwitch, find_pressed
from releve.live import api as live
from releve.live.api import (
    ClientStanding,
    ClientState,
    IdentityCache,
    MessageCounts,
    PlanReach,
    StrayRouting,
    WorkerHealth,
)
from releve.network import Operator
from releve.situation import Notice, SiteStatus, Situation, list_notices, list_site_statuses

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_MAX_NOTICES = 30


class LateNotice(PageModel):
    """What is late or ends soon; ``site`` is empty where it is not of one site."""

    code: str
    site: str
    due_at: datetime
    params: dict[str, Any] = Field(description="Days, instants, numbers and ids; no person")
    url: str = Field(default="", description="Where it is dealt with")


class EffectAside(PageModel):
    """A task that failed too often and was set aside."""

    id: int
    kind: str
    error: str


class EventProposal(PageModel):
    """An event that a telephony system's own finding suggests; a person records it."""

    site: str
    name: str
    since: datetime
    adapters: tuple[str, ...] = Field(description="The systems that find the site dead")
    records: bool = Field(description="Whether the reader may record it")


class NowPage(StreamPage):
    """Everything as it stands, as far as the reader may see it; null: there is no such right."""

    state: ClientState = Field(
        description="The worst of the clients seen; of none: thin when a site is lost, or unknown"
    )
    plan: PlanReach
    worker: WorkerHealth | None = Field(
        default=None, description="Null while effects are run in time, and to outsiders"
    )
    routing: tuple[StrayRouting, ...] = Field(
        default=(), description="To readers who see all sites: systems without the newest routes"
    )
    proposals: tuple[EventProposal, ...] = Field(
        default=(), description="Sites that are open and do not answer the telephony"
    )
    switch: PressedSwitch | None = Field(
        default=None, description="To readers who see all sites: the switch that is held"
    )
    sites: tuple[SiteStatus, ...] = Field(description="Those that are closed or cut off first")
    sites_entered: tuple[str, ...] = Field(
        default=(), description="Of these, those whose pages the reader may open"
    )
    reopens: bool = Field(description="Whether the reader may approve a reopening")
    works: bool = Field(description="Whether the reader may work in incident rooms and on tasks")
    clients: tuple[ClientStanding, ...] = Field(description="Those served worst first")
    clients_entered: tuple[str, ...] = Field(
        default=(), description="Of these, those whose pages the reader may open"
    )
    service: ServiceNow | None = Field(
        default=None, description="The calls of today; null in a drill and to readers of no client"
    )
    late: tuple[LateNotice, ...]
    messages: MessageCounts | None = Field(
        description="To agents, about days that are not over: written, sent, answered, waiting"
    )
    aside: tuple[EffectAside, ...]
    retried: int = Field(description="Tasks that failed and are being retried")
    without_receipt: int = Field(
        description="Roots and parts of the journal that left an hour ago, without receipt"
    )
    timeline: tuple[live.LogEntry, ...] = Field(description="The newest first")

    @property
    def lost(self) -> tuple[SiteStatus, ...]:
        """Sites that are closed or cut off."""
        return tuple(site for site in self.sites if site.state != "open")

    @property
    def worst(self) -> ClientStanding | None:
        """The client served worst: now where one is short now, else within 48 hours."""
        return live.find_worst_client(self.clients)


def now_page(shown: ShownStream, user: AnyUser) -> NowPage:
    """Return a stream as one user may see it.

    The number of queries does not depend on the number of sites, clients or people.
    """
    stream, seen = shown.name, scope_for(user, "situation.see")
    site_pages, client_pages = scope_for(user, "sites.see"), scope_for(user, "plan.see")
    operator, scene = live.operator_now(), live.load_scene(stream)
    situation = live.situation_now(stream) if scene is None else scene.situation
    head = shown.build_head(operator.row.time_zone)
    at = head["at"]
    all_sites, inside = seen.sites is None, not is_outsider(user)
    coverage = None if scene is None else live.compute_scene_coverage(scene)
    plan, ranked = live.find_plan_reach(coverage), live.rank_clients(operator, coverage)
    clients = tuple(row for row in ranked if seen.has_client(row.client))
    statuses = list_site_statuses(operator, situation, live.select_rules(situation))
    sites = tuple(row for row in statuses if seen.has_site(row.site))
    worker = live.read_worker_health() if inside else None
    return NowPage(
        **head,
        state=live.judge_operator(clients, sites, plan),
        plan=plan,
        worker=worker if worker is not None and worker.alarm else None,
        routing=live.list_astray(stream) if all_sites and inside else (),
        proposals=tuple(_propose_events(stream, sites, user)),
        switch=find_pressed(stream, user) if all_sites and inside else None,
        sites=sites,
        sites_entered=tuple(row.site for row in sites if site_pages.has_site(row.site)),
        reopens=can(user, "reopening.approve"),
        works=can(user, "incident.work"),
        clients=clients,
        clients_entered=tuple(row.client for row in clients if client_pages.has_client(row.client)),
        service=None if live.is_drill(stream) else service_now(at, user, scene),
        late=tuple(_late(stream, situation, operator, at, user)),
        messages=live.count_messages(stream, seen.sites) if can(user, "relief.people") else None,
        aside=tuple(
            EffectAside.from_row(row) for row in live.list_effects_aside(stream) if all_sites
        ),
        retried=len(live.list_late_effects(stream)) if all_sites else 0,
        without_receipt=len(live.find_overdue_documents(live.real_now())) if all_sites else 0,
        timeline=live.list_last_entries(stream, seen.sees),
    )


def _propose_events(
    stream: str, sites: tuple[SiteStatus, ...], user: AnyUser
) -> Iterator[EventProposal]:
    """Yield the sites that are found dead and of which no closure or outage is recorded."""
    names = {site.site: site.name for site in sites if site.state == "open"}
    for row in live.list_dead_places(stream):
        if row.place in names:
            records = can(user, "event.record.other", site=row.place)
            yield EventProposal.from_row(
                row, site=row.place, name=names[row.place], records=records
            )


def _late(
    stream: str, situation: Situation, operator: Operator, at: datetime, user: AnyUser
) -> Iterator[LateNotice]:
    """Yield notices of the sites seen; those of no site only to a reader who sees all sites."""
    seen, rules = scope_for(user, "situation.see"), live.select_rules(situation)
    notices = _known_notices.get(
        (stream, at),
        (situation, operator, rules),
        lambda: tuple(list_notices(situation, operator, rules, at)),
    )
    found = (row for row in notices if seen.sees(row.site))
    for row, _rank in zip(found, range(_MAX_NOTICES), strict=False):
        yield LateNotice.from_row(row, params=dict(row.params), url=_find_remedy(row, user))


_known_notices: IdentityCache[tuple[Notice, ...]] = IdentityCache()
"""By stream and minute."""


def _find_remedy(notice: Notice, user: AnyUser) -> str:
    """Return where a reader deals with a notice, or else reads more of its site."""
    site = notice.site or None
    for form in FORMS:
        if notice.code.startswith(form.answers) and can(user, form.permission, site=site):
            return reverse(form.name)
    if site is None:
        return ""
    closing = notice.code.partition(".")[0] in ("closure", "reopening")
    if closing and can(user, "reopening.approve", site=site):
        return reverse("record_reopening", args=[site])
    return reverse("site", args=[site]) if can(user, "sites.see", site=site) else ""
