"""The page *Now*: sites, coverage of the clients, what is late, messages, what happened last."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import Field

from releve.accounts.scopes import can, is_outsider, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.client_status import StandingPage, build_standing
from releve.desk.endpoint import ACT, serve
from releve.desk.filters import add_words
from releve.desk.http import page_response, part_response
from releve.desk.live.forms_control import FORMS
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.live.words import lead_words, notice_text, translate_cause, when
from releve.desk.page import PageModel, share_page
from releve.desk.places.page import SITE_TONES, ClientNews, StreamContext, describe_return, list_client_losses
from releve.desk.service import ServiceNow, service_now
from releve.desk.switches import PressedSwitch, find_pressed
from releve.desk.text import left, text_now
from releve.live import api as live
from releve.live.api import ClientCoverage, IdentityCache, MessageCounts, StrayRouting, WorkerHealth
from releve.network import Operator
from releve.network.moments import city
from releve.plan.service_status import COVERED, Tone
from releve.routing import find_tried
from releve.runs.feeds import count_open_files
from releve.situation import Notice, SiteStatus, Situation, list_notices

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


class ClientOutlook(PageModel):
    """When a client that is short now is covered again, and until when; null: not within the hours of the figures."""

    back: datetime | None
    relapse: datetime | None = Field(description="When something is missing again after that")
    next_news: datetime | None = Field(description="As promised, or by the timer of a draft that waits; null: none")


class Todo(PageModel):
    """An act that waits for a person, before all that is late."""

    code: Literal["lead", "short", "drafts", "held", "unaddressed", "feeds"]
    count: int = 0
    url: str


class EventProposal(PageModel):
    """An event that a telephony system's own finding suggests; a person records it."""

    site: str
    name: str
    since: datetime
    adapters: tuple[str, ...] = Field(description="The systems that find the site dead")
    records: bool = Field(description="Whether the reader may record it")


class NowPage(StandingPage):
    """Everything as it stands, as far as the reader may see it; null: there is no such right."""

    worker: WorkerHealth | None = Field(
        default=None, description="Null while effects are run in time, and to outsiders"
    )
    routing: tuple[StrayRouting, ...] = Field(
        default=(), description="To readers who see all sites: systems without the newest routes"
    )
    lead: live.Lead | None = Field(
        default=None, description="Who leads or is alerted; null: not known, or to outsiders"
    )
    call: str = Field(
        default="", description="Whom the house calls while a place is lost, by name and number; empty as for who leads"
    )
    news: dict[str, ClientNews] = Field(
        default={},
        description="To readers who see no site, of each client whose page they may open: what is lost for it",
    )
    outlooks: dict[str, ClientOutlook] = Field(default={}, description="Of the clients that are short now")
    todo: tuple[Todo, ...] = Field(default=(), description="What the reader is to do first: lead, send, call")
    proposals: tuple[EventProposal, ...] = Field(
        default=(), description="Sites that are open and do not answer the telephony"
    )
    switch: PressedSwitch | None = Field(
        default=None, description="To readers who see all sites: the switch that is held"
    )
    records: bool = Field(default=False, description="Whether the reader may record that a link is back")
    sites_entered: tuple[str, ...] = Field(default=(), description="Of these, those whose pages the reader may open")
    reopens: bool = Field(description="Whether the reader may approve a reopening")
    works: bool = Field(description="Whether the reader may work in incident rooms and on tasks")
    clients_entered: tuple[str, ...] = Field(default=(), description="Of these, those whose pages the reader may open")
    service: ServiceNow | None = Field(
        default=None, description="The calls of today; null in a drill and to readers of no client"
    )
    late: tuple[LateNotice, ...]
    messages: MessageCounts | None = Field(
        description="To agents, about days that are not over: written, sent, answered, waiting"
    )
    aside: tuple[EffectAside, ...]
    retried: int = Field(description="Tasks that failed and are being retried")
    without_receipt: int = Field(description="Roots and parts of the journal that left an hour ago, without receipt")
    failing: tuple[live.PathFault, ...] = Field(
        default=(), description="To readers inside who see all sites: what fails, a way out of the house or the house"
    )
    timeline: tuple[live.LogEntry, ...] = Field(description="The newest first")
    follows: bool = Field(default=True, description="Whether the reader sees what happened at some site")

    @property
    def open(self) -> tuple[SiteStatus, ...]:
        """Sites that are open."""
        return tuple(site for site in self.sites if site.state == "open")


