"""What the relief page holds, in no language: who moves where, and who has not answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from django.core.paginator import Page, Paginator
from pydantic import Field

from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.live.streams import ShownStream
from releve.desk.page import StreamPage
from releve.live import api as live
from releve.live.api import (
    AgentMove,
    MessageCounts,
    NotifiedAgent,
    PeopleFlow,
    PlaceChange,
    ReliefInForce,
)
from releve.network import Operator
from releve.plan.move_delays import SiteArrival

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
    changed: int = 0
    changes: tuple[AgentMove, ...] = ()
    changes_page: int = 1
    changes_pages: int = 1
    flows: tuple[PeopleFlow, ...] = ()
    arrivals: tuple[SiteArrival, ...] = ()
    places: tuple[PlaceChange, ...] = Field(default=(), description="Whose shifts change")
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
    names: dict[str, str] = Field(description="Of sites and programmes")

    @property
    def moving(self) -> tuple[PeopleFlow, ...]:
        """The flows between different places."""
        return tuple(row for row in self.flows if row.origin != row.target)


def relief_page(
    shown: ShownStream, user: AnyUser, choice: ReliefChoice, *, whole: bool = False
) -> ReliefPage:
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
    moving = tuple(moves.object_list)
    changes = () if found is None else live.list_agent_moves(found, moving)
    met = _find_places_of_people(changes, () if found is None else found.places)
    return ReliefPage.from_row(
        found,
        **shown.build_head(operator.row.time_zone),
        planned=found is not None,
        lost=() if found is None else _list_lost(found, seen),
        changed=moves.paginator.count,
        changes=changes,
        changes_page=moves.number,
        changes_pages=moves.paginator.num_pages,
        site=choice.site,
        sites=tuple(row.id for row in operator.sites if seen.has_site(row.id)),
        counts=live.count_messages(stream, homes),
        show=choice.show,
        people=listed,
        people_count=people.paginator.count,
        people_page=people.number,
        people_pages=people.paginator.num_pages,
        calls=calls,
        addresses=_find_addresses(listed, user) if calls else {},
        names={row.id: row.name for row in operator.sites if seen.has_site(row.id) or row.id in met}
        | {row.id: row.name for row in operator.programmes},
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
