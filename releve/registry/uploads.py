"""Uploads: a workbook, or a zip of tables, kept until their sender confirms or discards them.

A call log as history of the operator: recognised by its headers, mapped, compared, stored.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from releve.demand import build_histories, list_history_rows, parse_mapping
from releve.demand.call_log_file import import_table
from releve.demand.import_report import ImportFault, RowCount, group_import_faults
from releve.demand.localtime import local_slots, number_to_day
from releve.demand.log_table import LogTable
from releve.demand.report_recognition import OpenQuestion, recognize_report
from releve.demand.requirement import History
from releve.errors import Phrase
from releve.network import Fault, HistoryRow, Operator, OperatorFaults, is_known_zone, zone
from releve.network.corrections import find_zone_offset
from releve.network.faults import Correction
from releve.registry.blocks import KEPT_FOR, correct_upload
from releve.registry.changes import Changes
from releve.registry.edits import check_table
from releve.registry.models import Upload, Version
from releve.registry.row_text import FIRST_ROW
from releve.registry.service import apply_changes, preview_changes
from releve.registry.tables import Conflict, NotAnUpload, NotThere


def preview_upload(upload: Upload, operator: Operator) -> Changes:
    """Return the changes by the operator that an upload holds; they count from now on.

    Whatever was current when the file was sent: what is shown now is what is applied.
    """
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        upload.base = changes.base or 0
        upload.save(update_fields=["base"])
    return changes


def store_upload(name: str, data: bytes, by: str, base: int | None) -> Upload:
    """Keep an upload shown against the version ``base``, for a day at most; older ones go."""
    now = timezone.now()
    remove_expired(now)
    return Upload.objects.create(
        token=secrets.token_urlsafe(32), name=name[:200], data=data, base=base or 0, made_at=now, made_by=by
    )


def find_upload(token: str, by: str) -> Upload:
    """Return a user's own upload; NotThere when it was applied, discarded or is a day old."""
    found = Upload.objects.filter(token=token, made_by=by).first()
    if found is None:
        raise NotThere(Phrase("this upload is no longer there: send the file again"))
    return found


def mend_upload(upload: Upload, corrections: Sequence[Correction]) -> None:
    """Keep an upload with corrections of its faults; NotThere where there are none."""
    if not corrections:
        raise NotThere(Phrase("this correction is not proposed for the file: look at its faults again"))
    upload.name, upload.data = correct_upload(upload.name, bytes(upload.data), corrections)
    upload.save(update_fields=["name", "data"])


def apply_upload(upload: Upload, operator: Operator, by: str, comment: str = "") -> Version:
    """Make the operator that an upload holds the current version and let go of the upload.

    Conflict when another version became current since its changes were shown: the upload stays,
    so that they can be looked at again.
    """
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        raise Conflict(
            Phrase(
                "these changes were shown against version {0}, but version {1} is current now;"
                " nothing was stored: look at them again",
                upload.base or "none",
                changes.base,
            )
        )
    with transaction.atomic():
        made = apply_changes(changes, by, comment, source=upload.name)
        upload.delete()
    return made


def remove_expired(now: datetime) -> None:
    """Remove the uploads that were neither confirmed nor discarded in time.

    It is asked each second: it looks before it deletes, which keeps other writers out even where nothing goes.
    """
    expired = Upload.objects.filter(made_at__lt=now - KEPT_FOR)
    if expired.exists():
        expired.delete()


def discard_upload(upload: Upload) -> None:
    """Let go of an upload without applying it."""
    upload.delete()


