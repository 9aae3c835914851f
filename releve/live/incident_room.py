"""An incident room: its tasks, its log, how long each step took; clusters of cases and contacts.

Clusters and contacts are for the health officer alone; people were where the plan, its reliefs or
the roster had them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from releve.errors import Phrase
from releve.ledger.digests import format_instant
from releve.ledger.models import LedgerEntry
from releve.live.current_rules import select_rules
from releve.live.event_service import RecordResult, record, sign_event
from releve.live.lost_places import find_cause
from releve.live.message_texts import INCIDENT_KINDS, LOG_KINDS, LogEntry, read_last_entries
from releve.live.models import Relief
from releve.live.partners import list_lendings
from releve.live.plans import IdentityCache, load_activation
from releve.live.presence import find_stays
from releve.live.situation_cache import situation_now
from releve.network import Operator
from releve.situation import (
    CaseCluster,
    DeclaredCase,
    Incident,
    IncidentOpened,
    IncidentTaskSet,
    Situation,
    TracedContact,
    TracingRule,
    find_clusters,
    list_known_cases,
    to_local_day,
    trace_contacts,
)
from releve.situation.consequences import list_ready_tasks

_MOST = 200
"""Entries of a log that are read at most."""
_STEPS = (
    ("relief_made", "relief.made", "first"),
    ("routes_published", "routing.published", "first"),
    ("messages_written", "people.notified", "first"),
    ("first_acknowledged", "message.acknowledged", "first"),
    ("last_acknowledged", "message.acknowledged", "last"),
    ("reopened", "site.reopened", "first"),
)


@dataclass(frozen=True, slots=True)
class ResponseStep:
    """A step from the event to the reopening, by its code; ``at`` is None where it has not come.

    ``seconds`` since the event; ``count``: how many there are so far, of the last one alone.
    """

    step: str
    at: datetime | None = None
    seconds: float | None = None
    count: int | None = None


def open_incident(
    stream: str, title: str, site: str, key: str, *, by: str, write: Callable[[Phrase], str] | None = None
) -> RecordResult:
    """Open a room; of a site that is closed it is the room of that closure.

    ``write`` puts the tasks of the usual checklist in the language of the room; None: it begins
    without them. Raises Refused, Busy or KeyReused.
    """
    closure = situation_now(stream).site(site).closure if site else None
    event = IncidentOpened(
        **sign_event(stream, by), site=site, title=title, closure="" if closure is None else closure.event
    )
    done = record(event, key=key, stream=stream)
    if write is None:
        return done
    for number, ready in enumerate(list_ready_tasks(site=bool(site), cause=find_cause(situation_now(stream), site))):
        task = IncidentTaskSet(
            **sign_event(stream, by),
            incident=event.id,
            site=site,
            task=write(ready.text),
            owner=ready.owner,
            due=None if ready.within is None else event.happened_at + ready.within,
            follow_up=ready.follow_up,
        )
        record(task, key=f"{key[:60]}-{number}", stream=stream)
    return done


def list_incidents(situation: Situation, stream: str) -> Iterator[Incident]:
    """Yield the incidents of a stream, the newest first.

    A drill starts from the live situation; the live incidents in that are not the drill's.
    """
    rows = LedgerEntry.objects.filter(stream=stream, kind="incident.opened").order_by("-seq")
    for body in rows.values_list("body", flat=True):
        found = situation.incidents.get(json.loads(body)["id"])
        if found is not None:
            yield found


def find_incident_start(incident: Incident, stream: str) -> datetime:
    """Return when what the incident is about was recorded: the closure, an outage, or else its opening."""
    opened, closed = incident.opened, None
    if opened.closure:
        closed = situation_now(stream).event(opened.closure)
    elif (outage := find_opening_outage(stream, opened.id)) is not None:
        return datetime.fromisoformat(outage.recorded_at)
    return (closed or opened).recorded_at


def find_opening_outage(stream: str, incident: str) -> LedgerEntry | None:
    """Return the entry of the outage that lasted when a room was opened, of several the first; None: there was none.

    That is a link or a power supply of the room's site; of a room of the operator as a whole, a carrier of home
    lines. What was corrected by then does not count.
    """
    lasting: dict[tuple[str, str], LedgerEntry] = {}
    ids: dict[str, tuple[str, str]] = {}
    kinds = ("link.down", "link.up", "power.down", "power.up", "event.corrected", "incident.opened")
    for row in LedgerEntry.objects.filter(stream=stream, kind__in=kinds).order_by("seq"):
        body, (what, _dot, act) = json.loads(row.body), row.kind.partition(".")
        if row.kind == "incident.opened":
            if body["id"] == incident:
                own = ((key, entry) for key, entry in lasting.items() if key[1] == body["site"])
                return min((entry for _key, entry in own), key=lambda entry: entry.seq, default=None)
            continue
        if row.kind == "event.corrected":
            if ids.get(body["corrects"]) in lasting:
                del lasting[ids[body["corrects"]]]
            continue
        key = (f"{what} {body.get('carrier', '')}", body.get("site", ""))
        if act == "down":
            lasting.setdefault(key, row)
            ids[body["id"]] = key
        else:
            lasting.pop(key, None)
    return None


def list_incident_log(
    incident: Incident, start: datetime, stream: str, sees: Callable[[str], bool]
) -> tuple[LogEntry, ...]:
    """Return the last entries in the log of an incident, the newest first.

    They are its own, and those of its site or of none that the reader ``sees``; a task stands by
    what is to be done, and tasks that were set one after the other in a minute by their number.
    """

    def shows(kind: str, body: Mapping[str, Any]) -> bool:
        if kind in INCIDENT_KINDS:
            return bool(body["id" if kind == "incident.opened" else "incident"] == incident.id)
        return _concerns(body, incident) and sees(body.get("site") or "")

    rows = _filter_entries(incident, start, stream).filter(kind__in=LOG_KINDS | INCIDENT_KINDS)
    tasks = {row.id: row.set.task for row in incident.tasks}
    found: list[LogEntry] = []
    for row in read_last_entries(rows.order_by("-seq"), shows, _MOST):
        if row.kind == "incident.task_done":
            row = replace(row, params={**row.params, "task": tasks.get(row.params["task"], "")})
        if found and _set_together(found[-1], row):
            row = replace(row, params={"count": found.pop().params.get("count", 1) + 1})
        found.append(row)
    return tuple(found)


def _set_together(later: LogEntry, row: LogEntry) -> bool:
    return row.kind == later.kind == "incident.task_set" and later.at - row.at < timedelta(minutes=1)


def list_response_steps(incident: Incident, start: datetime, stream: str) -> tuple[ResponseStep, ...]:
    """Return the steps from the event to the reopening, each with the time since the event."""
    kinds = {kind for _step, kind, _which in _STEPS}
    rows = _filter_entries(incident, start, stream).filter(kind__in={*kinds, "event.corrected"}).order_by("seq")
    own, found = _list_own_reliefs(incident, stream), dict[str, dict[str, Any]]()
    for kind, at, written in rows.values_list("kind", "recorded_at", "body"):
        body = json.loads(written)
        if not (_concerns(body, incident) and body.get("generation", 0) in own):
            continue
        if kind == "event.corrected" and body.get("because"):
            kind = "site.reopened"  # the closure was lifted
        if kind == "event.corrected" or (kind == "site.reopened" and body.get("site") != incident.site):
            continue
        if kind == "routing.published" and "relief.made" not in found:
            continue
        row = found.setdefault(kind, {"first": at, "count": 0})
        row |= {"last": at, "count": row["count"] + 1}
    began = "opened" if start == incident.opened.recorded_at else "outage"
    first = ResponseStep("closed" if incident.opened.closure else began, start, 0.0)
    return (first, *(_build_step(*row, found, start) for row in _STEPS))


def _list_own_reliefs(incident: Incident, stream: str) -> frozenset[int]:
    """Return the generations of relief that a loss at the incident's places led to, and 0 for what names none."""
    causes = dict(Relief.objects.filter(stream=stream).values_list("generation", "cause"))
    rows = LedgerEntry.objects.filter(seq__in=set(causes.values())).values_list("seq", "body")
    own = {seq for seq, written in rows if _concerns(json.loads(written), incident)}
    return frozenset({0, *(generation for generation, cause in causes.items() if cause in own)})


