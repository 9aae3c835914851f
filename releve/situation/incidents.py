"""The state of one incident folded from its events: roles, decisions, tasks, log, review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from releve.situation.event import Event
from releve.situation.events_control import (
    IncidentClosed,
    IncidentDecided,
    IncidentNoted,
    IncidentOpened,
    IncidentPlaceAdded,
    IncidentReviewed,
    IncidentRoleTaken,
    IncidentTaskDone,
    IncidentTaskSet,
)


@dataclass(frozen=True, slots=True)
class IncidentTask:
    """A task; ``done`` is None while it is open."""

    set: IncidentTaskSet
    done: IncidentTaskDone | None = None

    @property
    def id(self) -> str:
        return self.set.id


@dataclass(frozen=True, slots=True)
class Incident:
    """The current state of an incident; each list in the order of happening.

    ``roles`` has the current holder of each role, ``review`` the last review, ``closed`` the event
    that closed it; None where there is none yet. ``places`` are the sites added to that of its opening.
    """

    opened: IncidentOpened
    places: tuple[str, ...] = ()
    roles: tuple[IncidentRoleTaken, ...] = ()
    decisions: tuple[IncidentDecided, ...] = ()
    tasks: tuple[IncidentTask, ...] = ()
    notes: tuple[IncidentNoted, ...] = ()
    review: IncidentReviewed | None = None
    closed: IncidentClosed | None = None

    @property
    def id(self) -> str:
        return self.opened.id

    @property
    def site(self) -> str:
        """The site that it was opened for; empty for the operator as a whole."""
        return self.opened.site

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites concerned; none for the operator as a whole."""
        return tuple(dict.fromkeys((self.site, *self.places))) if self.site else ()

    def find_holder(self, role: str) -> str:
        """Return the account that holds a role; empty: no one does."""
        return next((row.held_by for row in self.roles if row.role == role), "")

    @property
    def left_open(self) -> tuple[IncidentTask, ...]:
        """The tasks that keep it from being closed: those not done that follow from no review."""
        return tuple(row for row in self.tasks if row.done is None and not row.set.follow_up)


def fold_incident(events: Sequence[Event]) -> Incident | None:
    """Return the incident of its events in the order in which they happened; None: not opened."""
    opened = _filter_kind(events, IncidentOpened)
    if not opened:
        return None
    done: dict[str, IncidentTaskDone] = {}
    for row in _filter_kind(events, IncidentTaskDone):
        done.setdefault(row.task, row)
    reviews, closings = _filter_kind(events, IncidentReviewed), _filter_kind(events, IncidentClosed)
    return Incident(
        opened=opened[0],
        places=tuple(dict.fromkeys(row.place for row in _filter_kind(events, IncidentPlaceAdded))),
        roles=tuple({row.role: row for row in _filter_kind(events, IncidentRoleTaken)}.values()),
        decisions=_filter_kind(events, IncidentDecided),
        tasks=tuple(IncidentTask(row, done.get(row.id)) for row in _filter_kind(events, IncidentTaskSet)),
        notes=_filter_kind(events, IncidentNoted),
        review=reviews[-1] if reviews else None,
        closed=closings[0] if closings else None,
    )


def _filter_kind(events: Sequence[Event], kind: type[Any]) -> tuple[Any, ...]:
    return tuple(event for event in events if isinstance(event, kind))
