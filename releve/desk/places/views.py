"""The pages of sites, of clients, and of reliefs: generations, comparison, a plan put in force."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _

from releve.accounts.reidentification import reveal_roll
from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.http import failure, keep_unstored, page_response, read_number, require_found
from releve.desk.live.forms import EventForm
from releve.desk.places.page import (
    StreamContext,
    client_page,
    clients_page,
    comparison_page,
    draw_client,
    draw_sparks,
    find_relief,
    list_names,
    moment,
    publication_page,
    reliefs_page,
    site_page,
    sites_page,
)
from releve.desk.places.roll import OPEN_ROLL
from releve.files.plan_folder import PlanFolderError, StoredPlan, digest_plans, open_plan_store
from releve.live import api as live
from releve.live.api import LiveError, detect_photo_type
from releve.live.api import load_photo as stored_photo
from releve.situation import RollMarked, find_photo_sites


@serve("sites.see")
def sites(request: HttpRequest) -> HttpResponse:
    """The sites that the reader may see, the closed ones first."""
    now = moment(request)
    page = sites_page(now, request.user)
    return page_response(request, "desk/places/sites.html", page, {"at": now.at})


@serve("sites.see", site="site")
def site(request: HttpRequest, site: str) -> HttpResponse:
    """One site: its state, floors, checks, inspections and permits; while it is lost, its people first."""
    return _show_site(request, site)


def _show_site(request: HttpRequest, site: str, named: Sequence[str] = ()) -> HttpResponse:
    """Return the page of a site, with the names of some of its people, which no JSON holds."""
    now = moment(request)
    page = site_page(now, site, request.user)
    people: dict[str, str] = {}
    if named:
        people = reveal_roll(request.user, site, named, stream=now.stream, by=actor_name(request))
    checks = can(request.user, "event.record.check", site=site)
    context = {
        "names": _list_texts(now),
        "at": now.at,
        "checks": checks,
        "people": people,
        "key": uuid.uuid4().hex,
        "first": page.crew is not None and page.crew.course != "evacuation",
        "reads_cases": can(request.user, "health.cases", site=site),
        "unfolded": f":{OPEN_ROLL}",
        "folded": f"{OPEN_ROLL}:",
        "reads_grid": can(request.user, "reliefs.see"),
    }
    return page_response(request, "desk/places/site.html", page, context)


class RollForm(EventForm):
    """One person at a roll call, found safe or missing."""

    records = RollMarked

    agent = forms.CharField(max_length=64)
    found = forms.ChoiceField(choices=[("safe", "safe"), ("missing", "missing")])


@serve("relief.call", ACT)
def roll(request: HttpRequest, site: str) -> HttpResponse:
    """Record that one person at the roll call is safe or missing."""
    _require_site(request, "relief.call", site)
    now, form = moment(request), RollForm(request.POST)
    signed = live.sign_event(now.stream, actor_name(request))
    if not form.is_valid() or form.record(form.build_event(site=site, **signed), now.stream, request.user) is None:
        faults = (str(fault) for found in form.errors.values() for fault in found)
        return failure(request, form.http_status, _("Nothing was recorded."), " ".join(faults))
    return redirect(f"{reverse('site', args=[site])}#crew")


def _require_site(request: HttpRequest, permission: str, site: str) -> None:
    if not can(request.user, permission, site=site):
        raise Http404(_("There is no such site."))


@serve("roll.names", ACT)
def roll_names(request: HttpRequest, site: str) -> HttpResponse:
    """Show the names at the roll call of a lost site; that they are read is recorded first."""
    _require_site(request, "roll.names", site)
    crew = site_page(moment(request), site, request.user).crew
    people = [row.agent for row in require_found(crew, _("This site is not lost: there is no roll call.")).roll]
    return keep_unstored(_show_site(request, site, people))


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


@serve("reliefs.see")
def reliefs(request: HttpRequest) -> HttpResponse:
    """Every generation, the one in force first."""
    now = moment(request)
    context = {"names": list_names(now.operator), "may_publish": can(request.user, "plan.publish")}
    return page_response(request, "desk/places/reliefs.html", reliefs_page(now), context)


@serve("reliefs.see")
def compare(request: HttpRequest) -> HttpResponse:
    """Two generations beside each other; ``a=0`` is the plan itself."""
    now = moment(request)
    asked = [read_number(request.GET.get(name, "")) for name in ("a", "b")]
    numbers = [number for number in asked if number is not None]
    if len(numbers) < 2:
        raise Http404(_("Choose two reliefs to compare."))
    first, second = sorted(numbers)
    base = find_relief(now.stream, first) if first else None
    page = comparison_page(now, base, find_relief(now.stream, second))
    context = {"names": list_names(now.operator)}
    return page_response(request, "desk/places/compare.html", page, context)


@serve("plan.publish", FORM, recent=True)
def publish(request: HttpRequest) -> HttpResponse:
    """Put the plan folder in force, after its consequences were shown; without a folder, plans are
    computed on the desk."""
    if settings.PLAN_FOLDER is None:
        return redirect("planning")
    stored: tuple[StoredPlan, ...] = ()
    fault, status = "", 200
    try:
        stored = open_plan_store(settings.PLAN_FOLDER).get_all()
        if request.method == "POST" and request.POST.get("digest") == digest_plans(stored):
            live.put_in_force([item.plan for item in stored], by=actor_name(request))
            messages.success(request, _("The plan is in force."))
            return redirect(f"{reverse('calendar')}?from={stored[0].plan.day}")
        if request.method == "POST":
            fault = _("The plan folder changed meanwhile: look at its consequences again.")
            status = 409
    except PlanFolderError as error:
        fault, status = str(error), 503
    except LiveError as error:
        fault, status = str(error), 422
    now = moment(request)
    page = publication_page(now, stored, fault)
    return page_response(request, "desk/places/publish.html", page, status=status)


urlpatterns = [
    path("sites", sites, name="sites"),
    path("sites/<ref:site>", site, name="site"),
    path("sites/<ref:site>/roll", roll, name="site_roll"),
    path("sites/<ref:site>/roll/names", roll_names, name="site_roll_names"),
    path("photos/<slug:digest>", photo, name="photo"),
    path("clients", clients, name="clients"),
    path("clients/<ref:client>", client, name="client"),
    path("reliefs", reliefs, name="reliefs"),
    path("reliefs/compare", compare, name="reliefs_compare"),
    path("reliefs/publish", publish, name="plan_publish"),
]
