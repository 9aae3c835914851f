"""How a page that is not of a plan folder answers: HTML or its JSON twin, 304 where it is the same.

A page with forms is never answered by 304, since each of them holds a token of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from releve.desk.responses import JSON_STYLE, wants_json
from releve.registry.service import current, operator_of

__all__ = ["Frame", "answer", "fresh", "unchanged"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Head of a page: whose data these are."""

    operator: str
    synthetic: bool


def answer(
    request: HttpRequest,
    template: str,
    page: object,
    twin: dict[str, Any],
    status: int = 200,
    *,
    drill: str = "",
) -> HttpResponse:
    """Return a page as HTML or, where it is asked for, as JSON; never kept by a shared cache.

    ``drill`` is what the banner of a drill says, empty for what is real.
    """
    if wants_json(request):
        twin = {**twin, "links": {"html": _address(request, as_json=False)}}
        response: HttpResponse = JsonResponse(twin, status=status, json_dumps_params=JSON_STYLE)
    else:
        context = {
            "frame": _frame(),
            "page": page,
            "drill": drill,
            "twin_url": _address(request, as_json=True),
        }
        response = render(request, template, context, status=status)
    response["Cache-Control"] = "private, no-cache"
    return response


def fresh(
    request: HttpRequest, template: str, page: object, twin: dict[str, Any], *, drill: str = ""
) -> HttpResponse:
    """Return a page without forms, or its twin; 304 to who has it already."""
    return unchanged(request, answer(request, template, page, twin, drill=drill))


def unchanged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Give a response an ETag of what it says; 304 to who has it already."""
    if response.status_code != 200:
        return response
    etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    response["ETag"] = etag
    found = get_conditional_response(request, etag=etag, response=response) or response
    found["Cache-Control"] = "private, no-cache"
    assert isinstance(found, HttpResponse)
    return found


def _frame() -> Frame | None:
    version = current()
    if version is None:
        return None
    row = operator_of(version).row
    return Frame(row.name, row.synthetic)


def _address(request: HttpRequest, *, as_json: bool) -> str:
    """Return the address of this page in the other form, with the same filter."""
    query = request.GET.copy()
    query.pop("format", None)
    if as_json:
        query["format"] = "json"
    path = request.path.removesuffix(".json")
    return f"{path}?{query.urlencode()}" if query else path
