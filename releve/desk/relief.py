"""The page of the relief in force: who moves where, who has not answered; as Excel too."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path, reverse
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.filters import add_words
from releve.desk.http import download, page_response, read_day, read_number
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.page import StreamPage, share_page
from releve.desk.relief_charts import FlowDrawing, Gantt, draw_flows, draw_gantt
from releve.desk.text import text_now, translate_phrase
from releve.files.operator_folder import Cell, ListSheet, write_sheets
from releve.live import api as live
from releve.live.api import (
    AgentMove,
    ClientStanding,
    MessageCounts,
    NotifiedAgent,
    NotifiedRide,
    PeopleFlow,
    PlaceChange,
    ReliefInForce,
    ShiftPost,
)
from releve.network import HOME, Operator
from releve.network.moments import zone
from releve.network.workbook import WORKBOOK_TYPE
from releve.plan.named_assignments import SiteArrival
from releve.plan.work_changes import KindCount, count_asked, phrase_kinds
from releve.transport import TO_SITE

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


_Row = TypeVar("_Row")
Shown = Literal["unanswered", "unreachable", "answered", "all"]
_STATES = {
    "unaddressed": lazy("no address: written, not sent"),
    "exhausted": lazy("out of reach: every address tried"),
    "unclear": lazy("replied, not understood: call"),
    "waiting": lazy("no answer yet"),
    "queued": lazy("to be sent"),
    "held": lazy("waits until a person leads"),
    "absent": lazy("absent: no answer is awaited"),
    "silent": lazy("no answer: counted as absent"),
    "declined": lazy("does not come"),
    "acknowledged": lazy("has answered"),
}
SHOWN: Mapping[Shown, frozenset[str]] = {
    "unanswered": frozenset({"unaddressed", "exhausted", "unclear", "waiting", "queued"}),
    "unreachable": frozenset({"unaddressed", "exhausted", "silent"}),
    "answered": frozenset({"declined", "acknowledged"}),
    "all": frozenset(_STATES),
}
"""What a list of people shows, by the states that are in it."""
ROWS_A_PAGE = 25
OPEN_CALLS = 4
"""People of the list to call whom a phone shows unfolded: those out of reach come first."""
MOST_SHIFTS = 8
"""Shifts of a place drawn at most: those that change most."""


@dataclass(frozen=True, slots=True)
class ReliefChoice:
    """What a reader asks for; the numbers of pages begin with 1."""

    day: date | None = None
    site: str = ""
    show: Shown = "unanswered"
    people: int = 1
    moves: int = 1


class ReliefPage(StreamPage):
    """The relief in force as one reader may see it."""

    planned: bool = Field(description="Whether a plan is in force for the hours ahead")
    generation: int | None = Field(default=None, description="Null: no relief, the plan applies")
    source: str = ""
    lost: tuple[str, ...] = Field(default=(), description="Sites and carriers lost on that day")
    from_at: datetime | None = Field(default=None, description="When it was made")
    published: bool = Field(default=False, description="Whether its routes are published")
    days: tuple[date, ...] = ()
    day: date | None = None
    site: str = Field(default="", description="Home site asked for; empty: all that are seen")
    sites: tuple[str, ...] = Field(default=(), description="Home sites of the reader's scope")
    kinds: tuple[KindCount, ...] = Field(default=(), description="People whose work changes on the days ahead, by kind")
    changed: int = Field(default=0, description="Those of them who are asked for an answer")
    moves: str = Field(default="balanced", description="Which moves are made: balanced, few or coverage")
    listed: int = Field(default=0, description="Shifts of the day that change so")
    changes: tuple[AgentMove, ...] = ()
    breaks: tuple[AgentMove, ...] = Field(default=(), description="Shifts of the day whose break alone moves")
    changes_page: int = 1
    changes_pages: int = 1
    flows: tuple[PeopleFlow, ...] = ()
    arrivals: tuple[SiteArrival, ...] = ()
    places: tuple[PlaceChange, ...] = Field(default=(), description="Whose shifts change")
    clients: tuple[ClientStanding, ...] = Field(default=(), description="Those seen, the one served worst first")
    counts: MessageCounts
    show: Shown = "unanswered"
    people: tuple[NotifiedAgent, ...] = Field(
        default=(), description="With a message about days that are not over, and what became of it"
    )
    people_count: int = 0
    people_page: int = 1
    people_pages: int = 1
    calls: bool = Field(description="Whether the reader sees addresses and records answers")
    addresses: dict[str, tuple[str, ...]] = Field(
        default={}, description="Of these people, where the reader may call them"
    )
    say: dict[str, str] = Field(default={}, description="Of these people, what their message says, to be read aloud")
    names: dict[str, str] = Field(description="Of sites and programmes")
    time_zones: dict[str, str] = Field(description="Of the home sites of these people")

    @property
    def moving(self) -> tuple[PeopleFlow, ...]:
        """The flows between different places."""
        return tuple(row for row in self.flows if row.origin != row.target)


def relief_page(shown: ShownStream, user: AnyUser, choice: ReliefChoice, *, whole: bool = False) -> ReliefPage:
    """Return the relief in force; ``whole``: every row on one page, as a file has it."""
    stream, operator = shown.name, live.operator_now()
    seen = scope_for(user, "relief.people")
    homes = _find_homes(seen, operator, choice.site)
    calls = can(user, "relief.call")
    rows = live.list_notified_agents(stream, homes)
    people = _cut([row for row in rows if row.state in SHOWN[choice.show]], choice.people, whole)
    listed = tuple(people.object_list)
    found = live.describe_relief(stream, choice.day, homes, most_shifts=MOST_SHIFTS)
    moves = _cut(() if found is None else found.roster.list_changed(), choice.moves, whole)
    moving, scene = tuple(moves.object_list), live.load_scene(stream)
    coverage = None if scene is None else live.compute_scene_coverage(scene)
    clients = scope_for(user, "situation.see")
    changes = () if found is None else live.list_agent_moves(found, moving)
    breaks = () if found is None else live.list_agent_moves(found, found.roster.list_changed(asks_answer=False))
    met = _find_places_of_people((*changes, *breaks), () if found is None else found.places)
    return ReliefPage.from_row(
        found,
        **shown.build_head(operator.row.time_zone),
        planned=found is not None,
        lost=() if found is None else _list_lost(found, seen),
        changed=0 if found is None else count_asked(found.kinds),
        moves=live.situation_now(stream).relief_aim or live.read_relief_choice(),
        listed=moves.paginator.count,
        changes=changes,
        breaks=breaks,
        changes_page=moves.number,
        changes_pages=moves.paginator.num_pages,
        site=choice.site,
        sites=tuple(row.id for row in operator.sites if seen.has_site(row.id)),
        clients=tuple(row for row in live.rank_clients(operator, coverage) if clients.has_client(row.client)),
        counts=live.count_messages(stream, homes),
        show=choice.show,
        people=listed,
        people_count=people.paginator.count,
        people_page=people.number,
        people_pages=people.paginator.num_pages,
        calls=calls,
        addresses=_find_addresses(listed, user) if calls else {},
        say=live.list_said(listed, "fr" if get_language() == "fr" else "en") if calls else {},
        names={row.id: row.name for row in operator.sites if seen.has_site(row.id) or row.id in met}
        | {row.id: row.name for row in operator.programmes},
        time_zones={row.site: operator.site[row.site].time_zone for row in listed if row.site in operator.site},
    )


def _list_lost(found: ReliefInForce, seen: Scope) -> tuple[str, ...]:
    """Return the sites lost that are in a scope, and the carriers."""
    return (*sorted(filter(seen.has_site, found.lost_sites)), *sorted(found.lost_carriers))


def _find_addresses(people: Sequence[NotifiedAgent], user: AnyUser) -> dict[str, tuple[str, ...]]:
    """Return the addresses of those whom a user may call, in the order in which they are tried."""
    agents = [row.agent for row in people if can(user, "relief.call", site=row.site)]
    known = live.list_addresses(agents)
    return {agent: tuple(known.get(agent, ())) for agent in agents}


def _find_places_of_people(changes: Sequence[AgentMove], places: Sequence[PlaceChange]) -> set[str]:
    """Return the places where the people shown are found or sent: their names may be read too."""
    posts = (post for row in changes for post in (row.before, row.after))
    return {row.place for row in places} | {post.place for post in posts if post}


def _find_homes(seen: Scope, operator: Operator, site: str) -> frozenset[str] | None:
    """Return the home sites whose people are shown; None: all."""
    if site:
        return frozenset({site}) if seen.has_site(site) and site in operator.site else frozenset()
    return seen.sites


def _cut(rows: Sequence[_Row], number: int, whole: bool) -> Page[_Row]:
    """Return a page of rows by its number, within bounds; ``whole``: all of them."""
    size = max(1, len(rows)) if whole else ROWS_A_PAGE
    return Paginator(rows, size).get_page(max(1, number))


register = Library()

_ANSWERS = {"yes": lazy("comes"), "late": lazy("comes late"), "transport": lazy("needs transport")}
_TONES = {
    "unaddressed": "missed",
    "exhausted": "missed",
    "unclear": "thin",
    "waiting": "thin",
    "queued": "unknown",
    "held": "unknown",
    "absent": "unknown",
    "silent": "missed",
    "declined": "missed",
    "acknowledged": "held",
}
CHANNELS = {
    "email": lazy("e-mail"),
    "apprise": lazy("message service"),
    "file": lazy("file"),
    "none": lazy("no address"),
    "": lazy("not yet"),
}
_SHOWN = {
    "unanswered": lazy("No answer"),
    "unreachable": lazy("Out of reach"),
    "answered": lazy("Have answered"),
    "all": lazy("All"),
}
add_words(register, "answer_tone", _TONES)
add_words(register, "show_words", _SHOWN)
add_words(register, "state_words", _STATES)
add_words(register, "channel_name", CHANNELS, else_code=True)


@register.filter
def call_groups(page: ReliefPage) -> tuple[tuple[str, tuple[NotifiedAgent, ...]], ...]:
    """Return the people of the list by what became of their message; the first few apart, which no screen folds."""
    rest = groupby(page.people[OPEN_CALLS:], key=lambda row: row.state)
    first = ((page.people[0].state, page.people[:OPEN_CALLS]),) if page.people else ()
    return (*first, *((state, tuple(rows)) for state, rows in rest))


@register.filter
def answer_by(row: NotifiedAgent, page: ReliefPage) -> str:
    """Return by when an answer is awaited, by the clocks of the home site; empty where none is, or it is not sent."""
    if row.state != "waiting" or row.next_try_at is None:
        return ""
    text = text_now(page.time_zone).at_site(page.time_zones.get(row.site, page.time_zone))
    return _("must answer by {time}").format(time=text.time(row.next_try_at))


@register.filter
def telephone(address: str) -> str:
    """Return the number that an address is, as a link dials it; empty where it is none."""
    return live.find_number(address)


@register.filter("place_label")
def name_place(place: str, page: ReliefPage) -> str:
    """Return the name of a site, of home, or of no shift."""
    return page.names.get(place, place) if place not in ("", HOME) else str(_OFF_SITE[place])


_OFF_SITE = {"": lazy("no shift"), HOME: lazy("at home")}


@register.filter
def relief_headline(page: ReliefPage) -> str:
    """Return who is still to be reached; else how many move."""
    waiting, text = page.counts.waiting, text_now(page.time_zone)
    if waiting and waiting == page.counts.unaddressed:
        return ngettext(
            "{count} person was not notified: no address is known",
            "{count} people were not notified: no address is known",
            waiting,
        ).format(count=text.number(waiting))
    if waiting:
        return ngettext("{count} person has not answered", "{count} people have not answered", waiting).format(
            count=text.number(waiting)
        )
    if page.counts.held:
        return ngettext(
            "{count} message waits until a person leads", "{count} messages wait until a person leads", page.counts.held
        ).format(count=text.number(page.counts.held))
    if page.counts.notified:
        return _("Every message has been answered")
    if page.changed:
        return ngettext(
            "{count} person works differently: {kinds}", "{count} people work differently: {kinds}", page.changed
        ).format(count=text.number(page.changed), kinds=translate_phrase(phrase_kinds(page.kinds)))
    if page.kinds:
        return _("No person works differently; breaks alone move")
    return _("The plan applies: no person moves") if page.planned else _("No plan is in force")


@register.filter
def relief_tone(page: ReliefPage) -> str:
    """Return the tone of the page."""
    if page.counts.unaddressed or page.counts.exhausted:
        return "missed"
    if page.counts.waiting or page.counts.held:
        return "thin"
    return "held" if page.planned else "unknown"


@register.filter
def lost_names(page: ReliefPage) -> str:
    """Return what is lost on the day shown."""
    names = [page.names.get(place, place) for place in page.lost]
    return text_now(page.time_zone).list(names) or pgettext("lost", "nothing")


@register.filter
def post_shift(post: ShiftPost, page: ReliefPage) -> str:
    """Return the times of a shift by the clocks of its place, and its programme."""
    text = text_now(page.time_zone).at_site(post.time_zone)
    programme = page.names.get(post.programme, post.programme)
    return f"{text.span(post.start, post.end)}, {programme}"


@register.filter("answer_state")
def describe_state(row: NotifiedAgent) -> str:
    """Return what became of a person's message, with who recorded a spoken answer."""
    if row.answered_to and row.state != "unclear":
        return _("has answered by voice, recorded by {who}").format(who=row.answered_to)
    return str((row.state == "acknowledged" and _ANSWERS.get(row.answer)) or _STATES[row.state])


