"""The pages of the charter, of a site's measures and of audits: what they hold, words, views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, pgettext_lazy
from pydantic import Field

from releve.accounts.permissions import Role
from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.filters import add_words
from releve.desk.http import download, failure, page_response, read_day, require_found, takes
from releve.desk.live.forms import VERDICTS
from releve.desk.live.views import read_form, record_form
from releve.desk.live.words import WHY_WORDS, notice_text, refusal_text
from releve.desk.navigation import Entry
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.page import StreamContext, moment
from releve.desk.text import text_now, translate_phrase
from releve.live import api as live
from releve.network import Operator
from releve.plugins.inspection import draws
from releve.plugins.inspection.charter.forms import (
    CONCLUSIONS,
    METHODS,
    SEVERITIES,
    AnswerForm,
    AuditOpeningForm,
    AuditStepForm,
    ConclusionForm,
    FindingForm,
    ObservationForm,
    SheetForm,
    VerificationForm,
)
from releve.plugins.inspection.engine.oscal import AuditSheetFaults, SheetFault, write_sheet
from releve.situation import (
    STANDINGS,
    AuditSummary,
    CharterAudit,
    CharterLabel,
    CharterMeasure,
    EventRefusal,
    FindingSummary,
    Notice,
    ObservationLine,
    SiteStandings,
    compute_label,
    compute_site_standings,
    list_charter_notices,
    list_findings,
    list_observations,
    list_site_standings,
    summarise_audit,
    summarise_finding,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class CharterPage(StreamPage):
    """The charter today, for the sites that the reader may see."""

    day: date
    charter: str
    version: str
    whole: bool = Field(description="The reader sees every site, and so the label")
    label: CharterLabel | None = Field(description="null: no rule asks for one, or not seen")
    measures: tuple[CharterMeasure, ...]
    sites: tuple[SiteStandings, ...]
    ending: tuple[Notice, ...] = Field(description="What ends, ended or waits; of no person")
    findings: tuple[FindingSummary, ...] = Field(description="Those that are open")
    audits: tuple[AuditSummary, ...]


class MeasureLine(PageModel):
    """A measure of one site on a day, with the day on which it changes if nothing is done."""

    measure: CharterMeasure
    value: str
    before: str = Field(description="As known when the day ended")
    evidence: int = Field(description="Events that it rests on")
    late: int = Field(description="Those of them recorded late")
    after: int = Field(description="Those of them recorded after the day")
    changes_on: date | None
    changes_to: str


class CharterSitePage(StreamPage):
    """Every measure of one site on a day."""

    site: str
    name: str
    day: date
    today: date
    measures: tuple[MeasureLine, ...]


def charter_page(now: StreamContext, day: date, seen: Scope) -> CharterPage | None:
    """Return the charter on a day; None where none is in force."""
    rules = live.select_rules(now.situation)
    charter = rules.charter(day)
    if charter is None:
        return None
    sites = [site.id for site in now.operator.sites if seen.has_site(site.id)]
    label = compute_label(now.situation, now.operator, rules, day) if seen.sites is None else None
    return CharterPage(
        **now.head,
        day=day,
        charter=charter.id,
        version=charter.version,
        whole=seen.sites is None,
        label=label,
        measures=charter.measures,
        sites=tuple(list_site_standings(now.situation, now.operator, rules, charter, day, sites)),
        ending=tuple(
            row for row in list_charter_notices(now.situation, now.operator, rules, now.at) if seen.sees(row.site)
        ),
        findings=tuple(
            summarise_finding(one, now.operator)
            for one in list_findings(now.situation)
            if one.closing is None and seen.has_site(one.raised.site)
        ),
        audits=tuple(
            summarise_audit(audit, seen.has_site)
            for audit in reversed(tuple(now.situation.charter_audits.values()))
            if any(map(seen.has_site, audit.opened.sites))
        ),
    )


def charter_site_page(now: StreamContext, site: str, day: date, today: date) -> CharterSitePage:
    """Return every measure of a site on a day; none where no charter was in force."""
    rules = live.select_rules(now.situation)
    charter = rules.charter(day)
    lines = [
        MeasureLine.from_row(
            row,
            measure=charter.measure[row.measure],
            evidence=len(row.events),
            late=len(row.late),
            after=len(row.after),
        )
        for row in compute_site_standings(now.situation, now.operator, rules, site, day)
        if charter is not None
    ]
    return CharterSitePage(
        **{**now.head, "time_zone": now.operator.site[site].time_zone},
        site=site,
        name=now.operator.site[site].name,
        day=day,
        today=today,
        measures=tuple(lines),
    )


class AuditPage(StreamPage):
    """An audit as far as the reader's sites reach."""

    audit: str
    body: str
    basis: str
    charter: str
    version: str
    opened_at: datetime
    conclusion: str = ""
    concluded_at: datetime | None = None
    note: str = ""
    sites: tuple[str, ...]
    measures: tuple[CharterMeasure, ...] = Field(description="Of the charter in force today")
    lines: tuple[ObservationLine, ...] = Field(description="Photos: those not erased")
    seen: int = Field(description="Measures of sites that were seen")
    findings: tuple[FindingSummary, ...]
    observes: bool = Field(description="The reader may observe, and the audit goes on")
    raises: bool = Field(description="Something was seen wanting, and the reader may raise it")
    concludes: bool
    answers: tuple[str, ...] = Field(description="Findings that the reader may answer")
    verifies: tuple[str, ...] = Field(description="Findings that the reader may verify")


