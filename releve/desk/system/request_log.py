"""Every request gets an id, a line in the log and its place in the metrics.

The line and the metrics name the route, never the address (see :mod:`releve.log_formats`).
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram

from releve.log_formats import REQUEST, REQUEST_ID, name_route

REQUESTS = CollectorRegistry()
"""Counts and times of this process's requests."""

_HEADER = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST"})
_count = Counter(
    "releve_desk_requests", "Requests answered", ("method", "route", "status"), registry=REQUESTS
)
_seconds = Histogram(
    "releve_desk_request_seconds",
    "Seconds from the whole request to its answer",
    ("route",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REQUESTS,
)
_log = logging.getLogger("releve.requests")


def request_log_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware, the outermost: name, time, count and log every request."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began, name = time.perf_counter(), _choose_id(request)
        token, held = REQUEST_ID.set(name), REQUEST.set(request)
        try:
            response = get_response(request)
            response[_HEADER] = name
            _note(request, response.status_code, time.perf_counter() - began)
        finally:
            REQUEST_ID.reset(token)
            REQUEST.reset(held)
        return response

    return middleware


def _choose_id(request: HttpRequest) -> str:
    """Return the id that a trusted proxy gave the request, else a new one."""
    given = request.headers.get(_HEADER, "")
    if settings.ALLAUTH_TRUSTED_PROXY_COUNT and _ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _note(request: HttpRequest, status: int, seconds: float) -> None:
    route = name_route(request)
    method = request.method if request.method in _METHODS else "other"
    _count.labels(method, route, str(status)).inc()
    _seconds.labels(route).observe(seconds)
    milliseconds = round(1000 * seconds, 1)
    _log.info(
        "%s %s %d %s ms", method, route, status, milliseconds,
        extra={"fields": {
            "method": method, "route": route, "status": status, "milliseconds": milliseconds,
        }},
    )  # fmt: skip
