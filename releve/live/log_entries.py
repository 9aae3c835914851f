"""The last entries of the ledger that a reader may see, the newest first, and what they say.

Entries about a person and fields of health have no sentence here: a log shows none of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from string import Formatter
from typing import Any

from django.db.models import QuerySet

from releve.errors import Phrase
from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry
from releve.live.current_operator import operator_now
from releve.network import Operator
from releve.situation import KINDS, find_happening, measure_entry_delay

__all__ = ["INCIDENT_KINDS", "LOG_KINDS", "LogEntry", "list_last_entries", "read_last_entries"]

_MOST, _MOST_READ = 20, 200
_SENTENCES: Mapping[str, Phrase] = {
    **{kind: Phrase(event.headline) for kind, event in KINDS.items() if event.headline},
    "relief.made": Phrase("A relief was made: {moved} people moved."),
    "routing.alarm": Phrase("A telephony system does not hold the newest routes."),
    "routing.published": Phrase("The routes were published."),
    "routing.restored": Phrase("The telephony system holds the newest routes again."),
    "routing.reverted": Phrase("The routes of an earlier generation were published again."),
    "relief.ended": Phrase("The relief for a surge ends: back to the plan."),
    "relief.ordered": Phrase("A relief for a surge or absences was put in force."),
    "routing.switched": Phrase("Calls were switched to the routes prepared for a loss."),
    "people.notified": Phrase(
        "Messages about the relief were written; agents concerned: {agents}."
    ),
    "plan.activated": Phrase("A plan was put in force."),
    "drill.started": Phrase("The drill began."),
    "drill.moved": Phrase("The clock of the drill was moved forward."),
    "effect.aside": Phrase("A task failed too often and was set aside."),
    "effect.retried": Phrase("A task that was set aside is tried again."),
}
_INCIDENT_SENTENCES: Mapping[str, Phrase] = {
    "incident.opened": Phrase("The incident room was opened by {actor}."),
    "incident.role_taken": Phrase("{actor} takes the role: {role}."),
    "incident.decided": Phrase("{actor} decides: {decision} Why: {reason}"),
    "incident.task_set": Phrase("To do by {owner}: {task}"),
    "incident.task_done": Phrase("{actor} has done: {task}"),
    "incident.noted": Phrase("{actor}: {note}"),
    "incident.reviewed": Phrase("{actor} wrote the review."),
    "incident.closed": Phrase("{actor} closed the incident. {note}"),
}
_UNADDRESSED = Phrase(
    "Messages about the relief were written; agents concerned: {agents}, messages without an"
    " address: {unaddressed}."
)
LOG_KINDS = frozenset(_SENTENCES)
"""Kinds of entries that every reader of their site may see."""
INCIDENT_KINDS = frozenset(_INCIDENT_SENTENCES)
"""Kinds of entries of an incident, for those who work in its room."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the ledger in a log; ``params``: its site or carrier, and what it names.

    ``at`` it was recorded; ``happened`` is when, or the day it is about, where that is late.
    """

    kind: str
    at: datetime
    params: dict[str, Any]
    happened: datetime | date | None = None

    @property
    def sentence(self) -> Phrase:
        """What it says, with the names of its parameters in braces."""
        return _find_sentence(self.kind, self.params)


def _find_sentence(kind: str, body: Mapping[str, Any]) -> Phrase:
    if kind == "people.notified" and body.get("unaddressed"):
        return _UNADDRESSED
    return _INCIDENT_SENTENCES.get(kind) or _SENTENCES[kind]


def list_last_entries(stream: str, sees: Callable[[str], bool]) -> tuple[LogEntry, ...]:
    """Return the last entries of the sites that a reader ``sees``: 20 of the last 200 at most.

    Those of no site are asked for by an empty one.
    """
    rows = LedgerEntry.objects.filter(stream=stream, kind__in=LOG_KINDS).order_by("-seq")
    return read_last_entries(
        rows[:_MOST_READ], lambda _kind, body: sees(body.get("site") or ""), _MOST
    )


def read_last_entries(
    rows: QuerySet[LedgerEntry], shows: Callable[[str, Mapping[str, Any]], bool], most: int
) -> tuple[LogEntry, ...]:
    """Return the first entries of a query for whose kind and body ``shows`` holds."""
    kept: list[tuple[str, str, dict[str, Any]]] = []
    for kind, at, written in rows.values_list("kind", "recorded_at", "body"):
        body = json.loads(written)
        if shows(kind, body):
            kept.append((kind, at, body))
        if len(kept) == most:
            break
    restore_names([body for _, _, body in kept])
    if not kept:
        return ()
    operator = operator_now()  # once: each call asks the database whether it has changed
    return tuple(_build_log_entry(*row, operator) for row in kept)


def _build_log_entry(kind: str, written: str, body: dict[str, Any], operator: Operator) -> LogEntry:
    at = datetime.fromisoformat(written)
    late = measure_entry_delay(body, at, operator)
    return LogEntry(kind, at, _pick_params(kind, body), find_happening(body) if late else None)


def _pick_params(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the sentence of an entry names, and nothing else of it."""
    parts = Formatter().parse(_find_sentence(kind, body))
    named = (name for _text, name, _spec, _conversion in parts if name)
    names = dict.fromkeys(("site", "carrier", *named))
    return {name: body[name] for name in names if body.get(name) is not None}
