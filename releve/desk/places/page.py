"""What the pages of sites, clients and reliefs hold, in no language, and their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from django.http import Http404, HttpRequest
from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext
from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.chart import NARROW_CHART, WIDE_CHART, Chart, draw, spark
from releve.desk.client_status import verdict_words
from releve.desk.filters import add_words
from releve.desk.http import require_found
from releve.desk.live.page import CorrectedRecord, ShownStream, describe_corrections, read_stream
from releve.desk.live.words import HAZARD_WORDS
from releve.desk.page import Figure, PageModel, StreamPage
from releve.desk.places.calls import CallsPart, find_calls, list_served_programmes
from releve.desk.places.day import SiteDay, SiteShift, find_day
from releve.desk.places.roll import SiteCrew, find_crew
from releve.desk.text import Text, left, text_now
from releve.files.plan_folder import StoredPlan, digest_plans
from releve.live import api as live
from releve.live.api import (
    ClientStanding,
    ComparedDay,
    HalfHour,
    IdentityCache,
    NoOperator,
    PlanReach,
    Relief,
    SeatedSite,
)
from releve.network import HOME, Operator, parse_opening
from releve.network.moments import city, zone
from releve.network.seats import FloorPlan, lay_out_floors
from releve.plan.comparison import ComparedPlan
from releve.plan.service_status import Status
from releve.situation import (
    ClosureTerms,
    HeldPermit,
    LiftedClosure,
    SiteStatus,
    SiteVisit,
    Situation,
    find_closure_terms,
    list_lifted_closures,
    list_permits,
    list_site_checks,
    list_site_inspections,
    list_site_statuses,
    to_local_day,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


@dataclass(frozen=True)
class StreamContext:
    """A stream at an instant; ``title`` is that of a drill."""

    stream: str
    at: datetime
    operator: Operator
    situation: Situation
    text: Text
    title: str = ""

    def find_day(self, site: str = "") -> date:
        """Return the stream's day where the operator counts its days, or at a site."""
        return to_local_day(self.at, site, self.operator)

    @property
    def head(self) -> dict[str, Any]:
        """The fields of a StreamPage; to the minute, so that a page stays the same meanwhile."""
        return ShownStream(self.stream, self.title).build_head(self.operator.row.time_zone, self.at)


def moment(request: HttpRequest) -> StreamContext:
    """Return the stream that the user looks at; Http404 where there is no operator."""
    try:
        return load_stream_context(read_stream(request))
    except NoOperator:
        raise Http404(_("There are no reference data yet.")) from None


def load_stream_context(shown: ShownStream) -> StreamContext:
    """Return the current context of a stream; NoOperator when the registry is empty."""
    operator = live.operator_now()
    return StreamContext(
        shown.name,
        live.now(shown.name),
        operator,
        live.situation_now(shown.name),
        text_now(operator.row.time_zone),
        shown.title,
    )


FEWEST = 5
"""Counts of cases below this are hidden without the health permission: they could name people."""
_MOST_CHECKS, _MOST_INSPECTIONS = 7, 10


class SitesPage(StreamPage):
    """The sites that the reader may see."""

    planned: bool = Field(description="Whether a plan is in force, so that seats are known")
    sites: tuple[SeatedSite, ...]

    @property
    def ranked(self) -> tuple[SeatedSite, ...]:
        """The sites, the closed ones first."""
        return tuple(sorted(self.sites, key=lambda row: row.state != "closed"))


