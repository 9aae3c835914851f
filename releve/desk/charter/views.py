"""The pages of the charter: every site's measures as a picture, and one site's, line by line."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.desk.charter.page import charter_page, charter_site_page
from releve.desk.endpoint import serve
from releve.desk.http import failure, page_response
from releve.desk.places.stream_context import moment
from releve.desk.query import read_day, require_found


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
