"""How the desk answers: a page as HTML or JSON, 304 where it has not changed, errors in one shape.

A page with forms is always sent again: each of them holds a token of its own. A view takes
FORM_BYTES, more where :func:`takes` says so; what a request announces is refused before it is
read, and before Django's check of the form's token, which reads the whole body. Every answer has
headers that allow nothing from elsewhere, no inline script and no framing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Event
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import DatabaseError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.encoding import escape_uri_path
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.desk.error_codes import choose_code
from releve.desk.live.page import describe_drill
from releve.desk.page import PageModel
from releve.ledger.guards import LedgerBehind
from releve.ledger.rollback import is_behind
from releve.live.api import Busy, IdentityCache, is_busy, is_disk_full
from releve.registry.service import get_current_version, load_operator

API = "/api/"
"""What every address of the API begins with."""
SCIM = "/scim/v2/"
"""What every address begins with by which a directory provisions accounts."""
JSON_STYLE = {"ensure_ascii": False, "separators": (",", ":")}


@dataclass(frozen=True, slots=True)
class Frame:
    """Head of a page: whose data these are."""

    operator: str
    synthetic: bool


def wants_json(request: HttpRequest) -> bool:
    """Return whether JSON is asked for: by the address, by ``?format=json``, or of the API."""
    if request.path.startswith((API, SCIM)):
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
        {"field": "" if field == NON_FIELD_ERRORS else field, "code": "field.form", "message": str(message)}
        for field, messages in form.errors.items()
        for message in messages
    ]
    return failure(request, status, _("This was not accepted."), faults[0]["message"], faults)


def part_response(request: HttpRequest, template: str, page: PageModel, context: Mapping[str, object]) -> HttpResponse:
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


def download(content: bytes | str | Iterable[str], name: str, kind: str = "application/json") -> HttpResponse:
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
    etag = _build_etag(facts)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = respond()
    response["ETag"] = etag
    response["Cache-Control"] = _CACHE_CONTROL
    assert isinstance(response, HttpResponse)
    return response


def check_preconditions(request: HttpRequest, content: bytes | None) -> bool:
    """Return whether what is to be changed is still as the sender saw it: ``content`` is what reading it answers, None
    where it is not there."""
    return get_conditional_response(request, etag=None if content is None else _build_etag([content])) is None


def _build_etag(facts: Sequence[bytes | str]) -> str:
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(fact.encode() if isinstance(fact, str) else fact)
        digest.update(b"\n")
    return quote_etag(digest.hexdigest()[:32])


_CACHE_CONTROL = "private, no-cache"


def failure(
    request: HttpRequest,
    status: int,
    message: str,
    detail: str = "",
    faults: Sequence[Mapping[str, str]] = (),
    *,
    code: str = "",
) -> HttpResponse:
    """Return an error in the one shape that all have, as a page or as JSON.

    ``faults`` are the fields that are wrong, where there are some; a page has forms for that. ``code`` is of
    ``ERROR_CODES``; without it, the one of the status.
    """
    if wants_json(request):
        code = choose_code(status, code, faults=bool(faults))
        error: dict[str, Any] = {"status": status, "code": code, "message": message, "detail": detail}
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


_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
_SIGN_IN = "/account/"
_RETRY_AFTER_SECONDS, _RETRY_WHEN_FULL_SECONDS = 2, 60


def answered_if_busy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: a view that the database kept waiting too long is answered by 503.

    Where the database is behind its ledger, pages show what it holds, and no form but that of
    signing in is taken.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method in _SAFE_METHODS or request.path.startswith(_SIGN_IN):
            return get_response(request)
        return _refuse_behind(request) if is_behind() else get_response(request)

    middleware.process_exception = answer_if_busy  # type: ignore[attr-defined]
    return middleware


def answer_if_busy(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Return the answer to such an error; None where it is another one, or none."""
    if isinstance(error, LedgerBehind):
        return _refuse_behind(request)
    full = is_disk_full(error)
    if not full and not is_busy(error):
        return None
    message = (
        _("The database’s disk is full. Nothing was changed; free space, then try again.")
        if full
        else _("The database is busy. Nothing was changed; try again in a moment.")
    )
    try:
        response = failure(request, 503, message, code="disk.full" if full else "busy")
    except DatabaseError:  # the frame of a page asks who reads it
        response = HttpResponse(message, status=503, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(_RETRY_WHEN_FULL_SECONDS if full else _RETRY_AFTER_SECONDS)
    return response


def _refuse_behind(request: HttpRequest) -> HttpResponse:
    return failure(
        request,
        503,
        _("The database is behind its signed roots: nothing is recorded until that is mended."),
        _("Call an administrator: `releve doctor` says what is missing, and the ways out."),
        code="ledger.behind",
    )


def unrecorded(error: Busy) -> str:
    """Return why nothing was recorded and what to do, above the form that was sent."""
    if is_disk_full(error):
        return _("The database’s disk is full. Nothing was recorded; free space, then send again.")
    return _("The database is busy. Nothing was recorded; send it again.")


FORM_BYTES = 256 * 1024
LARGEST_BODY_BYTES = 65 * 1024**2
"""What the server itself takes of any request: the reference data with its form."""

STOPPING = Event()
"""Set once the process is asked to stop: a request that waits is then answered at once."""

_View = Callable[..., HttpResponse]


def takes(most_bytes: int, message: Callable[[], str]) -> Callable[[_View], _View]:
    """Set the bytes that a view accepts, and the message for a larger body."""
    if most_bytes > LARGEST_BODY_BYTES:
        raise ValueError(f"most_bytes must be at most {LARGEST_BODY_BYTES}, got {most_bytes}")

    def decorate(view: _View) -> _View:
        view.most_bytes, view.too_much = most_bytes, message  # type: ignore[attr-defined]
        return view

    return decorate


class BodySizes:
    """Django middleware: refuse (413) a body larger than its view takes, without reading it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: object, kwargs: object) -> HttpResponse | None:
        """Answer in the view's place where the body is too large."""
        most = getattr(view, "most_bytes", FORM_BYTES)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) <= most:  # of no number Django reads nothing
            return None
        message = _("What you sent is too large; nothing was recorded.")
        return failure(request, 413, message, getattr(view, "too_much", _too_large_form)())


def _too_large_form() -> str:
    return _("A form takes at most {size} KB.").format(size=FORM_BYTES // 1024)


def policy(form_targets: Sequence[str] = ()) -> str:
    """Return the content policy; a form may lead to this desk, and to the origins named."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            " ".join(("form-action 'self'", *form_targets)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


_HEADERS = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def security_headers(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: add the headers that Django itself does not set."""
    headers = {"Content-Security-Policy": policy(settings.FORM_TARGETS), **_HEADERS}

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


_T = TypeVar("_T")


def read_day(text: str) -> date | None:
    """Return a day as ``2026-11-30``; None where it is none, or so far off that weeks beside it may not exist."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1900 <= found.year < 3000 else None


def read_number(text: str, most_digits: int = 8) -> int | None:
    """Return a whole number from 0; None where it is none, or has more digits."""
    sound = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if sound else None


def require_found(found: _T | None, message: str) -> _T:
    """Return what was found; Http404 with a sentence where nothing was."""
    if found is None:
        raise Http404(message)
    return found
