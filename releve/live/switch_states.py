"""Prepared switches as people read them: each contingency with its routes, and the one in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from releve.live.clock import LIVE
from releve.live.models import PreparedSwitch
from releve.live.stream_state import load_scene
from releve.live.switches import find_pressed_switch, list_contingencies, list_switches
from releve.plan import Contingency

__all__ = [
    "HeldSwitch",
    "RehearsedSwitch",
    "SwitchState",
    "find_held_switch",
    "find_rehearsals",
    "list_switch_states",
]


@dataclass(frozen=True, slots=True)
class RehearsedSwitch:
    """What a telephony system answered when it was asked to plan a switch, without any effect:
    how many routes it would change (None: it cannot say), or why it would not take the switch."""

    adapter: str
    changes: int | None
    error: str


@dataclass(frozen=True, slots=True)
class SwitchState:
    """A contingency and its prepared routes; ``source``: planned, unrelieved (people stay), or
    empty where ``prepared_at`` is None: not worked out yet."""

    contingency: str
    kind: str
    name: str
    source: str
    moved: int
    prepared_at: datetime | None
    rehearsals: tuple[RehearsedSwitch, ...]


@dataclass(frozen=True, slots=True)
class HeldSwitch:
    """A switch that a person published, while it is held."""

    contingency: str
    kind: str
    name: str
    generation: int
    until: datetime


def list_switch_states(stream: str = LIVE) -> tuple[SwitchState, ...]:
    """Return every contingency of the plan in force with its switch, as it was prepared last."""
    kept = {row.contingency: row for row in list_switches(stream)}
    return tuple(_describe(row, kept.get(row.id)) for row in _list_losses(stream))


def find_rehearsals(contingency: str, stream: str = LIVE) -> tuple[RehearsedSwitch, ...]:
    """Return what each system answered to the rehearsal of a switch; empty before one."""
    kept = PreparedSwitch.objects.filter(stream=stream, contingency=contingency).first()
    return () if kept is None else tuple(RehearsedSwitch(*one) for one in kept.rehearsals)


def find_held_switch(stream: str = LIVE) -> HeldSwitch | None:
    """Return the switch that a person published and that is held; None where there is none.

    Its kind is ``named`` where the plan in force has the contingency no longer.
    """
    found = find_pressed_switch(stream)
    if found is None or found.held_until is None:
        return None
    row = next((row for row in _list_losses(stream) if row.id == found.switch), None)
    kind, name = ("named", found.switch) if row is None else (row.kind, row.name)
    return HeldSwitch(found.switch, kind, name, found.number, found.held_until)


def _list_losses(stream: str) -> tuple[Contingency, ...]:
    scene = load_scene(stream)
    return () if scene is None else list_contingencies(scene)


def _describe(row: Contingency, kept: PreparedSwitch | None) -> SwitchState:
    if kept is None:
        return SwitchState(row.id, row.kind, row.name, "", 0, None, ())
    rehearsals = tuple(RehearsedSwitch(*one) for one in kept.rehearsals)
    return SwitchState(row.id, row.kind, row.name, kept.source, kept.moved, kept.at, rehearsals)