@register.filter
def answer_line(counts: MessageCounts) -> tuple[tuple[str, str, int], ...]:
    """Return the loop from a message to who works instead: the name, the words and the people of each step."""
    return (
        ("notified", _("notified"), counts.sent),
        ("read", _("read"), counts.acknowledged),
        ("coming", _("coming"), counts.coming),
        ("not-coming", _("not coming"), counts.declined + counts.silent),
        ("replaced", _("replaced"), counts.substituted),
    )


@register.filter
def answer_ring(counts: MessageCounts) -> tuple[tuple[str, int, int], ...]:
    """Return the parts of the ring of acknowledgements: tone, people, and people before it."""
    beyond = counts.unaddressed + counts.exhausted
    reached = counts.notified - beyond
    return (
        ("held", counts.acknowledged, 0),
        ("thin", reached - counts.acknowledged, counts.acknowledged),
        ("missed", beyond, reached),
    )


@register.filter
def ring_words(page: ReliefPage) -> str:
    """Return the ring of acknowledgements in a sentence."""
    counts, text = page.counts, text_now(page.time_zone)
    said = _("{answered} of {all} have answered; {beyond} are out of reach.").format(
        answered=text.number(counts.acknowledged),
        all=text.number(counts.notified),
        beyond=text.number(counts.unaddressed + counts.exhausted),
    )
    if counts.declined or counts.late or counts.transport:
        more = _("Not coming: {declined}; late: {late}; in need of transport: {transport}.").format(
            declined=text.number(counts.declined),
            late=text.number(counts.late),
            transport=text.number(counts.transport),
        )
        said = f"{said} {more}"
    if counts.unclear:
        more = ngettext(
            "{count} person replied what was not understood.",
            "{count} people replied what was not understood.",
            counts.unclear,
        )
        said = f"{said} {more.format(count=text.number(counts.unclear))}"
    if counts.silent:
        more = ngettext(
            "{count} person did not answer and is counted as absent.",
            "{count} people did not answer and are counted as absent.",
            counts.silent,
        )
        said = f"{said} {more.format(count=text.number(counts.silent))}"
    return said


