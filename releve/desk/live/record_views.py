"""The pages on which something is recorded: one view over the forms, each declared by its class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.endpoint import FORM, serve
from releve.desk.http import page_response, wants_json
from releve.desk.live.event_form import build_record_check
from releve.desk.live.forms import Place, RecordForm
from releve.desk.live.forms_control import FORMS
from releve.desk.live.page import FormPage, record_page
from releve.desk.live.streams import read_stream
from releve.desk.places.stream_context import load_stream_context
from releve.live import api as live
from releve.situation import find_refusals

_Form = TypeVar("_Form", bound=RecordForm)


@serve("record.see")
def index(request: HttpRequest) -> HttpResponse:
    """Show the forms that the user may record."""
    operator = live.operator_now()
    offered = [form for form in FORMS if can(request.user, form.permission)]
    reopens = [
        row.id for row in operator.sites if can(request.user, "reopening.approve", site=row.id)
    ]
    page = record_page(read_stream(request), operator, [form.name for form in offered], reopens)
    choices = [(form.name, form.title, form.teaser) for form in offered]
    return page_response(request, "desk/live/record.html", page, {"choices": choices})


def build_record_view(kind: type[RecordForm]) -> Callable[..., HttpResponse]:
    """Return the view of a form: filled in, its consequences shown where it has some, recorded."""

    @serve(kind.permission, FORM, recent=kind.recent)
    def record(request: HttpRequest) -> HttpResponse:
        form = read_form(request, kind)
        asks = form.is_bound and kind.confirm and request.POST.get("confirmed") != "yes"
        impact = _foresee(request, form) if asks and form.is_valid() else None
        return show_form(request, form, impact) if impact else record_form(request, form)

    return record if kind.takes is None else takes(*kind.takes)(record)


def read_form(
    request: HttpRequest, kind: type[_Form], sites: tuple[str, ...] | None = None
) -> _Form:
    """Return a form as it was sent, or to be filled in, for some sites or all of the user's."""
    place = load_place(request, kind.permission)
    sent, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    place = place if sites is None else replace(place, sites=sites)
    form = kind(place, sent, request.GET.get("site", ""), files)
    form.fill(request)
    return form


def load_place(request: HttpRequest, permission: str) -> Place:
    """Return where and when the user records: the user's sites, the time of the stream."""
    now, seen = load_stream_context(read_stream(request)), scope_for(request.user, permission)
    sites = tuple(site.id for site in now.operator.sites if seen.has_site(site.id))
    lines = {agent.carrier for agent in now.operator.agents if agent.carrier}
    carriers = tuple(sorted(lines)) if seen.sites is None else ()
    return Place(**vars(now), sites=sites, carriers=carriers)


def _foresee(request: HttpRequest, form: RecordForm) -> live.EventPreview | None:
    """Return what would follow from what was sent; None where nothing is asked first.

    Why it cannot be recorded is shown on the form.
    """
    event, place = form.event(actor_name(request)), form.place
    if live.is_recorded(form.key_text, place.stream):
        return None
    rules = live.select_rules(place.situation)
    judge = build_record_check(request.user, event, place.stream)
    reasons = (
        *find_refusals(event, place.situation, place.operator, rules),
        *judge(place.situation),
    )
    form.refuse(reasons)
    return None if reasons else live.preview_event(event, place.stream)


def record_form(
    request: HttpRequest, form: RecordForm, back: str = "", back_title: str = ""
) -> HttpResponse:
    """Record what was sent, once; else show it again with each fault by its field.

    ``back`` is the address of the page that it belongs to, ``back_title`` its name; empty: of all
    that is recorded.
    """
    if form.is_valid():
        done = form.record(form.event(actor_name(request)), form.place.stream, request.user)
        if done is not None:
            return _confirm(request, done, back)
    return show_form(request, form, None, back, back_title)


def _confirm(request: HttpRequest, done: live.RecordResult, back: str) -> HttpResponse:
    """Return the answer to a record; a page that sends it off line gets both."""
    as_json = wants_json(request)
    if not as_json or "X-Releve-Page" in request.headers:
        if done.before:
            messages.info(request, _("It was recorded before: nothing was done twice."))
        else:
            messages.success(request, _("Recorded as entry {number}.").format(number=done.seq))
    if not as_json:
        return redirect(back or "now")
    said = {"seq": done.seq, "answers": list(done.answers), "before": done.before}
    return JsonResponse(said, status=200 if done.before else 201)


def show_form(
    request: HttpRequest,
    form: RecordForm,
    impact: live.EventPreview | None,
    back: str = "",
    back_title: str = "",
) -> HttpResponse:
    """Show a form, or what would follow from what was sent with it."""
    notices, operator = tuple(form.notes()), form.place.operator
    where = request.resolver_match
    page = FormPage(
        **form.place.head,
        form=where.url_name or "" if where else "",
        fields=tuple(form.fields),
        notices=notices,
        closing=form.closing,
        impact=impact,
    )
    context = {
        "form": form,
        "intro": form.introduce(notices),
        "operator": operator,
        "back": back,
        "back_title": back_title,
    }
    template = "desk/live/confirm.html" if impact else "desk/live/form.html"
    return page_response(request, template, page, context, status=form.http_status)
