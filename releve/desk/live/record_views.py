"""The pages on which something is recorded: one view over the forms, each declared by its class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.accounts.two_people import build_approval_check
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.database_errors import unrecorded
from releve.desk.endpoint import FORM, serve
from releve.desk.http import wants_json
from releve.desk.live.answers import answer
from releve.desk.live.forms import (
    CaseForm,
    ClosureForm,
    Place,
    RecordForm,
    show_refusals,
)
from releve.desk.live.forms_control import (
    AttendanceForm,
    AuditForm,
    AuthorisationForm,
    OutageForm,
    TestsForm,
)
from releve.desk.live.forms_findings import CheckForm
from releve.desk.live.impact_page import Consequences, Loses, consequences
from releve.desk.live.photo_field import InspectionForm
from releve.desk.live.streams import looked_at
from releve.desk.text import text_now
from releve.live import api as live
from releve.situation import CaseDeclared, Event, SiteClosed, find_refusals

FORMS: tuple[type[RecordForm], ...] = (
    CaseForm,
    ClosureForm,
    CheckForm,
    InspectionForm,
    TestsForm,
    OutageForm,
    AttendanceForm,
    AuthorisationForm,
    AuditForm,
)
"""In the order in which they are offered."""


@dataclass(frozen=True)
class RecordLink:
    """One thing that can be recorded."""

    title: str
    about: str
    url: str


@dataclass(frozen=True)
class RecordPage:
    """A form, with what would follow where that is asked for first, and what is worth knowing.

    ``title``, ``about`` and ``send`` stand for those of the form where they are given. ``back`` is
    the address of the page that it belongs to, ``back_title`` its name; empty: of all that is
    recorded.
    """

    form: RecordForm
    notes: tuple[str, ...] = field(default=())
    consequences: Consequences | None = None
    title: str = ""
    about: str = ""
    send: str = ""
    back: str = ""
    back_title: str = ""

    @property
    def heading(self) -> str:
        """What is recorded."""
        return self.title or str(self.form.title)

    @property
    def intro(self) -> str:
        """What stands above the form."""
        return self.about or str(self.form.introduce(self.notes))

    @property
    def button(self) -> str:
        """What the button says."""
        return self.send or str(self.form.send)


@dataclass(frozen=True)
class RecordIndexPage:
    """The forms that the user may record, and the closed sites that wait to be reopened."""

    choices: tuple[RecordLink, ...]
    closed: tuple[RecordLink, ...]


@serve("record.see")
def index(request: HttpRequest) -> HttpResponse:
    """Show the forms that the user may record."""
    choices = tuple(
        RecordLink(str(form.title), str(form.teaser), reverse(form.name))
        for form in FORMS
        if can(request.user, form.permission)
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


def build_record_view(kind: type[RecordForm]) -> Callable[..., HttpResponse]:
    """Return the view of a form: filled in, its consequences shown where it has some, recorded."""

    @serve(kind.permission, FORM, recent=kind.recent)
    def record(request: HttpRequest) -> HttpResponse:
        sent = request.POST if request.method == "POST" else None
        files = request.FILES if request.method == "POST" else None
        form = kind(load_place(request, kind.permission), sent, request.GET.get("site", ""), files)
        form.fill(request)
        page = RecordPage(form, tuple(form.notes()))
        asks = sent is not None and kind.confirm and sent.get("confirmed") != "yes"
        if asks and form.is_valid():
            shown = _foresee(form.event(actor_name(request)), form)
            if shown is not None:
                return _render_form(request, replace(page, consequences=shown), 200)
            if form.errors:
                return _render_form(request, page, 422)
        return recorded(request, page)

    return record if kind.takes is None else takes(*kind.takes)(record)


def _foresee(event: Event, form: RecordForm) -> Consequences | None:
    """Return what would follow from a loss, or from a case with which a rule closes a site.

    None where nothing is asked first; why a loss cannot be recorded is shown on the form.
    """
    stream, place = form.place.stream, form.place
    rules = live.rules_now(stream)
    if not isinstance(event, Loses | CaseDeclared):
        return None
    reasons = find_refusals(event, live.situation_now(stream), place.operator, rules)
    if isinstance(event, Loses):
        if not reasons:
            return consequences(event, place.operator, place.text, stream)
        show_refusals(form, reasons)
        return None
    if reasons or live.is_recorded(form.key_text, stream):
        return None
    # Asked of an unnamed agent: the answer then depends on the number of cases alone, and who may
    # declare one cannot try out, without a record, which agents are cases already.
    answers = live.preview_answers(replace(event, agent=""), stream)
    closed = next((answer for answer in answers if isinstance(answer, SiteClosed)), None)
    if closed is None:
        return None
    row = next(row for row in rules.rows if row.id == closed.rule)
    why = place.text.own(row)
    question = _("One more case closes {site}.").format(site=place.operator.site[closed.site].name)
    shown = consequences(closed, place.operator, place.text, stream)
    return replace(shown, why=f"{closed.rule} · {why}", question=question)


def load_place(request: HttpRequest, permission: str) -> Place:
    """Return where and when the user records: the user's sites, the time of the stream."""
    operator = live.operator_now()
    seen = scope_for(request.user, permission)
    stream = looked_at(request).name
    at = live.now(stream)
    text = text_now(operator.row.time_zone)
    sites = tuple(site.id for site in operator.sites if seen.has_site(site.id))
    lines = {agent.carrier for agent in operator.agents if agent.carrier}
    carriers = tuple(sorted(lines)) if seen.sites is None else ()
    charter = live.rules_now(stream).charter(at.date())
    return Place(operator, sites, stream, at, text, charter, carriers)


def recorded(request: HttpRequest, page: RecordPage) -> HttpResponse:
    """Record what was sent, once; else show it again with each fault by its field."""
    form = page.form
    if request.method != "POST":
        return _render_form(request, page, 200)
    if not form.is_valid():
        return _render_form(request, page, 422)
    event = form.event(actor_name(request))
    try:
        judge = build_approval_check(event)
        done = live.record(event, key=form.key_text, stream=form.place.stream, judge=judge)
    except live.Refused as error:
        show_refusals(form, error.reasons)
        return _render_form(request, page, 422)
    except live.Busy as error:
        form.add_error(None, unrecorded(error))
        return _render_form(request, page, 503)
    except live.KeyReused:
        form.add_error(None, _("This form recorded something else before; open it again."))
        return _render_form(request, page, 409)
    return _redirect_done(request, done, page.back)


def _redirect_done(request: HttpRequest, done: live.RecordResult, back: str) -> HttpResponse:
    if wants_json(request) and "X-Releve-Page" not in request.headers:
        return _done_twin(done)
    if done.before:
        messages.info(request, _("It was recorded before: nothing was done twice."))
    else:
        messages.success(request, _("Recorded as entry {number}.").format(number=done.seq))
    return _done_twin(done) if wants_json(request) else redirect(back or "now")


def _done_twin(done: live.RecordResult) -> HttpResponse:
    twin = {"seq": done.seq, "answers": list(done.answers), "before": done.before}
    return JsonResponse(twin, status=200 if done.before else 201)


def _render_form(request: HttpRequest, page: RecordPage, status: int) -> HttpResponse:
    form = page.form
    faults = form.errors if form.is_bound else {}
    twin = {
        "fields": {name: str(field.label) for name, field in form.fields.items()},
        "faults": {name: [str(item) for item in items] for name, items in faults.items()},
        "notes": list(page.notes),
    }
    template = "desk/live/form.html" if page.consequences is None else "desk/live/confirm.html"
    return answer(request, template, page, twin, status)
