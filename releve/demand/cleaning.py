"""Clean a programme's history: local days, the gaps in it, and the days kept out of the profile.

A source is laid out as ``[day, slot]``; a closed or missing half hour is NaN, never zero. What is
*usual* comes from the same weekday of other weeks, so no working week is assumed. Days far from
their weekday's level, busy or quiet, are named with the reason and kept out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from releve.demand.import_report import ImportFault
from releve.demand.localtime import SLOTS, calendar_country, local_slots, number_to_day, open_slots
from releve.demand.requirement import History
from releve.errors import Phrase
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme
from releve.network.opening_hours import is_holiday

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


def usual_counts(counts: Floats, days: Ints) -> Floats:
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
    low, high = (np.take_along_axis(ordered, place[None], axis=0)[0] for place in ((known - 1) // 2, known // 2))
    return np.asarray((low + high) / 2, dtype=np.float64)


def expect_calls(held: Truths, days: Ints) -> Truths:
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

    A run crosses slots without usual calls, but not midnight. At 15 usual calls an empty run is no
    chance (e^-15 for Poisson arrivals); a single half hour needs twice as many, because a late
    opening is no fault of the source.
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


def list_gap_faults(found: list[Gap], days: Ints, what: str) -> list[ImportFault]:
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
        kind=kind, row=0, column=what, value=value, reason=_REASON[kind], effect=_EFFECT, fix=_FIX, count=count
    )


def _stretches(indexes: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for i in range(1, len(indexes) + 1):
        if i == len(indexes) or indexes[i] != indexes[i - 1] + 1:
            yield indexes[start], i - start
            start = i


def _clock(slot: int) -> str:
    return f"{slot // 2:02d}:{slot % 2 * 30:02d}" if slot < SLOTS else "24:00"


KINDS = ("normal", "exceptional", "half_open", "holiday", "closed", "missing")
"""What a day can be. A ``holiday`` is a public holiday, worked or not."""

_Z = 4.0
_RATIO = 0.15
_NEIGHBOURS = 7
_LOST_SHARE = 0.05
_LEAST_CV = 0.05
_OWN_MEDIANS = 1.25
"""Days lie nearer to medians that they have a part in than to those of other days (simulated)."""


@dataclass(frozen=True)
class NamedDay:
    """A day kept out of the profile, or only in part in it; ``ratio`` to its usual level."""

    day: date
    kind: str
    ratio: float
    reason: str


@dataclass(frozen=True)
class CleanHistory:
    """History of one programme as ``[local day, half hour of the wall clock]`` of its time zone.

    ``numbers`` int64 days since 1970, one after the other; ``offered``, ``answered``, ``aht_s``
    float64 ``[day, 48]``, NaN = closed or not known; ``open`` what the opening hours say;
    ``kind[day]`` index into :data:`KINDS`; ``holiday[day]`` public holidays of the calendar.
    ``named`` are the days with something to say about, ``notes`` remarks on the whole.
    """

    programme: str
    numbers: Ints
    offered: Floats
    answered: Floats
    aht_s: Floats
    open: Truths
    kind: Ints
    holiday: Truths
    named: tuple[NamedDay, ...]
    notes: tuple[str, ...]

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(number_to_day(number) for number in self.numbers.tolist())

    def is_kind(self, *kinds: str) -> Truths:
        """Return which days are of one of these kinds."""
        return np.isin(self.kind, [KINDS.index(kind) for kind in kinds])

    def until(self, number: int) -> CleanHistory:
        """Return the days before day ``number``, cleaned as they are (for tests of the past)."""
        keep = self.numbers < number
        return CleanHistory(
            self.programme,
            self.numbers[keep],
            self.offered[keep],
            self.answered[keep],
            self.aht_s[keep],
            self.open[keep],
            self.kind[keep],
            self.holiday[keep],
            tuple(day for day in self.named if (day.day - date(1970, 1, 1)).days < number),
            self.notes,
        )


def clean_history(history: History, programme: Programme) -> CleanHistory:
    """Lay a history out in local days and say of each day what it is."""
    numbers, tables = _lay_out(history, programme.time_zone)
    opened, closed_by_holiday = open_slots(programme, numbers)
    country = calendar_country(programme)
    holiday = np.array([is_holiday(country, number_to_day(n)) for n in numbers.tolist()], dtype=np.bool_)
    holiday |= closed_by_holiday
    notes = _outside(tables["offered"], opened)
    for table in tables.values():
        table[~opened] = np.nan
    offered = tables["offered"]
    mute = find_silence(offered, usual_counts(offered, numbers))
    offered[mute] = np.nan
    # per day, the share of its weekday's calls in open slots not known
    shares = _shares(offered, numbers, np.ones(len(numbers), dtype=np.bool_))
    lost = np.asarray((shares * (opened & ~np.isfinite(offered))).sum(axis=1), dtype=np.float64)
    kind = np.zeros(len(numbers), dtype=np.int64)
    kind[lost > _LOST_SHARE] = KINDS.index("half_open")
    kind[holiday] = KINDS.index("holiday")
    none_known = ~np.isfinite(offered).any(axis=1)
    kind[none_known & ~holiday] = KINDS.index("missing")
    kind[none_known & mute.any(axis=1) & ~holiday] = KINDS.index("exceptional")
    kind[~opened.any(axis=1) & ~holiday] = KINDS.index("closed")
    ratio, strange = _find_strange_days(offered, numbers, kind)
    kind[strange & (kind != KINDS.index("holiday"))] = KINDS.index("exceptional")
    return CleanHistory(
        programme.id,
        numbers,
        offered,
        tables["answered"],
        tables["aht_s"],
        opened,
        kind,
        holiday,
        _name_days(numbers, kind, ratio, lost, opened),
        notes,
    )


def _lay_out(history: History, time_zone: str) -> tuple[Ints, dict[str, Floats]]:
    """Return the local days and each column as ``[day, slot]``.

    The hour that the autumn change repeats holds the mean of its two halves.
    """
    if not len(history.starts):
        empty = {name: np.empty((0, SLOTS)) for name in ("offered", "answered", "aht_s")}
        return np.empty(0, dtype=np.int64), empty
    day, slot = local_slots(history.starts, time_zone)
    first = int(day.min())
    numbers = np.arange(first, int(day.max()) + 1, dtype=np.int64)
    cell = (day - first) * SLOTS + slot
    size = len(numbers) * SLOTS
    tables = {}
    for name in ("offered", "answered", "aht_s"):
        values = np.asarray(getattr(history, name), dtype=np.float64)
        held = np.bincount(cell, minlength=size)
        total = np.bincount(cell, values, size)
        table = np.full(size, np.nan)
        np.divide(total, held, out=table, where=held > 0)
        tables[name] = table.reshape(-1, SLOTS)
    return numbers, tables


def _outside(offered: Floats, opened: Truths) -> tuple[str, ...]:
    """Say how many calls lie outside the opening hours, and whether a shift would explain them."""
    counts = np.nan_to_num(offered)
    total, outside = counts.sum(), counts[~opened].sum()
    if outside <= 0:
        return ()
    text = (
        f"{outside:.0f} of {total:.0f} calls ({100 * outside / total:.1f} %) lie outside the"
        " opening hours: not forecast"
    )
    if outside > 0.1 * total:
        flat, mask = counts.ravel(), opened.ravel()
        shifts = [shift for shift in range(-24, 25) if shift]
        inside = [float(np.roll(flat, shift)[mask].sum()) for shift in shifts]
        best = int(np.argmax(inside))
        if inside[best] > 0.98 * total:
            text += (
                f"; moved by {shifts[best] / 2:+g} h {100 * inside[best] / total:.1f} % would lie"
                " inside: the times may be of another time zone"
            )
    return (text,)


def _shares(offered: Floats, numbers: Ints, guide: Truths) -> Floats:
    """Return each slot's share of its weekday as ``[day, slot]`` from the days that are a guide."""
    out = np.zeros(offered.shape)
    weekday = (numbers + 3) % 7
    for day in range(7):
        rows = offered[(weekday == day) & guide]
        held = np.isfinite(rows).sum(axis=0)
        mean = np.nansum(rows, axis=0) / np.maximum(held, 1)
        if mean.sum() > 0:
            out[weekday == day] = mean / mean.sum()
    return out


