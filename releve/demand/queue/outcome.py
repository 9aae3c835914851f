"""What came out: counts by replication, and what they say with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.checks import encode_definitions
from releve.demand.queue.layout import COUNTS, QueueCounts
from releve.demand.queue.model import Centre
from releve.demand.queue.prepare import PreparedCentre, count_planned_seconds
from releve.demand.tables import Floats
from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = OptionalModule("scipy.special")

__all__ = ["QueueEstimate", "QueueOutcome", "build_outcome", "estimate_ratio"]

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class QueueEstimate:
    """Values with the interval that covers the expectation at the asked confidence.

    ``low`` and ``high`` are NaN after a single replication.
    """

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class QueueOutcome:
    """What each replication counted; axes ``[replication, interval, programme]`` unless said.

    A call counts in the interval it arrives in. ``offered`` = ``answered`` + ``abandoned`` +
    ``blocked`` + ``left``; ``again`` of the offered had dialled before, ``transferred`` were passed
    on from another programme; ``within`` and ``abandoned_within`` the threshold; ``left`` were
    still waiting when the last agents had left. ``moved`` and ``cut`` count answered calls that
    were interrupted: moved back into the line, or lost. ``wait_answered_s`` and
    ``wait_abandoned_s`` sums. ``busy_s`` and ``staffed_s[replication, interval + 1, group]`` agent
    seconds on calls and present, those who stayed to finish included; the last row is after the
    last interval. ``events`` per replication.
    """

    centre: Centre
    offered: Counts
    answered: Counts
    within: Counts
    abandoned: Counts
    abandoned_within: Counts
    blocked: Counts
    left: Counts
    again: Counts
    transferred: Counts
    moved: Counts
    cut: Counts
    wait_answered_s: Floats
    wait_abandoned_s: Floats
    busy_s: Floats
    staffed_s: Floats
    events: Counts

    def service_parts(self, definition: str) -> tuple[Counts, Counts]:
        """Return what a service level divides by what, ``[replication, interval, programme]``.

        The definitions are :data:`releve.demand.DEFINITIONS`; who is blocked is offered and not
        served. ValueError on another word.
        """
        return (
            (self.within, self.offered),
            (self.within, self.answered),
            (self.within, self.offered - self.abandoned_within),
            (self.within + self.abandoned_within, self.offered),
        )[int(encode_definitions(definition))]

    def service_level(
        self, definition: str = "offered", *, by: str = "interval", confidence: float = 0.95
    ) -> QueueEstimate:
        """Return the service level, see :meth:`estimate`; 1 where no call came."""
        return self.estimate(*self.service_parts(definition), by=by, confidence=confidence)

    def answer_rate(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return answered / offered; 1 where no call came."""
        return self.estimate(self.answered, self.offered, by=by, confidence=confidence)

    def mean_wait_s(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return the mean wait of callers who were answered or hung up; 0 where there were none."""
        waited = self.wait_answered_s + self.wait_abandoned_s
        calls = self.answered + self.abandoned
        return self.estimate(waited, calls, by=by, confidence=confidence, nothing=0.0)

    def mean_speed_of_answer_s(
        self, *, by: str = "interval", confidence: float = 0.95
    ) -> QueueEstimate:
        """Return the mean wait of the answered; 0 where none was."""
        parts = (self.wait_answered_s, self.answered)
        return self.estimate(*parts, by=by, confidence=confidence, nothing=0.0)

    def occupancy(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return busy over present, ``[interval, group]`` (the time after the day left out)."""
        parts = (self.busy_s[:, :-1], self.staffed_s[:, :-1])
        return self.estimate(*parts, by=by, confidence=confidence, nothing=0.0)

    def estimate(
        self,
        above: NDArray[Any],
        below: NDArray[Any],
        *,
        by: str = "interval",
        confidence: float = 0.95,
        nothing: float = 1.0,
    ) -> QueueEstimate:
        """Return the ratio of two counts by ``interval`` ``[interval, column]``, or for the whole
        ``day`` ``[column]``; ``nothing`` where there is nothing below."""
        if by not in ("interval", "day"):
            raise ValueError(f"by is one of interval, day, got {by!r}")
        if by == "day":
            above, below = above.sum(axis=1), below.sum(axis=1)
        return estimate_ratio(above, below, confidence=confidence, nothing=nothing)


def estimate_ratio(
    above: NDArray[Any], below: NDArray[Any], *, confidence: float = 0.95, nothing: float = 1.0
) -> QueueEstimate:
    """Return the ratio of the means over the first axis, with Student's interval (delta method)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"expected 0 < confidence < 1, got {confidence!r}")
    n = above.shape[0]
    total = below.sum(axis=0)
    some = total > 0
    divide = np.where(some, total, 1)
    value = np.where(some, above.sum(axis=0) / divide, nothing)
    if n == 1:
        unknown = np.full(value.shape, np.nan)
        return QueueEstimate(value, unknown, unknown)
    squares = ((above - value * below) ** 2).sum(axis=0)
    error = np.where(some, np.sqrt(squares * n / (n - 1.0)) / divide, 0.0)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2.0)) * error
    return QueueEstimate(value, value - half, value + half)


def build_outcome(centre: Centre, prepared: PreparedCentre, days: QueueCounts) -> QueueOutcome:
    """Return the kernel's counters in the order of the centre."""
    programme, group = np.argsort(prepared.programme), np.argsort(prepared.group)
    counts = days.counts[:, :, programme].astype(np.int64)
    waits = days.waits[:, :, programme]
    planned, last = count_planned_seconds(prepared.work)
    late = np.maximum(days.end - centre.edges_s[-1], 0.0)
    staffed = days.ghost.copy()
    staffed[:, :-1] += planned
    staffed[:, -1] += late[:, None] * last
    return QueueOutcome(
        centre,
        **{name: counts[..., column] for column, name in enumerate(COUNTS)},
        wait_answered_s=waits[..., 0],
        wait_abandoned_s=waits[..., 1],
        busy_s=days.busy[:, :, group],
        staffed_s=staffed[:, :, group],
        events=days.events,
    )