def _build_step(step: str, kind: str, which: str, found: Mapping[str, Any], start: datetime) -> ResponseStep:
    row = found.get(kind)
    if row is None:
        return ResponseStep(step)
    at = datetime.fromisoformat(row[which])
    count = row["count"] if which == "last" else None
    return ResponseStep(step, at, (at - start).total_seconds(), count)


def _filter_entries(incident: Incident, start: datetime, stream: str) -> QuerySet[LedgerEntry]:
    """Return the entries of the stream from the event to the end of the incident."""
    rows = LedgerEntry.objects.filter(stream=stream, recorded_at__gte=format_instant(start))
    if incident.closed is not None:
        later = {"incident.reviewed", "incident.task_set", "incident.task_done"}
        ended = rows.filter(recorded_at__lte=format_instant(incident.closed.recorded_at))
        rows = ended | rows.filter(kind__in=later)
    return rows


def _concerns(body: Mapping[str, Any], incident: Incident) -> bool:
    """Return whether an entry is of the incident's sites, or of none; any is of the operator's."""
    site = body.get("site")
    return not site or not incident.sites or site in incident.sites


_clusters: IdentityCache[tuple[CaseCluster, ...]] = IdentityCache()


@dataclass(frozen=True, slots=True)
class CaseTrace:
    """The contacts of a case in the ``days_before`` it; None: they were not asked for."""

    days_before: float
    contacts: tuple[TracedContact, ...] | None


