"""All kinds of events by name, and which of their fields are personal or of health."""

from __future__ import annotations

from collections.abc import Mapping

from releve.situation import events, events_audit, events_control
from releve.situation.event import Event, list_fields

KINDS: Mapping[str, type[Event]] = {
    cls.kind: cls
    for module in (events, events_audit, events_control, events_audit, events_control)
    for name, cls in sorted(vars(module).items())
    if isinstance(cls, type) and issubclass(cls, Event) and "kind" in vars(cls)
}
"""Event classes by kind."""


def personal_fields(kind: str) -> tuple[str, ...]:
    """Return the fields of a kind that concern a person: kept beside the ledger, erasable."""
    return tuple(field.name for field in list_fields(KINDS[kind]) if field.personal)


def health_fields(kind: str) -> tuple[str, ...]:
    """Return the fields of a kind that the health officer alone may see."""
    return tuple(field.name for field in list_fields(KINDS[kind]) if field.health)