class SitePage(StreamPage):
    """One site."""

    status: SeatedSite
    planned: date | None = Field(description="The day that the seats are of")
    cases: int | None = Field(description="Open cases; null where it is hidden")
    cases_below: int | None = Field(description="Where it is hidden: there are fewer than this")
    closure: ClosureTerms | None = Field(description="Null while it is open")
    floors: tuple[FloorPlan, ...]
    today: date = Field(description="By the clocks of the site")
    today_by: str | None = Field(description="Who recorded today's check; null: not yet")
    checks: tuple[SiteVisit, ...] = Field(description="The last ones, the newest first")
    inspections: tuple[SiteVisit, ...] = Field(description="The last ones, the newest first")
    kept_photos: tuple[str, ...] = Field(description="Of these, those that are not erased yet")
    permits: tuple[HeldPermit, ...]
    ground: tuple[CorrectedRecord, ...] = Field(
        description="By whom the closure lost its ground: empty where it has it"
    )
    lifted: LiftedClosure | None = Field(description="The last closure that was lifted because its ground was wrong")
    corrects: bool = Field(description="Whether the reader may correct records of the site")
    crew: SiteCrew | None = Field(description="Null while it is not lost, or to who may not see its people")
    lead: live.Lead | None = Field(
        description="Who leads or is alerted; null while it is not lost, where it is not known, or to outsiders"
    )
    call: str = Field(description="Whom the house calls about it, by name and number; empty as for who leads")
    works: bool = Field(description="Whether the reader may work in incident rooms")
    calls: CallsPart | None = Field(
        description="Where calls go of the programmes that the site serves; null as for the crew, or without routes"
    )
    roster: SiteDay | None = Field(description="Its people on the day that the seats are of; null: no plan")


def sites_page(now: StreamContext, user: AnyUser) -> SitesPage:
    """Return the sites that a user may see."""
    reach, scene = scope_for(user, "sites.see"), live.load_scene(now.stream)
    found = live.describe_sites(now.operator, now.situation, scene)
    return SitesPage(
        **now.head, planned=scene is not None, sites=tuple(row for row in found.values() if reach.has_site(row.site))
    )


def site_page(now: StreamContext, site: str, user: AnyUser) -> SitePage:
    """Return the page of a site; Http404 where there is none of this id."""
    require_found(now.operator.site.get(site), _("There is no such site."))
    health = can(user, "health.see", site=site)
    scene, situation = live.load_scene(now.stream), now.situation
    seats = live.count_seats(now.operator, situation, scene)[site]
    cases = sum(case.cleared_at is None for case in situation.cases_at.get(site, ()))
    shown = health or cases >= FEWEST
    today = now.find_day(site)
    check = situation.checks.get((site, today.isoformat()))
    rules = live.select_rules(situation)
    inspections = tuple(list_site_inspections(situation, now.operator, site, _MOST_INSPECTIONS))
    photos = (photo for visit in inspections for photo in visit.photos)
    crew = find_crew(now, scene, site, user)
    leads = crew is not None and can(user, "rota.see")
    return SitePage(
        **now.head,
        status=live.describe_sites(now.operator, situation, scene)[site],
        planned=scene.days[0] if scene is not None and scene.days else None,
        cases=cases if shown else None,
        cases_below=None if shown else FEWEST,
        closure=find_closure_terms(situation, site, now.operator, rules),
        floors=tuple(lay_out_floors(now.operator, site, seats.usable or frozenset(), seats.taken or 0)),
        today=today,
        today_by=None if check is None else check.actor,
        checks=tuple(list_site_checks(situation, now.operator, site, _MOST_CHECKS, health=health)),
        inspections=inspections,
        kept_photos=tuple(filter(live.has_photo, photos)),
        permits=tuple(row for row in list_permits(situation, now.operator) if (row.of, row.subject) == ("site", site)),
        ground=find_corrections(now, site),
        lifted=next((row for row in list_lifted_since(now) if row.site == site), None),
        corrects=can(user, "event.correct", site=site),
        crew=crew,
        lead=live.find_lead(now.stream, now.operator, situation) if leads else None,
        call=live.read_crisis_contact() if leads else "",
        works=can(user, "incident.work", site=site),
        calls=None if crew is None or scene is None else find_calls(now, list_served_programmes(now, scene, site)),
        roster=find_day(now, scene, site, user),
    )


