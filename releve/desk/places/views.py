"""The pages of sites and clients."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import require_permission
from releve.desk.http import fresh
from releve.desk.places.clients import ClientRow, client_page, client_rows, client_twin
from releve.desk.places.clients import row_twin as client_row_twin
from releve.desk.places.sites import SiteRow, page_twin, row_twin, site_page, site_rows
from releve.desk.places.stream_context import moment
from releve.live import api as live
from releve.live.api import detect_photo_type
from releve.live.api import load_photo as stored_photo

__all__ = ["client", "clients", "photo", "site", "sites"]


@dataclass(frozen=True, slots=True)
class SitesPage:
    """The list of sites."""

    rows: tuple[SiteRow, ...]
    planned: bool


@require_permission("sites.see")
@require_safe
def sites(request: HttpRequest) -> HttpResponse:
    """The sites that the reader may see, the closed ones first."""
    now = moment(request)
    scene = live.load_scene(now.stream)
    reach = scope_for(request.user, "sites.see")
    rows = site_rows(now, scene, [row for row in now.operator.sites if reach.has_site(row.id)])
    rows = tuple(sorted(rows, key=lambda row: not row.closed))
    page = SitesPage(rows, scene is not None)
    twin = {"stream": now.stream, "sites": [row_twin(row, now) for row in rows]}
    return fresh(request, "desk/places/sites.html", page, twin, drill=now.drill)


@require_permission("sites.see", site="site")
@require_safe
def site(request: HttpRequest, site: str) -> HttpResponse:
    """One site: its state, floors, checks, inspections and permits."""
    now = moment(request)
    found = now.operator.site.get(site)
    if found is None:
        raise Http404(_("There is no such site."))
    health = can(request.user, "health.see", site=site)
    page = site_page(now, live.load_scene(now.stream), found, health=health)
    twin = page_twin(page, now, health=health)
    return fresh(request, "desk/places/site.html", page, twin, drill=now.drill)


@require_permission("sites.see")
@require_safe
def photo(request: HttpRequest, digest: str) -> HttpResponse:
    """A photo of an inspection, for who may see the site that was inspected; never for a client."""
    reach = scope_for(request.user, "sites.see")
    visits = moment(request).situation.inspections
    if not any(digest in visit.photos and reach.has_site(visit.site) for visit in visits):
        raise Http404(_("There is no such photo."))
    found = stored_photo(digest)
    if found is None:
        raise Http404(_("This photo has been erased."))
    response = HttpResponse(found, content_type=detect_photo_type(found))
    response["Cache-Control"] = "private, no-store"
    return response


@dataclass(frozen=True, slots=True)
class ClientsPage:
    """The list of clients."""

    rows: tuple[ClientRow, ...]
    planned: bool


@require_permission("plan.see")
@require_safe
def clients(request: HttpRequest) -> HttpResponse:
    """The clients that the reader may see, those short now first."""
    now = moment(request)
    found = live.compute_coverage(now.stream)
    reach = scope_for(request.user, "plan.see")
    seen = [row for row in now.operator.clients if reach.has_client(row.id)]
    page = ClientsPage(client_rows(now, found, seen), found is not None)
    twin = {"stream": now.stream, "clients": [client_row_twin(row, found) for row in seen]}
    return fresh(request, "desk/places/clients.html", page, twin, drill=now.drill)


@require_permission("plan.see", client="client")
@require_safe
def client(request: HttpRequest, client: str) -> HttpResponse:
    """One client: its coverage ahead, its programmes, the reliefs that touch it."""
    now = moment(request)
    row = next((row for row in now.operator.clients if row.id == client), None)
    if row is None:
        raise Http404(_("There is no such client."))
    found = live.compute_coverage(now.stream)
    page = client_page(now, found, row)
    twin = client_twin(row, found, page)
    return fresh(request, "desk/places/client.html", page, twin, drill=now.drill)
