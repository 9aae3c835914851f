"""The tasks that an incident begins with: what continuity plans ask for, with who does it by when.

The steps are those of ISO 22320 (safety of people, command, information, resources) and of the
plans that contact centres publish: declare, people safe, calls moved, agents and clients informed,
reopening prepared, review.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["READY_TASKS", "ReadyTask", "list_ready_tasks"]

_MINUTES = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """A task by its code, the role that does it, and how long after the start; None: not set.

    ``follow_up``: it may stay open when the incident is closed. ``site`` and ``health``: it is for
    incidents that are, or are not, of one site or a matter of health; None: for all.
    """

    code: str
    owner: str
    within: timedelta | None
    follow_up: bool = False
    site: bool | None = None
    health: bool | None = None


READY_TASKS = (
    ReadyTask("declare", "lead", 15 * _MINUTES),
    ReadyTask("safe_site", "sites", 30 * _MINUTES, site=True),
    ReadyTask("safe", "sites", 30 * _MINUTES, site=False),
    ReadyTask("calls", "telephony", 30 * _MINUTES),
    ReadyTask("agents", "people", 60 * _MINUTES),
    ReadyTask("clients", "clients", 60 * _MINUTES),
    ReadyTask("campaigns", "outbound", 60 * _MINUTES),
    ReadyTask("contacts", "health", 120 * _MINUTES, health=True),
    ReadyTask("reopening", "sites", 24 * 60 * _MINUTES, site=True),
    ReadyTask("review", "lead", None, follow_up=True),
)
"""In the order in which they are set."""


def list_ready_tasks(*, site: bool, health: bool) -> Iterator[ReadyTask]:
    """Yield the tasks of an incident, of one site or not, for a matter of health or not."""
    for row in READY_TASKS:
        if row.site in (None, site) and row.health in (None, health):
            yield row