def find_corrections(now: StreamContext, site: str) -> tuple[CorrectedRecord, ...]:
    """Return who took the ground of a site's closure away, and why; empty where it has its ground."""
    lost = live.find_ground(now.stream, site)
    return () if lost is None else describe_corrections(lost)


_LIFTED_SHOWN = timedelta(days=2)


def list_lifted_since(now: StreamContext) -> tuple[LiftedClosure, ...]:
    """Return the closures of the last days that were lifted because their ground was wrong, the newest first."""
    return tuple(row for row in list_lifted_closures(now.situation) if row.lifted_at >= now.at - _LIFTED_SHOWN)


class ReliefRow(PageModel):
    """One generation of who works where."""

    generation: int
    source: Literal["planned", "first", "optimum", "base", "surge", "absences", "plan"]
    lost: dict[str, dict[str, list[str]]] = Field(description="By day: sites, carriers, home_only")
    moved: int
    asked_at: datetime
    made_at: datetime
    published_at: datetime | None


class PlanInForce(PageModel):
    """The days in force from today on, and the newest record of the calendar."""

    at: datetime = Field(description="Of the newest record")
    by: str
    version: int = Field(description="Of the reference data that its plans were made of")
    days: dict[str, str] = Field(description="Day -> SHA-256 of its plan")


class ReliefsPage(StreamPage):
    """The generations, the one in force first."""

    plan: PlanInForce | None
    reliefs: tuple[ReliefRow, ...]


class ComparisonPage(StreamPage):
    """Two generations beside each other, on the days on which they differ; 0 is the plan."""

    first: int
    second: int
    relief: ReliefRow = Field(description="The second one")
    days: tuple[ComparedDay, ...]


class PublicationPage(StreamPage):
    """The changes from putting the plan folder in force; ``digest`` identifies the plans shown."""

    planned: tuple[ComparedPlan, ...]
    data: live.DataDifference | None
    names: dict[str, str] = Field(description="Of sites and programmes, by id")
    digest: str
    fault: str


def reliefs_page(now: StreamContext) -> ReliefsPage:
    """Return the generations of a stream, and the plan they change."""
    found, ahead = live.load_activation(), live.list_days_in_force(now.operator.find_day(now.at))
    days = {day.isoformat(): row.digest for day, row in ahead.items()}
    plan = None if found is None or not days else PlanInForce.from_row(found, days=days)
    rows = live.list_reliefs(now.stream)
    return ReliefsPage(**now.head, plan=plan, reliefs=tuple(map(ReliefRow.from_row, rows)))


def find_relief(stream: str, generation: int) -> Relief:
    """Return a relief by its number; Http404 where there is none."""
    return require_found(live.find_relief(stream, generation), _("There is no relief of this number."))


def comparison_page(now: StreamContext, first: Relief | None, second: Relief) -> ComparisonPage:
    """Return two generations beside each other; None are the plans that the second one changes."""
    return ComparisonPage(
        **now.head,
        first=0 if first is None else first.generation,
        second=second.generation,
        relief=ReliefRow.from_row(second),
        days=live.compare_reliefs(now.operator, first, second),
    )


def publication_page(now: StreamContext, stored: Sequence[StoredPlan], fault: str) -> PublicationPage:
    """Return what putting the stored plans in force changes; ``fault``: why it was not done."""
    preview = live.preview_publication([item.plan for item in stored]) if stored else None
    return PublicationPage(
        **now.head,
        planned=() if preview is None else preview.days,
        data=None if preview is None else preview.data,
        names={row.id: row.name for row in now.operator.sites} | {row.id: row.name for row in now.operator.programmes},
        digest=digest_plans(stored),
        fault=fault,
    )


_MOST_RELIEFS = 10
_SIZES = (replace(WIDE_CHART, hours=3), replace(NARROW_CHART, hours=12))