@register.filter
def gantts(page: ReliefPage) -> tuple[Gantt, ...]:
    """Return the drawing of the changing shifts, for a wide and a narrow screen."""
    if not page.places:
        return ()
    return draw_gantt(page.places, "wide", 960, 2), draw_gantt(page.places, "narrow", 360, 4)


@register.filter
def flow_drawings(page: ReliefPage) -> tuple[FlowDrawing, ...]:
    """Return the flow of people between places, for a wide and a narrow screen."""
    if not page.moving:
        return ()
    places = {place for row in page.flows for place in (row.origin, row.target)}
    words = {place: name_place(place, page) for place in places}
    return (draw_flows(page.flows, words, "wide", 960, 200), draw_flows(page.flows, words, "narrow", 360, 112))


@register.filter
def flow_words(page: ReliefPage) -> str:
    """Return the flows between different places as a sentence."""
    return "; ".join(flow_line(row, page) for row in page.moving)


@register.filter
def flow_line(row: PeopleFlow, page: ReliefPage) -> str:
    """Return how many people go from a place to a place."""
    ends = {"origin": name_place(row.origin, page), "target": name_place(row.target, page)}
    return _("{origin} → {target}: {count}").format(**ends, count=row.people)


@register.filter
def ride_words(ride: NotifiedRide) -> str:
    """Return the vehicle of a ride, with its hours at the stop and at the site."""
    text = text_now(ride.time_zone)
    if ride.leg == TO_SITE:
        said = _("Shuttle {vehicle}: {stop} {at}, {site} {at_site}")
    else:
        said = _("Way home, shuttle {vehicle}: {site} {at_site}, {stop} {at}")
    hours = {"at": text.clock(ride.at), "at_site": text.clock(ride.at_site)}
    return said.format(vehicle=ride.vehicle, stop=ride.stop, site=ride.site, **hours)


