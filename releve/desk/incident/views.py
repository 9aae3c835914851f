"""The pages of incidents: the list, the room, the review. No client, inspector or auditor enters.

What is shown of health is what everybody in the room may see: that a site is closed, and until
when.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from releve.accounts.scopes import Scope, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.access.guard import require_permission
from releve.desk.incident.forms import (
    ActForm,
    CloseForm,
    DecisionForm,
    FollowUpForm,
    NoteForm,
    OpenForm,
    ReviewForm,
    TaskForm,
)
from releve.desk.incident.log import find_start, list_log, list_steps
from releve.desk.incident.room import (
    IncidentsPage,
    ReviewPage,
    RoomPage,
    build_head,
    incident_twin,
    list_decisions,
    list_roles,
    list_tasks,
    seen_incidents,
)
from releve.desk.incident.service import Act, Done, open_incident, perform_act
from releve.desk.live.answers import answer, explained
from releve.desk.live.streams import looked_at
from releve.desk.text import text_now
from releve.live import api as live
from releve.situation import Incident

__all__ = ["index", "review", "room"]


@dataclass(frozen=True)
class _Seen:
    """The context of every page: the act, the scope and the visible incidents."""

    act: Act
    scope: Scope
    incidents: dict[str, Incident]


@require_permission("incident.work")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def index(request: HttpRequest) -> HttpResponse:
    """Every incident, and the form that opens one; ``?site=`` leads to the room of its closure."""
    seen = _load_seen(request)
    act, site = seen.act, request.GET.get("site", "")
    known = _of_closure(seen, site)
    if request.method != "POST" and known is not None:
        return redirect("incident_room", known.id)
    form = _open_form(seen, site)
    done = Done(None, (), 200)
    if request.method == "POST" and form.is_valid():
        found = form.cleaned_data
        done = open_incident(act, found["title"], found["site"], form.key_text)
        if done.status == 302:
            messages.success(request, _("The incident room is open."))
            newest = next(iter(_load_seen(request).incidents))
            return redirect("incident_room", newest)
    elif request.method == "POST":
        done = Done(form, (), 422)
    heads = [build_head(row, act.operator, act.text) for row in seen.incidents.values()]
    page = IncidentsPage(
        tuple(head for head in heads if not head.closed),
        tuple(head for head in heads if head.closed),
        form,
        done.refusals,
    )
    twin = {
        "incidents": [incident_twin(row) for row in seen.incidents.values()],
        "refusals": list(done.refusals),
    }
    return answer(request, "desk/incident/index.html", page, twin, done.status)


@require_permission("incident.work")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def room(request: HttpRequest, incident: str) -> HttpResponse:
    """One incident: roles, decisions, tasks, log."""
    seen, found = _find_incident(request, incident)
    done = perform_act(seen.act, found) if request.method == "POST" else Done(None, (), 200)
    if done.status == 302:
        return redirect("incident_room", incident)
    act = seen.act
    start = find_start(found, live.situation_now(act.stream))
    kinds = () if found.closed else (DecisionForm, TaskForm, NoteForm, CloseForm)
    page = RoomPage(
        build_head(found, act.operator, act.text),
        list_roles(found, actor_name(request), act.text),
        list_decisions(found, act.text),
        list_tasks(found.tasks, live.now(act.stream), act.text),
        list_log(found, start, act.stream, act.operator, act.text, seen.scope),
        _build_forms(kinds, done.form),
        done.refusals,
    )
    twin = incident_twin(found) | {"refusals": list(done.refusals)}
    return answer(request, "desk/incident/room.html", page, twin, done.status)


@require_permission("incident.work")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def review(request: HttpRequest, incident: str) -> HttpResponse:
    """An incident looked back on: how long each step took, what went well, what follows."""
    seen, found = _find_incident(request, incident)
    done = perform_act(seen.act, found) if request.method == "POST" else Done(None, (), 200)
    if done.status == 302:
        return redirect("incident_review", incident)
    act, last = seen.act, found.review
    start = find_start(found, live.situation_now(act.stream))
    forms = _build_forms((ReviewForm, FollowUpForm), done.form)
    if last is not None and not forms["review"].is_bound:
        forms["review"].initial.update({"well": last.well, "badly": last.badly})
    taken = list_steps(found, start, act.stream, act.text)
    page = ReviewPage(
        build_head(found, act.operator, act.text),
        taken,
        last.well if last else "",
        last.badly if last else "",
        last.actor if last else "",
        list_decisions(found, act.text),
        list_tasks(
            (row for row in found.tasks if row.set.follow_up), live.now(act.stream), act.text
        ),
        list_log(found, start, act.stream, act.operator, act.text, seen.scope)[::-1],
        forms,
        done.refusals,
    )
    twin = incident_twin(found, taken) | {"refusals": list(done.refusals)}
    return answer(request, "desk/incident/review.html", page, twin, done.status)


def _load_seen(request: HttpRequest) -> _Seen:
    stream, operator = looked_at(request).name, live.operator_now()
    reach = scope_for(request.user, "incident.work")
    act = Act(request, stream, operator, text_now(operator.row.time_zone))
    return _Seen(act, reach, seen_incidents(live.situation_now(stream), stream, reach))


def _find_incident(request: HttpRequest, incident: str) -> tuple[_Seen, Incident]:
    seen = _load_seen(request)
    if incident not in seen.incidents:
        raise Http404(_("There is no such incident."))
    return seen, seen.incidents[incident]


def _of_closure(seen: _Seen, site: str) -> Incident | None:
    """Return the room of a site's closure, if it has one."""
    closure = live.situation_now(seen.act.stream).site(site).closure if site else None
    if closure is None:
        return None
    rows = seen.incidents.values()
    return next((row for row in rows if row.opened.closure == closure.event), None)


def _open_form(seen: _Seen, site: str) -> OpenForm:
    operator, request = seen.act.operator, seen.act.request
    form = OpenForm(request.POST if request.method == "POST" else None)
    names = [(row.id, row.name) for row in operator.sites if seen.scope.has_site(row.id)]
    form.offer(names, everywhere=seen.scope.sites is None)
    if site in dict(names):
        form.initial["site"] = site
        if live.situation_now(seen.act.stream).site(site).closed:
            form.initial["title"] = _("Closure of {site}").format(site=dict(names)[site])
    return form


def _build_forms(kinds: tuple[type[ActForm], ...], sent: ActForm | None) -> dict[str, ActForm]:
    """Return a form of each kind; the one that was sent with what was typed."""
    return {
        kind.act: sent if sent is not None and sent.act == kind.act else kind() for kind in kinds
    }
