"""The pages of the charter, of a site's measures and of audits."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.http import download, failure, page_response, read_day, require_found, takes
from releve.desk.live.views import read_form, record_form
from releve.desk.live.words import refusal_text
from releve.desk.navigation import Entry
from releve.desk.places.page import StreamContext, moment
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.plugins.inspection import draws
from releve.plugins.inspection.charter.forms import (
    AnswerForm,
    AuditOpeningForm,
    AuditStepForm,
    ConclusionForm,
    FindingForm,
    ObservationForm,
    SheetForm,
    VerificationForm,
)
from releve.plugins.inspection.charter.page import audit_page, charter_page, charter_site_page, list_own_sites
from releve.plugins.inspection.engine.audit_sheet import AuditSheetFaults, SheetFault, write_sheet
from releve.situation import CharterAudit, EventRefusal


@serve("charter.see")
def index(request: HttpRequest) -> HttpResponse:
    """The label, the matrix of sites and measures, what ends soon, findings and audits."""
    now = moment(request)
    page = charter_page(now, now.find_day(), scope_for(request.user, "charter.see"))
    if page is None:
        return failure(request, 404, _("No charter is in force today."))
    audits = can(request.user, "event.record.audit")
    context = {"operator": now.operator, "audits": audits}
    return page_response(request, "desk/charter/index.html", page, context)


@serve("charter.see", site="site")
def show_site(request: HttpRequest, site: str) -> HttpResponse:
    """Every measure of a site, on a day that is not over or any before."""
    now = moment(request)
    require_found(now.operator.site.get(site), _("There is no such site."))
    today = now.find_day(site)
    day = min(read_day(request.GET.get("day", "")) or today, today)
    page = charter_site_page(now, site, day, today)
    return page_response(request, "desk/charter/site.html", page)


_MOST_SHEET_BYTES = 2_000_000


def _find(request: HttpRequest, audit: str, permission: str) -> tuple[CharterAudit, StreamContext]:
    """Return an audit of which the reader may see or act on a site; Http404 otherwise."""
    now = moment(request)
    found = now.situation.charter_audits.get(audit)
    if found is None or not list_own_sites(found, request.user, permission):
        raise Http404(_("There is no such audit."))
    return found, now


def build_audit_view(kind: type[AuditStepForm]) -> Callable[..., HttpResponse]:
    """Return the view of a form of an audit, or of one of its findings."""

    @serve(kind.permission, FORM, recent=kind.recent)
    def record(request: HttpRequest, audit: str, finding: str = "") -> HttpResponse:
        found, _now = _find(request, audit, kind.permission)
        sites = list_own_sites(found, request.user, kind.permission)
        row = found.find_finding(finding)
        if finding and (row is None or row.raised.site not in sites):
            raise Http404(_("There is no such finding."))
        if kind.whole and set(sites) != set(found.opened.sites):
            raise Http404(_("There is no such audit."))
        form = read_form(request, kind, sites)
        form.attach(found, row)
        back = reverse("audit", args=[audit])
        return record_form(request, form, back, audit)

    return record if kind.takes is None else takes(*kind.takes)(record)


observe = build_audit_view(ObservationForm)
raise_finding = build_audit_view(FindingForm)
answer_finding = build_audit_view(AnswerForm)
verify_finding = build_audit_view(VerificationForm)
conclude = build_audit_view(ConclusionForm)


@serve("event.record.audit", FORM)
def open_one(request: HttpRequest) -> HttpResponse:
    """An audit begins."""
    form = read_form(request, AuditOpeningForm)
    valid = form.is_valid()
    back = reverse("audit", args=[form.cleaned_data["audit"]]) if valid else reverse("charter")
    return record_form(request, form, back, _("Charter and label"))


@serve("charter.see")
def show(request: HttpRequest, audit: str) -> HttpResponse:
    """An audit: its sheet, its findings, and what the reader may do with them."""
    found, now = _find(request, audit, "charter.see")
    return _show(request, found, now, SheetForm(), ())


def _show(
    request: HttpRequest, audit: CharterAudit, now: StreamContext, form: SheetForm, faults: tuple[str, ...]
) -> HttpResponse:
    page = audit_page(audit, now, request.user, actor_name(request), now.find_day())
    context, status = {"form": form, "faults": faults}, 422 if faults else 200
    return page_response(request, "desk/charter/audit.html", page, context, status=status)


@serve("charter.see")
def print_sheet(request: HttpRequest, audit: str) -> HttpResponse:
    """The empty sheet, to be printed and filled in by hand."""
    found, now = _find(request, audit, "charter.see")
    page = audit_page(found, now, request.user, actor_name(request), now.find_day())
    return page_response(request, "desk/charter/sheet.html", page)


@serve("charter.see")
def download_sheet(request: HttpRequest, audit: str) -> HttpResponse:
    """The empty sheet as CSV, to be filled in off line and imported."""
    found, now = _find(request, audit, "charter.see")
    charter = live.select_rules(now.situation).charter(now.find_day())
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
        done = draws.record_sheet(
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
        "{count} observation recorded from the sheet.", "{count} observations recorded from the sheet.", done.recorded
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
    return _("Line {line}, {column}: {reason}").format(line=fault.line, column=fault.column, reason=reason)


MENU = (
    Entry(lazy("Sites"), lazy("Charter and label"), "charter"),
    Entry(lazy("Sites"), lazy("Draws of visits"), "draws"),
)

urlpatterns = [
    path("", index, name="charter"),
    path("sites/<ref:site>", show_site, name="charter_site"),
    path("audits/open", open_one, name="audit_open"),
    path("audits/<ref:audit>", show, name="audit"),
    path("audits/<ref:audit>/observe", observe, name="audit_observe"),
    path("audits/<ref:audit>/raise", raise_finding, name="audit_raise"),
    path("audits/<ref:audit>/conclude", conclude, name="audit_conclude"),
    path("audits/<ref:audit>/sheet", print_sheet, name="audit_sheet"),
    path("audits/<ref:audit>/sheet.csv", download_sheet, name="audit_sheet_csv"),
    path("audits/<ref:audit>/sheet/import", import_sheet, name="audit_sheet_import"),
    path("audits/<ref:audit>/findings/<ref:finding>/answer", answer_finding, name="finding_answer"),
    path("audits/<ref:audit>/findings/<ref:finding>/verify", verify_finding, name="finding_verify"),
]
