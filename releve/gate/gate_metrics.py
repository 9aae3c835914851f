"""How many questions were answered how, and in what time, for Prometheus.

Several processes of one gate share a folder of counters, so that each can tell those of all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from releve.gate.protocol import Reply

__all__ = ["note_answer", "render_gate_metrics", "share_metrics"]

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of prometheus_client, read when a process imports it."""
_OWN = CollectorRegistry()
_answers = Counter(
    "releve_gate_answers", "Answers: allow, refuse, or the gate's own refusal", ("answer",),
    registry=_OWN,
)  # fmt: skip
_seconds = Histogram(
    "releve_gate_answer_seconds", "Seconds from the whole header to the answer",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1.0), registry=_OWN,
)  # fmt: skip


def note_answer(reply: Reply, seconds: float) -> None:
    """Count an answer; rows of the law are one kind, each GATE-… refusal its own."""
    own = reply.reasons.startswith("GATE-")
    _answers.labels(reply.reasons if own else "allow" if reply.status == 200 else "refuse").inc()
    _seconds.observe(seconds)


def render_gate_metrics() -> str:
    """Return the metrics of every process of this gate as text."""
    registry = _OWN
    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode("ascii")


@contextmanager
def share_metrics() -> Iterator[None]:
    """Let the processes that are started meanwhile share their counters."""
    with tempfile.TemporaryDirectory(prefix="releve-gate-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]
