"""A call log as history of the operator: recognised by its headers, mapped, compared, stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from releve.demand import list_history_rows, parse_mapping
from releve.demand.call_log_file import LogTable, import_table
from releve.demand.import_report import ImportFault, RowCount, group_import_faults
from releve.demand.log_recognition import recognize_log
from releve.errors import Phrase
from releve.network import HistoryRow, Operator, zone
from releve.registry.errors import NotAnUpload

__all__ = ["CallImport", "CallSummary", "RecognizedLog", "import_calls", "recognize_calls"]


@dataclass(frozen=True)
class RecognizedLog:
    """A log and the mapping that its headers suggest.

    ``columns``: the header or headers of each meaning (``answered`` of a log of calls: the outcomes
    that mean it); ``queues``: the programme of each queue of
    the log, empty where it is none of the operator's.
    """

    log: LogTable
    mapping: Mapping[str, Any]
    columns: Mapping[str, tuple[str, ...]]
    queues: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CallSummary:
    """What would be stored of a log: half hours ``added``, those of the operator ``replaced``.

    ``rows``: where every row of the log went. ``first`` and ``last`` are days by the clock of the
    log; ``left_out``: half-open days of programmes; ``others``: queues that were left out.
    """

    rows: RowCount
    added: int
    replaced: int
    first: date | None
    last: date | None
    left_out: tuple[tuple[str, date], ...]
    others: tuple[str, ...]
    faults: tuple[ImportFault, ...]


@dataclass(frozen=True)
class CallImport:
    """What a log becomes: the operator with it, and what of it is new."""

    operator: Operator
    summary: CallSummary


def recognize_calls(name: str, log: LogTable, operator: Operator) -> RecognizedLog:
    """Return a log with the mapping of its headers; NotAnUpload where they are not recognised."""
    try:
        mapping = recognize_log(log.whole_frame(), operator)
    except (ValueError, TypeError) as error:
        raise NotAnUpload(_state_reason(error)) from error
    if mapping is None:
        raise NotAnUpload(
            Phrase(
                "the headers of {0} are not recognised: name its columns as a telephony export does"
                " (date and time, queue, and offered calls or one row a call)",
                name,
            )
        )
    columns = {
        key: (value,) if isinstance(value, str) else tuple(value)
        for key, value in mapping.items()
        if key not in ("time_zone", "programmes")
    }
    queues = {
        queue: programme if programme in operator.programme else ""
        for queue, programme in mapping["programmes"].items()
    }
    return RecognizedLog(log, mapping, columns, queues)


def import_calls(found: RecognizedLog, operator: Operator, queues: Mapping[str, str]) -> CallImport:
    """Return an operator with the calls of a log, each queue under the programme given for it.

    Of a programme the days that the log holds are replaced whole; queues whose programme is empty
    are left out. NotAnUpload where the mapping does not fit the log.
    """
    mapping = dict(found.mapping)
    zone_name = str(mapping.pop("time_zone"))
    others = {queue: f"({queue})" for queue, programme in queues.items() if not programme}
    mapping["programmes"] = {**queues, **others}
    try:
        report = import_table(found.log, parse_mapping(mapping), zone_name)
    except (ValueError, TypeError) as error:
        raise NotAnUpload(_state_reason(error)) from error
    rows, left_out = list_history_rows(report.histories, zone_name)
    kept = [row for row in rows if row.programme in operator.programme]
    days = {_find_day(row, zone_name) for row in kept}
    before = [row for row in operator.history if _find_day(row, zone_name) not in days]
    summary = CallSummary(
        rows=report.rows,
        added=len(kept),
        replaced=len(operator.history) - len(before),
        first=min((day for _programme, day in days), default=None),
        last=max((day for _programme, day in days), default=None),
        left_out=tuple(row for row in left_out if row[0] in operator.programme),
        others=tuple(others),
        faults=group_import_faults(report.faults),
    )
    return CallImport(replace(operator, history=(*before, *kept)), summary)


def _state_reason(error: Exception) -> Phrase:
    found = error.args[0] if error.args else ""
    if isinstance(found, Phrase):
        return found
    return Phrase("the file cannot be used: {0}", str(error))


def _find_day(row: HistoryRow, zone_name: str) -> tuple[str, date]:
    return row.programme, row.start.astimezone(zone(zone_name)).date()
