"""Logs of calls to half-hourly history, and a mapping as its document; no row is dropped in silence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from releve.demand.cleaning import find_gaps, find_silence, list_gap_faults, usual_counts
from releve.demand.history import import_intervals, mean_aht
from releve.demand.import_report import (
    FIRST_ROW,
    NOT_KNOWN,
    ImportFault,
    ImportReport,
    RowAccounting,
    RowCount,
    find_repeated,
    index_programmes,
    read_numbers,
    read_sum,
    read_texts,
)
from releve.demand.localtime import HALF_HOUR_S, SLOTS, local_slots
from releve.demand.log_table import LogTable, describe_ragged, read_log
from releve.demand.mapping import CallMapping, IntervalMapping, list_summed, open_rows
from releve.demand.requirement import History
from releve.errors import NumberPhrase, Phrase
from releve.kernels.arrays import Floats, Ints, Truths

_MAX_S = 36_000.0


@dataclass(frozen=True)
class _Calls:
    """The calls that count: one entry a call, seconds NaN where not known."""

    seconds: Ints
    programme: Ints
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
    ledger, times = open_rows(frame, mapping, time_zone)
    _drop_duplicates(frame, mapping, ledger)
    for rule in mapping.drop:
        ledger.drop(rule.match(frame), rule.name)
    programme, ids = index_programmes(frame, mapping.programme, mapping.programmes, ledger)
    kept = ledger.kept()
    calls = _Calls(
        seconds=times.seconds[kept],
        programme=programme[kept],
        answered=_answered(frame, mapping)[kept],
        wait_s=read_numbers(frame, mapping.wait_s, ledger, 0.0, _MAX_S)[kept],
        service_s=read_sum(frame, list_summed(mapping.service_s), ledger, _MAX_S, NOT_KNOWN)[kept],
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


def _answered(frame: pl.DataFrame, mapping: CallMapping) -> Floats:
    """Return 1 for answered, 0 for not, NaN where the source does not say."""
    if not mapping.outcome:
        return np.full(frame.height, np.nan)
    cells = read_texts(frame[mapping.outcome]).str.to_lowercase()
    yes = cells.is_in([value.lower() for value in mapping.answered]).fill_null(False)
    known = cells.is_not_null().to_numpy().astype(np.bool_)
    return np.where(known, yes.to_numpy().astype(np.float64), np.nan)


def _histories(calls: _Calls, alive: Ints, time_zone: str) -> tuple[tuple[History, ...], list[ImportFault]]:
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


def _silences(starts: Ints, traffic: Floats, time_zone: str) -> tuple[Truths, list[ImportFault]]:
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


def _history(calls: _Calls, mine: Truths, programme: str, starts: Ints, held: Truths) -> History:
    index = calls.seconds[mine] // HALF_HOUR_S - starts[0] // HALF_HOUR_S
    size = len(starts)
    offered = np.bincount(index, minlength=size).astype(np.float64)
    answered = np.bincount(index, calls.answered[mine], size).astype(np.float64)
    lost = (calls.answered[mine] == 0) | (np.isnan(calls.answered[mine]) & (calls.service_s[mine] == 0))
    seconds = np.where(lost, np.nan, calls.service_s[mine])
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


def import_log(name: str, data: bytes, mapping: CallMapping | IntervalMapping, time_zone: str) -> ImportReport:
    """Import a file by its mapping; ValueError when it is not a table or lacks a mapped column."""
    return import_table(read_log(name, data, report=True), mapping, time_zone)


def import_table(table: LogTable, mapping: CallMapping | IntervalMapping, time_zone: str) -> ImportReport:
    """Import a log that was read; ValueError when it lacks a mapped column."""
    if isinstance(mapping, CallMapping):
        report = import_calls(table.frame, mapping, time_zone)
    else:
        report = import_intervals(table.frame, mapping, time_zone)
    faults = tuple(
        replace(fault, row=int(table.rows[fault.row - FIRST_ROW])) if fault.row else fault for fault in report.faults
    )
    if not table.ragged:
        return replace(report, faults=faults)
    number = len(table.ragged)
    rows = RowCount(
        report.rows.read + number, report.rows.used, report.rows.dropped, {**report.rows.set_aside, "ragged": number}
    )
    return replace(report, faults=(describe_ragged(table), *faults), rows=rows)


def render_mapping(mapping: Mapping[str, Any]) -> str:
    """Return a mapping as the TOML document that ``--mapping`` takes."""
    lines = [f"{key} = {_quote(value)}" for key, value in mapping.items() if key != "programmes"]
    lines += ["", "[programmes]"]
    lines += [f"{_quote(key)} = {_quote(value)}" for key, value in mapping["programmes"].items()]
    return "\n".join(lines) + "\n"


def _quote(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quote(key)} = {_quote(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_quote, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
