"""What the pages of prepared switches hold, in no language."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.plan import Contingency

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class Rehearsed(PageModel):
    """What a telephony system answered when it was asked to plan a switch, without any effect."""

    adapter: str
    changes: int | None = Field(description="Routes it would change; null: it cannot say")
    error: str = Field(description="Why it would not take the switch; empty: it would")


class SwitchRow(PageModel):
    """A contingency and its prepared routes; ``prepared_at`` null: not worked out yet."""

    contingency: str
    kind: str
    name: str
    source: str = Field(description="planned, unrelieved (people stay) or empty")
    moved: int
    prepared_at: datetime | None
    rehearsals: tuple[Rehearsed, ...]


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

    rows: tuple[SwitchRow, ...]
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
    rehearsals: tuple[Rehearsed, ...]
    may_press: bool


def switches_page(shown: ShownStream, user: AnyUser) -> SwitchesPage:
    """Return the switches of a stream as they were prepared last."""
    operator, scene = live.operator_now(), live.load_scene(shown.name)
    kept = {row.contingency: row for row in live.list_switches(shown.name)}
    found = () if scene is None else live.list_contingencies(scene)
    return SwitchesPage(
        **shown.build_head(operator.row.time_zone),
        rows=tuple(_build_row(row, kept.get(row.id)) for row in found),
        pressed=find_pressed(shown.name, user),
    )


def _build_row(row: Contingency, kept: live.PreparedSwitch | None) -> SwitchRow:
    return SwitchRow(
        contingency=row.id,
        kind=row.kind,
        name=row.name,
        source="" if kept is None else kept.source,
        moved=0 if kept is None else kept.moved,
        prepared_at=None if kept is None else kept.at,
        rehearsals=_read_rehearsals(kept),
    )


def _read_rehearsals(kept: live.PreparedSwitch | None) -> tuple[Rehearsed, ...]:
    return tuple(
        Rehearsed(adapter=adapter, changes=changes, error=error)
        for adapter, changes, error in ([] if kept is None else kept.rehearsals)
    )


def find_pressed(stream: str, user: AnyUser) -> PressedSwitch | None:
    """Return the switch that is held, if any."""
    found = live.find_pressed_switch(stream)
    if found is None or found.held_until is None:
        return None
    scene = live.load_scene(stream)
    rows = () if scene is None else live.list_contingencies(scene)
    row = next((row for row in rows if row.id == found.switch), None)
    return PressedSwitch(
        contingency=found.switch,
        kind="named" if row is None else row.kind,
        name=found.switch if row is None else row.name,
        generation=found.number,
        until=found.held_until,
        may_undo=can(user, "routing.switch"),
    )


def switch_page(shown: ShownStream, user: AnyUser, contingency: str, client: str) -> SwitchPage:
    """Return a switch with its consequences, worked out now."""
    operator = live.operator_now()
    found = live.preview_switch(contingency, client, shown.name)
    kept = {row.contingency: row for row in live.list_switches(shown.name)}
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
        rehearsals=_read_rehearsals(kept.get(contingency)),
        may_press=can(user, "routing.switch"),
    )