def now_page(shown: ShownStream, user: AnyUser) -> NowPage:
    """Return a stream as one user may see it.

    The number of queries does not depend on the number of sites, clients or people.
    """
    stream, seen = shown.name, scope_for(user, "situation.see")
    site_pages, client_pages = scope_for(user, "sites.see"), scope_for(user, "plan.see")
    operator, scene = live.operator_now(), live.load_scene(stream)
    situation = live.situation_now(stream) if scene is None else scene.situation
    head = build_standing(shown, user, operator, scene, situation, seen)
    at, sites, clients = head["at"], head["sites"], head["clients"]
    all_sites, inside = seen.sites is None, not is_outsider(user)
    worker, faults = live.read_health_and_faults(live.real_now()) if inside else (None, ())
    states = live.list_routing_states(stream)
    coverage = None if scene is None else live.compute_scene_coverage(scene)
    aside, retried = live.list_troubled_effects(stream) if all_sites else ([], [])
    lead = live.find_lead(stream, operator, situation) if can(user, "rota.see") else None
    counts = live.count_messages(stream, seen.sites) if can(user, "relief.people") else None
    lost = [row.site for row in sites if row.state != "open"]
    promised, drafts = live.find_news(stream)
    context = StreamContext(stream, at, operator, situation, text_now(operator.row.time_zone), shown.title)
    return NowPage(
        **head,
        news={
            row.client: ClientNews(
                places=list_client_losses(context, scene, row.client), next_news=promised.get(row.client)
            )
            for row in clients
            if scene is not None and seen.sites == frozenset() and client_pages.has_client(row.client)
        },
        worker=worker if worker is not None and worker.alarm else None,
        routing=live.list_astray(states) if all_sites and inside else (),
        lead=lead,
        call=live.read_crisis_contact() if (lost or head["carriers"]) and can(user, "rota.see") else "",
        outlooks=_list_outlooks(promised, coverage, clients),
        todo=tuple(_list_todo(user, lost, lead, clients, counts, drafts)),
        proposals=tuple(_propose_events(live.list_dead_places(states), sites, user)),
        switch=find_pressed(stream, user) if all_sites and inside else None,
        sites_entered=tuple(row.site for row in sites if site_pages.has_site(row.site)),
        records=can(user, "event.record.other"),
        reopens=can(user, "reopening.approve"),
        works=can(user, "incident.work"),
        clients_entered=tuple(row.client for row in clients if client_pages.has_client(row.client)),
        service=None if live.is_drill(stream) else service_now(at, user, scene),
        late=tuple(_late(stream, situation, operator, at, user)),
        messages=counts,
        aside=tuple(EffectAside.from_row(row) for row in aside),
        retried=len(retried),
        without_receipt=len(live.find_overdue_documents(live.real_now())) if all_sites else 0,
        failing=faults if all_sites and inside else (),
        timeline=live.list_last_entries(stream, seen.sees),
        follows=seen.sites is None or bool(seen.sites),
    )


def share_now(shown: ShownStream, user: AnyUser) -> tuple[NowPage, Operator]:
    """Return the page, made once for its readers, with the operator it was made of."""
    return share_page(("now", shown), user, lambda: (now_page(shown, user), live.operator_now()))


def _list_outlooks(
    promised: Mapping[str, datetime], coverage: live.Coverage | None, clients: Sequence[ClientCoverage]
) -> dict[str, ClientOutlook]:
    short = [row.client for row in clients if row.short_now]
    if coverage is None or not short:
        return {}
    found = {}
    for client in short:
        back = coverage.find_recovery(client)
        relapse = coverage.find_relapse(client, back)
        found[client] = ClientOutlook(back=back, relapse=relapse, next_news=promised.get(client))
    return found