@dataclass(frozen=True)
class RecognizedLog:
    """A log and the mapping that its headers suggest.

    ``columns``: the header or headers of each meaning (``answered`` of a log of calls: the outcomes
    that mean it); ``queues``: the programme of each queue of
    the log, empty where it is none of the operator's; ``open``: the questions without an answer; ``chosen``: the
    column of each meaning that a user may choose; ``notes``: what to know of the figures.
    """

    log: LogTable
    mapping: Mapping[str, Any]
    columns: Mapping[str, tuple[str, ...]]
    queues: Mapping[str, str]
    questions: tuple[OpenQuestion, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[Phrase, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    open: tuple[OpenQuestion, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgrammeTotal:
    """The calls of a programme (its name; of a queue that is left out, that in brackets) over the days of a log:
    offered, the share answered, mean handling time (null where the log does not say)."""

    programme: str
    days: int
    offered: float
    answered: float | None
    aht_s: float | None


@dataclass(frozen=True, slots=True)
class CallSummary:
    """What would be stored of a log: half hours ``added``, those of the operator ``replaced``.

    ``rows``: where every row of the log went; ``by_programme``: the half hours of each that is stored.
    ``first`` and ``last`` are days by the clock of the
    log; ``left_out``: half-open days of programmes; ``others``: queues that were left out; ``totals`` by queue and
    calls offered ``by_day``: what a reader compares with the source before anything is stored; ``week`` and
    ``week_stored``: calls offered in each hour from Monday 0 h, the mean of the last four weeks of the log and of what
    is stored of the same programmes, null where it is not known.
    """

    rows: RowCount
    added: int
    by_programme: tuple[tuple[str, int], ...]
    replaced: int
    first: date | None
    last: date | None
    left_out: tuple[tuple[str, date], ...]
    others: tuple[str, ...]
    faults: tuple[ImportFault, ...]
    totals: tuple[ProgrammeTotal, ...]
    by_day: tuple[tuple[date, float], ...]
    week: tuple[float | None, ...]
    week_stored: tuple[float | None, ...]


@dataclass(frozen=True)
class CallImport:
    """What a log becomes: the operator with it, what of it is new, and in which zone its times were read."""

    operator: Operator
    summary: CallSummary
    kept: tuple[HistoryRow, ...]
    zone_name: str


def recognize_calls(
    name: str, log: LogTable, operator: Operator, answers: Mapping[str, str] | None = None
) -> RecognizedLog:
    """Return a log with the mapping of its headers and cells; NotAnUpload where they are not understood.

    ``answers`` to its questions, and its ``time_zone`` where that is not the operator's.
    """
    answers = answers or {}
    title = f"{log.sheet} {log.title}"
    try:
        found = recognize_report(log.whole_frame(), operator, answers, title=title, now=timezone.now())
    except (ValueError, TypeError) as error:
        raise NotAnUpload(Phrase("{0}: {1}", name, _state_reason(error))) from error
    mapping = {**found.mapping, "time_zone": answers.get("time_zone") or found.mapping["time_zone"]}
    columns = {
        key: (value,) if isinstance(value, str) else tuple(value)
        for key, value in mapping.items()
        if key not in ("time_zone", "programmes", "drop", "from_end")
    }
    queues = {
        queue: programme if programme in operator.programme else ""
        for queue, programme in mapping["programmes"].items()
    }
    unanswered = tuple(one for one in found.questions if answers.get(one.key) not in one.choices)
    return RecognizedLog(
        log, mapping, columns, queues, found.questions, found.missing, found.notes, found.chosen, unanswered
    )


def import_calls(
    found: RecognizedLog, operator: Operator, queues: Mapping[str, str], *, whole: bool = False
) -> CallImport:
    """Return an operator with the calls of a log, each queue under the programme given for it.

    Of a programme the days that the log holds are replaced, or, ``whole``, all that is stored of it; queues whose
    programme is empty are left out. NotAnUpload where the mapping does not fit the log.
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
    renewed = {row.programme for row in kept} if whole else frozenset()
    before = [
        row
        for row in operator.history
        if row.programme not in renewed and (whole or _find_day(row, zone_name) not in days)
    ]
    summary = CallSummary(
        rows=report.rows,
        added=len(kept),
        by_programme=tuple(
            (operator.programme[programme].name, count)
            for programme, count in Counter(row.programme for row in kept).items()
        ),
        replaced=len(operator.history) - len(before),
        first=min((day for _programme, day in days), default=None),
        last=max((day for _programme, day in days), default=None),
        left_out=tuple(row for row in left_out if row[0] in operator.programme),
        others=tuple(others),
        faults=group_import_faults(report.faults),
        totals=tuple(_sum_programme(history, operator, zone_name) for history in report.histories),
        by_day=_sum_days(report.histories, zone_name),
        week=_average_week(report.histories, zone_name),
        week_stored=_average_week(_take_stored(operator, kept), zone_name),
    )
    return CallImport(replace(operator, history=(*before, *kept)), summary, tuple(kept), zone_name)


def check_calls(read: CallImport) -> tuple[Fault, ...]:
    """Return the faults that the calls of a log would be to a plan, each with its programme in place of a row.

    What is read of the programmes without new calls passed when it came in. The correction is the zone in which the
    log's times fit the opening hours.
    """
    renewed = {row.programme for row in read.kept}
    operator = read.operator
    history = tuple(row for row in operator.history if row.programme in renewed)
    try:
        check_table(replace(operator, history=history), "history")
    except OperatorFaults as error:
        return tuple(_place_fault(fault, history, read) for fault in error.faults)
    return ()


def _place_fault(fault: Fault, history: Sequence[HistoryRow], read: CallImport) -> Fault:
    if fault.table != "history" or fault.row < FIRST_ROW:
        return fault
    row = history[fault.row - FIRST_ROW]
    programme = read.operator.programme[row.programme]
    correction = fault.correction
    if correction is not None:
        # The offset was found for times of the programme's zone; the log's were read in another, perhaps.
        ahead = find_zone_offset(correction.written, row.start)
        moved = find_zone_offset(read.zone_name, row.start) - find_zone_offset(programme.time_zone, row.start)
        written = _name_zone(correction.written, ahead + moved, row.start, read.operator)
        correction = replace(correction, written=written) if written else None
    reason = Phrase("{0}: {1}", programme.name, fault.reason)
    return replace(fault, row=0, value="", reason=reason, correction=correction)


def _name_zone(name: str, offset: timedelta, at: datetime, operator: Operator) -> str:
    """Return a zone of the operator that has an offset at an instant, else the whole hours; empty where it has none."""
    known = [name] * is_known_zone(name) + ["UTC", operator.row.time_zone]
    known += sorted({row.time_zone for row in operator.sites} | {row.time_zone for row in operator.programmes})
    fitting = [zone for zone in known if find_zone_offset(zone, at) == offset]
    hours, rest = divmod(offset, timedelta(hours=1))
    fixed = f"Etc/GMT{-hours:+d}"
    return fitting[0] if fitting else fixed if not rest and is_known_zone(fixed) else ""


def _sum_programme(history: History, operator: Operator, zone_name: str) -> ProgrammeTotal:
    known = np.isfinite(history.offered)
    answered = np.isfinite(history.answered) & known
    timed = np.isfinite(history.aht_s) & known
    weight = np.where(answered, history.answered, history.offered)[timed]
    return ProgrammeTotal(
        programme=operator.programme[history.programme].name
        if history.programme in operator.programme
        else history.programme,
        days=len(np.unique(local_slots(history.starts[known], zone_name)[0])),
        offered=float(history.offered[known].sum()),
        answered=_divide(history.answered[answered].sum(), history.offered[answered].sum()),
        aht_s=_divide((history.aht_s[timed] * weight).sum(), weight.sum()),
    )


def _divide(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _sum_days(histories: Sequence[History], zone_name: str) -> tuple[tuple[date, float], ...]:
    """Return the calls offered on each day of a log, over all its queues."""
    days: Counter[int] = Counter()
    for history in histories:
        known = np.isfinite(history.offered)
        day, _ = local_slots(history.starts[known], zone_name)
        for number, calls in zip(day.tolist(), history.offered[known].tolist(), strict=True):
            days[number] += calls
    return tuple((number_to_day(number), days[number]) for number in sorted(days))


_WEEK_DAYS = 28


def _take_stored(operator: Operator, kept: Sequence[HistoryRow]) -> list[History]:
    """Return what is stored of the programmes of a log."""
    programmes = {row.programme for row in kept}
    rows = replace(operator, history=tuple(row for row in operator.history if row.programme in programmes))
    return list(build_histories(rows).values())


def _average_week(histories: Sequence[History], zone_name: str) -> tuple[float | None, ...]:
    """Return the calls offered in each hour of a week, the mean over the days of the last four weeks held."""
    known = [(history.starts[held], history.offered[held]) for history in histories
             if (held := np.isfinite(history.offered)).any()]  # fmt: skip
    if not known:
        return (None,) * 168
    day, slot = local_slots(np.concatenate([starts for starts, _ in known]), zone_name)
    calls = np.concatenate([offered for _, offered in known])
    recent = day > day.max() - _WEEK_DAYS
    hour = (day + 3) % 7 * 24 + slot // 2  # day 0 was a Thursday
    total = np.bincount(hour[recent], calls[recent], 168)
    days = [len(np.unique(day[recent & (hour == at)])) for at in range(168)]
    return tuple(float(total[at]) / count if count else None for at, count in enumerate(days))


def _state_reason(error: Exception) -> Phrase:
    found = error.args[0] if error.args else ""
    if isinstance(found, Phrase):
        return found
    return Phrase("the file cannot be used: {0}", str(error))


def _find_day(row: HistoryRow, zone_name: str) -> tuple[str, date]:
    return row.programme, row.start.astimezone(zone(zone_name)).date()
