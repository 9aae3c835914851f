"""One way to answer: a page of a plan as HTML or as its JSON twin, unchanged pages as 304."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from releve.desk.access.scopes import held_by, scope
from releve.desk.plan_store import StoredPlan, store_of
from releve.desk.presenters import Desk, desk_of, frame
from releve.files.plan_folder import PlanFolderError

__all__ = ["API", "JSON_STYLE", "Page", "failure", "plan_page", "wants_json"]

_P = ParamSpec("_P")
API = "/api/"
"""What every address of the API begins with."""
JSON_STYLE = {"ensure_ascii": False, "separators": (",", ":")}


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
        etag = _etag(request, stored)
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            return _fresh(unchanged, etag)
        desk = desk_of(stored.plan, stored.days, scope(request.user, "plan.see").clients)
        page = view(request, desk, *args, **kwargs)
        return _fresh(_respond(request, page, desk, stored), etag)

    return require_safe(answer)


def wants_json(request: HttpRequest) -> bool:
    """Return whether JSON is asked for: by the address, by ``?format=json``, or of the API."""
    if request.path.startswith(API):
        return True
    return request.path.endswith(".json") or request.GET.get("format") == "json"


def failure(
    request: HttpRequest,
    status: int,
    message: str,
    detail: str = "",
    faults: Sequence[Mapping[str, str]] = (),
) -> HttpResponse:
    """Return an error in the one shape that all have, as a page or as JSON.

    ``faults`` are the fields that are wrong, where there are some; a page has forms for that.
    """
    if wants_json(request):
        error: dict[str, Any] = {"status": status, "message": message, "detail": detail}
        if faults:
            error["faults"] = list(faults)
        return JsonResponse({"error": error}, status=status, json_dumps_params=JSON_STYLE)
    context = {"status": status, "message": message, "detail": detail}
    return render(request, "desk/error.html", context, status=status)


def _respond(request: HttpRequest, page: Page, desk: Desk, stored: StoredPlan) -> HttpResponse:
    if wants_json(request):
        twin = {**page.twin(), "links": {"html": _address(request, as_json=False)}}
        return JsonResponse(twin, json_dumps_params=JSON_STYLE)
    context = {
        "frame": frame(desk, stored.days),
        "page": page.content(),
        "twin_url": _address(request, as_json=True),
    }
    return render(request, page.template, context)


def _address(request: HttpRequest, *, as_json: bool) -> str:
    """Return the address of this page in the other form, with the same filter and day."""
    query = request.GET.copy()
    query.pop("format", None)
    if as_json:
        query["format"] = "json"
    path = request.path.removesuffix("verdict.json").removesuffix(".json")
    return f"{path}?{query.urlencode()}" if query else path


def _day(request: HttpRequest) -> date | None:
    value = request.GET.get("day")
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Http404(_("There is no plan for this day.")) from None


def _etag(request: HttpRequest, stored: StoredPlan) -> str:
    days = ",".join(day.isoformat() for day in stored.days)
    parts = (
        stored.digest,
        days,
        get_language() or "",
        request.get_full_path(),
        request.user.get_username(),
        repr([item.key for item in held_by(request.user)]),
    )
    return quote_etag(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32])


def _fresh(response: Any, etag: str) -> HttpResponse:
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    assert isinstance(response, HttpResponse)
    return response
