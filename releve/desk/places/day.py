"""The day of a site: its people by shift, for whom they work, who leads."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.page import Figure, PageModel
from releve.live import api as live
from releve.network import HOME
from releve.plan import Placement
from releve.plan.result import BASE

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser
    from releve.desk.places.page import StreamContext


class SiteShift(PageModel):
    """A shift of a site, with the people on it for each programme: their pseudonyms where the reader may see them."""

    start: datetime
    end: datetime
    people: int
    programmes: dict[str, int]
    agents: tuple[str, ...]


class SiteClient(PageModel):
    """A client that people of the site work for: how many, and its least coverage of the day while nothing is lost."""

    name: str
    people: int
    worst: Figure


class SiteDay(PageModel):
    """The day of a site as it is in force: who works there, for whom, who leads; ``home`` work at home that day."""

    day: date
    people: int
    home: int
    shifts: tuple[SiteShift, ...]
    leads: tuple[str, ...] = Field(
        description="Supervisors of the site’s teams who are there; empty: not shown, or none"
    )
    clients: tuple[SiteClient, ...] = Field(description="Empty for a reader who sees no reliefs of every client")


def find_day(now: StreamContext, scene: live.Scene | None, site: str, user: AnyUser) -> SiteDay | None:
    """Return the first day of a scene at a site; None where no plan is in force."""
    if scene is None or not scene.days:
        return None
    day, named = scene.days[0], can(user, "relief.people", site=site)
    rows = [row for row in scene.list_placements(day) if not row.carried]
    here = [row for row in rows if row.place == site]
    agents, own = {row.agent for row in here}, now.operator.agent
    shifts: dict[tuple[datetime, datetime], list[Placement]] = {}
    for row in here:
        shifts.setdefault((row.start, row.end), []).append(row)
    leads = sorted({team.supervisor for team in now.operator.teams if team.site == site} & agents) if named else []
    plan, people = scene.planned[day].load().plan, Counter(now.operator.programme[row.programme].client for row in here)
    clients = [
        SiteClient(name=name, people=people[client], worst=cell.worst_coverage if cell is not None else None)
        for client, name in plan.clients
        if people[client] and can(user, "reliefs.see")
        for cell in (plan.cell.get((client, BASE)),)
    ]
    return SiteDay(
        day=day,
        people=len(agents),
        home=sum(row.place == HOME and row.agent in own and own[row.agent].home_site == site for row in rows),
        shifts=tuple(
            SiteShift(
                start=start,
                end=end,
                people=len(members),
                programmes=dict(Counter(now.operator.programme[row.programme].name for row in members)),
                agents=tuple(sorted(row.agent for row in members)) if named else (),
            )
            for (start, end), members in sorted(shifts.items())
        ),
        leads=tuple(leads),
        clients=tuple(clients),
    )
