"""How much a page takes: more is refused by what the request announces, before any of it is read.

Every view takes FORM_BYTES; one that takes files says so by :func:`takes`. Django's check of the
form's token reads the whole body, so this stands before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from releve.desk.http import failure

FORM_BYTES = 256 * 1024
LARGEST_BODY_BYTES = 65 * 1024**2
"""What the server itself takes of any request: the reference data with its form."""

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

    def process_view(
        self, request: HttpRequest, view: Any, args: object, kwargs: object
    ) -> HttpResponse | None:
        """Answer in the view's place where the body is too large."""
        most = getattr(view, "most_bytes", FORM_BYTES)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) <= most:  # of no number Django reads nothing
            return None
        message = _("What you sent is too large; nothing was recorded.")
        return failure(request, 413, message, getattr(view, "too_much", _too_large_form)())


def _too_large_form() -> str:
    return _("A form takes at most {size} KB.").format(size=FORM_BYTES // 1024)
