"""Call logs and interval statistics to half-hourly history; nothing is dropped in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from releve.demand.gaps import find_gaps, find_silence, list_gap_faults, usual_counts
from releve.demand.history import mean_aht
from releve.demand.import_report import FIRST_ROW, ImportFault, ImportReport, RowCount
from releve.demand.import_rows import (
    RowAccounting,
    find_repeated,
    index_programmes,
    read_numbers,
    read_texts,
    require_columns,
)
from releve.demand.intervals import import_intervals
from releve.demand.localtime import HALF_HOUR_S, SLOTS, Int64s, local_slots
from releve.demand.mapping import CallMapping, Drop, IntervalMapping, parse_mapping
from releve.demand.tables import Floats, History, Truths
from releve.demand.time_columns import read_times, take_starts
from releve.errors import NumberPhrase, Phrase

__all__ = [
    "CallMapping",
    "Drop",
    "ImportFault",
    "ImportReport",
    "IntervalMapping",
    "RowCount",
    "import_calls",
    "import_intervals",
    "parse_mapping",
]

_MAX_S = 36_000.0


@dataclass(frozen=True)
class _Calls:
    """The calls that count: one entry a call, seconds NaN where not known."""

    seconds: Int64s
    programme: Int64s
    answered: Floats
    wait_s: Floats
    service_s: Floats
    ids: tuple[str, ...]


def import_calls(frame: pl.DataFrame, mapping: CallMapping, time_zone: str) -> ImportReport:
    """Import a table with one row a call.

    ``offered`` counts the rows that no drop rule takes, by the half hour of their start;
    ``answered`` those whose outcome says so; ``aht_s`` is the mean service time of the answered.
    From the first to the last row of the log every half hour is held, with 0 where the programme
    had no call, except where the log as a whole is silent: that is not known. ValueError when a
    column the mapping names is not there.
    """
    require_columns(frame, mapping.columns())
    ledger = RowAccounting(frame.height)
    times = read_times(take_starts(frame, mapping), time_zone, mapping.time_format)
    for kind in ("time", "clock_change"):
        ledger.set_aside(np.array([item == kind for item in times.kind], dtype=np.bool_), kind)
    ledger.faults.extend(times.faults)
    _drop_duplicates(frame, mapping, ledger)
    for rule in mapping.drop:
        ledger.drop(_matches(frame, rule), rule.name)
    programme, ids = index_programmes(frame, mapping.programme, mapping.programmes, ledger)
    kept = ledger.kept()
    calls = _Calls(
        seconds=times.seconds[kept],
        programme=programme[kept],
        answered=_answered(frame, mapping)[kept],
        wait_s=read_numbers(frame, mapping.wait_s, ledger, 0.0, _MAX_S)[kept],
        service_s=read_numbers(frame, mapping.service_s, ledger, 0.0, _MAX_S)[kept],
        ids=ids,
    )
    alive = times.seconds[times.good]
    histories, faults = _histories(calls, alive, time_zone)
    return ImportReport(
        histories=histories,
        faults=(*ledger.faults, *faults),
        notes=_notes(calls, ledger),
        rows=ledger.count(),
        patience_s=_patience(calls),
        served_20_s=_served(calls),
    )


def _drop_duplicates(frame: pl.DataFrame, mapping: CallMapping, ledger: RowAccounting) -> None:
    key = list(mapping.key) or frame.columns
    again = find_repeated(frame.select(key)) & ledger.kept()
    for row in np.flatnonzero(again).tolist():
        ledger.faults.append(
            ImportFault(
                kind="duplicate",
                row=row + FIRST_ROW,
                column=", ".join(mapping.key) or Phrase("the whole row"),
                value=", ".join(str(frame[name][row]) for name in mapping.key),
                reason=Phrase("the same call stands in an earlier row"),
                effect=Phrase("it counts once"),
                fix=Phrase("remove the row, or name in `key` the columns that tell calls apart"),
            )
        )
    ledger.set_aside(again, "duplicate")


def _matches(frame: pl.DataFrame, rule: Drop) -> Truths:
    out = np.ones(frame.height, dtype=np.bool_)
    for column, values in rule.where.items():
        wanted = [str(value) for value in values]
        out &= read_texts(frame[column]).is_in(wanted).fill_null(False).to_numpy().astype(np.bool_)
    return out


def _answered(frame: pl.DataFrame, mapping: CallMapping) -> Floats:
    """Return 1 for answered, 0 for not, NaN where the source does not say."""
    if not mapping.outcome:
        return np.full(frame.height, np.nan)
    cells = read_texts(frame[mapping.outcome]).str.to_lowercase()
    yes = cells.is_in([value.lower() for value in mapping.answered]).fill_null(False)
    known = cells.is_not_null().to_numpy().astype(np.bool_)
    return np.where(known, yes.to_numpy().astype(np.float64), np.nan)


def _histories(
    calls: _Calls, alive: Int64s, time_zone: str
) -> tuple[tuple[History, ...], list[ImportFault]]:
    if not len(alive):
        return (), []
    first = int(alive.min()) // HALF_HOUR_S
    size = int(alive.max()) // HALF_HOUR_S - first + 1
    starts = (np.arange(size, dtype=np.int64) + first) * HALF_HOUR_S
    traffic = np.bincount(alive // HALF_HOUR_S - first, minlength=size).astype(np.float64)
    lost, faults = _silences(starts, traffic, time_zone)
    out = []
    for index, programme in enumerate(calls.ids):
        mine = calls.programme == index
        if mine.any():
            out.append(_history(calls, mine, programme, starts, ~lost))
    return tuple(out), faults


def _silences(starts: Int64s, traffic: Floats, time_zone: str) -> tuple[Truths, list[ImportFault]]:
    """Return the half hours in which the log as a whole is silent, and the faults that say so."""
    day, slot = local_slots(starts, time_zone)
    days = np.arange(day[0], day[-1] + 1)
    counts = np.zeros((len(days), SLOTS))
    np.add.at(counts, (day - day[0], slot), traffic)
    usual = usual_counts(counts, days)
    lost = find_silence(counts, usual)
    found = list(find_gaps(lost, usual > 0))
    lost[[gap.day for gap in found if gap.kind == "gap"]] = True
    return lost[day - day[0], slot], list_gap_faults(found, days, Phrase("the whole log"))


def _history(calls: _Calls, mine: Truths, programme: str, starts: Int64s, held: Truths) -> History:
    index = calls.seconds[mine] // HALF_HOUR_S - starts[0] // HALF_HOUR_S
    size = len(starts)
    offered = np.bincount(index, minlength=size).astype(np.float64)
    answered = np.bincount(index, calls.answered[mine], size).astype(np.float64)
    seconds = np.where(calls.answered[mine] == 0, np.nan, calls.service_s[mine])
    known = np.isfinite(seconds)
    total = np.bincount(index[known], seconds[known], size)
    number = np.bincount(index[known], minlength=size).astype(np.float64)
    aht_s = mean_aht(total.astype(np.float64), number)
    aht_s[aht_s <= 0] = np.nan
    return History(programme, starts[held], offered[held], answered[held], aht_s[held])


def _patience(calls: _Calls) -> dict[str, float]:
    """Return mean patience: all time waited over calls abandoned.

    The maximum-likelihood estimate for exponential patience, the answered being censored
    (Mandelbaum & Zeltyn 2013, section 5).
    """
    out: dict[str, float] = {}
    known = np.isfinite(calls.wait_s) & np.isfinite(calls.answered)
    for index, programme in enumerate(calls.ids):
        mine = known & (calls.programme == index)
        abandoned = np.count_nonzero(calls.answered[mine] == 0)
        if abandoned:
            out[programme] = float(calls.wait_s[mine].sum() / abandoned)
    return out


def _served(calls: _Calls) -> dict[str, float]:
    out: dict[str, float] = {}
    known = np.isfinite(calls.wait_s) & np.isfinite(calls.answered)
    for index, programme in enumerate(calls.ids):
        mine = known & (calls.programme == index)
        if mine.any():
            quick = (calls.answered[mine] == 1) & (calls.wait_s[mine] <= 20)
            out[programme] = float(quick.mean())
    return out


def _notes(calls: _Calls, ledger: RowAccounting) -> tuple[str, ...]:
    counts = Counter(calls.programme.tolist())
    lines: list[str] = [str(ledger.count())]
    for index, programme in enumerate(calls.ids):
        mine = calls.programme == index
        answered = calls.answered[mine]
        text = Phrase("{0}: {1} calls", programme, NumberPhrase(counts.get(index, 0)))
        if mine.any() and np.isfinite(answered).all():
            text = Phrase("{0}, {1} % answered", text, NumberPhrase(100 * answered.mean(), 1))
        lines.append(text)
    return tuple(lines)
