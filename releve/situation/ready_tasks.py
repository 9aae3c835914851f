"""The tasks that an incident begins with: what continuity plans ask for, with who does it by when.

The steps are those of ISO 22320 (safety of people, command, information, resources) and of the
plans that contact centres publish: declare, people safe, calls moved, agents and clients informed,
reopening prepared, review.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from releve.errors import Phrase

__all__ = ["READY_TASKS", "ReadyTask", "list_ready_tasks"]

_MINUTES = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """A task in words, the role that does it, and how long after the start; None: not set.

    ``follow_up``: it may stay open when the incident is closed. ``site`` and ``health``: it is for
    incidents that are, or are not, of one site or a matter of health; None: for all.
    """

    text: Phrase
    owner: str
    within: timedelta | None
    follow_up: bool = False
    site: bool | None = None
    health: bool | None = None


READY_TASKS = (
    ReadyTask(
        Phrase("Record what happened, with its cause and the earliest end"),
        "lead",
        15 * _MINUTES,
    ),
    ReadyTask(
        Phrase("Check that everybody on the site is safe, and list who is missing"),
        "sites",
        30 * _MINUTES,
        site=True,
    ),
    ReadyTask(
        Phrase("Check that everybody is safe, and list who is missing"),
        "sites",
        30 * _MINUTES,
        site=False,
    ),
    ReadyTask(
        Phrase("Check that calls follow the relief, and that none reaches a closed place"),
        "telephony",
        30 * _MINUTES,
    ),
    ReadyTask(
        Phrase("Call the agents who have not answered their message"),
        "people",
        60 * _MINUTES,
    ),
    ReadyTask(
        Phrase("Inform each client: the effect, the coverage, the time of the next news"),
        "clients",
        60 * _MINUTES,
    ),
    ReadyTask(
        Phrase("Pause or move the outbound campaigns that are affected"),
        "outbound",
        60 * _MINUTES,
    ),
    ReadyTask(
        Phrase("List and inform the contacts of each case"),
        "health",
        120 * _MINUTES,
        health=True,
    ),
    ReadyTask(
        Phrase("Prepare the reopening: its checklist, its date and who approves it"),
        "sites",
        24 * 60 * _MINUTES,
        site=True,
    ),
    ReadyTask(
        Phrase("Hold the review, and note what follows"),
        "lead",
        None,
        follow_up=True,
    ),
)
"""In the order in which they are set."""


def list_ready_tasks(*, site: bool, health: bool) -> Iterator[ReadyTask]:
    """Yield the tasks of an incident, of one site or not, for a matter of health or not."""
    for row in READY_TASKS:
        if row.site in (None, site) and row.health in (None, health):
            yield row