def _list_todo(
    user: AnyUser,
    lost: Sequence[str],
    lead: live.Lead | None,
    clients: Sequence[ClientCoverage],
    counts: MessageCounts | None,
    drafts: int,
) -> Iterator[Todo]:
    """Yield what a reader is to do first: name who leads, help who is far short, send what waits, call the others."""
    if lost and (lead is None or lead.state == "unmanned") and can(user, "incident.work") and can(user, "rota.see"):
        yield Todo(code="lead", url=f"{reverse('incident')}?{urlencode({'site': lost[0]})}")
    short = [row.client for row in clients if row.short_now and row.tone is Tone.MISSED]
    if short and can(user, "incident.work") and can(user, "plan.see", client=short[0]):
        url = reverse("clients") if len(short) > 1 else reverse("client", args=short)
        yield Todo(code="short", count=len(short), url=url)
    if drafts and can(user, "client_news.approve"):
        yield Todo(code="drafts", count=drafts, url=reverse("client_news"))
    if counts is not None and counts.held:
        yield Todo(code="held", count=counts.held, url=reverse("relief"))
    if counts is not None and counts.unaddressed and can(user, "relief.call"):
        url = f"{reverse('relief')}?show=unreachable#people"
        yield Todo(code="unaddressed", count=counts.unaddressed, url=url)
    if can(user, "registry.edit") and (feeds := count_open_files()):
        yield Todo(code="feeds", count=feeds, url=reverse("registry_feeds"))


def _propose_events(
    dead: Sequence[live.DeadPlace], sites: tuple[SiteStatus, ...], user: AnyUser
) -> Iterator[EventProposal]:
    """Yield the sites that are found dead and of which no closure or outage is recorded."""
    names = {site.site: site.name for site in sites if site.state == "open"}
    for row in dead:
        if row.place in names:
            records = can(user, "event.record.other", site=row.place)
            yield EventProposal.from_row(row, site=row.place, name=names[row.place], records=records)


def _late(stream: str, situation: Situation, operator: Operator, at: datetime, user: AnyUser) -> Iterator[LateNotice]:
    """Yield notices of the sites seen, daily checks last; those of no site only to a reader who sees all sites."""
    seen, rules = scope_for(user, "situation.see"), live.select_rules(situation)
    notices = _known_notices.get(
        (stream, at), (situation, operator, rules), lambda: tuple(list_notices(situation, operator, rules, at))
    )
    found = sorted((row for row in notices if seen.sees(row.site)), key=lambda row: row.code.startswith("check."))
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


register = Library()

_WIDTH, _HEIGHT = 192, 24
"""Box of the drawing of a client's 48 hours."""
_EFFECTS = {
    "relief": lazy("make the relief"),
    "publish": lazy("publish the routes"),
    "notify": lazy("notify the agents concerned"),
    "send": lazy("send a message"),
}
add_words(register, "site_tone", SITE_TONES)
add_words(register, "effect_kind", _EFFECTS, else_code=True)


@register.filter
def outlook(page: NowPage) -> str:
    """Return what follows the headline for who has no time: from when on the client that it names is covered again,
    and who leads."""
    parts = []
    if (worst := page.worst) is not None and worst.client in page.outlooks:
        parts.append(_describe_outlook(page.outlooks[worst.client], page))
    if page.lead is not None:
        parts.append(lead_words(page.lead))
    elif page.lost and page.works:
        parts.append(_("No person leads yet."))
    return " ".join(parts)


@register.filter
def outlook_words(client: ClientCoverage, page: NowPage) -> str:
    """Return from when and until when a client that is short now is covered again, and when its next news is due."""
    own, text = page.outlooks.get(client.client), text_now(page.time_zone)
    if own is None:
        return ""
    parts = [_describe_outlook(own, page)]
    if own.next_news is not None:
        parts.append(_("Next news: {when}.").format(when=text.near(own.next_news, page.at)))
    return " ".join(parts)


def _describe_outlook(own: ClientOutlook, page: NowPage) -> str:
    if own.back is None:
        return _("Not covered again within 48 hours.")
    return describe_return(own.back, own.relapse, page)


