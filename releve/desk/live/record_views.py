"""The pages on which something is recorded: a case, a closure, a daily check, an inspection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from releve.accounts.scopes import can, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.access.guard import require_permission, require_recent_auth
from releve.desk.body_limits import takes
from releve.desk.database_errors import unrecorded
from releve.desk.http import wants_json
from releve.desk.live.answers import answer, explained
from releve.desk.live.forms import (
    CaseForm,
    CheckForm,
    ClosureForm,
    Place,
    RecordForm,
    show_refusals,
)
from releve.desk.live.impact_page import Consequences, Loses, consequences
from releve.desk.live.photo_field import InspectionForm
from releve.desk.live.streams import looked_at
from releve.desk.text import text_now
from releve.live import api as live
from releve.live.api import MAX_PHOTO_BYTES, MAX_PHOTOS
from releve.situation import DeclaredCase, find_refusals

__all__ = [
    "RecordPage",
    "case",
    "check",
    "closure",
    "confirmed_first",
    "index",
    "inspection",
    "load_place",
    "open_form",
    "recorded",
]


@dataclass(frozen=True)
class RecordLink:
    """One thing that can be recorded."""

    title: str
    about: str
    url: str


@dataclass(frozen=True)
class RecordPage:
    """A form, with what would follow where that is asked for first, and what is worth knowing.

    ``kept_as`` names the draft that the browser keeps of it without a network.
    """

    title: str
    about: str
    form: RecordForm
    send: str = field(default_factory=lambda: _("Record"))
    consequences: Consequences | None = None
    notes: tuple[str, ...] = ()
    kept_as: str = ""


@dataclass(frozen=True)
class RecordIndexPage:
    """The forms that the user may record, and the closed sites that wait to be reopened."""

    choices: tuple[RecordLink, ...]
    closed: tuple[RecordLink, ...]


@require_permission("record.see")
@require_safe
@explained
def index(request: HttpRequest) -> HttpResponse:
    """Show the forms that the user may record."""
    offered = (
        ("event.record.case", _("Positive test"), _("A case, a contact, or a case cleared"),
         "record_case"),
        ("event.record.closure", _("Closure of a site"), _("Its consequences are shown first"),
         "record_closure"),
        ("event.record.check", _("Daily check"), _("Measure by measure"), "record_check"),
        ("event.record.inspection", _("Inspection"), _("A brigade’s visit"), "record_inspection"),
        ("event.record.case", _("Tests on a visit"), _("How many, and how many positive"),
         "record_tests"),
        ("event.record.other", _("Link or power"), _("Down, with its consequences first; or back"),
         "record_outage"),
        ("event.record.other", _("Attendance"), _("How many are at a site, or who"),
         "record_attendance"),
        ("event.record.other", _("Authorisation"), _("Of a site, a vehicle or an agent’s movement"),
         "record_authorisation"),
        ("event.record.inspection", _("Audit of the charter"),
         _("Evidence, verdict and until when it holds"), "record_audit"),
    )  # fmt: skip
    choices = tuple(
        RecordLink(title, about, reverse(name))
        for permission, title, about, name in offered
        if can(request.user, permission)
    )
    operator, stream = live.operator_now(), looked_at(request).name
    situation = live.situation_now(stream)
    closed = tuple(
        RecordLink(site.name, "", reverse("record_reopening", args=[site.id]))
        for site in operator.sites
        if situation.site(site.id).closed and can(request.user, "reopening.approve", site=site.id)
    )
    twin = {"choices": [row.url for row in choices], "closed": [row.url for row in closed]}
    page = RecordIndexPage(choices, closed)
    return answer(request, "desk/live/record.html", page, twin)


@require_permission("event.record.case")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def case(request: HttpRequest) -> HttpResponse:
    """Declare a positive test or a contact, or clear a case."""
    form = open_form(request, CaseForm, "event.record.case")
    cleared = _case_to_clear(request)
    if cleared is not None:
        form.offer_clearing(cleared)
    about = _("Status and dates under a pseudonym. Never a name, a symptom or a result.")
    return recorded(request, RecordPage(_("Positive test"), about, form, _("Declare")))


def _case_to_clear(request: HttpRequest) -> DeclaredCase | None:
    """Return the case that a link names, for a reader who may see it."""
    reach = scope_for(request.user, "health.cases")
    cases = live.situation_now(looked_at(request).name).cases
    named = request.GET.get("case", "")
    return next((row for row in cases if row.event == named and reach.has_site(row.site)), None)


@require_permission("event.record.closure")
@require_recent_auth
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def closure(request: HttpRequest) -> HttpResponse:
    """Close a site: the form, then what would follow in numbers, then the closure."""
    form = open_form(request, ClosureForm, "event.record.closure")
    page = RecordPage(
        _("Closure of a site"),
        _("The consequences are shown in numbers before anything is recorded."),
        form,
        _("Show the consequences"),
    )
    return confirmed_first(request, page, _("Close the site"))


@require_permission("event.record.check")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def check(request: HttpRequest) -> HttpResponse:
    """The daily check of a site, measure by measure."""
    form = open_form(request, CheckForm, "event.record.check")
    about = _("Leave empty what was not looked at: it is shown as left out, never as kept.")
    page = RecordPage(_("Daily check"), about, form, kept_as="check")
    return recorded(request, page)


def _too_much() -> str:
    return _("At most {count} photos of {size} MB each.").format(
        count=MAX_PHOTOS, size=MAX_PHOTO_BYTES // 1024**2
    )


@takes(MAX_PHOTOS * MAX_PHOTO_BYTES + 1024**2, _too_much)
@require_permission("event.record.inspection")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def inspection(request: HttpRequest) -> HttpResponse:
    """A brigade's visit, against the charter, with photos."""
    files = request.FILES if request.method == "POST" else None
    form = open_form(request, InspectionForm, "event.record.inspection", files=files)
    about = _("Leave empty the measures that were not looked at.")
    page = RecordPage(_("Inspection"), about, form, kept_as="inspection")
    return recorded(request, page)


