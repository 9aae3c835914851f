"""The pages of sites and clients."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from releve.desk.access.guard import may
from releve.desk.access.scopes import can, scope
from releve.desk.places.answers import fresh
from releve.desk.places.moment import moment
from releve.desk.places.sites import SiteRow, page_twin, row_twin, site_page, site_rows
from releve.live import api as live

__all__ = ["site", "sites"]


@dataclass(frozen=True, slots=True)
class SitesPage:
    """The list of sites."""

    rows: tuple[SiteRow, ...]
    planned: bool


@may("sites.see")
@require_safe
def sites(request: HttpRequest) -> HttpResponse:
    """The sites that the reader may see, the closed ones first."""
    now = moment(request)
    scene = live.scene_of(now.stream)
    reach = scope(request.user, "sites.see")
    rows = site_rows(now, scene, [row for row in now.operator.sites if reach.has_site(row.id)])
    rows = tuple(sorted(rows, key=lambda row: not row.closed))
    page = SitesPage(rows, scene is not None)
    twin = {"stream": now.stream, "sites": [row_twin(row, now) for row in rows]}
    return fresh(request, "desk/places/sites.html", page, twin, drill=now.drill)


@may("sites.see", site="site")
@require_safe
def site(request: HttpRequest, site: str) -> HttpResponse:
    """One site: its state, its floors, what was checked and what is allowed."""
    now = moment(request)
    found = now.operator.site.get(site)
    if found is None:
        raise Http404(_("There is no such site."))
    health = can(request.user, "health.see", site=site)
    page = site_page(now, live.scene_of(now.stream), found, health=health)
    twin = page_twin(page, now, health=health)
    return fresh(request, "desk/places/site.html", page, twin, drill=now.drill)
