"""The pages of an audit: opened, observed on the spot or by a sheet, concluded; its findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.accounts.scopes import scope_for
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.charter.audit_page import audit_page, find_sheet_charter, list_own_sites
from releve.desk.charter.forms import (
    AnswerForm,
    AuditOpeningForm,
    ConclusionForm,
    FindingForm,
    ObservationForm,
    SheetForm,
    VerificationForm,
)
from releve.desk.charter.views import find_today
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.http import download, failure, page_response
from releve.desk.live.forms import RecordForm
from releve.desk.live.photo_field import PHOTO_LIMIT
from releve.desk.live.record_views import RecordPage, load_place, recorded
from releve.desk.live.words import refusal_text
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.situation import (
    AuditFinding,
    AuditSheetFaults,
    CharterAudit,
    EventRefusal,
    SheetFault,
    write_sheet,
)

_MOST_SHEET_BYTES = 2_000_000
FormOfAudit = TypeVar("FormOfAudit", bound=RecordForm)


def _find(request: HttpRequest, audit: str, permission: str) -> tuple[CharterAudit, StreamContext]:
    """Return an audit of which the reader may see or act on a site; Http404 otherwise."""
    now = moment(request)
    found = now.situation.charter_audits.get(audit)
    if found is None or not list_own_sites(found, request.user, permission):
        raise Http404(_("There is no such audit."))
    return found, now


def _find_finding(
    request: HttpRequest, audit: str, finding: str, permission: str
) -> tuple[CharterAudit, AuditFinding]:
    """Return a finding at a site for which the reader holds a permission; Http404 otherwise."""
    found, _now = _find(request, audit, permission)
    row = found.find_finding(finding)
    if row is None or not scope_for(request.user, permission).has_site(row.raised.site):
        raise Http404(_("There is no such finding."))
    return found, row


def _open_form(
    request: HttpRequest, kind: type[FormOfAudit], permission: str, audit: CharterAudit | None
) -> FormOfAudit:
    place = load_place(request, permission)
    if audit is not None:
        place = replace(place, sites=list_own_sites(audit, request.user, permission))
    sent = request.POST if request.method == "POST" else None
    files = request.FILES if sent is not None and kind is ObservationForm else None
    return kind(place, sent, request.GET.get("site", ""), files)


def _page(title: str, about: str, form: RecordForm, audit: str, send: str = "") -> RecordPage:
    back = reverse("audit", args=[audit])
    return RecordPage(form, title=title, about=about, send=send, back=back, back_title=audit)


@serve("charter.see")
def show(request: HttpRequest, audit: str) -> HttpResponse:
    """An audit: its sheet, its findings, and what the reader may do with them."""
    found, now = _find(request, audit, "charter.see")
    return _show(request, found, now, SheetForm(), ())


def _show(
    request: HttpRequest,
    audit: CharterAudit,
    now: StreamContext,
    form: SheetForm,
    faults: tuple[str, ...],
) -> HttpResponse:
    page = audit_page(audit, now, request.user, actor_name(request), find_today(now))
    context = {"drill": now.drill, "form": form, "faults": faults}
    status = 422 if faults else 200
    return page_response(request, "desk/charter/audit.html", page, context, status=status)


@serve("event.record.audit", FORM)
def open_one(request: HttpRequest) -> HttpResponse:
    """An audit begins."""
    form = _open_form(request, AuditOpeningForm, "event.record.audit", None)
    about = _("The charter in force today is audited; each observation follows that of its day.")
    name = str(form.data.get("audit", "")).strip() if form.is_bound else ""
    back = reverse("audit", args=[name]) if name and form.is_valid() else reverse("charter")
    page = RecordPage(
        form, title=_("Open an audit"), about=about, back=back, back_title=_("Charter and label")
    )
    return recorded(request, page)


@takes(*PHOTO_LIMIT)
@serve("event.record.audit", FORM)
def observe(request: HttpRequest, audit: str) -> HttpResponse:
    """What was seen of one measure at one site."""
    found, now = _find(request, audit, "event.record.audit")
    form = _open_form(request, ObservationForm, "event.record.audit", found)
    form.audit, form.stream = found, now.stream
    form.initial.setdefault("measure", request.GET.get("measure", ""))
    about = _("One measure at a time; the last observation of it counts.")
    return recorded(request, _page(_("Observation"), about, form, audit))


@serve("event.record.audit", FORM)
def raise_finding(request: HttpRequest, audit: str) -> HttpResponse:
    """A finding on a measure that was seen wanting."""
    found, now = _find(request, audit, "event.record.audit")
    form = _open_form(request, FindingForm, "event.record.audit", found)
    form.offer(found, list(_iter_wanting(found, now, form.place.sites)))
    about = _("While it is open the measure does not count as kept, whatever the checks say.")
    return recorded(request, _page(_("Finding"), about, form, audit, _("Raise the finding")))


def _iter_wanting(
    audit: CharterAudit, now: StreamContext, sites: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield the places last seen wanting, as (``site measure``, label)."""
    charter = find_sheet_charter(now, find_today(now))
    texts = {} if charter is None else {row.id: row for row in charter.measures}
    for site, measure in dict.fromkeys((row.site, row.measure) for row in audit.observations):
        last = audit.find_observation(site, measure)
        if site in sites and last is not None and last.verdict in ("partly", "not_kept"):
            row = texts.get(measure)
            text = measure if row is None else now.text.own(row)
            yield f"{site} {measure}", f"{now.operator.site[site].name} · {text}"


