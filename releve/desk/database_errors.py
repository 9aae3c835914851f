"""The database is busy, away, full or behind its ledger: one answer, wherever it happens."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from releve.desk.http import failure
from releve.ledger.errors import LedgerBehind
from releve.ledger.rollback import is_behind
from releve.live.api import Busy, is_busy, is_disk_full

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
        response = failure(request, 503, message)
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
    )


def unrecorded(error: Busy) -> str:
    """Return why nothing was recorded and what to do, above the form that was sent."""
    if is_disk_full(error):
        return _("The database’s disk is full. Nothing was recorded; free space, then send again.")
    return _("The database is busy. Nothing was recorded; send it again.")