class ClientsPage(StreamPage):
    """The clients that the reader may see."""

    plan: PlanReach
    clients: tuple[ClientStanding, ...]

    @property
    def ranked(self) -> tuple[ClientStanding, ...]:
        """The clients, those served worst first."""
        return tuple(sorted(self.clients, key=lambda row: row.rank))


class ClientProgramme(PageModel):
    """A programme of a client, and how it is served."""

    programme: str
    name: str
    kind: str
    opening: str
    standing: ClientStanding
    back: datetime | None = Field(description="When it is covered again; null: not short now, or not within 48 hours")
    relapse: datetime | None = Field(description="When something of it is missing again after that")


class TouchingRelief(ReliefRow):
    """A relief as one client is concerned by it."""

    people: int = Field(description="People who work differently for its programmes")
    in_force: bool


class LiftedPlace(PageModel):
    """A closure that was lifted because its ground was wrong, as a client sees it: no person, no reason."""

    place: str
    closed_at: datetime
    lifted_at: datetime


class LostPlace(PageModel):
    """A lost place that serves a client; ``cause`` is a word, never a case."""

    place: str
    cause: str
    since: datetime | None
    until: datetime | None = Field(description="Not back before, or expected back; null: not known")


class ClientNews(PageModel):
    """The places lost that serve a client, and when it hears more."""

    places: tuple[LostPlace, ...]
    next_news: datetime | None = Field(description="As promised, or by the timer of a draft that waits; null: none")


class ClientIncident(ClientNews):
    """What happens to one client, for who reads it on a phone; null: not known, or there is none."""

    since: datetime | None = Field(description="Of the first place lost")
    back: datetime | None = Field(
        description="From when on its requirement is covered again; null: not within 48 hours"
    )
    relapse: datetime | None = Field(description="When something is missing again after that")
    people: int = Field(description="People who work differently for it by the relief in force")
    calls: CallsPart | None = Field(
        description="Where calls to its programmes go; null: no routes, or no calls come in"
    )
    abandoned: Figure = Field(description="Calls of today that were not served; null: not known, or a drill")


class ClientPage(StreamPage):
    """One client, half hour by half hour."""

    standing: ClientStanding
    incident: ClientIncident | None = Field(description="Null: no place that serves it is lost, and nothing is missing")
    plan: PlanReach
    half_hours: tuple[HalfHour, ...]
    programmes: tuple[ClientProgramme, ...]
    reliefs: tuple[TouchingRelief, ...]
    lifted: tuple[LiftedPlace, ...] = Field(description="Closures lifted because a record was wrong, of the last days")
    contact: str = Field(description="Whom the client calls, by name and number; empty: the operator has not said")


def clients_page(now: StreamContext, user: AnyUser) -> ClientsPage:
    """Return the clients that a user may see, in the order of the operator."""
    reach = scope_for(user, "plan.see")
    sees = reach.clients is None or reach.clients
    found = live.compute_coverage(now.stream) if sees else None
    return ClientsPage(
        **now.head,
        plan=live.find_plan_reach(found),
        clients=tuple(live.describe_standing(row, found) for row in now.operator.clients if reach.has_client(row.id)),
    )


def client_page(now: StreamContext, client: str) -> ClientPage:
    """Return the page of a client; Http404 where there is none of this id."""
    known = require_found(now.operator.client.get(client), _("There is no such client."))
    found = live.compute_coverage(now.stream)
    programmes = [row for row in now.operator.programmes if row.client == client]
    touched = frozenset(row.id for row in programmes)
    standing, reliefs = live.describe_standing(known, found), tuple(_list_reliefs(now, touched))
    return ClientPage(
        **now.head,
        standing=standing,
        incident=_describe_incident(now, standing, found, reliefs),
        plan=live.find_plan_reach(found),
        half_hours=() if found is None else tuple(found.list_half_hours(client)),
        programmes=tuple(_describe_programmes(now, client)),
        reliefs=reliefs,
        contact=live.read_client_contact(),
        lifted=tuple(
            LiftedPlace(place=now.operator.site[row.site].name, closed_at=row.closed_at, lifted_at=row.lifted_at)
            for row in list_lifted_since(now)
            if row.site in now.operator.site and not now.situation.site(row.site).closed
        ),
    )


