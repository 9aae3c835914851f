"""Live and ready, apart; metrics for Prometheus.

``/healthz`` says that the process answers: restart it when it does not. ``/readyz`` says that the
installation does its work: call a person when it does not. Neither shows a path or a version.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)

from releve.accounts.scopes import can
from releve.desk.access.guard import allow_anonymous
from releve.desk.api.auth import Door, enter, identify_caller
from releve.desk.system.request_log import REQUESTS
from releve.live import api as live

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
    """Answer 200 when what is recorded now has its effects in time, else 503.

    Which check fails is shown to a user or program that may watch the installation.
    """
    found = live.check_readiness()
    document: dict[str, Any] = {"status": "ready" if found.ready else "not ready"}
    if found.database:
        refused = identify_caller(request)
        if refused is not None:
            return refused
        if can(request.user, _WATCH):
            document |= {
                "database": found.database,
                "worker": found.worker,
                "without_receipt": found.without_receipt,
            }
    status = 200 if found.ready else 503
    return JsonResponse(document, status=status, headers={"Cache-Control": "no-store"})


def _render(request: HttpRequest) -> HttpResponse:
    body = generate_latest(_INSTALLATION) + generate_latest(REQUESTS)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


metrics = enter(_render, "GET", Door("metrics.see"))
"""Metrics in Prometheus' text format, to a token of the role for it, or a user that may watch."""