def list_own_sites(audit: CharterAudit, user: AnyUser, permission: str) -> tuple[str, ...]:
    """Return the sites of the sample for which a user holds a permission."""
    reach = scope_for(user, permission)
    return tuple(site for site in audit.opened.sites if reach.has_site(site))


def audit_page(audit: CharterAudit, now: StreamContext, user: AnyUser, actor: str, today: date) -> AuditPage:
    """Return an audit as a user may see it."""
    opened, ended = audit.opened, audit.concluded
    sites = list_own_sites(audit, user, "charter.see")
    own = list_own_sites(audit, user, "event.record.audit")
    observes = ended is None and bool(own)
    charter = live.select_rules(now.situation).charter(today)
    measures = () if charter is None else charter.measures
    lines = tuple(
        replace(line, photos=tuple(filter(live.has_photo, line.photos)))
        for line in list_observations(audit, now.operator, sites, measures)
    )
    findings = [found for found in audit.findings if found.raised.site in sites]
    return AuditPage.from_row(
        opened,
        **now.head,
        opened_at=opened.happened_at,
        conclusion=ended.conclusion if ended else "",
        concluded_at=ended.happened_at if ended else None,
        note=ended.note if ended else "",
        sites=tuple(now.operator.site[site].name for site in sites if site in now.operator.site),
        measures=measures,
        lines=lines,
        seen=sum(bool(line.verdict) for line in lines),
        findings=tuple(summarise_finding(found, now.operator) for found in findings),
        observes=observes,
        raises=observes and any(site in own for site, _measure in audit.list_wanting()),
        concludes=observes and set(own) == set(opened.sites) and bool(audit.observations),
        answers=tuple(
            found.raised.finding
            for found in findings
            if found.closing is None and can(user, "event.record.answer", site=found.raised.site)
        ),
        verifies=tuple(
            found.raised.finding
            for found in findings
            if found.state == "answered"
            and can(user, "event.record.audit", site=found.raised.site)
            and actor not in {answer.actor for answer in found.answers}
        ),
    )


register = Library()

_WORDS = {
    "not_kept": lazy("not kept"),
    "expired": lazy("evidence too old"),
    "unknown": pgettext_lazy("measure", "not known"),
    "partly": lazy("partly kept"),
    "kept": lazy("kept"),
    "": lazy("not asked"),
}
_TONES = {
    "not_kept": "missed", "expired": "contract", "unknown": "unknown", "partly": "thin",
    "kept": "held", "": "none",
}  # fmt: skip
_SIGNS = {"not_kept": "×", "expired": "!", "unknown": "?", "partly": "~", "kept": "", "": ""}
_MEASURES = {"major": pgettext_lazy("measure", "major"), "minor": pgettext_lazy("measure", "minor")}
_STATES = {
    "raised": lazy("waits for an answer"),
    "answered": lazy("answered, waits for verification"),
    "refused": lazy("the answer did not work, waits for another"),
    "closed": lazy("verified and closed"),
}
_STATE_TONES = {"raised": "missed", "answered": "thin", "refused": "missed", "closed": "held"}
add_words(register, "standing_word", _WORDS)
add_words(register, "standing_tone", _TONES)
add_words(register, "verdict_tone", {**_TONES, "not_applicable": "unknown"})
add_words(register, "standing_sign", _SIGNS)
add_words(register, "measure_severity", _MEASURES, else_code=True)
add_words(register, "severity_word", dict(SEVERITIES), else_code=True)
add_words(register, "finding_state", _STATES)
add_words(register, "finding_tone", _STATE_TONES)
add_words(register, "conclusion_word", {"": lazy("goes on"), **dict(CONCLUSIONS)})
add_words(register, "verdict_word", dict(VERDICTS), else_code=True)
add_words(register, "method_word", dict(METHODS), else_code=True)


@register.simple_tag
def standings() -> list[str]:
    """Return the standings that are asked for, the best first."""
    return [*reversed(STANDINGS)]


@register.filter
def label_tone(label: CharterLabel) -> str:
    if not label.stands:
        return "missed"
    return "thin" if label.falls_on is not None else "held"


@register.filter
def whys(reasons: Iterable[str]) -> str:
    """Return why the label does not stand."""
    return text_now("UTC").list([str(WHY_WORDS[reason]) for reason in reasons])


@register.filter
def ending_words(row: Notice, operator: Operator) -> str:
    return notice_text(row, operator, text_now(operator.row.time_zone))


@register.filter
def column_at(number: int) -> int:
    """Return where a column of the picture begins, after the names of the sites."""
    return 190 + 26 * number


@register.filter
def row_at(number: int) -> int:
    """Return where a row of the picture begins, below the numbers of the measures."""
    return 26 + 26 * number


@register.filter
def standing_cells(row: SiteStandings, page: CharterPage) -> Iterator[tuple[CharterMeasure, str, str, str]]:
    """Return the cells of a site: measure, standing, that of 30 days ago, and how they compare."""
    return zip(page.measures, row.values, row.before, row.changes, strict=True)


@register.filter
def trend(row: SiteStandings) -> str:
    """Return the share kept over 30 days as the path of a line, in a box of 90 by 20."""
    step = 90 / max(1, len(row.kept) - 1)
    points = [f"{n * step:.1f} {20 - 18 * share:.1f}" for n, share in enumerate(row.kept) if share is not None]
    return "M" + "L".join(points) if points else ""


@register.filter
def measure_of(measure: str, page: CharterPage | AuditPage) -> CharterMeasure | None:
    """Return a measure of the page's charter; None where it is of an older one."""
    return next((row for row in page.measures if row.id == measure), None)


@register.filter
def owner_word(role: str) -> str:
    return str(Role(role).label) if role in Role.values else role


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