@register.filter
def change_words(row: AgentMove, page: ReliefPage) -> str:
    """Return how an agent's work changes, and from when."""
    said = translate_phrase(row.kind.label)
    if row.since is None:
        return said
    post = row.after or row.before
    text = text_now(page.time_zone)
    clock = (text.at_site(post.time_zone) if post else text).clock(row.since)
    return _("{change}, from {time}").format(change=said, time=clock)


@register.filter
def break_words(row: AgentMove, page: ReliefPage) -> str:
    """Return when the break of a shift was and is."""
    posts = [post for post in (row.before, row.after) if post is not None]
    text = text_now(page.time_zone)
    said = [
        ", ".join(text.at_site(post.time_zone).span(*span) for span in post.breaks) or _("no break") for post in posts
    ]
    return " → ".join(said)


def write_relief(page: ReliefPage) -> bytes:
    """Return the workbook; times are those of the place, or of the operator for messages."""
    return write_sheets((_list_calls(page), _list_moves(page), _list_breaks(page)), page.at)


def _list_calls(page: ReliefPage) -> ListSheet:
    titles = [
        _("Agent"),
        _("Home site"),
        _("State"),
        _("Written by"),
        _("Addresses tried"),
        _("Relief"),
        _("Sent at"),
        _("Next address at"),
        _("Answered at"),
    ]
    rows: list[list[Cell]] = [
        [
            row.agent,
            page.names.get(row.site, row.site),
            describe_state(row),
            str(CHANNELS.get(row.channel, row.channel)),
            row.tries,
            row.generation,
            _local(row.sent_at, page.time_zone),
            _local(row.next_try_at, page.time_zone),
            _local(row.acknowledged_at, page.time_zone),
        ]
        for row in page.people
    ]
    if page.calls:
        titles.append(_("Addresses"))
        for cells, row in zip(rows, page.people, strict=True):
            cells.append(", ".join(page.addresses.get(row.agent, ())))
    return ListSheet(_("Call list"), titles, rows)


