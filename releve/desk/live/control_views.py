"""The pages on which outages, tests, attendance, authorisations and audits are recorded."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from releve.desk.access.guard import require_permission, require_recent_auth
from releve.desk.live.answers import explained
from releve.desk.live.forms import Place
from releve.desk.live.forms_control import (
    AttendanceForm,
    AuditForm,
    AuthorisationForm,
    OutageForm,
    TestsForm,
)
from releve.desk.live.record_views import (
    RecordPage,
    confirmed_first,
    open_form,
    recorded,
)
from releve.desk.live.streams import looked_at
from releve.desk.live.words import notice_text, when
from releve.live import api as live
from releve.situation import list_notices

__all__ = ["attendance", "audit", "authorisation", "outage", "tests"]

_MOST_VISITS = 20


@require_permission("event.record.other")
@require_recent_auth
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def outage(request: HttpRequest) -> HttpResponse:
    """A link or the power goes down (with what would follow, first) or is back."""
    form = open_form(request, OutageForm, "event.record.other")
    about = _("What goes down is lost for the plan: the consequences are shown in numbers first.")
    page = RecordPage(_("Link or power"), about, form)
    return confirmed_first(request, page, _("Record that it is down"))


@require_permission("event.record.case")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def tests(request: HttpRequest) -> HttpResponse:
    """Record the number of tests on a visit, and the number of positive ones."""
    form = open_form(request, TestsForm, "event.record.case")
    form.offer(list(_iter_visits(form.place, looked_at(request).name)))
    about = _("Numbers only, never who. The number of positives is health data.")
    page = RecordPage(_("Tests on a visit"), about, form)
    return recorded(request, page)


@require_permission("event.record.other")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def attendance(request: HttpRequest) -> HttpResponse:
    """Record the attendance of a site, as a number or as names."""
    form = open_form(request, AttendanceForm, "event.record.other")
    about = _("The last record of a day counts.")
    return recorded(request, RecordPage(_("Attendance"), about, form))


@require_permission("event.record.other")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def authorisation(request: HttpRequest) -> HttpResponse:
    """A permit is granted; those that end soon or have ended are seen."""
    form = open_form(request, AuthorisationForm, "event.record.other")
    codes = ("authorisation.", "site.not_plannable")
    notes = tuple(_iter_notices(form.place, looked_at(request).name, *codes))
    about = _("A site that needs one and has none is not planned. Ending soon, or ended:")
    if not notes:
        about = _("A site that needs one and has none is not planned. None ends soon.")
    page = RecordPage(_("Authorisation"), about, form, notes=notes)
    return recorded(request, page)


@require_permission("event.record.inspection")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def audit(request: HttpRequest) -> HttpResponse:
    """The auditor's verdict on one measure: evidence, verdict, until when it holds."""
    form = open_form(request, AuditForm, "event.record.inspection")
    notes = tuple(_iter_notices(form.place, looked_at(request).name, "audit."))
    about = _("One measure at a time; the last verdict on a measure counts.")
    page = RecordPage(_("Audit of the charter"), about, form, notes=notes)
    return recorded(request, page)


def _iter_visits(place: Place, stream: str) -> Iterator[tuple[str, str]]:
    """Yield the last inspections of the sites, the newest first, as (id, label)."""
    found = [row for row in live.situation_now(stream).inspections if row.site in place.sites]
    for row in reversed(found[-_MOST_VISITS:]):
        name = place.operator.site[row.site].name
        yield row.id, f"{name}, {when(row.happened_at, place.text)} ({row.authority})"


def _iter_notices(place: Place, stream: str, *codes: str) -> Iterator[str]:
    """Yield the notices with some codes at the sites that the user may see."""
    every = len(place.sites) == len(place.operator.sites)
    for row in list_notices(live.situation_now(stream), place.operator, live.rules_now(), place.at):
        if row.code.startswith(codes) and (row.site in place.sites if row.site else every):
            yield notice_text(row, place.operator, place.text)
