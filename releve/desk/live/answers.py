"""How the live pages answer: HTML or its JSON twin, 304 where nothing changed, refusals explained.

A whole page is never answered by 304, since its forms hold a token of their own; the part of it
that is asked for again and again, and the twin, are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.desk import http
from releve.desk.live.streams import looked_at
from releve.desk.responses import failure, wants_json
from releve.live import api as live

__all__ = ["answer", "explained", "fragment"]


def answer(
    request: HttpRequest, template: str, page: object, twin: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Return a page as HTML, or as JSON where that is asked for; a drill is seen to be one."""
    looked = looked_at(request)
    twin = {"stream": looked.name, **twin}
    response = http.answer(request, template, page, twin, status, drill=looked.banner)
    return http.unchanged(request, response) if wants_json(request) else response


def fragment(request: HttpRequest, template: str, page: object) -> HttpResponse:
    """Return the part of a page that is asked for again and again; 304 while it is the same.

    Whether it is can be told from what it shows: it is drawn only for who has not got it yet.
    """
    said = (get_language() or "", template, repr(page))
    etag = quote_etag(hashlib.sha256("\n".join(said).encode()).hexdigest()[:32])
    found = get_conditional_response(request, etag=etag)
    if found is None:
        found = render(request, template, {"page": page})
    found["ETag"], found["Cache-Control"] = etag, "private, no-cache"
    assert isinstance(found, HttpResponse)
    return found


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