def _list_moves(page: ReliefPage) -> ListSheet:
    before = (_("Place before"), _("Start before"), _("End before"), _("Programme before"))
    after = (_("Place after"), _("Start after"), _("End after"), _("Programme after"))
    rows = [
        (
            row.agent,
            page.names.get(row.site, row.site),
            translate_phrase(row.kind.label),
            _local(row.since, post.time_zone if (post := row.after or row.before) else page.time_zone),
            *_list_post_cells(row.before, page),
            *_list_post_cells(row.after, page),
            "; ".join(map(ride_words, row.rides)),
        )
        for row in page.changes
    ]
    titles = (_("Agent"), _("Home site"), _("Change"), _("From"), *before, *after, _("Shuttles"))
    return ListSheet(_("Who moves where"), titles, rows)


def _list_breaks(page: ReliefPage) -> ListSheet:
    rows = [(row.agent, page.names.get(row.site, row.site), break_words(row, page)) for row in page.breaks]
    return ListSheet(_("Breaks alone"), (_("Agent"), _("Home site"), _("Break")), rows)


def _list_post_cells(post: ShiftPost | None, page: ReliefPage) -> tuple[Cell, ...]:
    if post is None:
        return (name_place("", page), None, None, None)
    start, end = (_local(at, post.time_zone) for at in (post.start, post.end))
    return (name_place(post.place, page), start, end, page.names.get(post.programme, post.programme))


