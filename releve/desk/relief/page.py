"""What the relief page holds, in no language: who moves where, and who has not answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from django.urls import reverse
from django.utils.http import urlencode
from pydantic import Field

from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.live.streams import Looked
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.live.api import MessageCounts, NotifiedAgent, NotifiedRide, RosterChange, Scene
from releve.network import HOME, Operator
from releve.plan import Placement
from releve.plan.move_delays import MoveDelays

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_Row = TypeVar("_Row")
Shown = Literal["unanswered", "unreachable", "answered", "all"]
SHOWN: Mapping[Shown, frozenset[str]] = {
    "unanswered": frozenset({"unaddressed", "exhausted", "waiting", "queued"}),
    "unreachable": frozenset({"unaddressed", "exhausted"}),
    "answered": frozenset({"acknowledged"}),
    "all": frozenset({"unaddressed", "exhausted", "waiting", "queued", "acknowledged"}),
}
"""What a list of people shows, by the states that are in it."""
ROWS_A_PAGE = 100
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

    @property
    def query(self) -> str:
        """The choice as the query of an address, without the numbers of pages."""
        day = "" if self.day is None else self.day.isoformat()
        given = {"day": day, "site": self.site, "show": self.show}
        return urlencode({name: value for name, value in given.items() if value})


class ShiftPost(PageModel):
    """A shift at a place; ``place`` is a site or ``home``."""

    place: str
    programme: str
    start: datetime
    end: datetime
    time_zone: str


class RideRow(PageModel):
    """A ride in the message to the agent; ``leg`` is to or from the site."""

    leg: str
    vehicle: str
    stop: str
    site: str
    at: datetime = Field(description="At the stop")
    at_site: datetime
    time_zone: str


class AgentMove(PageModel):
    """An agent who works differently; null: no shift."""

    agent: str
    site: str = Field(description="Home site")
    before: ShiftPost | None
    after: ShiftPost | None
    rides: tuple[RideRow, ...] = ()


class PeopleFlow(PageModel):
    """How many go from a place to a place: a site, ``home``, or empty for no shift."""

    origin: str
    target: str
    people: int


class ArrivalRow(PageModel):
    """People sent to another site in the middle of the day, at work ``least`` to ``most`` minutes
    after the call."""

    target: str
    people: int
    least: int
    most: int
    known: bool = Field(description="By journeys in the tables; false: by the default delay")


class ShiftBand(PageModel):
    """The people of one shift, in the plan and in force."""

    start: datetime
    end: datetime
    before: int
    after: int


class PlaceShifts(PageModel):
    """A place whose shifts change; ``more`` changing shifts are left out."""

    place: str
    lost: bool
    time_zone: str
    before: int
    after: int
    bands: tuple[ShiftBand, ...]
    more: int


class UnansweredRow(PageModel):
    """An agent with a message about days that are not over, and what became of it.

    ``addresses`` and ``answer_url`` are for those who may call.
    """

    agent: str
    site: str
    state: str = Field(
        description="unaddressed (written, not sent), exhausted, waiting, queued or acknowledged"
    )
    channel: str
    tries: int
    generation: int
    sent_at: datetime | None
    next_try_at: datetime | None
    acknowledged_at: datetime | None
    answered_to: str
    addresses: tuple[str, ...] = ()
    answer_url: str = ""


class ReliefPage(StreamPage):
    """The relief in force as one reader may see it."""

    url: str
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
    changed: int = 0
    changes: tuple[AgentMove, ...] = ()
    changes_page: int = 1
    changes_pages: int = 1
    flows: tuple[PeopleFlow, ...] = ()
    arrivals: tuple[ArrivalRow, ...] = ()
    places: tuple[PlaceShifts, ...] = ()
    counts: MessageCounts
    show: Shown = "unanswered"
    people: tuple[UnansweredRow, ...] = ()
    people_count: int = 0
    people_page: int = 1
    people_pages: int = 1
    calls: bool = Field(description="Whether the reader sees addresses and records answers")
    names: dict[str, str] = Field(description="Of sites and programmes")
    workbook_url: str = ""

    @property
    def moving(self) -> tuple[PeopleFlow, ...]:
        """The flows between different places."""
        return tuple(row for row in self.flows if row.origin != row.target)


def relief_page(
    looked: Looked, user: AnyUser, choice: ReliefChoice, *, whole: bool = False
) -> ReliefPage:
    """Return the relief in force; ``whole``: every row on one page, as a file has it."""
    stream, scene, operator = looked.name, live.load_scene(looked.name), live.operator_now()
    seen = scope_for(user, "relief.people")
    homes = _find_homes(seen, operator, choice.site)
    calls = can(user, "relief.call")
    rows = live.list_notified_agents(stream, homes)
    wanted = [row for row in rows if row.state in SHOWN[choice.show]]
    size = max(1, len(wanted)) if whole else ROWS_A_PAGE
    number, pages, listed = _cut(wanted, choice.people, size)
    found: dict[str, Any] = {}
    if scene is not None and scene.days:
        found = _describe_day(scene, choice, seen, homes, whole=whole)
    met = _find_places_of_people(found)
    return ReliefPage(
        **looked.build_head(operator.row.time_zone),
        url=f"{reverse('relief')}?{choice.query}",
        planned=bool(found),
        site=choice.site,
        sites=tuple(row.id for row in operator.sites if seen.has_site(row.id)),
        counts=live.count_messages(stream, homes),
        show=choice.show,
        people=tuple(_describe_people(listed, user, calls=calls)),
        people_count=len(wanted),
        people_page=number,
        people_pages=pages,
        calls=calls,
        names={row.id: row.name for row in operator.sites if seen.has_site(row.id) or row.id in met}
        | {row.id: row.name for row in operator.programmes},
        workbook_url=f"{reverse('relief_workbook')}?{choice.query}",
        **found,
    )


def _find_places_of_people(found: Mapping[str, Any]) -> set[str]:
    """Return the places where the people shown are found or sent: their names may be read too."""
    posts = (post for row in found.get("changes", ()) for post in (row.before, row.after))
    return {row.place for row in found.get("places", ())} | {post.place for post in posts if post}


def _find_homes(seen: Scope, operator: Operator, site: str) -> frozenset[str] | None:
    """Return the home sites whose people are shown; None: all."""
    if site:
        return frozenset({site}) if seen.has_site(site) and site in operator.site else frozenset()
    return seen.sites


def _cut(rows: Sequence[_Row], number: int, size: int) -> tuple[int, int, list[_Row]]:
    """Return the page number within bounds, how many pages there are, and the page's rows."""
    pages = max(1, -(-len(rows) // size))
    number = min(max(1, number), pages)
    return number, pages, list(rows[(number - 1) * size : number * size])


def _describe_day(
    scene: Scene, choice: ReliefChoice, seen: Scope, homes: frozenset[str] | None, *, whole: bool
) -> dict[str, Any]:
    rosters = {day: live.compare_rosters(scene, day, homes) for day in scene.days}
    changing = [day for day in scene.days if rosters[day].list_changed()]
    day = choice.day if choice.day in scene.days else next(iter([*changing, *scene.days]))
    roster, operator = rosters[day], scene.day_plan(day).operator
    agents = roster.list_changed()
    number, pages, listed = _cut(
        agents, choice.moves, max(1, len(agents)) if whole else ROWS_A_PAGE
    )
    lost, relief = scene.wanted[day], scene.relief
    rides = live.list_notified_rides(scene.stream, listed, day)
    return {
        "generation": None if relief is None else relief.generation,
        "source": "" if relief is None else relief.source,
        "lost": (*sorted(filter(seen.has_site, lost.sites)), *sorted(lost.carriers)),
        "from_at": None if relief is None else relief.from_at,
        "published": relief is not None and relief.published_at is not None,
        "days": scene.days,
        "day": day,
        "changed": len(agents),
        "changes": tuple(
            _describe_change(roster, agent, operator, rides.get(agent, ())) for agent in listed
        ),
        "changes_page": number,
        "changes_pages": pages,
        "flows": tuple(
            PeopleFlow(origin=origin, target=target, people=people)
            for (origin, target), people in roster.count_flows().items()
        ),
        "arrivals": tuple(_list_arrivals(scene, day, roster)),
        "places": tuple(_list_places(roster, operator, lost.sites)),
    }


def _list_arrivals(scene: Scene, day: date, roster: RosterChange) -> Iterator[ArrivalRow]:
    found, relief = scene.day_plan(day), scene.relief
    if relief is None or relief.from_at <= found.plan.starts[0]:
        return
    delays = MoveDelays(found.operator)
    for row in delays.list_site_arrivals(roster.before, roster.after, relief.from_at):
        yield ArrivalRow.from_row(row)


def _describe_change(
    roster: RosterChange, agent: str, operator: Operator, rides: Sequence[NotifiedRide]
) -> AgentMove:
    site = operator.agent[agent].home_site

    def post(row: Placement | None) -> ShiftPost | None:
        if row is None:
            return None
        where = site if row.place == HOME else row.place
        return ShiftPost.from_row(row, time_zone=operator.site[where].time_zone)

    before, after = roster.before.get(agent), roster.after.get(agent)
    rows = tuple(RideRow.from_row(ride) for ride in rides)
    return AgentMove(agent=agent, site=site, before=post(before), after=post(after), rides=rows)


def _list_places(
    roster: RosterChange, operator: Operator, lost: frozenset[str]
) -> Iterator[PlaceShifts]:
    shifts = roster.count_shifts()
    for place in [*(row.id for row in operator.sites), HOME]:
        own = [row for row in shifts if row.place == place]
        changing = [row for row in own if row.before != row.after]
        if not changing:
            continue
        most = sorted(changing, key=lambda row: -abs(row.after - row.before))[:MOST_SHIFTS]
        zone = operator.row.time_zone if place == HOME else operator.site[place].time_zone
        yield PlaceShifts(
            place=place,
            lost=place in lost,
            time_zone=zone,
            before=sum(row.before for row in own),
            after=sum(row.after for row in own),
            bands=tuple(
                ShiftBand.from_row(row)
                for row in sorted(most, key=lambda row: (row.start, row.end))
            ),
            more=len(changing) - len(most),
        )


def _describe_people(
    rows: Sequence[NotifiedAgent], user: AnyUser, *, calls: bool
) -> Iterator[UnansweredRow]:
    known = live.list_addresses([row.agent for row in rows]) if calls else {}
    for row in rows:
        may = calls and can(user, "relief.call", site=row.site)
        waits = may and row.state != "acknowledged"
        yield UnansweredRow.from_row(
            row,
            addresses=tuple(known.get(row.agent, ())) if may else (),
            answer_url=reverse("relief_answer", args=[row.message]) if waits else "",
        )