def _describe_programmes(now: StreamContext, client: str) -> Iterable[ClientProgramme]:
    """Yield the programmes of a client, those served worst first."""
    scene = live.load_scene(now.stream)
    found = None if scene is None else live.compute_scene_coverage(scene, client=client)
    rows = []
    for row in now.operator.programmes:
        if row.client == client:
            own = None if found is None else found.find_client(row.id)
            standing = ClientStanding(client=row.id, name=row.name, state=Status.UNKNOWN)
            back = None if found is None else found.find_recovery(row.id)
            rows.append(
                ClientProgramme.from_row(
                    row,
                    programme=row.id,
                    standing=standing if own is None else replace(own, name=row.name),
                    back=back,
                    relapse=None if found is None else found.find_relapse(row.id, back),
                )
            )
    return sorted(rows, key=lambda row: row.standing.rank)


def _describe_incident(
    now: StreamContext, standing: ClientStanding, coverage: live.Coverage | None, reliefs: Sequence[TouchingRelief]
) -> ClientIncident | None:
    scene = live.load_scene(now.stream)
    lost = () if scene is None else list_client_losses(now, scene, standing.client)
    if not lost and not standing.short_now:
        return None
    relief = next((row for row in reliefs if row.in_force), None)
    day = None if scene is None or live.is_drill(now.stream) else live.compute_service_day(now.at, scene)
    own = None if day is None else next((row for row in day.clients if row.client == standing.client), None)
    back = None if coverage is None else coverage.find_recovery(standing.client)
    return ClientIncident(
        places=lost,
        since=min((row.since for row in lost if row.since is not None), default=None),
        back=back,
        relapse=None if coverage is None else coverage.find_relapse(standing.client, back),
        people=0 if relief is None else relief.people,
        calls=find_calls(now, [row for row in now.operator.programmes if row.client == standing.client]),
        abandoned=None if own is None else own.abandoned,
        next_news=live.find_news(now.stream)[0].get(standing.client),
    )


def list_client_losses(now: StreamContext, scene: live.Scene, client: str) -> tuple[LostPlace, ...]:
    """Return the lost places that serve a client."""
    return tuple(_list_lost_places(now, live.find_own_losses(scene).get(client, [])))


def _list_lost_places(now: StreamContext, lost: Iterable[Sequence[str]]) -> Iterable[LostPlace]:
    """Yield lost places by name and cause, with since when and until when."""
    rules = live.select_rules(now.situation)
    sites = {row.name: row for row in list_site_statuses(now.operator, now.situation, rules)}
    outages = {name: row for (what, name), row in now.situation.outages.items() if what == "carrier"}
    for name, cause in lost:
        if (site := sites.get(name)) is not None:
            outage = next((row for (_what, at), row in now.situation.outages.items() if at == site.site), None)
            until = site.earliest_reopening or (None if outage is None else outage.expected_until)
            yield LostPlace(place=name, cause=cause, since=site.since, until=until)
        elif (line := outages.get(name)) is not None:
            yield LostPlace(place=name, cause=cause, since=line.since, until=line.expected_until)


def _list_reliefs(now: StreamContext, programmes: frozenset[str]) -> Iterable[TouchingRelief]:
    """Yield the reliefs that change who works for some programmes, the newest first."""
    found = live.list_touching_reliefs(now.stream, programmes, _MOST_RELIEFS)
    for at, (relief, people) in enumerate(found):
        yield TouchingRelief.from_row(relief, people=people, in_force=at == 0)


