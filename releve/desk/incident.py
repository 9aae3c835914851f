"""The incident room: roles, decisions with reasons, tasks, the log and the review.

No client, inspector or auditor enters. Of health it shows what every role in the room may see: that
a site is closed, and until when. A form keeps its own key: sent twice, it records once.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.directory import list_able
from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import add_words, late_record
from releve.desk.forms import build_text_field, build_time_field, read_sent, set_choices
from releve.desk.http import page_response, require_found
from releve.desk.live.forms import EventForm, build_record_check
from releve.desk.live.page import CorrectedRecord, ShownStream, describe_corrections, read_stream
from releve.desk.live.words import ROLES
from releve.desk.page import PageModel, StreamPage
from releve.desk.text import NO_BREAK, format_duration, text_now, translate_phrase
from releve.live import api as live
from releve.live.api import ResponseStep
from releve.network import Operator
from releve.situation import (
    Event,
    Incident,
    IncidentClosed,
    IncidentDecided,
    IncidentNoted,
    IncidentOpened,
    IncidentPlaceAdded,
    IncidentReviewed,
    IncidentRoleTaken,
    IncidentTask,
    IncidentTaskDone,
    IncidentTaskSet,
    LiftedClosure,
    list_lifted_closures,
    measure_delay,
)

_LONGEST = 1000


class ActForm(EventForm):
    """A form of an act on an incident, which is also the prefix of fields to type in."""

    act: ClassVar[str] = ""

    def clean(self) -> dict[str, Any]:
        """Refuse a sending that names no act."""
        if not self.act:
            self.add_error(None, _("Choose what to do."))
        return super().clean() or {}


class OpenForm(ActForm):
    """The title and the site of an incident."""

    act = prefix = "open"
    title = forms.CharField(label=lazy("What it is about"), max_length=200)
    site = forms.ChoiceField(label=lazy("Site"), required=False)
    checklist = forms.BooleanField(
        label=lazy("Begin with the tasks of the usual checklist"), required=False, initial=True
    )
    field_order = ("site", "title", "checklist", "key")

    def offer(self, sites: list[tuple[str, str]], *, everywhere: bool) -> None:
        """Offer the sites, and the operator as a whole to who sees all of it."""
        whole = [("", _("the operator as a whole"))] if everywhere else []
        set_choices(self, "site", [*whole, *sites])
        self.fields["site"].required = not everywhere

    def open_room(self, stream: str, by: str) -> live.RecordResult | None:
        """Open the room that a valid form says; None where it is not, and the form says why."""
        found = self.cleaned_data
        write = translate_phrase if found["checklist"] else None
        return self.attempt(
            lambda: live.open_incident(stream, found["title"], found["site"], self.key_text, by=by, write=write)
        )


class DecisionForm(ActForm):
    """A decision and why."""

    act = prefix = "decide"
    records = IncidentDecided
    decision = build_text_field(lazy("Decision"), longest=_LONGEST, rows=2, required=True)
    reason = build_text_field(lazy("Why"), longest=_LONGEST, rows=2, required=True)


class TaskForm(ActForm):
    """A task, the role that owns it, and its time."""

    act = prefix = "task"
    records = IncidentTaskSet
    task = build_text_field(lazy("To do"), longest=_LONGEST, required=True)
    owner = forms.ChoiceField(label=lazy("Who does it"), choices=tuple(ROLES.items()))
    due = build_time_field(lazy("Done by"), lazy("Empty: no time is set."))


class FollowUpForm(TaskForm):
    """A task that follows from the review."""

    act = prefix = "follow_up"

    def build_event(self, **given: Any) -> Event:
        return super().build_event(**given, follow_up=True)


class NoteForm(ActForm):
    """A line of the log."""

    act = prefix = "note"
    records = IncidentNoted
    note = build_text_field(lazy("What happened, without a person’s name"), longest=_LONGEST, rows=2, required=True)


class CloseForm(ActForm):
    """The end of an incident."""

    act = prefix = "close"
    records = IncidentClosed
    note = build_text_field(lazy("Remark"), longest=_LONGEST)


class ReviewForm(ActForm):
    """The review: what went well, what went badly."""

    act = prefix = "review"
    records = IncidentReviewed
    well = build_text_field(lazy("What went well"), longest=_LONGEST, rows=4)
    badly = build_text_field(lazy("What went badly"), longest=_LONGEST, rows=4)


class RoleButton(ActForm):
    """A role taken: a button, with hidden fields of no prefix."""

    act = "take"
    records = IncidentRoleTaken
    role = forms.ChoiceField(
        choices=tuple(ROLES.items()),
        error_messages=dict.fromkeys(("required", "invalid_choice"), lazy("There is no such role.")),
    )


class GiveForm(RoleButton):
    """A role given to another who may work in the room."""

    act = prefix = "give"
    role = forms.ChoiceField(label=lazy("Role"), choices=tuple(ROLES.items()))
    holder = forms.ChoiceField(label=lazy("To whom"))
    field_order = ("role", "holder", "key")


class PlaceForm(ActForm):
    """A further place that the incident is about."""

    act = prefix = "place"
    records = IncidentPlaceAdded
    place = forms.ChoiceField(label=lazy("Site"))


class TaskButton(ActForm):
    """A task done: a button, with hidden fields of no prefix."""

    act = "done"
    records = IncidentTaskDone
    task = forms.CharField(max_length=64)


FORMS: dict[str, type[ActForm]] = {
    form.act: form
    for form in (
        *(DecisionForm, TaskForm, NoteForm, CloseForm, ReviewForm, FollowUpForm),
        *(RoleButton, GiveForm, PlaceForm, TaskButton),
    )
}
"""By act, those that a page of the room sends."""


class IncidentHead(PageModel):
    """An incident: how it was opened and closed; the id of its opening names it."""

    opened: IncidentOpened
    closed: IncidentClosed | None
    place: str = Field(description="Names of the sites, or of the operator")


class IncidentsPage(StreamPage):
    """The incidents of a stream that the reader may see, the newest first."""

    incidents: tuple[IncidentHead, ...]

    @property
    def open(self) -> tuple[IncidentHead, ...]:
        """Those that are not closed."""
        return tuple(row for row in self.incidents if row.closed is None)

    @property
    def over(self) -> tuple[IncidentHead, ...]:
        """Those that are closed."""
        return tuple(row for row in self.incidents if row.closed is not None)


class IncidentPage(StreamPage, IncidentHead):
    """One incident."""

    roles: tuple[IncidentRoleTaken, ...] = Field(description="The holders of roles")
    decisions: tuple[IncidentDecided, ...] = Field(description="The newest first")
    tasks: tuple[IncidentTask, ...] = Field(description="Those to be done first")
    review: IncidentReviewed | None
    steps: tuple[live.ResponseStep, ...] = Field(description="Of the review alone")
    log: tuple[live.LogEntry, ...] = Field(description="The newest first; in a review, the last")
    ground: tuple[CorrectedRecord, ...] = Field(description="By whom the closure of the site lost its ground")
    lifted: LiftedClosure | None = Field(description="How the closure was lifted because its ground was wrong")

    @property
    def held(self) -> list[tuple[str, IncidentRoleTaken | None]]:
        """Every role with its holder."""
        found = {row.role: row for row in self.roles}
        return [(role, found.get(role)) for role in ROLES]

    @property
    def follow_ups(self) -> tuple[IncidentTask, ...]:
        """The tasks that follow from the review."""
        return tuple(row for row in self.tasks if row.set.follow_up)


def incidents_page(shown: ShownStream, operator: Operator, incidents: tuple[Incident, ...]) -> IncidentsPage:
    """Return the list of some incidents."""
    return IncidentsPage(
        **shown.build_head(operator.row.time_zone),
        incidents=tuple(IncidentHead.from_row(row, place=_name_place(row, operator)) for row in incidents),
    )


def _name_place(incident: Incident, operator: Operator) -> str:
    names = [operator.site[site].name for site in incident.sites if site in operator.site]
    return ", ".join(names) or operator.row.name


def incident_page(
    shown: ShownStream, operator: Operator, incident: Incident, seen: Scope, *, whole: bool
) -> IncidentPage:
    """Return one incident; ``whole``: with its steps, its log from the beginning."""
    stream = shown.name
    start = live.find_incident_start(incident, stream)
    log = live.list_incident_log(incident, start, stream, seen.sees)
    lost = live.find_ground(stream, incident.site) if incident.site else None
    lifted = list_lifted_closures(live.situation_now(stream))
    return IncidentPage.from_row(
        incident,
        ground=() if lost is None else describe_corrections(lost),
        lifted=next((row for row in lifted if row.order == incident.opened.closure), None),
        **shown.build_head(operator.row.time_zone),
        place=_name_place(incident, operator),
        decisions=incident.decisions[::-1],
        tasks=tuple(sorted(incident.tasks, key=lambda row: row.done is not None)),
        steps=live.list_response_steps(incident, start, stream) if whole else (),
        log=log[::-1] if whole else log,
    )


@dataclass(frozen=True)
class _Seen:
    """What every page is made from: the stream, the scope and the visible incidents."""

    shown: ShownStream
    operator: Operator
    scope: Scope
    incidents: tuple[Incident, ...]


def _load_seen(request: HttpRequest) -> _Seen:
    """Return what the reader may see; an incident of the operator as a whole is for those who see
    every site."""
    shown, operator = read_stream(request), live.operator_now()
    reach = scope_for(request.user, "incident.work")
    rows = live.list_incidents(live.situation_now(shown.name), shown.name)
    seen = (row for row in rows if any(map(reach.sees, row.sites or ("",))))
    return _Seen(shown, operator, reach, tuple(seen))


@serve("incident.work", FORM)
def index(request: HttpRequest) -> HttpResponse:
    """Every incident, and the form that opens one; ``?site=`` leads to the room of its closure."""
    seen, site = _load_seen(request), request.GET.get("site", "")
    stream = seen.shown.name
    closure = live.situation_now(stream).site(site).closure if site else None
    if request.method != "POST" and closure is not None:
        for known in seen.incidents:
            if known.opened.closure == closure.event:
                return redirect("incident_room", known.id)
    form = _build_open_form(request, seen, site)
    if form.is_valid() and form.open_room(stream, actor_name(request)) is not None:
        messages.success(request, _("The incident room is open."))
        return redirect("incident_room", _load_seen(request).incidents[0].id)
    page, context = incidents_page(seen.shown, seen.operator, seen.incidents), {"form": form}
    return page_response(request, "desk/incident/index.html", page, context, status=form.http_status)


def _build_open_form(request: HttpRequest, seen: _Seen, site: str) -> OpenForm:
    form = OpenForm(read_sent(request))
    names = {row.id: row.name for row in seen.operator.sites if seen.scope.has_site(row.id)}
    form.offer(list(names.items()), everywhere=seen.scope.sites is None)
    if site in names:
        form.initial["site"] = site
        if live.situation_now(seen.shown.name).site(site).closed:
            form.initial["title"] = _("Closure of {site}").format(site=names[site])
    return form


@serve("incident.work", FORM)
def room(request: HttpRequest, incident: str) -> HttpResponse:
    """One incident: roles, decisions, tasks, log."""
    return _show(request, incident, ("give", "place", "decide", "task", "note", "close"), whole=False)


@serve("incident.work", FORM)
def review(request: HttpRequest, incident: str) -> HttpResponse:
    """An incident looked back on: how long each step took, what went well, what follows."""
    return _show(request, incident, ("review", "follow_up"), whole=True)


def _show(request: HttpRequest, incident: str, acts: tuple[str, ...], *, whole: bool) -> HttpResponse:
    """Do what was sent, else show the page with its forms; the one sent with what was typed."""
    seen, sent = _load_seen(request), None
    known = {row.id: row for row in seen.incidents}
    found = require_found(known.get(incident), _("There is no such incident."))
    if request.method == "POST":
        sent = FORMS.get(request.POST.get("act", ""), ActForm)(request.POST)
        _offer(sent, seen, found)
        if sent.is_valid() and _record(request, seen, found, sent) is not None:
            return redirect(request.path)
    if found.closed and not whole:
        acts = ()
    forms = {act: FORMS[act]() for act in acts}
    forms = {act: form for act, form in forms.items() if _offer(form, seen, found)}
    last = found.review
    if last is not None and "review" in forms:
        forms["review"].initial.update({"well": last.well, "badly": last.badly})
    if sent is not None and sent.act in forms:
        forms[sent.act] = sent
    page = incident_page(seen.shown, seen.operator, found, seen.scope, whole=whole)
    context = {
        "form": sent,
        "forms": forms,
        "operator": seen.operator,
        "corrects": bool(found.site) and can(request.user, "event.correct", site=found.site),
        "makes_packs": all(map(scope_for(request.user, "evidence.make").sees, found.sites or ("",))),
        "own": actor_name(request),
        "key": uuid.uuid4().hex,
    }
    template = "desk/incident/review.html" if whole else "desk/incident/room.html"
    status = 200 if sent is None else sent.http_status
    return page_response(request, template, page, context, status=status)


def _offer(form: ActForm, seen: _Seen, incident: Incident) -> bool:
    """Give a form its choices; return whether it has any."""
    offered: list[tuple[str, str]] = []
    if isinstance(form, GiveForm):
        offered = [(name, name) for name in list_able("incident.work", incident.sites)]
        set_choices(form, "holder", offered)
    elif isinstance(form, PlaceForm):
        sites = seen.operator.sites if incident.sites else ()
        offered = [(row.id, row.name) for row in sites if seen.scope.has_site(row.id) and row.id not in incident.sites]
        set_choices(form, "place", offered)
    else:
        return True
    return bool(offered)


def _record(request: HttpRequest, seen: _Seen, incident: Incident, form: ActForm) -> live.RecordResult | None:
    """Record an act of the reader, at a site of the incident that is theirs."""
    stream, own = seen.shown.name, live.sign_event(seen.shown.name, actor_name(request))
    site = next(filter(seen.scope.has_site, incident.sites), incident.site)
    role = _find_free_role(incident, form)
    if role:  # who ticks a task whose role is free takes the role
        taken = IncidentRoleTaken(**live.sign_event(stream, own["actor"]), site=site, incident=incident.id, role=role)
        judge = build_record_check(request.user, taken, stream)
        key = f"{form.key_text[:60]}-role"
        if form.attempt(lambda: live.record(taken, key=key, stream=stream, judge=judge)) is None:
            return None
    return form.record(form.build_event(site=site, incident=incident.id, **own), stream, request.user)


def _find_free_role(incident: Incident, form: ActForm) -> str:
    """Return the role of a task to be ticked which no one holds; else an empty one."""
    if not isinstance(form, TaskButton) or incident.closed is not None:
        return ""
    owner = next((row.set.owner for row in incident.tasks if row.id == form.cleaned_data["task"]), "")
    return "" if incident.find_holder(owner) else owner


register = Library()

_STEPS = {
    "closed": lazy("closure recorded"),
    "outage": lazy("outage recorded"),
    "opened": lazy("incident opened"),
    "relief_made": lazy("first relief made"),
    "routes_published": lazy("routes published"),
    "messages_written": lazy("messages written"),
    "first_acknowledged": lazy("first acknowledgement"),
    "last_acknowledged": lazy("last acknowledgement so far"),
    "reopened": lazy("site reopened"),
}


add_words(register, "role_word", ROLES)
add_words(register, "step_name", _STEPS)


@register.filter
def late_event(event: Event, page: IncidentPage) -> str:
    """Return when an event was recorded, where that is late; empty where it is not."""
    late = measure_delay(event.happened_at, event.recorded_at)
    return late_record(event.recorded_at if late else None, page.time_zone)


@register.filter
def step_duration(row: ResponseStep) -> str:
    """Return the time since the event: ``1,2 s``, ``3 min 05 s``, ``48 h 02 min``."""
    if not row.seconds:
        return ""
    if row.seconds < 60:
        return text_now("UTC").seconds(max(0.0, row.seconds))
    minutes, rest = divmod(round(row.seconds), 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{rest:02d}{NO_BREAK}s"
    return format_duration(minutes)


urlpatterns = [
    path("", index, name="incident"),
    path("<ref:incident>", room, name="incident_room"),
    path("<ref:incident>/review", review, name="incident_review"),
]
