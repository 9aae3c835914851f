"""What the pages of prepared switches hold, in no language."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class PressedSwitch(PageModel):
    """A switch that a person published, while it is held."""

    contingency: str
    kind: str
    name: str
    generation: int
    until: datetime
    may_undo: bool


class SwitchesPage(StreamPage):
    """Every contingency of the plan in force."""

    rows: tuple[live.SwitchState, ...]
    pressed: PressedSwitch | None


class PlaceCalls(PageModel):
    """Calls an hour at a place by the forecast of this half hour."""

    place: str
    name: str
    before: float
    after: float


class SwitchPage(StreamPage):
    """A switch and its consequences, for one client or all (empty)."""

    contingency: str
    kind: str
    name: str
    client: str
    clients: dict[str, str] = Field(description="Every client by id")
    content: str = Field(description="Names the routes; asked for when they are published")
    source: str
    moved: int
    calls: tuple[PlaceCalls, ...]
    unserved: tuple[str, ...] = Field(description="Names of programmes that no place would serve")
    effects: tuple[live.ClientImpact, ...]
    rehearsals: tuple[live.RehearsedSwitch, ...]
    may_press: bool


def switches_page(shown: ShownStream, user: AnyUser) -> SwitchesPage:
    """Return the switches of a stream as they were prepared last."""
    return SwitchesPage(
        **shown.build_head(live.operator_now().row.time_zone),
        rows=live.list_switch_states(shown.name),
        pressed=find_pressed(shown.name, user),
    )


def find_pressed(stream: str, user: AnyUser) -> PressedSwitch | None:
    """Return the switch that is held, if any."""
    found = live.find_held_switch(stream)
    if found is None:
        return None
    return PressedSwitch.from_row(found, may_undo=can(user, "routing.switch"))


def switch_page(shown: ShownStream, user: AnyUser, contingency: str, client: str) -> SwitchPage:
    """Return a switch with its consequences, worked out now."""
    operator = live.operator_now()
    found = live.preview_switch(contingency, client, shown.name)
    names = {row.id: row.name for row in operator.sites}
    names |= {row.id: row.name for row in operator.programmes}
    return SwitchPage.from_row(
        found,
        **shown.build_head(operator.row.time_zone),
        contingency=contingency,
        kind=found.contingency.kind,
        name=found.contingency.name,
        clients={row.id: row.name for row in operator.clients},
        calls=tuple(PlaceCalls.from_row(row, name=names.get(row.place, "")) for row in found.calls),
        unserved=tuple(names.get(row, row) for row in found.unserved),
        rehearsals=live.find_rehearsals(contingency, shown.name),
        may_press=can(user, "routing.switch"),
    )