def draw_client(now: StreamContext, client: str) -> tuple[Chart, ...]:
    """Return a client's half hours as drawings, one for each width of the screen."""
    found = live.compute_coverage(now.stream)
    own = None if found is None else found.find_client(client)
    if found is None or own is None:
        return ()
    return tuple(draw(found.build_series(own), size, now.text) for size in _SIZES)


def draw_sparks(stream: str) -> Mapping[str, tuple[str, str, str]]:
    """Return small paths of covered, missing and required by client, drawn once a coverage."""
    found = live.compute_coverage(stream)
    if found is None:
        return {}

    def build() -> Mapping[str, tuple[str, str, str]]:
        return {row.client: spark(found.build_series(row)) for row in found.clients}

    return _sparks.get(found.stream, (found.clients,), build)


_sparks: IdentityCache[Mapping[str, tuple[str, str, str]]] = IdentityCache()


register = Library()

_SITES = {"open": lazy("Open"), "closed": lazy("Closed"), "power": lazy("Without power"), "link": lazy("Link down")}
SITE_TONES = {"open": "held", "cut_off": "thin", "closed": "missed"}
_PERMIT_TONES = {"valid": "held", "withdrawn": "missed", "ended": "missed", "not_yet": "unknown"}
_PERMITS = {
    "valid": lazy("valid"),
    "withdrawn": lazy("withdrawn"),
    "ended": lazy("ended"),
    "not_yet": lazy("not yet valid"),
}
_VERDICTS = {"partly": lazy("partly kept"), "not_kept": lazy("not kept")}
_SEATS = {"taken": lazy("taken"), "free": lazy("usable"), "blocked": lazy("blocked")}
_KINDS = {"inbound": lazy("inbound calls"), "outbound": lazy("outbound calls"), "back_office": lazy("back office")}
_CAUSES = {
    **HAZARD_WORDS,
    "rule": lazy("closed by the rule in force"),
    "authority": lazy("closed by order of an authority"),
    "hazard": lazy("closed because of an incident there"),
    "operator": lazy("closed by the company"),
    "power": lazy("no power"),
    "link": lazy("its link is down"),
    "lines": lazy("home lines down"),
}
_SOURCES = {
    "planned": lazy("prepared in the plan"),
    "first": lazy("first answer"),
    "optimum": lazy("refined answer"),
    "base": lazy("back to the plan"),
    "surge": lazy("put in force for a surge or absences"),
    "absences": lazy("made for absences"),
    "plan": lazy("another plan of some days"),
}
add_words(register, "site_word", _SITES)
add_words(register, "site_tone", SITE_TONES)
add_words(register, "permit_tone", _PERMIT_TONES)
add_words(register, "permit_word", _PERMITS)
add_words(register, "seat_word", _SEATS)
add_words(register, "verdict_word", _VERDICTS)
add_words(register, "programme_kind", _KINDS)
add_words(register, "loss_word", _CAUSES, else_code=True)
add_words(register, "source_word", _SOURCES, else_code=True)


def list_names(operator: Operator) -> Mapping[str, str]:
    """Return the names of the places and programmes, by id."""
    sites = {row.id: row.name for row in operator.sites}
    return {HOME: _("at home"), **sites, **{row.id: row.name for row in operator.programmes}}


@register.filter
def countdown(row: SiteStatus, at: datetime) -> str:
    """Return how long a closure lasts at least; empty where nothing says."""
    if row.earliest_reopening is None:
        return ""
    time = left(at, row.earliest_reopening)
    if time:
        return _("{time} left at least").format(time=time)
    return _("may reopen once its conditions are met")


@register.filter
def site_moment(at: datetime | None, page: SitePage) -> str:
    """Return an instant by the operator's clocks, that of the site named beside it; empty where there is none."""
    text = text_now(page.time_zone)
    return "" if at is None else f"{text.moment(at)}{text.beside(at, page.status.time_zone)}"