def _find_strange_days(offered: Floats, numbers: Ints, kind: Ints) -> tuple[Floats, Truths]:
    """Return, per day, its ratio to the usual level and whether that is beyond chance.

    The deviation is measured on the square-root scale, where Poisson noise has variance 1, with a
    day-to-day coefficient of variation fitted to the median deviation: days are called strange
    beyond four of their standard deviations and 15 %.
    """
    known = np.isin(kind, [KINDS.index("normal"), KINDS.index("half_open")])
    shares = _shares(offered, numbers, known)
    held = (shares * np.isfinite(offered)).sum(axis=1)
    total = np.nansum(offered, axis=1)
    known &= held > 0.3
    full = np.where(known, total / np.maximum(held, 1e-9), np.nan)
    expected = _usual_totals(full, numbers) * held
    known &= expected > 0
    ratio = np.divide(total, expected, out=np.full(len(total), np.nan), where=known)
    deviation = 2 * (np.sqrt(total + 0.375) - np.sqrt(np.where(known, expected, 0.0) + 0.375))
    cv = max(_LEAST_CV, _OWN_MEDIANS * _fit_cv(deviation[known], expected[known]))
    z = np.abs(deviation) / np.sqrt(1 + np.where(known, expected, 0.0) * cv**2)
    strange = known & (z > _Z) & (np.abs(np.where(known, ratio, 1.0) - 1) > _RATIO)
    return ratio, strange


