"""The pages of reliefs: the generations, two of them compared, a plan folder put in force."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import page_response
from releve.desk.places.relief_pages import (
    comparison_page,
    find_relief,
    publication_page,
    reliefs_page,
)
from releve.desk.places.stream_context import moment
from releve.desk.places.words import list_names
from releve.desk.query import read_number
from releve.files.plan_folder import PlanFolderError
from releve.files.plan_store import StoredPlan, digest_plans, open_plan_store
from releve.live import api as live
from releve.live.api import LiveError


@serve("reliefs.see")
def reliefs(request: HttpRequest) -> HttpResponse:
    """Every generation, the one in force first."""
    now = moment(request)
    context = {
        "names": list_names(now.operator),
        "may_publish": can(request.user, "plan.publish"),
    }
    return page_response(request, "desk/places/reliefs.html", reliefs_page(now), context)


@serve("reliefs.see")
def compare(request: HttpRequest) -> HttpResponse:
    """Two generations beside each other; ``a=0`` is the plan itself."""
    now, found = moment(request), live.load_activation()
    asked = [read_number(request.GET.get(name, "")) for name in ("a", "b")]
    numbers = [number for number in asked if number is not None]
    if found is None or len(numbers) < 2:
        raise Http404(_("Choose two reliefs to compare."))
    first, second = sorted(numbers)
    base = find_relief(now.stream, first) if first else None
    page = comparison_page(now, base, find_relief(now.stream, second), found)
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
            return redirect("reliefs")
        if request.method == "POST":
            fault = _("The plan folder changed meanwhile: look at its consequences again.")
            status = 409
    except PlanFolderError as error:
        fault, status = str(error), 503
    except LiveError as error:
        fault, status = str(error), 422
    now = moment(request)
    page = publication_page(now, stored, fault)
    context = {"names": list_names(now.operator)}
    return page_response(request, "desk/places/publish.html", page, context, status=status)
