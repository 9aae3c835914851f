"""For those who watch the installation: live, ready, metrics, and a log line for each request.

``/healthz`` says that the process answers: restart it when it does not. ``/readyz`` says that the
installation does its work: call a person when it does not. Neither shows a path or a version. Lines
and metrics name the route, never the address (see :mod:`releve.log_formats`). What is read for one
answer is read of one version of the registry.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.templatetags.static import static
from django.urls import path
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from releve.accounts.scopes import can
from releve.desk.access.guard import allow_anonymous
from releve.desk.api.auth import Door, enter, identify_caller
from releve.live import api as live
from releve.log_formats import REQUEST, REQUEST_ID, name_route
from releve.registry.service import hold_version

REQUESTS = CollectorRegistry()
"""Counts and times of this process's requests."""

_HEADER = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST"})
_count = Counter("releve_desk_requests", "Requests answered", ("method", "route", "status"), registry=REQUESTS)
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


_WATCH = "system.watch"
_INSTALLATION = CollectorRegistry()
ProcessCollector(registry=_INSTALLATION)
_INSTALLATION.register(live.InstallationCollector())


@allow_anonymous
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as the process answers at all."""
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@allow_anonymous
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when what is recorded now has its effects in time, else 503; ``compiling`` passes by itself.

    Which check fails is shown to a user or program that may watch the installation.
    """
    found = live.check_readiness()
    document: dict[str, Any] = {"status": found.status}
    if found.database:
        refused = identify_caller(request)
        if refused is not None:
            return refused
        if can(request.user, _WATCH):
            document |= {"database": found.database, "worker": found.worker, "without_receipt": found.without_receipt,
                         "failing": list(found.failing)}  # fmt: skip
    status = 200 if found.ready else 503
    return JsonResponse(document, status=status, headers={"Cache-Control": "no-store"})


@allow_anonymous
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone needs to install the desk."""
    icon = {"src": static("desk/icon.svg"), "type": "image/svg+xml", "sizes": "any"}
    found = {"name": "Relève", "short_name": "Relève", "start_url": "/now", "scope": "/", "display": "standalone",
             "icons": [icon]}  # fmt: skip
    return JsonResponse(found, content_type="application/manifest+json")


@allow_anonymous
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The script that keeps pages for a phone without a network: its address says for which pages."""
    script = Path(__file__).parent / "static" / "desk" / "worker.js"
    return HttpResponse(script.read_bytes(), content_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _render(request: HttpRequest) -> HttpResponse:
    body = generate_latest(_INSTALLATION) + generate_latest(REQUESTS)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


metrics = enter(_render, {"GET": Door("metrics.see")})
"""Metrics in Prometheus' text format, to a token of the role for it, or a user that may watch."""


def one_version(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: a request that only reads sees no other version half-way."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return get_response(request)
        with hold_version():
            return get_response(request)

    return middleware


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("worker.js", worker, name="worker"),
]
