"""How these pages answer: HTML or its JSON twin, 304 where nothing changed."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from releve.desk.registry.answers import answer

__all__ = ["fresh"]


def fresh(
    request: HttpRequest, template: str, page: object, twin: dict[str, Any], *, drill: str = ""
) -> HttpResponse:
    """Return a page or its twin with an ETag of what it says, or 304 to who has it already.

    ``drill`` is the title of the drill that the page is of.
    """
    response = answer(request, template, page, twin, drill=drill)
    etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    response["ETag"] = etag
    found = get_conditional_response(request, etag=etag, response=response) or response
    found["Cache-Control"] = "private, no-cache"
    return found
