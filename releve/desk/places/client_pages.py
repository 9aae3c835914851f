"""The pages of clients, in no language: coverage now and for 48 hours, programmes, reliefs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from pydantic import Field

from releve.accounts.scopes import scope_for
from releve.desk.chart import NARROW_CHART, WIDE_CHART, Chart, draw, spark
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.relief_pages import ReliefRow
from releve.desk.places.stream_context import StreamContext
from releve.desk.query import require_found
from releve.live import api as live
from releve.live.api import ClientStanding, HalfHour, IdentityCache, PlanReach

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

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
    """A programme of a client."""

    programme: str
    name: str
    kind: str
    opening: str


class TouchingRelief(ReliefRow):
    """A relief as one client is concerned by it."""

    people: int = Field(description="People who work differently for its programmes")
    in_force: bool


class ClientPage(StreamPage):
    """One client, half hour by half hour."""

    standing: ClientStanding
    plan: PlanReach
    half_hours: tuple[HalfHour, ...]
    programmes: tuple[ClientProgramme, ...]
    reliefs: tuple[TouchingRelief, ...]


def clients_page(now: StreamContext, user: AnyUser) -> ClientsPage:
    """Return the clients that a user may see, in the order of the operator."""
    reach = scope_for(user, "plan.see")
    sees = reach.clients is None or reach.clients
    found = live.compute_coverage(now.stream) if sees else None
    return ClientsPage(
        **now.head,
        plan=live.find_plan_reach(found),
        clients=tuple(
            live.describe_standing(row, found)
            for row in now.operator.clients
            if reach.has_client(row.id)
        ),
    )


def client_page(now: StreamContext, client: str) -> ClientPage:
    """Return the page of a client; Http404 where there is none of this id."""
    known = require_found(now.operator.client.get(client), _("There is no such client."))
    found = live.compute_coverage(now.stream)
    programmes = [row for row in now.operator.programmes if row.client == client]
    touched = frozenset(row.id for row in programmes)
    return ClientPage(
        **now.head,
        standing=live.describe_standing(known, found),
        plan=live.find_plan_reach(found),
        half_hours=() if found is None else tuple(found.list_half_hours(client)),
        programmes=tuple(ClientProgramme.from_row(row, programme=row.id) for row in programmes),
        reliefs=tuple(_list_reliefs(now, touched)),
    )


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
