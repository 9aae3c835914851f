"""The database is busy, away or full: one answer, wherever it happens, and when to try again."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from releve.desk.http import failure
from releve.live.api import Busy, is_disk_full

_RETRY_AFTER_SECONDS, _RETRY_WHEN_FULL_SECONDS = 2, 60
_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6
_STATES = frozenset({"55P03", "40P01", "40001", "53300"})
"""PostgreSQL: a lock not had, a deadlock, a transaction to be tried again, too many connections."""
_CLASSES = ("08", "57")
"""PostgreSQL: the connection is gone, the server is starting or stopping."""


def is_busy(error: BaseException | None) -> bool:
    """Return whether something failed only because the database does not answer just now."""
    if isinstance(error, Busy):
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_SQLITE_BUSY, _SQLITE_LOCKED)
    state = getattr(cause, "sqlstate", "")
    return state is None or state in _STATES or state[:2] in _CLASSES


def answered_if_busy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: a view that the database kept waiting too long is answered by 503."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _answer(request, error) if is_busy(error) or is_disk_full(error) else None

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware


def when_busy(request: HttpRequest) -> HttpResponse | None:
    """Return the answer where what is being handled is that; also what other middleware raised."""
    error = sys.exception()
    return _answer(request, error) if is_busy(error) or is_disk_full(error) else None


def unrecorded(error: Busy) -> str:
    """Return why nothing was recorded and what to do, above the form that was sent."""
    if is_disk_full(error):
        return _("The database’s disk is full. Nothing was recorded; free space, then send again.")
    return _("The database is busy. Nothing was recorded; send it again.")


def _answer(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    full = is_disk_full(error)
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