def _local(at: datetime | None, time_zone: str) -> datetime | None:
    return None if at is None else at.astimezone(zone(time_zone)).replace(tzinfo=None)


@serve("relief.people")
def relief(request: HttpRequest) -> HttpResponse:
    """Who moves from where to where and when, who was notified, and who has not answered."""
    asked, user = (read_stream(request), read_choice(request)), request.user
    page = share_page(("relief", *asked), user, lambda: relief_page(asked[0], user, asked[1]))
    context = {"shown": tuple(SHOWN), "generations": can(request.user, "reliefs.see")}
    return page_response(request, "desk/relief/relief.html", page, context)


@serve("relief.people")
def workbook(request: HttpRequest) -> HttpResponse:
    """The same as an Excel file, with every row."""
    page = relief_page(read_stream(request), request.user, read_choice(request), whole=True)
    name = f"releve-{page.day or page.at.date()}.xlsx"
    return download(write_relief(page), name, WORKBOOK_TYPE)


@serve("relief.call", ACT)
def answer(request: HttpRequest, message: uuid.UUID) -> HttpResponse:
    """Record that an agent answered by voice."""
    stream = read_stream(request).name
    site = live.find_message_site(stream, message)
    if site is None or not can(request.user, "relief.call", site=site):
        raise Http404(_("There is no such message."))
    live.record_spoken_answer(stream, message, by=actor_name(request))
    messages.success(request, _("The answer is recorded."))
    return redirect(f"{reverse('relief')}?{request.GET.urlencode()}#people")


def read_choice(request: HttpRequest) -> ReliefChoice:
    """Return what a reader asks for; what cannot be read is as if it were not asked."""
    given = request.GET
    show = given.get("show", "")
    return ReliefChoice(
        day=read_day(given.get("day", "")),
        site=given.get("site", "")[:64],
        show=cast("Shown", show) if show in SHOWN else "unanswered",
        people=read_number(given.get("people", ""), 6) or 1,
        moves=read_number(given.get("moves", ""), 6) or 1,
    )


urlpatterns = [
    path("relief", relief, name="relief"),
    path("relief.json", relief, name="relief_json"),
    path("relief.xlsx", workbook, name="relief_workbook"),
    path("relief/answers/<uuid:message>", answer, name="relief_answer"),
]