def _usual_totals(full: Floats, numbers: Ints) -> Floats:
    """Return what a day of its weekday usually has, NaN where the weekday is known only once.

    It is the median of the same weekday times the median of the neighbouring days' ratios to
    theirs, by turns, so that a lasting change of level is no exception and changes no weekday.
    """
    weekday = (numbers + 3) % 7
    local = np.ones(len(full))
    usual = np.full(len(full), np.nan)
    for _ in range(3):
        scaled = full / local
        for day in range(7):
            same = weekday == day
            values = scaled[same & np.isfinite(scaled)]
            usual[same] = known_median(values) if len(values) > 1 else np.nan
        level = np.divide(full, usual, out=np.full(len(full), np.nan), where=usual > 0)
        median = _running_median(level)
        local = np.where(np.isfinite(median) & (median > 0), median, 1.0)
    return usual * local


def _running_median(ratio: Floats) -> Floats:
    """Return the median of each day's known neighbours, as many before as after it.

    A week on both sides; less near the ends, but two days at least where there are.
    """
    known = np.flatnonzero(np.isfinite(ratio))
    values, last = ratio[known], len(known) - 1
    out = np.full(len(ratio), np.nan)
    width = 2 * _NEIGHBOURS + 1
    if len(known) >= width:
        middle = np.median(sliding_window_view(values, width), axis=1)
        out[known[_NEIGHBOURS : last + 1 - _NEIGHBOURS]] = middle
    for place in range(last + 1):
        near_end = min(place, last - place)
        if near_end < _NEIGHBOURS:
            reach = max(2, near_end)
            out[known[place]] = known_median(values[max(0, place - reach) : place + reach + 1])
    return out


def _fit_cv(deviation: Floats, expected: Floats) -> float:
    """Return the least coefficient of variation at which half of the days lie within 0.6745 sd."""
    if not len(deviation):
        return 0.0
    grid = np.linspace(0.0, 1.0, 201)
    scale = np.sqrt(1 + expected[None, :] * grid[:, None] ** 2)
    within = np.median(np.abs(deviation)[None, :] / scale, axis=1) <= 0.6745
    return float(grid[np.argmax(within)]) if within.any() else 1.0


def _name_days(numbers: Ints, kind: Ints, ratio: Floats, lost: Floats, opened: Truths) -> tuple[NamedDay, ...]:
    out = []
    for i in np.flatnonzero((kind != 0) & (kind != KINDS.index("closed"))).tolist():
        name = KINDS[kind[i]]
        reason = {
            "exceptional": _exceptional(float(ratio[i])),
            "half_open": f"{100 * lost[i]:.0f} % of a usual day is not known",
            "holiday": "public holiday" + ("" if opened[i].any() else ", closed"),
            "missing": "open, but the source holds nothing",
        }[name]
        out.append(NamedDay(number_to_day(numbers[i]), name, float(ratio[i]), reason))
    return tuple(out)


def _exceptional(ratio: float) -> str:
    if not np.isfinite(ratio):
        return "no call all day although open"
    side = "above" if ratio > 1 else "below"
    return f"{100 * abs(ratio - 1):.0f} % {side} the usual level of its weekday"
