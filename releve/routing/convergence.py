"""Whether a system has come to hold what was published to it, by its deadline.

A system's state goes from ``pending`` (not accepted yet) by ``applied`` (accepted, not seen there)
to ``confirmed``; ``diverged`` is one that holds something else although it had time to settle,
``silent`` one that accepted and does not answer now, and ``timed_out`` one past its deadline.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from releve.routing.adapter import RoutingCapabilities, RoutingSnapshot

__all__ = ["ConvergenceState", "judge_convergence"]

ConvergenceState = Literal["pending", "applied", "confirmed", "diverged", "silent", "timed_out"]


def judge_convergence(
    number: int,
    capabilities: RoutingCapabilities,
    snapshot: RoutingSnapshot | None,
    *,
    queued_at: datetime,
    accepted_at: datetime | None,
    digest: str,
    now: datetime,
    answers: bool = True,
) -> ConvergenceState:
    """Return the state of a system towards generation ``number``, queued at an instant.

    ``accepted_at`` and ``digest`` are those of its receipt, None and empty without one;
    ``snapshot`` is None where the system holds nothing, cannot say or does not answer (not
    ``answers``).
    """
    late = now - queued_at > timedelta(seconds=capabilities.deadline_seconds)
    held = snapshot is not None and snapshot.whole and snapshot.number == number
    if held and snapshot is not None and digest in ("", snapshot.digest):
        return "confirmed"
    if accepted_at is None:
        return "timed_out" if late else "pending"
    if not answers:
        return "silent"
    if snapshot is None and capabilities.observes != "routes":
        return "applied"
    settled = now - accepted_at > timedelta(seconds=capabilities.settles_seconds)
    if snapshot is not None and settled:
        return "diverged"
    return "timed_out" if late and settled else "applied"
