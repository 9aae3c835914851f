"""A day in one column and times in others become dates and times in the columns of the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import polars as pl

from releve.errors import Phrase
from releve.network.faults import Fault
from releve.network.folder_reader import RawTable
from releve.network.moments import CellRefusal, parse_date_text, parse_time_of_day
from releve.network.table_words import DATE_COLUMN


def join_dates(raw: RawTable) -> tuple[RawTable, list[Fault]]:
    """Return a table whose times of day have the day of its date column, and the faulty days.

    An end that is not after its start is on the next day. A time that has a day of its own keeps
    it.
    """
    if DATE_COLUMN not in raw.cells.columns:
        return raw, []
    days = raw.cells[DATE_COLUMN].to_list()
    read = cache(_read_day)
    names = [name for name in ("start", "end") if name in raw.cells.columns]
    times = {name: raw.cells[name].to_list() for name in names}
    faults: list[Fault] = []
    silent: set[int] = set()
    for i, text in enumerate(days):
        clocks = {name: parse_time_of_day(times[name][i] or "") for name in names}
        if all(clock is None for clock in clocks.values()):
            continue
        day = read(text)
        if isinstance(day, CellRefusal):
            silent.add(i)
            if i not in raw.broken:
                fault = Fault(raw.form.table, int(raw.rows[i]), DATE_COLUMN, text or "", "", "")
                faults.append(replace(fault, reason=day.reason, fix=day.fix))
            continue
        for name, clock in clocks.items():
            if clock is not None:
                start = clocks.get("start")
                later = name == "end" and start is not None and clock <= start
                moment = datetime.combine(day + timedelta(days=later), clock)
                times[name][i] = moment.isoformat(timespec="seconds" if clock.second else "minutes")
    joined = [pl.Series(name, times[name], pl.String) for name in names]
    cells = raw.cells.drop(DATE_COLUMN).with_columns(joined)
    return replace(raw, cells=cells, silent=dict.fromkeys(names, frozenset(silent))), faults


def _read_day(text: str | None) -> date | CellRefusal:
    fix = Phrase("write a date like {0}", "30/11/2026")
    if text is None:
        return CellRefusal(Phrase("is empty"), fix)
    found = parse_date_text(text)
    return CellRefusal(Phrase("is not a date"), fix) if found is None else found
