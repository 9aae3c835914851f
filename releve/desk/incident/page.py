"""What the pages of incidents hold, in no language: the list, and one with its log and steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.incident.words import OWN_ENTRIES
from releve.desk.live.streams import Looked
from releve.desk.live.timeline import SENTENCES, TimelineEntry, read_params, visible
from releve.desk.live.words import ROLES
from releve.desk.page import PageModel
from releve.live import api as live
from releve.network import Operator
from releve.situation import Incident

_OWN_PARAMS = ("site", "actor", "role", "owner", "decision", "reason", "note")


class RoleHolder(PageModel):
    """A role and who holds it: empty and null where no one does."""

    role: str
    by: str = ""
    since: datetime | None = None


class DecisionRow(PageModel):
    """A decision: when, who, what, why."""

    at: datetime
    by: str
    decision: str
    reason: str


class TaskRow(PageModel):
    """A task; ``late``: it should be done by now."""

    task: str
    text: str
    owner: str = Field(description="The role that does it")
    due: datetime | None
    late: bool
    follow_up: bool = Field(description="It may stay open when the incident is closed")
    done_at: datetime | None
    done_by: str | None


class IncidentReview(PageModel):
    """What is kept of an incident."""

    well: str
    badly: str
    by: str


class IncidentRow(PageModel):
    """An incident in the list."""

    incident: str
    title: str
    site: str | None
    place: str = Field(description="Name of the site, or of the operator")
    closure: str | None = Field(description="The event that closed the site")
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    time_zone: str
    url: str
    review_url: str


class IncidentsPage(PageModel):
    """The incidents of a stream that the reader may see, the newest first."""

    stream: str
    drill: str = Field(description="Title of the drill; empty: live")
    time_zone: str
    incidents: tuple[IncidentRow, ...]
    refusals: tuple[str, ...] = Field(description="Why what was sent was not recorded")

    @property
    def open(self) -> tuple[IncidentRow, ...]:
        """Those that are not closed."""
        return tuple(row for row in self.incidents if row.closed_at is None)

    @property
    def over(self) -> tuple[IncidentRow, ...]:
        """Those that are closed."""
        return tuple(row for row in self.incidents if row.closed_at is not None)


class IncidentPage(IncidentRow):
    """One incident."""

    stream: str
    drill: str = Field(description="Title of the drill; empty: live")
    roles: tuple[RoleHolder, ...]
    decisions: tuple[DecisionRow, ...] = Field(description="The newest first")
    tasks: tuple[TaskRow, ...] = Field(description="Those to be done first")
    review: IncidentReview | None
    steps: tuple[live.ResponseStep, ...] = Field(description="Of the review alone")
    log: tuple[TimelineEntry, ...] = Field(description="The newest first; in a review, the last")
    refusals: tuple[str, ...] = Field(description="Why what was sent was not recorded")

    @property
    def follow_ups(self) -> tuple[TaskRow, ...]:
        """The tasks that follow from the review."""
        return tuple(row for row in self.tasks if row.follow_up)


def incidents_page(
    looked: Looked, operator: Operator, incidents: tuple[Incident, ...], refusals: tuple[str, ...]
) -> IncidentsPage:
    """Return the list of some incidents."""
    return IncidentsPage(
        stream=looked.name,
        drill=looked.title,
        time_zone=operator.row.time_zone,
        incidents=tuple(_row(row, operator) for row in incidents),
        refusals=refusals,
    )


def _row(incident: Incident, operator: Operator) -> IncidentRow:
    site, closed = operator.site.get(incident.site), incident.closed
    return IncidentRow(
        incident=incident.id,
        title=incident.opened.title,
        site=incident.site or None,
        place=operator.row.name if site is None else site.name,
        closure=incident.opened.closure or None,
        opened_at=incident.opened.happened_at,
        opened_by=incident.opened.actor,
        closed_at=None if closed is None else closed.happened_at,
        closed_by=None if closed is None else closed.actor,
        time_zone=operator.row.time_zone,
        url=reverse("incident_room", args=[incident.id]),
        review_url=reverse("incident_review", args=[incident.id]),
    )


def incident_page(
    looked: Looked,
    operator: Operator,
    incident: Incident,
    seen: Scope,
    refusals: tuple[str, ...],
    *,
    looked_back: bool,
) -> IncidentPage:
    """Return one incident; ``looked_back``: with its steps, its log from the beginning."""
    stream = looked.name
    start = live.find_incident_start(incident, live.situation_now(stream))
    steps = live.list_response_steps(incident, start, stream) if looked_back else ()
    log = tuple(_list_log(incident, start, stream, seen))
    review = incident.review
    return IncidentPage(
        **dict(_row(incident, operator)),
        stream=stream,
        drill=looked.title,
        roles=tuple(_list_roles(incident)),
        decisions=tuple(
            DecisionRow(at=row.happened_at, by=row.actor, decision=row.decision, reason=row.reason)
            for row in reversed(incident.decisions)
        ),
        tasks=tuple(_list_tasks(incident, live.now(stream))),
        review=None
        if review is None
        else IncidentReview(well=review.well, badly=review.badly, by=review.actor),
        steps=steps,
        log=log[::-1] if looked_back else log,
        refusals=refusals,
    )


def _list_roles(incident: Incident) -> Iterator[RoleHolder]:
    held = {row.role: row for row in incident.roles}
    for role in ROLES:
        row = held.get(role)
        if row is None:
            yield RoleHolder(role=role)
        else:
            yield RoleHolder(role=role, by=row.actor, since=row.happened_at)


def _list_tasks(incident: Incident, at: datetime) -> Iterator[TaskRow]:
    for row in sorted(incident.tasks, key=lambda row: row.done is not None):
        due, done = row.set.due, row.done
        yield TaskRow(
            task=row.id,
            text=row.set.task,
            owner=row.set.owner,
            due=due,
            late=done is None and due is not None and due < at,
            follow_up=row.set.follow_up,
            done_at=None if done is None else done.happened_at,
            done_by=None if done is None else done.actor,
        )


def _list_log(
    incident: Incident, start: datetime, stream: str, seen: Scope
) -> Iterator[TimelineEntry]:
    """Yield the log: no person is in it and nothing of health, as on the page *Now*."""
    kinds = {*SENTENCES, *OWN_ENTRIES}
    tasks = {row.id: row.set.task for row in incident.tasks}
    rows = live.list_incident_entries(
        incident, start, stream, kinds, lambda body: visible(body, seen)
    )
    for row in rows:
        if row.kind in OWN_ENTRIES:
            params = {name: row.body[name] for name in _OWN_PARAMS if row.body.get(name)}
            if task := row.body.get("task"):
                params["task"] = tasks.get(task, task)
        else:
            params = read_params(row.kind, row.body)
        yield TimelineEntry(kind=row.kind, at=row.at, params=params)