@serve("event.record.answer", FORM)
def answer_finding(request: HttpRequest, audit: str, finding: str) -> HttpResponse:
    """The operator's answer to a finding."""
    found, row = _find_finding(request, audit, finding, "event.record.answer")
    form = _open_form(request, AnswerForm, "event.record.answer", found)
    form.finding = row
    return recorded(request, _page(_("Answer to a finding"), row.raised.note, form, audit))


@serve("event.record.audit", FORM, recent=True)
def verify_finding(request: HttpRequest, audit: str, finding: str) -> HttpResponse:
    """Whether the action of an answer works; another person than who answered says so."""
    found, row = _find_finding(request, audit, finding, "event.record.audit")
    form = _open_form(request, VerificationForm, "event.record.audit", found)
    form.finding = row
    about = row.answers[-1].action if row.answers else row.raised.note
    return recorded(request, _page(_("Verification of a finding"), about, form, audit))


@serve("event.record.audit", FORM, recent=True)
def conclude(request: HttpRequest, audit: str) -> HttpResponse:
    """The auditor's conclusion, for a reader whose role reaches every site of the sample."""
    found, _now = _find(request, audit, "event.record.audit")
    if set(list_own_sites(found, request.user, "event.record.audit")) != set(found.opened.sites):
        raise Http404(_("There is no such audit."))
    form = _open_form(request, ConclusionForm, "event.record.audit", found)
    form.audit = found
    about = _("After it nothing more is observed; findings are still answered and verified.")
    return recorded(request, _page(_("Conclusion"), about, form, audit, _("Conclude the audit")))


@serve("charter.see")
def print_sheet(request: HttpRequest, audit: str) -> HttpResponse:
    """The empty sheet, to be printed and filled in by hand."""
    found, now = _find(request, audit, "charter.see")
    page = audit_page(found, now, request.user, actor_name(request), find_today(now))
    context = {"drill": now.drill}
    return page_response(request, "desk/charter/sheet.html", page, context, forms=False)


@serve("charter.see")
def download_sheet(request: HttpRequest, audit: str) -> HttpResponse:
    """The empty sheet as CSV, to be filled in off line and imported."""
    found, now = _find(request, audit, "charter.see")
    charter = find_sheet_charter(now, find_today(now))
    if charter is None:
        return failure(request, 404, _("No charter is in force today."))
    sites = list_own_sites(found, request.user, "charter.see")
    text = write_sheet(found, charter, sites, french=now.text.french)
    return download(text.encode("utf-8-sig"), "audit.csv", "text/csv; charset=utf-8")


def _too_large_sheet() -> str:
    return _("The sheet is larger than {size} MB.").format(size=_MOST_SHEET_BYTES // 1_000_000)


@takes(_MOST_SHEET_BYTES, _too_large_sheet)
@serve("event.record.audit", ACT)
def import_sheet(request: HttpRequest, audit: str) -> HttpResponse:
    """Record the observations of a sheet: all of them or, on any fault, none."""
    found, now = _find(request, audit, "event.record.audit")
    form = SheetForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, found, now, form, (_("Choose the file of the sheet."),))
    try:
        done = live.record_sheet(
            audit,
            form.cleaned_data["sheet"].read(),
            by=actor_name(request),
            sites=list_own_sites(found, request.user, "event.record.audit"),
            stream=now.stream,
        )
    except AuditSheetFaults as error:
        faults = tuple(_describe(fault, now) for fault in error.faults)
        return _show(request, found, now, SheetForm(), faults)
    said = ngettext(
        "{count} observation recorded from the sheet.",
        "{count} observations recorded from the sheet.",
        done.recorded,
    ).format(count=done.recorded)
    if done.before:
        said += " " + _("On record before: {count}.").format(count=done.before)
    messages.success(request, said)
    return redirect("audit", audit)


def _describe(fault: SheetFault, now: StreamContext) -> str:
    if isinstance(fault.reason, EventRefusal):
        reason = refusal_text(fault.reason, now.operator, now.text)
    else:
        reason = translate_phrase(fault.reason)
    return _("Line {line}, {column}: {reason}").format(
        line=fault.line, column=fault.column, reason=reason
    )
