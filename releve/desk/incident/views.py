"""The pages of incidents: the list, the room, the review. No client, inspector or auditor enters.

What is shown of health is what everybody in the room may see: that a site is closed, and until
when.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import Scope, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import read_sent
from releve.desk.http import page_response
from releve.desk.incident.forms import FORMS, ActForm, OpenForm
from releve.desk.incident.page import incident_page, incidents_page
from releve.desk.incident.words import READY_TASKS
from releve.desk.live.answers import explain_failure
from releve.desk.live.streams import ShownStream, read_stream
from releve.desk.query import require_found
from releve.live import api as live
from releve.network import Operator
from releve.situation import Incident


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
    seen = (row for row in rows if (reach.has_site(row.site) if row.site else reach.sites is None))
    return _Seen(shown, operator, reach, tuple(seen))


@serve("incident.work", FORM)
def index(request: HttpRequest) -> HttpResponse:
    """Every incident, and the form that opens one; ``?site=`` leads to the room of its closure."""
    seen, site = _load_seen(request), request.GET.get("site", "")
    stream, status = seen.shown.name, 200
    closure = live.situation_now(stream).site(site).closure if site else None
    if request.method != "POST" and closure is not None:
        for known in seen.incidents:
            if known.opened.closure == closure.event:
                return redirect("incident_room", known.id)
    form = _build_open_form(request, seen, site)
    if request.method == "POST":
        status = _send(form, lambda: form.open_room(stream, READY_TASKS, actor_name(request)))
        if status == 200:
            messages.success(request, _("The incident room is open."))
            return redirect("incident_room", _load_seen(request).incidents[0].id)
    page = incidents_page(seen.shown, seen.operator, seen.incidents)
    return page_response(request, "desk/incident/index.html", page, {"form": form}, status=status)


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
    return _show(request, incident, ("decide", "task", "note", "close"), whole=False)


@serve("incident.work", FORM)
def review(request: HttpRequest, incident: str) -> HttpResponse:
    """An incident looked back on: how long each step took, what went well, what follows."""
    return _show(request, incident, ("review", "follow_up"), whole=True)


def _show(
    request: HttpRequest, incident: str, acts: tuple[str, ...], *, whole: bool
) -> HttpResponse:
    """Do what was sent, else show the page with its forms; the one sent with what was typed."""
    seen, sent, status = _load_seen(request), None, 200
    known = {row.id: row for row in seen.incidents}
    found = require_found(known.get(incident), _("There is no such incident."))
    if request.method == "POST":
        sent = FORMS.get(request.POST.get("act", ""), ActForm)(request.POST)
        status = _send(sent, lambda: _record(request, seen, found, sent))
        if status == 200:
            return redirect(request.path)
    if found.closed and not whole:
        acts = ()
    forms = {act: FORMS[act]() for act in acts}
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
        "own": actor_name(request),
        "key": uuid.uuid4().hex,
    }
    template = "desk/incident/review.html" if whole else "desk/incident/room.html"
    return page_response(request, template, page, context, status=status)


def _send(form: ActForm, act: Callable[[], None]) -> int:
    """Return 200 where a form was sound and ``act`` done; else the status, and the form says why
    not."""
    if not form.is_valid():
        return 422
    try:
        act()
    except live.LiveError as error:
        failed = explain_failure(error)
        form.add_error(None, list(failed.sentences))
        return failed.status
    return 200


def _record(request: HttpRequest, seen: _Seen, incident: Incident, form: ActForm) -> None:
    site, stream = seen.operator.site.get(incident.site), seen.shown.name
    zone = seen.operator.row.time_zone if site is None else site.time_zone
    common = {"incident": incident.id, "site": incident.site}
    event = form.event({**live.sign_event(stream, actor_name(request)), **common}, zone)
    live.record(event, key=form.key_text, stream=stream)
