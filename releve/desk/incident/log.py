"""The log of an incident: its own events and the ledger's of that time, and how long each took.

No person is in it and nothing of health: of the ledger's other entries it has the sentences that
the Now page shows, and of those the ones that this reader may see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import Scope
from releve.desk.incident.words import role_word
from releve.desk.ledger.words import translate_actor
from releve.desk.live.timeline import SENTENCES, TimelineLine, moment, visible
from releve.desk.live.words import when
from releve.desk.text import NO_BREAK, Text
from releve.ledger.digests import format_instant
from releve.ledger.models import LedgerEntry
from releve.network import Operator
from releve.situation import Closure, Incident, Situation

__all__ = ["ResponseStep", "find_start", "list_log", "list_steps"]

MOST = 200
_OWN = {
    "incident.opened": lazy("The incident room was opened by {actor}."),
    "incident.role_taken": lazy("{actor} takes the role: {role}."),
    "incident.decided": lazy("{actor} decides: {decision} Why: {reason}"),
    "incident.task_set": lazy("To do by {owner}: {task}"),
    "incident.task_done": lazy("{actor} has done: {task}"),
    "incident.noted": lazy("{actor}: {note}"),
    "incident.reviewed": lazy("{actor} wrote the review."),
    "incident.closed": lazy("{actor} closed the incident. {note}"),
}
_STEPS = (
    ("relief.made", lazy("first relief made"), "first"),
    ("routing.published", lazy("routes published"), "first"),
    ("people.notified", lazy("people notified"), "first"),
    ("message.acknowledged", lazy("first acknowledgement"), "first"),
    ("message.acknowledged", lazy("last acknowledgement so far"), "last"),
    ("site.reopened", lazy("site reopened"), "first"),
)


@dataclass(frozen=True, slots=True)
class ResponseStep:
    """One step of the chain; ``took`` since the event, empty where it has not come."""

    name: str
    at: str
    took: str
    seconds: float | None
    detail: str


def find_start(incident: Incident, situation: Situation) -> datetime:
    """Return when what the incident is about was recorded: the closure, or else its opening."""
    state = situation.site(incident.site)
    closures: tuple[Closure, ...] = (*state.past, *((state.closure,) if state.closure else ()))
    for closure in closures:
        if incident.opened.closure and closure.event == incident.opened.closure:
            return closure.orders[0].recorded_at
    return incident.opened.recorded_at


def list_log(
    incident: Incident, start: datetime, stream: str, operator: Operator, text: Text, seen: Scope
) -> tuple[TimelineLine, ...]:
    """Return the last lines of the log that the user may see, the newest first."""
    rows = _filter_entries(incident, start, stream).filter(kind__in={*SENTENCES, *_OWN})
    tasks = {row.id: row.set.task for row in incident.tasks}
    found: list[TimelineLine] = []
    for kind, at, written in rows.order_by("-seq").values_list("kind", "recorded_at", "body"):
        body = json.loads(written)
        if kind in _OWN:
            own = body["id" if kind == "incident.opened" else "incident"] == incident.id
            shown, sentence = own, _write_sentence(kind, body, tasks)
        else:
            shown, sentence = _concerns(body, incident) and visible(body, seen), ""
        if shown:
            at_instant = datetime.fromisoformat(at)
            found.append(moment(kind, at_instant, body, operator, text, sentence))
        if len(found) == MOST:
            break
    return tuple(found)


def list_steps(
    incident: Incident, start: datetime, stream: str, text: Text
) -> tuple[ResponseStep, ...]:
    """Return the steps from the event to the reopening, each with the time since the event."""
    name = _("closure recorded") if incident.opened.closure else _("incident opened")
    kinds = {kind for kind, _name, _which in _STEPS}
    rows = _filter_entries(incident, start, stream).filter(kind__in=kinds - {"site.reopened"})
    found = {
        row["kind"]: row
        for row in rows.values("kind").annotate(
            first=Min("recorded_at"), last=Max("recorded_at"), count=Count("seq")
        )
    }
    found |= _find_reopening(incident, start, stream)
    first = ResponseStep(name, when(start, text), "", 0.0, "")
    return (first, *(_build_step(*row, found, start, text) for row in _STEPS))


def _build_step(
    kind: str, name: Any, which: str, found: Mapping[str, Any], start: datetime, text: Text
) -> ResponseStep:
    row = found.get(kind)
    if row is None:
        return ResponseStep(str(name), _("not yet"), "", None, "")
    at = datetime.fromisoformat(row[which])
    seconds = (at - start).total_seconds()
    detail = ""
    if which == "last":
        detail = _("{count} in all").format(count=text.number(row["count"]))
    return ResponseStep(str(name), when(at, text), _format_duration(seconds, text), seconds, detail)


def _format_duration(seconds: float, text: Text) -> str:
    """Return a duration: ``1,2 s``, ``3 min 05 s``, ``48 h 02 min``."""
    if seconds < 60:
        return text.seconds(max(0.0, seconds))
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{rest:02d}{NO_BREAK}s"
    return f"{minutes // 60}{NO_BREAK}h{NO_BREAK}{minutes % 60:02d}{NO_BREAK}min"


def _filter_entries(incident: Incident, start: datetime, stream: str) -> QuerySet[LedgerEntry]:
    """Return the entries of the stream from the event to the end of the incident."""
    rows = LedgerEntry.objects.filter(stream=stream, recorded_at__gte=format_instant(start))
    if incident.closed is not None:
        later = {"incident.reviewed", "incident.task_set", "incident.task_done"}
        ended = rows.filter(recorded_at__lte=format_instant(incident.closed.recorded_at))
        rows = ended | rows.filter(kind__in=later)
    return rows


def _find_reopening(incident: Incident, start: datetime, stream: str) -> dict[str, Any]:
    """Return the reopening of the incident's site, if there was one."""
    if not incident.site:
        return {}
    rows = _filter_entries(incident, start, stream).filter(kind="site.reopened").order_by("seq")
    for at, written in rows.values_list("recorded_at", "body"):
        if json.loads(written).get("site") == incident.site:
            return {"site.reopened": {"first": at, "count": 1}}
    return {}


def _concerns(body: Mapping[str, Any], incident: Incident) -> bool:
    """Return whether an entry is of the incident's site, or of none; any is of the operator's."""
    site = body.get("site")
    return not site or not incident.site or site == incident.site


def _write_sentence(kind: str, body: Mapping[str, Any], tasks: Mapping[str, str]) -> str:
    task = body.get("task", "")
    words = {
        "actor": translate_actor(body.get("actor", "")),
        "role": role_word(body["role"]) if "role" in body else "",
        "owner": role_word(body["owner"]) if "owner" in body else "",
        "task": tasks.get(task, task),
        "decision": _end_sentence(body.get("decision", "")),
        "reason": body.get("reason", ""),
        "note": body.get("note", ""),
    }
    return str(_OWN[kind]).format_map(words).strip()


def _end_sentence(sentence: str) -> str:
    """Return a sentence that ends like one."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
