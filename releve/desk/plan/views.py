"""The pages of a plan: its verdict with the relief matrix, and one cell of the matrix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from releve.accounts.scopes import roles_held, scope_for
from releve.desk.access.guard import require_permission
from releve.desk.http import failure, json_response, other_form, respond_if_changed, wants_json
from releve.desk.plan.cell_page import CellPage, cell_page
from releve.desk.plan.page import PlannedPage, PlanPage, plan_page
from releve.desk.plan.shown import ShownPlan, show_plan
from releve.desk.plan.words import plan_frame
from releve.files.plan_folder import PlanFolderError
from releve.files.plan_store import StoredPlan, open_plan_store
from releve.live.api import IdentityCache

__all__ = ["cell", "find_cell", "find_plan", "verdict"]


@require_permission("plan.see")
@require_safe
def verdict(request: HttpRequest) -> HttpResponse:
    """The verdict, the relief matrix, what is missing and the proof."""

    def respond(shown: ShownPlan) -> HttpResponse:
        page = plan_page(shown)
        if wants_json(request):
            return json_response(page)
        return _render(request, "desk/plan/verdict.html", page, {"body": _write(page)})

    return _respond(request, respond)


@require_permission("plan.see", client="client")
@require_safe
def cell(request: HttpRequest, client: str, contingency: str) -> HttpResponse:
    """A client under a contingency: the day as a chart, its programmes, who moves where."""
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        raise Http404(_("This page is not there."))

    def respond(shown: ShownPlan) -> HttpResponse:
        page = find_cell(shown, client, contingency, request.GET.get("programme", ""))
        if wants_json(request):
            return json_response(page)
        return _render(request, "desk/plan/cell.html", page, {"number": int(number)})

    return _respond(request, respond)


def find_plan(request: HttpRequest, day: date | None) -> tuple[StoredPlan, ShownPlan]:
    """Return a day's plan as the reader may see it, the first day by default; Http404 without one.

    PlanFolderError when the folder or the plan cannot be read.
    """
    stored = open_plan_store(settings.PLAN_FOLDER).get(day)
    if stored is None:
        raise Http404(_("There is no plan for this day."))
    clients = scope_for(request.user, "plan.see").clients
    return stored, show_plan(stored.plan, stored.days, clients)


def find_cell(shown: ShownPlan, client: str, contingency: str, programme: str) -> CellPage:
    """Return the page of a cell, of one programme where it is not empty; Http404 without one."""
    found = shown.cells.get((client, contingency))
    if found is None:
        raise Http404(_("This client or contingency is not in the plan."))
    own = {shown.plan.programmes[at][0] for at in shown.columns(client)}
    if programme and programme not in own:
        raise Http404(_("This programme is not one of the client’s."))
    return cell_page(shown, found, programme)


def _respond(request: HttpRequest, respond: Callable[[ShownPlan], HttpResponse]) -> HttpResponse:
    """Answer with the plan of the day asked for; 304 while its file and the reader are the same."""
    try:
        stored, shown = find_plan(request, _read_day(request))
    except PlanFolderError as error:
        return failure(request, 503, _("There is no plan to show."), str(error))
    facts = (
        stored.digest,
        ",".join(day.isoformat() for day in stored.days),
        get_language() or "",
        request.get_full_path(),
        request.user.get_username(),
        repr([item.key for item in roles_held(request.user)]),
    )
    return respond_if_changed(request, facts, lambda: respond(shown))


def _render(
    request: HttpRequest, template: str, page: PlannedPage, context: dict[str, object]
) -> HttpResponse:
    frame = {"frame": plan_frame(page), "twin_url": other_form(request, as_json=True)}
    return render(request, template, {"page": page, **frame, **context})


def _write(page: PlanPage) -> SafeString:
    """Render the body of the verdict page, once per language for all who see the same of a plan.

    The matrix of a large operator takes a tenth of a second to render, and never changes.
    """

    def build() -> SafeString:
        return render_to_string("desk/plan/_verdict.html", {"page": page})

    key = (get_language(), page.url, tuple(page.client_names))
    return _bodies.get(key, (page,), build)


_bodies: IdentityCache[SafeString] = IdentityCache()


def _read_day(request: HttpRequest) -> date | None:
    value = request.GET.get("day")
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Http404(_("There is no plan for this day.")) from None
