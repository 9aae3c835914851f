"""The pages on which outages, tests, attendance, authorisations and audits are recorded."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
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
    chosen_site,
    confirmed_first,
    load_place,
    recorded,
    sent,
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
    place = load_place(request, "event.record.other")
    form = OutageForm(place, sent(request), chosen_site(request))
    about = _("What goes down is lost for the plan: the consequences are shown in numbers first.")
    page = RecordPage(_("Link or power"), about, form, _("Record"), reverse("record"))
    return confirmed_first(request, page, _("Record that it is down"))


@require_permission("event.record.case")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def tests(request: HttpRequest) -> HttpResponse:
    """How many were tested on a visit, and how many were positive."""
    place = load_place(request, "event.record.case")
    form = TestsForm(place, sent(request), chosen_site(request))
    form.offer(list(_iter_visits(place, looked_at(request).name)))
    about = _("Numbers only, never who. The number of positives is health data.")
    page = RecordPage(_("Tests on a visit"), about, form, _("Record"), reverse("record"))
    return recorded(request, page)


@require_permission("event.record.other")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def attendance(request: HttpRequest) -> HttpResponse:
    """How many are at a site, or who."""
    place = load_place(request, "event.record.other")
    form = AttendanceForm(place, sent(request), chosen_site(request))
    about = _("The last record of a day counts.")
    return recorded(
        request, RecordPage(_("Attendance"), about, form, _("Record"), reverse("record"))
    )


@require_permission("event.record.other")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def authorisation(request: HttpRequest) -> HttpResponse:
    """A permit is granted; those that end soon or have ended are seen."""
    place = load_place(request, "event.record.other")
    form = AuthorisationForm(place, sent(request), chosen_site(request))
    notes = tuple(
        _iter_notices(place, looked_at(request).name, "authorisation.", "site.not_plannable")
    )
    about = _("A site that needs one and has none is not planned. Ending soon, or ended:")
    if not notes:
        about = _("A site that needs one and has none is not planned. None ends soon.")
    page = RecordPage(_("Authorisation"), about, form, _("Record"), reverse("record"), notes=notes)
    return recorded(request, page)


@require_permission("event.record.inspection")
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def audit(request: HttpRequest) -> HttpResponse:
    """The auditor's verdict on one measure: evidence, verdict, until when it holds."""
    place = load_place(request, "event.record.inspection")
    form = AuditForm(place, sent(request), chosen_site(request))
    notes = tuple(_iter_notices(place, looked_at(request).name, "audit."))
    about = _("One measure at a time; the last verdict on a measure counts.")
    page = RecordPage(
        _("Audit of the charter"), about, form, _("Record"), reverse("record"), notes=notes
    )
    return recorded(request, page)


def _iter_visits(place: Place, stream: str) -> Iterator[tuple[str, str]]:
    """Yield the last inspections of the sites, the newest first, as (id, label)."""
    found = [row for row in live.situation_now(stream).inspections if row.site in place.sites]
    for row in reversed(found[-_MOST_VISITS:]):
        name = place.operator.site[row.site].name
        yield row.id, f"{name}, {when(row.happened_at, place.text)} ({row.authority})"


def _iter_notices(place: Place, stream: str, *codes: str) -> Iterator[str]:
    """Yield what is late or ending of some codes, at the sites seen."""
    every = len(place.sites) == len(place.operator.sites)
    for row in list_notices(live.situation_now(stream), place.operator, live.rules_now(), place.at):
        if row.code.startswith(codes) and (row.site in place.sites if row.site else every):
            yield notice_text(row, place.operator, place.text)
