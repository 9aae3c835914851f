"""The pages on which something is recorded, of drills and reopenings, of answers to messages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import actor_name, allow_anonymous
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import build_text_field, build_time_field, read_sent
from releve.desk.http import (
    download,
    failure,
    keep_unstored,
    page_response,
    read_number,
    require_found,
    takes,
    wants_json,
)
from releve.desk.live.forms import EventForm, Place, RecordForm, build_record_check
from releve.desk.live.forms_control import FORMS
from releve.desk.live.page import FormPage, drills_page, lead_into, read_stream, record_page, reopening_page
from releve.desk.places.page import load_stream_context
from releve.live import api as live
from releve.network.moments import to_utc
from releve.situation import (
    Event,
    EventCorrected,
    EventRefusal,
    ReopeningApproved,
    ReopeningChecked,
    SiteReopened,
    find_refusals,
    find_undoable_acts,
)


@allow_anonymous
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ack(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a message's link: what it says, and buttons to answer: to an agent, how they come.

    Open to anyone who holds the link, and exempt from the CSRF token: the link is the secret, and
    looking at it alone (as mail filters do) answers nothing.
    """
    done, answer, status = None, request.POST.get("answer", ""), 200
    if "calendar" in request.POST:
        return _change_calendar(request, token)
    if request.method == "POST":
        try:
            known = next((one for one in live.ANSWERS if one == answer), None)
            done = live.acknowledge(token) if known is None else live.answer_message(token, known)
        except live.NoSuch:
            return failure(request, 404, _("There is no message behind this link."))
        except live.AnswerTooLate:
            status = 409
        except (live.Refused, live.Busy):  # the absence could not be recorded: a person has to know
            status = 503
    return _show_letter(request, token, status, done=done, failed=status == 503, closed=status == 409)


def _change_calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Make the secret link to an agent's own shifts, shown once, or end it."""
    link = ""
    try:
        if request.POST["calendar"] == "make":
            link = f"{settings.DESK_URL}{reverse('shifts', args=[live.make_shift_link(token)])}"
        else:
            live.end_shift_link(token)
    except live.NoSuch:
        return failure(request, 404, _("There is no message behind this link."))
    return _show_letter(request, token, link=link, subscribe=re.sub("^https?", "webcal", link), ended=not link)


def _show_letter(request: HttpRequest, token: str, status: int = 200, **context: object) -> HttpResponse:
    letter = live.find_letter(token, "fr" if get_language() == "fr" else "en")
    return keep_unstored(render(request, "desk/live/ack.html", {**context, "letter": letter}, status=status))


@allow_anonymous
@require_safe
def shifts(request: HttpRequest, token: str) -> HttpResponse:
    """An agent's shifts as iCalendar behind the agent's secret link."""
    agent = live.find_shift_agent(token)
    if not agent:
        return failure(request, 404, _("There is no calendar behind this link."))
    data = live.build_shift_calendar(agent)
    return keep_unstored(download(data, "shifts.ics", "text/calendar; charset=utf-8"))


_Form = TypeVar("_Form", bound=RecordForm)


@serve("record.see")
def index(request: HttpRequest) -> HttpResponse:
    """Show the forms that the user may record."""
    operator = live.operator_now()
    offered = [form for form in FORMS if can(request.user, form.permission)]
    reopens = [row.id for row in operator.sites if can(request.user, "reopening.approve", site=row.id)]
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


def read_form(request: HttpRequest, kind: type[_Form], sites: tuple[str, ...] | None = None) -> _Form:
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
    rules, further = live.select_rules(place.situation), form.list_further(event)
    reasons: list[EventRefusal] = []
    for one in (event, *further):
        judge = build_record_check(request.user, one, place.stream)
        reasons += (*find_refusals(one, place.situation, place.operator, rules), *judge(place.situation))
    form.refuse(reasons)
    return None if reasons else live.preview_event(event, place.stream, further)


def record_form(request: HttpRequest, form: RecordForm, back: str = "", back_title: str = "") -> HttpResponse:
    """Record what was sent, once; else show it again with each fault by its field.

    ``back`` is the address of the page that it belongs to, ``back_title`` its name; empty: of all
    that is recorded.
    """
    if form.is_valid():
        event = form.event(actor_name(request))
        done = form.record(event, form.place.stream, request.user, form.list_further(event))
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
    request: HttpRequest, form: RecordForm, impact: live.EventPreview | None, back: str = "", back_title: str = ""
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


class DrillForm(forms.Form):
    """A drill's title and what its clock shows at first."""

    title = forms.CharField(label=lazy("What is rehearsed"), max_length=200)
    at = build_time_field(lazy("Its clock starts at"), lazy("Empty: now."))


@serve("incident.work")
def list_drills(request: HttpRequest) -> HttpResponse:
    """Every drill."""
    return _show(request, DrillForm())


