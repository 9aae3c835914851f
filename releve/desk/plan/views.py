"""The pages of a plan: its verdict with the relief matrix, and one cell of the matrix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, roles_held, scope_for
from releve.desk.endpoint import serve
from releve.desk.http import (
    download,
    failure,
    page_response,
    read_day,
    read_number,
    require_found,
    respond_if_changed,
    wants_json,
)
from releve.desk.live.page import read_stream
from releve.desk.plan.page import CellPage, PlannedPage, PlanPage, ShownPlan, cell_page, plan_page, show_plan
from releve.desk.plan.workbook import write_plans
from releve.desk.text import text_now
from releve.files.plan_folder import PlanFolderError, StoredPlan
from releve.live import api as live
from releve.live.api import IdentityCache, NoPlan
from releve.network.workbook import WORKBOOK_TYPE
from releve.runs.orders import find_completed_plan


@serve("plan.see")
def verdict(request: HttpRequest) -> HttpResponse:
    """The verdict, the relief matrix, what is missing and the proof."""

    def respond(shown: ShownPlan) -> HttpResponse:
        page = plan_page(shown)
        body = "" if wants_json(request) else _write(page)
        return _show(request, "desk/plan/verdict.html", page, body=body, short_now=describe_short_clients(request))

    return _respond(request, respond)


@serve("plan.see", client="client")
def cell(request: HttpRequest, client: str, contingency: str) -> HttpResponse:
    """A client under a contingency: the day as a chart, its programmes, who moves where."""
    number = require_found(read_number(request.GET.get("page", "1"), 6), _("This page is not there."))

    def respond(shown: ShownPlan) -> HttpResponse:
        page = find_cell(shown, client, contingency, request.GET.get("programme", ""))
        return _show(request, "desk/plan/cell.html", page, number=number)

    return _respond(request, respond)


def find_plan(request: HttpRequest, day: date | None) -> tuple[StoredPlan, ShownPlan]:
    """Return a day's plan as the reader may see it; Http404 without one.

    ``record=`` in the address asks for an earlier plan of the day, by its record of the calendar.
    PlanFolderError when no plan is in force and no folder can be read.
    """
    asked, missing = request.GET.get("record", ""), _("There is no plan for this day.")
    record = require_found(read_number(asked), missing) if asked else None
    stored = require_found(find_completed_plan(day, record), missing)
    clients = scope_for(request.user, "plan.see").clients
    return stored, show_plan(stored.plan, stored.days, clients, stored.default, record)


@serve("reliefs.see")
def workbook(request: HttpRequest) -> HttpResponse:
    """The plan of a day as Excel: who works where and when, who goes where, coverage, what is missing."""
    asked, missing = request.GET.get("day", ""), _("There is no plan for this day.")
    try:
        stored, shown = find_plan(request, require_found(read_day(asked), missing) if asked else None)
    except PlanFolderError as error:
        return failure(request, 503, _("There is no plan to show."), str(error))
    if not shown.whole:
        raise Http404(missing)
    content = write_plans([stored.plan], live.operator_now(), stored.plan.starts[0])
    return download(content, f"plan-{stored.plan.day}.xlsx", WORKBOOK_TYPE)


def find_cell(shown: ShownPlan, client: str, contingency: str, programme: str) -> CellPage:
    """Return the page of a cell, of one programme where it is not empty; Http404 without one."""
    found = require_found(
        shown.plan.cell.get((client, contingency)), _("This client or contingency is not in the plan.")
    )
    own = {shown.plan.programmes[at][0] for at in shown.plan.find_columns(client)}
    if programme and programme not in own:
        raise Http404(_("This programme is not one of the client’s."))
    return cell_page(shown, found, programme)


def _respond(request: HttpRequest, respond: Callable[[ShownPlan], HttpResponse]) -> HttpResponse:
    """Answer with the plan of the day asked for; 304 while its file and the reader are the same."""
    asked, missing = request.GET.get("day", ""), _("There is no plan for this day.")
    day = require_found(read_day(asked), missing) if asked else None
    try:
        stored, shown = find_plan(request, day)
    except PlanFolderError as error:
        if isinstance(error, NoPlan) and _may_compute(request):
            return redirect("planning")
        return failure(request, 503, _("There is no plan to show."), str(error))
    facts = (
        stored.digest,
        str(shown.plan.missing is None),
        ",".join(day.isoformat() for day in stored.days),
        get_language() or "",
        request.get_full_path(),
        request.user.get_username(),
        repr([item.key for item in roles_held(request.user)]),
        describe_short_clients(request),
    )
    return respond_if_changed(request, facts, lambda: respond(shown))


def describe_short_clients(request: HttpRequest) -> str:
    """Return which of the reader's clients are short now, so that no verdict of a plan is read as their state."""
    coverage, seen = live.compute_coverage(read_stream(request).name), scope_for(request.user, "plan.see")
    ranked = sorted((row for row in coverage.clients if row.short_now), key=lambda row: row.rank) if coverage else []
    text = text_now("UTC")
    return text.list([f"{row.name} {text.coverage(row.now or 0.0)}" for row in ranked if seen.has_client(row.client)])


def _may_compute(request: HttpRequest) -> bool:
    """Return whether a reader who finds no plan is led to where one is computed."""
    return not wants_json(request) and can(request.user, "plan.publish")


def _show(request: HttpRequest, template: str, page: PlannedPage, **context: object) -> HttpResponse:
    own = {
        "frame": page.plan,
        "may_compute": can(request.user, "plan.publish"),
        "may_download": page.whole and can(request.user, "reliefs.see"),
        **context,
    }
    return page_response(request, template, page, own)


def _write(page: PlanPage) -> SafeString:
    """Render the body of the verdict page, once per language for all who see the same of a plan.

    The matrix of a large operator takes a tenth of a second to render, and never changes.
    """

    def build() -> SafeString:
        return render_to_string("desk/plan/_verdict.html", {"page": page})

    key = (get_language(), page.url, tuple(page.client_names))
    return _bodies.get(key, (page,), build)


_bodies: IdentityCache[SafeString] = IdentityCache()


urlpatterns = [
    path("", verdict, name="verdict"),
    path("verdict.json", verdict, name="verdict_json"),
    path("plan.xlsx", workbook, name="plan_workbook"),
    path("cell/<ref:client>/<ref:contingency>", cell, name="cell"),
    path("cell/<ref:client>/<ref:contingency>.json", cell, name="cell_json"),
]
