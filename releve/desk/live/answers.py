"""How the live pages answer: HTML or its JSON twin, 304 where nothing changed, refusals explained.

A whole page is never answered by 304, since its forms hold a token of their own; the part of it
that is asked for again and again, and the twin, are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _

from releve.desk.live.streams import Looked, looked_at
from releve.desk.registry.answers import Frame
from releve.desk.responses import failure, wants_json
from releve.live import api as live
from releve.network import Operator

__all__ = ["answer", "explained", "fragment"]

_JSON = {"ensure_ascii": False, "separators": (",", ":")}


def answer(
    request: HttpRequest,
    template: str,
    page: object,
    twin: dict[str, Any],
    *,
    operator: Operator | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return a page as HTML, or as JSON where that is asked for; a drill is seen to be one."""
    looked = looked_at(request)
    if wants_json(request):
        response: HttpResponse = JsonResponse(
            {"stream": looked.name, **twin}, status=status, json_dumps_params=_JSON
        )
        return _fresh(request, response)
    context = {
        "frame": None if operator is None else Frame(operator.row.name, operator.row.synthetic),
        "page": page,
        "drill": _drill(looked),
        "twin_url": f"{request.path}?format=json",
    }
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "private, no-cache"
    return response


def fragment(request: HttpRequest, template: str, page: object) -> HttpResponse:
    """Return the part of a page that is asked for again and again; 304 while it is the same."""
    return _fresh(request, render(request, template, {"page": page}))


def explained(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer what cannot be shown with a sentence instead of a fault."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except live.NoOperator:
            return failure(
                request,
                503,
                _("There is no operator yet."),
                _("Import its reference data first, or the sample operator."),
            )
        except live.NoSuch:
            return failure(request, 404, _("This drill or effect is not there any more."))

    return answered


def _drill(looked: Looked) -> str:
    if not looked.title:
        return ""
    return _("“{title}”: nothing here is real, and no client is told.").format(title=looked.title)


def _fresh(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if response.status_code != 200:
        return response
    etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    response["ETag"] = etag
    found = get_conditional_response(request, etag=etag, response=response) or response
    found["Cache-Control"] = "private, no-cache"
    assert isinstance(found, HttpResponse)
    return found