@register.filter
def todo_words(row: Todo) -> str:
    """Return what is to be done first, as an order."""
    words = {
        "lead": _("Name who leads: no person leads yet."),
        "short": ngettext(
            "See what can be done for {count} client that is far short now.",
            "See what can be done for {count} clients that are far short now.",
            row.count,
        ),
        "drafts": ngettext(
            "Send or hold {count} message to a client, which waits.",
            "Send or hold {count} messages to clients, which wait.",
            row.count,
        ),
        "held": ngettext(
            "{count} message to an agent waits until a person leads.",
            "{count} messages to agents wait until a person leads.",
            row.count,
        ),
        "unaddressed": ngettext(
            "Find {count} person who has no address: the message was written, not sent.",
            "Find {count} people who have no address: the messages were written, not sent.",
            row.count,
        ),
        "feeds": ngettext(
            "Look at {count} failure of a feed: the data that it brought before stay.",
            "Look at {count} failures of feeds: the data that they brought before stay.",
            row.count,
        ),
    }
    return words[row.code].format(count=text_now("UTC").number(row.count))


@register.filter
def now_clock(page: NowPage) -> str:
    """Return the time of the page, and of which city where a site has other clocks."""
    text = text_now(page.time_zone)
    at, here = when(page.at, text), text.time(page.at)
    if all(text.at_site(site.time_zone).time(page.at) == here for site in page.sites):
        return at
    return _("{at} in {city}; other times name their city").format(at=at, city=city(page.time_zone))


@register.filter
def alert_words(page: NowPage) -> str:
    """Return that an alert is not taken yet, or that no person was on call."""
    lead, text = page.lead, text_now(page.time_zone)
    if lead is None or lead.since is None:
        return ""
    if lead.state == "unmanned":
        return _("No person is on call.")
    return _("{name}: alerted, not taken yet since {when}.").format(name=lead.who, when=when(lead.since, text))


_ALARMS = {
    "ledger": lazy(
        "The database is behind its signed roots: nothing is recorded or sent until an"
        " administrator has put it right (`releve doctor` says how)"
    ),
    "disk": lazy("The disk is full: nothing more can be recorded or sent until space is freed"),
    "stopped": lazy("The worker is stopped: what is recorded has no effect until it is started"),
    "silent": lazy("The worker does not run: what is recorded has no effect until it is started"),
    "stuck": lazy("The worker hangs: what is recorded has no effect until it is restarted"),
    "overdue": lazy("Reliefs, routes or messages are overdue: the worker does not keep up"),
    "clock": lazy(
        "The clock was set ahead or back under the worker: set it right or, if it is right, restart the worker"
    ),
    "compiling": lazy("The program is being compiled after its installation: a closure is answered when that is done"),
}


_ROUTING = {
    "diverged": lazy("{system} routes by other routes than those wanted"),
    "silent": lazy("{system} does not answer: it keeps the routes that it has"),
}


_ROUTING_STATES = {
    "pending": lazy("being published"),
    "applied": lazy("published, not yet confirmed"),
    "confirmed": lazy("published and confirmed"),
    "diverged": lazy("holds other routes"),
    "silent": lazy("does not answer"),
    "timed_out": lazy("not published in time"),
}
_PATHS = {
    "mail": lazy("The mail server takes no message."),
    "sms": lazy("The message service (SMS) takes no message."),
    "outbox": lazy("The folder of messages cannot be written."),
    "telephony": lazy("A telephony system takes no routes."),
    "outside": lazy("Nothing reaches the outside: no roots, no journal."),
    "partner": lazy("Nothing is exchanged with the association."),
    "disk": lazy("Little space is left on the disk of the installation."),
    "clock": lazy("The clock was set while the worker ran."),
    "certificate": lazy("The certificate of the desk ends soon, or has ended."),
    "backup": lazy("The last backup is older than a day."),
}
_ADAPTERS = {
    "file_csv": lazy("the CSV file of routes"),
    "kamailio": "Kamailio",
    "genesys-cloud": "Genesys Cloud",
    "amazon-connect": "Amazon Connect",
}
_TRIED = {
    "program": lazy("tried against the real program"),
    "file": lazy("tried against the real file"),
    "stand_in": lazy("tried against a stand-in of our own"),
    "description": lazy(
        "tried against a stand-in made from the published description, not against the vendor’s service"
    ),
}
add_words(register, "adapter_name", _ADAPTERS, else_code=True)
add_words(register, "worker_alarm", _ALARMS)
add_words(register, "path_alarm", _PATHS)
add_words(register, "routing_state", _ROUTING_STATES)