def _show(request: HttpRequest, form: DrillForm, status: int = 200) -> HttpResponse:
    may_start = can(request.user, "drill.run")
    page = drills_page(read_stream(request), live.operator_now(), may_start=may_start)
    return page_response(request, "desk/live/drills.html", page, {"form": form}, status=status)


@serve("incident.work", ACT)
def look(request: HttpRequest) -> HttpResponse:
    """Show a drill, or the live stream, in this browser from now on."""
    return lead_into(request, request.POST.get("stream", live.LIVE), "now")


@serve("drill.run", ACT)
def start(request: HttpRequest) -> HttpResponse:
    """Start a drill from the live situation on, and look at it."""
    form = DrillForm(request.POST)
    if not form.is_valid():
        return _show(request, form, 422)
    at = form.cleaned_data["at"]
    if at is not None:
        at = to_utc(at.replace(tzinfo=None), live.operator_now().row.time_zone)
    found = live.start_drill(form.cleaned_data["title"], by=actor_name(request), at=at)
    messages.success(request, _("The drill has begun."))
    return lead_into(request, found.name, "now")


@serve("drill.run", ACT)
def move(request: HttpRequest, number: int) -> HttpResponse:
    """Move a drill's clock forward by some hours."""
    hours = read_number(request.POST.get("hours", "")) or 0
    if 1 <= hours <= 1000:
        live.move_drill(f"drill:{number}", timedelta(hours=hours), by=actor_name(request))
    else:
        messages.error(request, _("A drill’s clock moves forward by 1 to 1000 hours."))
    return redirect("drills")


@serve("drill.run", ACT)
def stop(request: HttpRequest, number: int) -> HttpResponse:
    """End a drill; what it still had to do is dropped."""
    live.stop_drill(f"drill:{number}", by=actor_name(request))
    messages.success(request, _("The drill is over."))
    return redirect("drills")


_UNDO = "undo:"


class ReopeningForm(EventForm):
    """An act on a reopening, by a button: an item done, a yes, the opening, or one taken back."""

    act = forms.CharField(max_length=128)
    note = build_text_field("")

    def read_event(self, stream: str, site: str, actor: str) -> Event:
        """Return the event of a valid form; Http404 for an act that cannot be taken back."""
        act = self.cleaned_data["act"]
        own: dict[str, Any] = {**live.sign_event(stream, actor)}
        if act == "approve":
            return ReopeningApproved(**own, site=site)
        if act == "open":
            return SiteReopened(**own, site=site)
        lost = live.find_ground(stream, site) if act == "lift" else None
        if lost is not None:
            reason = self.cleaned_data["note"] or lost.corrections[-1].reason
            return EventCorrected(**own, corrects=lost.orders[0].event, reason=reason)
        if not act.startswith(_UNDO):
            return ReopeningChecked(**own, site=site, item=act, note=self.cleaned_data["note"])
        wrong = act.removeprefix(_UNDO)
        if wrong not in find_undoable_acts(live.situation_now(stream), site, actor):
            raise Http404(_("This can no longer be taken back: look at the page again."))
        return EventCorrected(**own, corrects=wrong, reason=_("Taken back on the reopening page"))


@serve("reopening.approve", FORM, site="site", recent=True)
def reopening(request: HttpRequest, site: str) -> HttpResponse:
    """The checklist, the approvals and the opening of one closed site."""
    operator, shown, reader = live.operator_now(), read_stream(request), actor_name(request)
    place = require_found(operator.site.get(site), _("There is no such site."))
    form = ReopeningForm(read_sent(request))
    form.clocks_of = site
    done = form.is_valid() and form.record(form.read_event(shown.name, site, reader), shown.name, request.user)
    page = reopening_page(shown, operator, place, reader)
    if page is None:
        if done:
            messages.success(request, _("The site is open again."))
        else:
            messages.info(request, _("This site is open."))
        return redirect("now")
    if done:
        return redirect("record_reopening", site)
    context = {"form": form, "key": uuid.uuid4().hex}
    return page_response(request, "desk/live/reopening.html", page, context, status=form.http_status)


urlpatterns = [
    path("ack/<slug:token>", ack, name="ack"),
    path("shifts/<slug:token>", shifts, name="shifts"),
    path("drills", list_drills, name="drills"),
    path("drills/look", look, name="drill_look"),
    path("drills/start", start, name="drill_start"),
    path("drills/<int:number>/move", move, name="drill_move"),
    path("drills/<int:number>/stop", stop, name="drill_stop"),
    path("record/", index, name="record"),
    *(path(f"record/{form.name.removeprefix('record_')}", build_record_view(form), name=form.name) for form in FORMS),
    path("record/reopening/<ref:site>", reopening, name="record_reopening"),
]