@register.filter
def shift_hours(shift: SiteShift, page: SitePage) -> str:
    """Return the times of a shift by the clocks of its site, named where they are not the operator's."""
    return text_now(page.time_zone).at_site(page.status.time_zone).span(shift.start, shift.end)


@register.filter
def site_clocks(page: SitePage) -> str:
    """Return what time it is by the operator's clocks and at a site, where these differ; empty where they agree."""
    text = text_now(page.time_zone)
    here = text.beside(page.at, page.status.time_zone)
    if not here:
        return ""
    return _("It is {home} in {home_city}{here}: the time of the site stands in brackets.").format(
        here=here, home=text.time(page.at), home_city=city(page.time_zone)
    )


@register.filter
def permit_state(row: HeldPermit, today: date) -> str:
    """Return how an authorisation stands."""
    return row.state_on(today)


@register.filter
def programme_outlook(row: ClientProgramme, page: StreamPage) -> str:
    """Return until when something of a programme is missing; where nothing is now, what comes."""
    if not row.standing.short_now:
        return verdict_words(row.standing, page)
    if row.back is None:
        return _("Not covered again within 48 hours.")
    return describe_return(row.back, row.relapse, page)


@register.filter
def news_words(news: ClientNews, page: StreamPage) -> str:
    """Return in a line which places are lost that serve a client, since when, and when it hears more."""
    text, parts = text_now(page.time_zone), []
    for row in news.places:
        words = _("{place}: {cause}.") if row.since is None else _("{place}: {cause}, since {when}.")
        when = "" if row.since is None else text.near(row.since, page.at)
        parts.append(words.format(place=row.place, cause=_CAUSES.get(row.cause, row.cause), when=when))
    if news.next_news is not None:
        parts.append(_("Next news: {when}.").format(when=text.near(news.next_news, page.at)))
    elif news.places:
        when = _("in the first message, which is being prepared")
        parts.append(_("Next news: {when}.").format(when=when))
    return " ".join(parts)


@register.filter
def return_words(incident: ClientIncident, page: StreamPage) -> str:
    """Return from when on a client that is short now is covered in full again, and until when."""
    assert incident.back is not None
    return describe_return(incident.back, incident.relapse, page)


def describe_return(back: datetime, again: datetime | None, page: StreamPage) -> str:
    """Return from when on a client is covered in full, and from when on no longer, in words; None: it stays so."""
    text = text_now(page.time_zone)
    when = text.near(back, page.at)
    if again is None:
        return _("Covered in full from {when} on.").format(when=when)
    words = _("Covered in full from {when} to {again}, then short again.")
    return words.format(when=when, again=text.near(again, page.at))


@register.filter
def half_hour(row: HalfHour, time_zone: str) -> str:
    """Return when a half hour begins, by the clocks of a time zone."""
    text, day = text_now(time_zone), row.start.astimezone(zone(time_zone)).date()
    return f"{text.short_day(day)} {text.clock(row.start)}"


@register.filter
def opening_hours(row: ClientProgramme) -> str:
    """Return when a programme is open."""
    return text_now("UTC").opening_hours(parse_opening(row.opening))


@register.filter
def lost_words(row: ReliefRow, names: Mapping[str, str]) -> str:
    """Return which places a relief answers the loss of, on any of its days."""
    sites = {names.get(name, name) for day in row.lost.values() for name in day["sites"]}
    carriers = {name for day in row.lost.values() for name in day["carriers"]}
    return text_now("UTC").list([*sorted(sites), *sorted(carriers)]) or pgettext("lost", "nothing")


@register.filter
def relief_name(generation: int) -> str:
    """Return what a generation is called; 0 is the plan."""
    if not generation:
        return _("the plan")
    return _("relief {number}").format(number=generation)


@register.filter
def change_words(counts: tuple[int, int]) -> str:
    """Return how much the second number is above the first."""
    change = counts[1] - counts[0]
    if not change:
        return "="
    return ("+" if change > 0 else "") + text_now("UTC").number(change)
