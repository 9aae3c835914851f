"""The pages of incidents: the list, the room, the review. No client, inspector or auditor enters.

What is shown of health is what everybody in the room may see: that a site is closed, and until
when.
"""

from __future__ import annotations

import uuid
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
    return _Seen(shown, operator, reach, tuple(row for row in rows if reach.sees(row.site)))


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
    return page_response(
        request, "desk/incident/index.html", page, context, status=form.http_status
    )


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
    seen, sent = _load_seen(request), None
    known = {row.id: row for row in seen.incidents}
    found = require_found(known.get(incident), _("There is no such incident."))
    if request.method == "POST":
        sent = FORMS.get(request.POST.get("act", ""), ActForm)(request.POST)
        if sent.is_valid() and _record(request, seen, found, sent) is not None:
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
    status = 200 if sent is None else sent.http_status
    return page_response(request, template, page, context, status=status)


def _record(
    request: HttpRequest, seen: _Seen, incident: Incident, form: ActForm
) -> live.RecordResult | None:
    stream = seen.shown.name
    own = live.sign_event(stream, actor_name(request))
    event = form.build_event(site=incident.site, incident=incident.id, **own)
    return form.record(event, stream, request.user)
