"""How the desk answers: a page as HTML or JSON, 304 where it has not changed, errors in one shape.

A page with forms is always sent again: each of them holds a token of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import BaseForm
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.encoding import escape_uri_path
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.desk.live.streams import describe_drill
from releve.desk.page import PageModel
from releve.live.api import IdentityCache
from releve.registry.service import get_current_version, load_operator

API = "/api/"
"""What every address of the API begins with."""
JSON_STYLE = {"ensure_ascii": False, "separators": (",", ":")}


@dataclass(frozen=True, slots=True)
class Frame:
    """Head of a page: whose data these are."""

    operator: str
    synthetic: bool


def wants_json(request: HttpRequest) -> bool:
    """Return whether JSON is asked for: by the address, by ``?format=json``, or of the API."""
    if request.path.startswith(API):
        return True
    return request.path.endswith(".json") or request.GET.get("format") == "json"


def page_response(
    request: HttpRequest,
    template: str,
    page: PageModel,
    context: Mapping[str, object] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Return a page object as HTML or as JSON; 304 when the reader has the same already.

    A page of a drill carries its banner. ``context`` is for HTML alone: forms, what of the
    request is shown again, and a ``frame`` in place of the operator's. The JSON names the
    address of the HTML in a header ``Link``; where a form of ``context`` has faults, it is the
    error that names them, unless the page itself has ``faults``.
    """
    if wants_json(request):
        for form in (context or {}).values():
            if isinstance(form, BaseForm) and form.errors and not getattr(page, "faults", ()):
                return _explain_form(request, status, form)
        html = other_form(request, as_json=False)
        return unchanged(request, json_response(page, status, html=html))
    words = {
        "page": page,
        "drill": describe_drill(getattr(page, "drill", "")),
        "json_url": other_form(request, as_json=True),
        **(context or {}),
    }
    if "frame" not in words:
        words["frame"] = _frame()
    return unchanged(request, render(request, template, words, status=status))


def _explain_form(request: HttpRequest, status: int, form: BaseForm) -> HttpResponse:
    faults = [
        {"field": "" if field == NON_FIELD_ERRORS else field, "message": str(message)}
        for field, messages in form.errors.items()
        for message in messages
    ]
    return failure(request, status, _("This was not accepted."), faults[0]["message"], faults)


def part_response(
    request: HttpRequest, template: str, page: PageModel, context: Mapping[str, object]
) -> HttpResponse:
    """Return the part of a page that browsers poll; 304 when the reader has it.

    It is rendered once for all readers of an equal page and the same ``context``: its template
    uses these alone, and neither the request nor the reader.
    """
    if wants_json(request):
        return unchanged(request, json_response(page, html=other_form(request, as_json=False)))
    language, content = get_language() or "", page.json_bytes

    def respond() -> HttpResponse:
        body = _parts.get(
            (language, template, hashlib.sha256(content).digest()),
            tuple(context.values()),
            lambda: render_to_string(template, {"page": page, **context}),
        )
        return HttpResponse(body)

    return respond_if_changed(request, (language, template, content), respond)


_parts: IdentityCache[str] = IdentityCache(16)


def json_response(page: PageModel, status: int = 200, *, html: str = "") -> HttpResponse:
    """Return a page object as JSON; ``html``: its address as HTML."""
    response = HttpResponse(page.json_bytes, content_type="application/json", status=status)
    if html:
        response["Link"] = f'<{html}>; rel="alternate"; type="text/html"'
    return response


def download(
    content: bytes | str | Iterable[str], name: str, kind: str = "application/json"
) -> HttpResponse:
    """Return a file to be saved under a name, which no cache keeps; lines are sent as they come."""
    if isinstance(content, bytes | str):
        response: HttpResponseBase = HttpResponse(content, content_type=kind)
    else:
        response = StreamingHttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return keep_unstored(cast("HttpResponse", response))


def keep_unstored(response: HttpResponse) -> HttpResponse:
    """Let neither a browser nor a cache keep a response: of a person, a secret, a file."""
    response["Cache-Control"] = "private, no-store"
    return response


def unchanged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Give what was read the ETag of its content; 304 when the reader has it already.

    The content holds the reader's own menu, so that no other user of a browser gets it.
    """
    response["Cache-Control"] = _CACHE_CONTROL
    if response.status_code != 200 or request.method not in ("GET", "HEAD"):
        return response
    return respond_if_changed(request, [response.content], lambda: response)


def respond_if_changed(
    request: HttpRequest, facts: Sequence[bytes | str], respond: Callable[[], HttpResponse]
) -> HttpResponse:
    """Return what ``respond`` gives, or 304 when the reader has the answer to the same facts.

    ``facts`` are all that the answer depends on, so that it is only built for a reader who lacks
    it.
    """
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(fact.encode() if isinstance(fact, str) else fact)
        digest.update(b"\n")
    etag = quote_etag(digest.hexdigest()[:32])
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = respond()
    response["ETag"] = etag
    response["Cache-Control"] = _CACHE_CONTROL
    assert isinstance(response, HttpResponse)
    return response


_CACHE_CONTROL = "private, no-cache"


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


def _frame() -> Frame | None:
    version = get_current_version()
    if version is None:
        return None
    row = load_operator(version).row
    return Frame(row.name, row.synthetic)


def other_form(request: HttpRequest, *, as_json: bool) -> str:
    """Return the address of this page as JSON or as HTML, with the same filter."""
    query = request.GET.copy()
    query.pop("format", None)
    if as_json:
        query["format"] = "json"
    path = escape_uri_path(request.path.removesuffix("verdict.json").removesuffix(".json"))
    return f"{path}?{query.urlencode()}" if query else path