@register.filter
def adapter_tried(adapter: str) -> str:
    """Return what a system's adapter was tried against; empty where the adapter is not known."""
    found = find_tried(adapter)
    return "" if found is None else str(_TRIED[found])


@register.filter
def routing_alarm(row: StrayRouting) -> str:
    """Return what is wrong with a telephony system."""
    late = lazy("{system} has not taken the newest routes")
    system = capfirst(str(_ADAPTERS[row.adapter])) if row.adapter in _ADAPTERS else row.adapter
    return str(_ROUTING.get(row.state, late)).format(system=system)


@register.filter
def site_since(site: SiteStatus, page: NowPage) -> str:
    """Return since when a site is lost, by its clocks; empty while it is open."""
    text = text_now(page.time_zone).at_site(site.time_zone)
    return "" if site.since is None else when(site.since, text)


@register.filter
def site_state(site: SiteStatus) -> str:
    """Return a site's state, with who closed it."""
    if site.state == "closed":
        return translate_cause(site.hazard or site.cause, site.rule_cases, site.rule_days)
    return translate_cause(site.outage) if site.state == "cut_off" else _("open")


@register.filter
def time_left(site: SiteStatus, page: NowPage) -> str:
    """Return the time until a closed site may open; empty where there is none left."""
    return "" if site.earliest_reopening is None else left(page.at, site.earliest_reopening)


@register.filter
def notice(row: LateNotice, operator: Operator) -> str:
    """Return what is late in a sentence."""
    text = text_now(operator.row.time_zone)
    if row.site in operator.site:
        text = text.at_site(operator.site[row.site].time_zone)
    return notice_text(Notice(row.code, row.site, row.due_at, row.params), operator, text)


@register.filter
def strip_paths(client: ClientCoverage) -> tuple[str, str]:
    """Return what is covered and what is short of each half hour as two SVG paths."""
    share = client.share
    return _strips.get(client.client, (share,), lambda: _draw_strip(share.tolist()))


_strips: IdentityCache[tuple[str, str]] = IdentityCache(512)


def _draw_strip(shares: Sequence[float]) -> tuple[str, str]:
    step = _WIDTH / max(1, len(shares))
    covered, short = [], []
    for at, share in enumerate(shares):
        if math.isnan(share):
            continue
        x, top = at * step, _HEIGHT * (1 - share)
        covered.append(f"M{x:.2f} {_HEIGHT}V{top:.2f}h{step:.2f}V{_HEIGHT}z")
        if share < COVERED:
            short.append(f"M{x:.2f} 0v{max(1.0, top):.2f}h{step:.2f}V0z")
    return "".join(covered), "".join(short)


@serve("situation.see")
def now(request: HttpRequest) -> HttpResponse:
    """Everything as it stands; the browser polls ``?part=live``."""
    page, operator = share_now(read_stream(request), request.user)
    context = {"operator": operator, "aims": can(request.user, "reliefs.see")}
    if request.GET.get("part") == "live":
        return part_response(request, "desk/now/_live.html", page, context)
    return page_response(request, "desk/now/now.html", page, context)


@serve("incident.work", ACT)
def effect_retry(request: HttpRequest, number: int) -> HttpResponse:
    """Retry a task that was set aside: one of their own sites where a user holds only some."""
    if not scope_for(request.user, "incident.work").covers(site=live.find_effect_site(number)):
        raise Http404
    live.retry_effect(number, by=actor_name(request))
    messages.success(request, _("It is being tried again."))
    return redirect("now")


urlpatterns = [
    path("now", now, name="now"),
    path("now.json", now, name="now_json"),
    path("effects/<int:number>/retry", effect_retry, name="effect_retry"),
]