def find_tracing_rule(situation: Situation, operator: Operator, at: datetime) -> TracingRule:
    """Return the rule by which contacts and clusters are found on the day of an instant."""
    day = to_local_day(at, "", operator)
    return select_rules(situation).one(TracingRule, day) or TracingRule()


def trace_case(
    stream: str, operator: Operator, situation: Situation, event: str, seating: Mapping[str, str] | None
) -> CaseTrace:
    """Return the contacts of the case of an event where a ``seating`` is given, even an empty one.

    It is the seat by agent. StopIteration without such a case.
    """
    case = next(row for row in situation.cases if row.event == event)
    rule = find_tracing_rule(situation, operator, case.at)
    if seating is None:
        return CaseTrace(rule.days_before, None)
    period = (case.at - timedelta(days=rule.days_before), case.at)
    stays = find_stays(stream, operator, situation, period, seating=seating)
    return CaseTrace(rule.days_before, tuple(trace_contacts(case, stays, operator, rule)))


def find_case_clusters(
    stream: str,
    operator: Operator,
    situation: Situation,
    now: datetime,
    sees: Callable[[str], bool],
    seating: Mapping[str, str],
) -> tuple[CaseCluster, ...]:
    """Return the clusters on the sites that a reader ``sees``, the largest first.

    Their last case is within the days that make a cluster. ``seating`` maps agents to seats.
    """
    rule = find_tracing_rule(situation, operator, now)
    known = [case for case in list_known_cases(situation, operator, sees) if case.status == "declared_case"]
    found = _find_clusters(stream, operator, situation, rule, known, seating) if known else ()
    lately = now - timedelta(days=rule.cluster_days)
    return tuple(row for row in found if row.last >= lately)


def _find_clusters(
    stream: str,
    operator: Operator,
    situation: Situation,
    rule: TracingRule,
    known: Sequence[DeclaredCase],
    seating: Mapping[str, str],
) -> tuple[CaseCluster, ...]:
    """Return the clusters of cases, which are given by date.

    Without a seating they are found again only when something happened: the stays of some weeks are
    behind them.
    """

    def find() -> tuple[CaseCluster, ...]:
        period = (known[0].at - timedelta(days=rule.cluster_days), known[-1].at)
        agents = frozenset(case.agent for case in known)
        stays = find_stays(stream, operator, situation, period, of=agents, seating=seating)
        return find_clusters(known, stays, operator, rule)

    if seating:
        return find()
    plan = load_activation()
    relief = Relief.objects.filter(stream=stream).order_by("-generation").first()
    key = (
        stream,
        rule,
        tuple(case.event for case in known),
        plan.pk if plan else 0,
        relief.generation if relief else 0,
        list_lendings(stream),
    )
    return _clusters.get(key, (operator, situation), find)
