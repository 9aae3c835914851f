"""All metrics of the desk in Prometheus text format: its requests, the installation's state."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)

from releve.desk.system.request_log import REQUESTS
from releve.live.api import InstallationCollector

_INSTALLATION = CollectorRegistry()
ProcessCollector(registry=_INSTALLATION)
_INSTALLATION.register(InstallationCollector())


def render_metrics() -> tuple[bytes, str]:
    """Return the text and its content type."""
    return generate_latest(_INSTALLATION) + generate_latest(REQUESTS), CONTENT_TYPE_LATEST
