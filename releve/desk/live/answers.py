"""Responses of the live pages: HTML or JSON, 304 when nothing changed, errors in sentences.

A whole page is never answered by 304, since its forms hold a token of their own; the part of it
that is asked for again and again, and the twin, are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.desk import http
from releve.desk.http import failure, wants_json
from releve.desk.live.streams import looked_at
from releve.live import api as live

__all__ = ["answer", "explained", "fragment"]


def answer(
    request: HttpRequest, template: str, page: object, twin: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Return a page as HTML, or as JSON on request; pages of a drill carry its banner."""
    looked = looked_at(request)
    twin = {"stream": looked.name, **twin}
    response = http.answer(request, template, page, twin, status, drill=looked.banner)
    return http.unchanged(request, response) if wants_json(request) else response


def fragment(request: HttpRequest, template: str, page: object) -> HttpResponse:
    """Return the part of a page that a browser polls; 304 while what it shows is the same."""
    facts = (get_language() or "", template, repr(page))
    return http.respond_if_changed(
        request, facts, lambda: render(request, template, {"page": page})
    )


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
