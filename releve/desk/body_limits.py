"""How much a page takes: more is refused by what the request announces, before any of it is read.

Django's check of the form's token reads the whole body, so this stands before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from releve.desk.http import failure

__all__ = ["BodySizes", "takes"]

_View = Callable[..., HttpResponse]


def takes(most_bytes: int, message: Callable[[], str]) -> Callable[[_View], _View]:
    """Limit the bytes that a view accepts, and set the message for a larger body."""

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
        most = getattr(view, "most_bytes", None)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if most is None or not length.isdigit() or int(length) <= most:
            return None
        message = _("What you sent is too large; nothing was recorded.")
        return failure(request, 413, message, view.too_much())
