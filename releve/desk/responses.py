"""One way to answer: a page of a plan as HTML or as its JSON twin, unchanged pages as 304."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from releve.accounts.scopes import roles_held, scope_for
from releve.desk.http import JSON_STYLE, failure, other_form, respond_if_changed, wants_json
from releve.desk.plan_store import StoredPlan, store_of
from releve.desk.presenters import Desk, desk_of, frame
from releve.files.plan_folder import PlanFolderError

__all__ = ["Page", "plan_page"]

_P = ParamSpec("_P")


@dataclass(frozen=True, slots=True)
class Page:
    """What a view hands over: the template with what it shows, and the twin; only one is made."""

    template: str
    content: Callable[[], object]
    twin: Callable[[], dict[str, Any]]


def plan_page(
    view: Callable[Concatenate[HttpRequest, Desk, _P], Page],
) -> Callable[..., HttpResponse]:
    """Make a view of a plan an HTTP view: the day's plan, its ETag, HTML or JSON, or why not.

    The view must be guarded by ``may("plan.see")``: it is given what this reader may see.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        try:
            stored = store_of(settings.PLAN_FOLDER).get(_day(request))
        except PlanFolderError as error:
            return failure(request, 503, _("There is no plan to show."), str(error))
        if stored is None:
            raise Http404(_("There is no plan for this day."))

        def respond() -> HttpResponse:
            desk = desk_of(stored.plan, stored.days, scope_for(request.user, "plan.see").clients)
            return _respond(request, view(request, desk, *args, **kwargs), desk, stored)

        return respond_if_changed(request, _facts(request, stored), respond)

    return require_safe(answer)


def _respond(request: HttpRequest, page: Page, desk: Desk, stored: StoredPlan) -> HttpResponse:
    if wants_json(request):
        twin = {**page.twin(), "links": {"html": other_form(request, as_json=False)}}
        return JsonResponse(twin, json_dumps_params=JSON_STYLE)
    context = {
        "frame": frame(desk, stored.days),
        "page": page.content(),
        "twin_url": other_form(request, as_json=True),
    }
    return render(request, page.template, context)


def _day(request: HttpRequest) -> date | None:
    value = request.GET.get("day")
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Http404(_("There is no plan for this day.")) from None


def _facts(request: HttpRequest, stored: StoredPlan) -> tuple[str, ...]:
    days = ",".join(day.isoformat() for day in stored.days)
    return (
        stored.digest,
        days,
        get_language() or "",
        request.get_full_path(),
        request.user.get_username(),
        repr([item.key for item in roles_held(request.user)]),
    )
