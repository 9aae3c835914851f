"""The pages of sites and clients."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.desk.endpoint import serve
from releve.desk.http import keep_unstored, page_response
from releve.desk.places.client_pages import client_page, clients_page, draw_client, draw_sparks
from releve.desk.places.site_pages import site_page, sites_page
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.places.words import list_names
from releve.desk.query import require_found
from releve.live import api as live
from releve.live.api import detect_photo_type
from releve.live.api import load_photo as stored_photo
from releve.situation import find_photo_sites


@serve("sites.see")
def sites(request: HttpRequest) -> HttpResponse:
    """The sites that the reader may see, the closed ones first."""
    now = moment(request)
    page = sites_page(now, request.user)
    return page_response(request, "desk/places/sites.html", page, {"at": now.at})


@serve("sites.see", site="site")
def site(request: HttpRequest, site: str) -> HttpResponse:
    """One site: its state, floors, checks, inspections and permits."""
    now = moment(request)
    page = site_page(now, site, request.user)
    checks = can(request.user, "event.record.check", site=site)
    context = {"names": _list_texts(now), "at": now.at, "checks": checks}
    return page_response(request, "desk/places/site.html", page, context)


def _list_texts(now: StreamContext) -> dict[str, str]:
    """Return the texts of the charter's measures and of the checklists' items, by id."""
    rules = live.select_rules(now.situation)
    charter = rules.charter(now.at.date())
    measures = charter.measures if charter is not None else ()
    items = {name: now.text.own(row) for name, row in rules.checklist_items.items()}
    return {row.id: now.text.own(row) for row in measures} | items


@serve("sites.see")
def photo(request: HttpRequest, digest: str) -> HttpResponse:
    """A photo of an inspection or an audit, for who may see its site; never for a client."""
    reach = scope_for(request.user, "sites.see")
    if not any(map(reach.has_site, find_photo_sites(moment(request).situation, digest))):
        raise Http404(_("There is no such photo."))
    found = require_found(stored_photo(digest), _("This photo has been erased."))
    return keep_unstored(HttpResponse(found, content_type=detect_photo_type(found)))


@serve("plan.see")
def clients(request: HttpRequest) -> HttpResponse:
    """The clients that the reader may see, those served worst first."""
    now = moment(request)
    every = can(request.user, "reliefs.see")
    context = {
        "sparks": draw_sparks(now.stream),
        "every": every,  # who sees the reliefs of every client sees the systems of telephony
        "systems": list(live.list_routing_states(now.stream)) if every else [],
    }
    page = clients_page(now, request.user)
    return page_response(request, "desk/places/clients.html", page, context)


@serve("plan.see", client="client")
def client(request: HttpRequest, client: str) -> HttpResponse:
    """One client: its coverage ahead, its programmes, the reliefs that touch it."""
    now = moment(request)
    page = client_page(now, client)
    context = {"charts": draw_client(now, client), "names": list_names(now.operator)}
    return page_response(request, "desk/places/client.html", page, context)