def confirmed_first(request: HttpRequest, page: RecordPage, send: str) -> HttpResponse:
    """Show what a loss would do, in numbers; record it once that is confirmed (``send``)."""
    form = page.form
    if request.method != "POST" or request.POST.get("confirmed") == "yes" or not form.is_valid():
        return recorded(request, page)
    event = form.event(actor_name(request))
    if not isinstance(event, Loses):
        return recorded(request, page)
    stream, place = looked_at(request).name, form.place
    reasons = find_refusals(event, live.situation_now(stream), place.operator, live.rules_now())
    if reasons:
        show_refusals(form, reasons)
        return _render_form(request, page, 422)
    shown = consequences(event, place.operator, place.text, stream)
    return _render_form(request, replace(page, send=send, consequences=shown), 200)


FormOfKind = TypeVar("FormOfKind", bound=RecordForm)


def open_form(
    request: HttpRequest, kind: type[FormOfKind], permission: str, **files: Any
) -> FormOfKind:
    """Return a form with what was sent; while it is only opened, with the site of its link."""
    sent = request.POST if request.method == "POST" else None
    return kind(load_place(request, permission), sent, request.GET.get("site", ""), **files)


def load_place(request: HttpRequest, permission: str) -> Place:
    """Return where and when the user records: the user's sites, the time of the stream."""
    operator = live.operator_now()
    seen = scope_for(request.user, permission)
    at = live.now(looked_at(request).name)
    text = text_now(operator.row.time_zone)
    sites = tuple(site.id for site in operator.sites if seen.has_site(site.id))
    lines = {agent.carrier for agent in operator.agents if agent.carrier}
    carriers = tuple(sorted(lines)) if seen.sites is None else ()
    return Place(operator, sites, at, text, live.rules_now().charter(at.date()), carriers)


def recorded(request: HttpRequest, page: RecordPage) -> HttpResponse:
    """Record what was sent, once; else show it again with each fault by its field."""
    form = page.form
    if request.method != "POST":
        return _render_form(request, page, 200)
    if not form.is_valid():
        return _render_form(request, page, 422)
    event = form.event(actor_name(request))
    try:
        done = live.record(event, key=form.key_text, stream=looked_at(request).name)
    except live.Refused as error:
        show_refusals(form, error.reasons)
        return _render_form(request, page, 422)
    except live.Busy as error:
        form.add_error(None, unrecorded(error))
        return _render_form(request, page, 503)
    except live.KeyReused:
        form.add_error(None, _("This form recorded something else before; open it again."))
        return _render_form(request, page, 409)
    return _redirect_done(request, done)


def _redirect_done(request: HttpRequest, done: live.RecordResult) -> HttpResponse:
    if wants_json(request) and "X-Releve-Page" not in request.headers:
        return _done_twin(done)
    if done.before:
        messages.info(request, _("It was recorded before: nothing was done twice."))
    else:
        messages.success(request, _("Recorded as entry {number}.").format(number=done.seq))
    return _done_twin(done) if wants_json(request) else redirect("now")


def _done_twin(done: live.RecordResult) -> HttpResponse:
    twin = {"seq": done.seq, "answers": list(done.answers), "before": done.before}
    return JsonResponse(twin, status=200 if done.before else 201)


def _render_form(request: HttpRequest, page: RecordPage, status: int) -> HttpResponse:
    form = page.form
    twin = {
        "fields": {name: str(field.label) for name, field in form.fields.items()},
        "faults": {name: [str(item) for item in items] for name, items in form.errors.items()}
        if form.is_bound
        else {},
        "notes": list(page.notes),
    }
    template = "desk/live/form.html" if page.consequences is None else "desk/live/confirm.html"
    return answer(request, template, page, twin, status)
