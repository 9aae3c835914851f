"""Days and hours that a source does not hold although it usually does.

A source is laid out as ``[day, slot]`` over every local day from its first to its last. What is
*usual* comes from the same weekday of the other weeks, so no working week is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from releve.demand.import_report import ImportFault
from releve.demand.localtime import SLOTS, Int64s, number_to_day
from releve.demand.tables import Floats, Truths
from releve.errors import Phrase

__all__ = [
    "SILENCE_CALLS",
    "Gap",
    "expect_calls",
    "find_gaps",
    "find_silence",
    "known_median",
    "list_gap_faults",
    "usual_counts",
]

SILENCE_CALLS = 15.0
"""Calls that are usual in a run of half hours without any: below this, silence is chance."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of usual slots ``first``..``last`` of day index ``day`` that is not there.

    ``kind`` is ``gap`` (the whole day), ``half_open`` (the day begins late or ends early) or
    ``hole``.
    """

    kind: str
    day: int
    first: int
    last: int


def usual_counts(counts: Floats, days: Int64s) -> Floats:
    """Return, per ``[day, slot]``, the median of the same weekday (0 for one seen only once)."""
    weekday = (days + 3) % 7
    out = np.zeros_like(counts)
    for day in range(7):
        same = weekday == day
        if np.count_nonzero(same) > 1:
            known = np.isfinite(counts[same])
            filled = np.where(known.any(axis=0), counts[same], 0.0)
            out[same] = known_median(filled)
    return out


def known_median(values: Floats) -> Floats:
    """Return the median over the first axis of what is known; each column knows something.

    ``numpy.nanmedian`` without its checks, which cost most of the time of a small table.
    """
    ordered = np.sort(values, axis=0)
    known = np.isfinite(ordered).sum(axis=0)
    low, high = (
        np.take_along_axis(ordered, place[None], axis=0)[0]
        for place in ((known - 1) // 2, known // 2)
    )
    return np.asarray((low + high) / 2, dtype=np.float64)


def expect_calls(held: Truths, days: Int64s) -> Truths:
    """Return the ``[day, slot]`` held on more than half of the days of that weekday."""
    weekday = (days + 3) % 7
    out = np.zeros_like(held)
    for day in range(7):
        same = weekday == day
        if np.count_nonzero(same) > 1:
            out[same] = held[same].mean(axis=0) > 0.5
    return out


def find_silence(counts: Floats, usual: Floats) -> Truths:
    """Return the ``[day, slot]`` inside a run without a call in which many are usual.

    A run crosses slots in which nothing is usual, but not midnight. At 15 usual calls an empty
    run is no chance (e^-15 for Poisson arrivals); a single half hour needs twice as many, as one
    late opening is no fault of the source.
    """
    out = np.zeros(counts.shape, dtype=np.bool_)
    quiet = ((counts == 0) * usual).sum(axis=1)
    for day in np.flatnonzero(quiet >= SILENCE_CALLS):
        edges = np.flatnonzero(np.concatenate(([1], counts[day] != 0, [1])))
        for before, after in pairwise(edges.tolist()):
            run = usual[day, before : after - 1]
            least = SILENCE_CALLS if np.count_nonzero(run) > 1 else 2 * SILENCE_CALLS
            if run.sum() >= least:
                out[day, before : after - 1] = run > 0
    return out


def find_gaps(missing: Truths, usual: Truths) -> Iterator[Gap]:
    """Yield the runs of missing slots, day by day, classified against the usual slots."""
    for day in np.flatnonzero((missing & usual).any(axis=1)).tolist():
        slots = np.flatnonzero(usual[day])
        lost = missing[day, slots]
        if lost.all():
            yield Gap("gap", day, int(slots[0]), int(slots[-1]))
            continue
        edges = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(np.int8), [0]))))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            outer = start == 0 or stop == len(slots)
            kind = "half_open" if outer else "hole"
            yield Gap(kind, day, int(slots[start]), int(slots[stop - 1]))


_REASON = {
    "gap": Phrase("nothing is held although other weeks have calls then"),
    "half_open": Phrase("the day begins late or ends early against its weekday"),
    "hole": Phrase("nothing is held inside the day"),
}
_EFFECT = Phrase("the half hours are not known (not zero)")
_FIX = Phrase("add the missing rows, or leave it if the service was closed")


def list_gap_faults(found: list[Gap], days: Int64s, what: str) -> list[ImportFault]:
    """Return the faults for gaps; consecutive whole days are one fault. ``what`` names whose."""
    faults: list[ImportFault] = []
    whole = [gap for gap in found if gap.kind == "gap"]
    for first, count in _stretches([gap.day for gap in whole]):
        start, end = number_to_day(days[first]), number_to_day(days[first + count - 1])
        value = f"{start}" if count == 1 else Phrase("{0} to {1}", start, end)
        faults.append(_fault("gap", value, what, count))
    for gap in found:
        if gap.kind != "gap":
            value = f"{number_to_day(days[gap.day])} {_clock(gap.first)}-{_clock(gap.last + 1)}"
            faults.append(_fault(gap.kind, value, what, 1))
    return faults


def _fault(kind: str, value: str, what: str, count: int) -> ImportFault:
    return ImportFault(
        kind=kind,
        row=0,
        column=what,
        value=value,
        reason=_REASON[kind],
        effect=_EFFECT,
        fix=_FIX,
        count=count,
    )


def _stretches(indexes: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for i in range(1, len(indexes) + 1):
        if i == len(indexes) or indexes[i] != indexes[i - 1] + 1:
            yield indexes[start], i - start
            start = i


def _clock(slot: int) -> str:
    return f"{slot // 2:02d}:{slot % 2 * 30:02d}" if slot < SLOTS else "24:00"
