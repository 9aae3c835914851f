"""The pages of incidents: the list, the room, the review."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from releve.accounts.scopes import Scope
from releve.desk.incident.forms import ActForm
from releve.desk.incident.log import ResponseStep
from releve.desk.incident.words import ROLES, role_word
from releve.desk.ledger.words import translate_actor
from releve.desk.live.timeline import TimelineLine
from releve.desk.live.words import when
from releve.desk.text import Text
from releve.ledger.models import LedgerEntry
from releve.network import Operator
from releve.situation import Incident, IncidentTask, Situation

__all__ = [
    "IncidentsPage",
    "ReviewPage",
    "RoomPage",
    "build_head",
    "incident_twin",
    "list_decisions",
    "list_roles",
    "list_tasks",
    "seen_incidents",
]


@dataclass(frozen=True, slots=True)
class Head:
    """An incident in a list, or at the head of its pages."""

    id: str
    title: str
    place: str
    by: str
    at: str
    closed: str
    by_hand: bool
    url: str
    review_url: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role and its holder (empty without one). ``mine``: the reader holds it."""

    id: str
    name: str
    holder: str
    since: str
    mine: bool
    key: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task; ``late``: it should be done by now."""

    id: str
    text: str
    owner: str
    due: str
    late: bool
    done: str
    key: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision: what, why, who, when."""

    text: str
    reason: str
    by: str
    at: str


@dataclass(frozen=True)
class IncidentsPage:
    """The incidents that a reader may see, and the form that opens one."""

    open: tuple[Head, ...]
    over: tuple[Head, ...]
    form: ActForm
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class RoomPage:
    """One incident while it is worked on; ``forms`` by act, none once it is over."""

    head: Head
    roles: tuple[RoleRow, ...]
    decisions: tuple[DecisionRow, ...]
    tasks: tuple[TaskRow, ...]
    moments: tuple[TimelineLine, ...]
    forms: dict[str, ActForm]
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class ReviewPage:
    """An incident looked back on."""

    head: Head
    steps: tuple[ResponseStep, ...]
    well: str
    badly: str
    reviewed: str
    decisions: tuple[DecisionRow, ...]
    tasks: tuple[TaskRow, ...]
    moments: tuple[TimelineLine, ...]
    forms: dict[str, ActForm]
    refusals: tuple[str, ...]


def seen_incidents(situation: Situation, stream: str, seen: Scope) -> dict[str, Incident]:
    """Return the incidents of a stream that the user may see, the newest first.

    A drill starts from the live situation; the live incidents in that are not the drill's. An
    incident of the operator as a whole is for those who see every site.
    """
    rows = LedgerEntry.objects.filter(stream=stream, kind="incident.opened").order_by("-seq")
    own = [_read_id(body) for body in rows.values_list("body", flat=True)]
    found = [situation.incidents[key] for key in own if key in situation.incidents]
    return {
        row.id: row
        for row in found
        if (seen.has_site(row.site) if row.site else seen.sites is None)
    }


def _read_id(body: str) -> str:
    return str(json.loads(body)["id"])


def build_head(incident: Incident, operator: Operator, text: Text) -> Head:
    """Return the head of an incident's pages."""
    site = operator.site.get(incident.site)
    closed = incident.closed
    return Head(
        incident.id,
        incident.opened.title,
        operator.row.name if site is None else site.name,
        translate_actor(incident.opened.actor),
        when(incident.opened.happened_at, text),
        ""
        if closed is None
        else f"{when(closed.happened_at, text)} ({translate_actor(closed.actor)})",
        not incident.opened.closure,
        reverse("incident_room", args=[incident.id]),
        reverse("incident_review", args=[incident.id]),
    )


def list_roles(incident: Incident, reader: str, text: Text) -> tuple[RoleRow, ...]:
    """Return every role and who holds it."""
    held = {row.role: row for row in incident.roles}
    return tuple(
        RoleRow(
            role,
            role_word(role),
            held[role].actor if role in held else "",
            when(held[role].happened_at, text) if role in held else "",
            role in held and held[role].actor == reader,
            uuid.uuid4().hex,
        )
        for role in ROLES
    )


def list_decisions(incident: Incident, text: Text) -> tuple[DecisionRow, ...]:
    """Return the decisions, the newest first."""
    return tuple(
        DecisionRow(row.decision, row.reason, row.actor, when(row.happened_at, text))
        for row in reversed(incident.decisions)
    )


def list_tasks(tasks: Iterable[IncidentTask], at: datetime, text: Text) -> tuple[TaskRow, ...]:
    """Return tasks, those to be done first."""
    rows = sorted(tasks, key=lambda row: row.done is not None)
    return tuple(_build_task_row(row, at, text) for row in rows)


def _build_task_row(row: IncidentTask, at: datetime, text: Text) -> TaskRow:
    due, done = row.set.due, row.done
    return TaskRow(
        row.id,
        row.set.task,
        role_word(row.set.owner),
        "" if due is None else when(due, text),
        done is None and due is not None and due < at,
        "" if done is None else f"{when(done.happened_at, text)} ({done.actor})",
        uuid.uuid4().hex,
    )


def incident_twin(incident: Incident, steps: Sequence[ResponseStep] = ()) -> dict[str, Any]:
    """Return an incident as JSON."""
    closed, review = incident.closed, incident.review
    return {
        "incident": incident.id,
        "title": incident.opened.title,
        "site": incident.site or None,
        "closure": incident.opened.closure or None,
        "opened_at": incident.opened.happened_at,
        "opened_by": incident.opened.actor,
        "closed_at": None if closed is None else closed.happened_at,
        "closed_by": None if closed is None else closed.actor,
        "roles": {row.role: row.actor for row in incident.roles},
        "decisions": [
            {
                "at": row.happened_at,
                "by": row.actor,
                "decision": row.decision,
                "reason": row.reason,
            }
            for row in incident.decisions
        ],
        "tasks": [_task_twin(row) for row in incident.tasks],
        "review": None
        if review is None
        else {"well": review.well, "badly": review.badly, "by": review.actor},
        "steps": [{"step": row.name, "seconds": row.seconds} for row in steps],
    }


def _task_twin(row: IncidentTask) -> dict[str, Any]:
    return {
        "task": row.id,
        "text": row.set.task,
        "owner": row.set.owner,
        "due": row.set.due,
        "follow_up": row.set.follow_up,
        "done_at": None if row.done is None else row.done.happened_at,
        "done_by": None if row.done is None else row.done.actor,
    }
