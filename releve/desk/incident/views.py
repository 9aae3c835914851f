"""The pages of incidents: the list, the room, the review. No client, inspector or auditor enters.

What is shown of health is what everybody in the room may see: that a site is closed, and until
when.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import Scope, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import page_response
from releve.desk.incident.forms import FORMS, ActForm, OpenForm
from releve.desk.incident.page import incident_page, incidents_page
from releve.desk.incident.words import READY_TASKS
from releve.desk.live.answers import RecordFailure, explain_failure
from releve.desk.live.streams import Looked, looked_at
from releve.desk.query import require_found
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    INCIDENT_ROLES,
    Event,
    Incident,
    IncidentRoleTaken,
    IncidentTaskDone,
)


@dataclass(frozen=True)
class _Seen:
    """What every page is made from: the stream, the scope and the visible incidents."""

    looked: Looked
    operator: Operator
    scope: Scope
    incidents: tuple[Incident, ...]

    def find(self, closure: str) -> Incident | None:
        """Return the room of a closure, if it has one."""
        return next((row for row in self.incidents if row.opened.closure == closure), None)


def _load_seen(request: HttpRequest) -> _Seen:
    """Return what the reader may see; an incident of the operator as a whole is for those who see
    every site."""
    looked, operator = looked_at(request), live.operator_now()
    reach = scope_for(request.user, "incident.work")
    rows = live.list_incidents(live.situation_now(looked.name), looked.name)
    seen = (row for row in rows if (reach.has_site(row.site) if row.site else reach.sites is None))
    return _Seen(looked, operator, reach, tuple(seen))


@serve("incident.work", FORM)
def index(request: HttpRequest) -> HttpResponse:
    """Every incident, and the form that opens one; ``?site=`` leads to the room of its closure."""
    seen, site = _load_seen(request), request.GET.get("site", "")
    stream = seen.looked.name
    closure = live.situation_now(stream).site(site).closure if site else None
    known = None if closure is None else seen.find(closure.event)
    if request.method != "POST" and known is not None:
        return redirect("incident_room", known.id)
    form, failed = _build_open_form(request, seen, site), _NONE
    if request.method == "POST":
        failed = _try(lambda: _open(request, stream, form))
        if failed is _NONE:
            messages.success(request, _("The incident room is open."))
            return redirect("incident_room", _load_seen(request).incidents[0].id)
    page = incidents_page(seen.looked, seen.operator, seen.incidents, failed.sentences)
    return page_response(
        request, "desk/incident/index.html", page, {"form": form}, status=failed.status
    )


def _open(request: HttpRequest, stream: str, form: ActForm) -> RecordFailure:
    if not form.is_valid():
        return _INVALID
    found, by = form.cleaned_data, actor_name(request)
    tasks = {code: str(words) for code, words in READY_TASKS.items()}
    live.open_incident(
        stream, found["title"], found["site"], form.key_text, by=by,
        tasks=tasks if found["checklist"] else None,
    )  # fmt: skip
    return _NONE


def _build_open_form(request: HttpRequest, seen: _Seen, site: str) -> OpenForm:
    form = OpenForm(request.POST if request.method == "POST" else None)
    names = {row.id: row.name for row in seen.operator.sites if seen.scope.has_site(row.id)}
    form.offer(list(names.items()), everywhere=seen.scope.sites is None)
    if site in names:
        form.initial["site"] = site
        if live.situation_now(seen.looked.name).site(site).closed:
            form.initial["title"] = _("Closure of {site}").format(site=names[site])
    return form


@serve("incident.work", FORM)
def room(request: HttpRequest, incident: str) -> HttpResponse:
    """One incident: roles, decisions, tasks, log."""
    return _show(request, incident, ("decide", "task", "note", "close"), looked_back=False)


@serve("incident.work", FORM)
def review(request: HttpRequest, incident: str) -> HttpResponse:
    """An incident looked back on: how long each step took, what went well, what follows."""
    return _show(request, incident, ("review", "follow_up"), looked_back=True)


def _show(
    request: HttpRequest, incident: str, acts: tuple[str, ...], *, looked_back: bool
) -> HttpResponse:
    """Do what was sent, else show the page with its forms; the one sent with what was typed."""
    seen = _load_seen(request)
    known = {row.id: row for row in seen.incidents}
    found = require_found(known.get(incident), _("There is no such incident."))
    sent: ActForm | None = None
    failed = _NONE
    if request.method == "POST":
        act = request.POST.get("act", "")
        sent = FORMS[act](request.POST) if act in FORMS else None
        failed = _try(lambda: _perform(request, seen, found, sent))
        if failed is _NONE:
            return redirect(request.path)
    if found.closed and not looked_back:
        acts = ()
    forms = {act: FORMS[act]() for act in acts}
    last = found.review
    if last is not None and "review" in forms:
        forms["review"].initial.update({"well": last.well, "badly": last.badly})
    if sent is not None and sent.act in forms:
        forms[sent.act] = sent
    page = incident_page(
        seen.looked, seen.operator, found, seen.scope, failed.sentences,
        looked_back=looked_back,
    )  # fmt: skip
    context = {
        "forms": forms,
        "operator": seen.operator,
        "own": actor_name(request),
        "key": uuid.uuid4().hex,
    }
    template = "desk/incident/review.html" if looked_back else "desk/incident/room.html"
    return page_response(request, template, page, context, status=failed.status)


_NONE = RecordFailure(200, ())
_INVALID = RecordFailure(422, ())


def _try(act: Callable[[], RecordFailure]) -> RecordFailure:
    """Return why an act was not recorded; _NONE where it was."""
    try:
        return act()
    except live.LiveError as error:
        return explain_failure(error)


def _perform(
    request: HttpRequest, seen: _Seen, incident: Incident, form: ActForm | None
) -> RecordFailure:
    """Record the act that a page has sent: a form, or a button for a role or a task."""
    sent, stream = request.POST, seen.looked.name
    common: dict[str, Any] = {
        **live.sign_event(stream, actor_name(request)),
        "incident": incident.id,
        "site": incident.site,
    }
    if form is not None:
        if not form.is_valid():
            return _INVALID
        site = seen.operator.site.get(incident.site)
        zone = seen.operator.row.time_zone if site is None else site.time_zone
        event, key = form.event(common, zone), form.key_text
    else:
        pressed, key = _press(request, common), sent.get("key", "")[:64] or uuid.uuid4().hex
        if pressed is None:
            said = _("There is no such role.") if "role" in sent else _("Choose what to do.")
            return RecordFailure(422, (said,))
        event = pressed
    live.record(event, key=key, stream=stream)
    return _NONE


def _press(request: HttpRequest, common: dict[str, Any]) -> Event | None:
    """Return the event of a button: a role taken, a task done; None where there is no such."""
    sent = request.POST
    if sent.get("act") == "done":
        return IncidentTaskDone(**common, task=sent.get("task", "")[:64])
    if sent.get("act") == "take" and sent.get("role") in INCIDENT_ROLES:
        return IncidentRoleTaken(**common, role=sent["role"])
    return None
