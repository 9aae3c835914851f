"""What a file of a feed would change, read as the desk's import reads it, and whether it is kept without a person.

A person looks first where a table would lose more than a share of its rows, or all of them; where no file with these
columns was read before; and where a file asks what it did not ask then.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.utils.translation import gettext, override

from releve.demand.import_report import ImportFault, describe_import_fault, group_import_faults
from releve.demand.log_table import LogTable
from releve.demand.report_recognition import OpenQuestion
from releve.demand.schedule_file import guess_kind, read_schedule, recognize_schedule
from releve.errors import BilingualPhrase, Phrase, join_lines, read_reason, say
from releve.network import Operator, OperatorFaults, describe_faults
from releve.network.cell_text import format_value
from releve.network.folder_reader import RawTable, read_tables
from releve.network.opening_hours import Opening
from releve.network.parsing import BAD, parse_table
from releve.network.table_words import get_table_naming
from releve.registry.changes import Changes
from releve.registry.edits import check_table, drop_leavers
from releve.registry.layouts import SCHEDULE, find_layout, merge_queues
from releve.registry.rosters import build_roster, match_agents
from releve.registry.service import preview_changes
from releve.registry.tables import NotAnUpload, build_key, get_rows, key_columns
from releve.registry.uploads import import_calls, recognize_calls
from releve.runs.orders import open_readings
from releve.runs.upload_reader import read_operator_upload, read_sheets_upload

OPERATOR, SCHEDULES, CALLS = "operator", "schedule", "calls"
"""What a feed may hold beside one table: a workbook or zip of all of them, or exports of a suite."""
FeedState = Literal["kept", "same", "held", "refused"]
_BY_TIME = frozenset(("shifts", "absences", "history"))
"""Tables whose rows are of an instant: one that was moved is no loss."""
_NEW_LAYOUT = Phrase("no file with these columns was read before: open it once, and say what they are")
_NO_AGENT = Phrase("{0}: no agent of the registry", "")
_MOST_NAMED = 5
_SEVERAL = Phrase("it has several sheets with data: open it, and choose one")


@dataclass(frozen=True)
class FileFeed:
    """A folder that another system writes to: ``holds`` a table by name, or one of those above.

    ``most_removed``: the share of a table's rows that may go without a person; ``expected``: when a file comes, by the
    operator's clocks; None: at any time. ``text``: the same as it was written.
    """

    name: str
    folder: Path
    holds: str
    most_removed: float = 0.1
    expected: Opening | None = None
    text: str = ""


@dataclass(frozen=True)
class FeedReading:
    """What a file would do: ``reason`` why it is not kept, or what of it was set aside; ``lines``: its faults."""

    state: FeedState
    reason: str = ""
    lines: tuple[str, ...] = ()
    changes: Changes | None = None
    operator: Operator | None = None


@dataclass(frozen=True)
class _RowsRead:
    """An operator with the rows of a file, of which ``aside`` of those ``read`` are left out."""

    operator: Operator
    aside: int = 0
    read: int = 0
    lines: tuple[str, ...] = ()


def read_feed_file(feed: FileFeed, name: str, data: bytes, by: str, operator: Operator) -> FeedReading:
    """Return what a file would change of the current ``operator``; nothing is stored.

    StillReading where it has not been read yet, TooManyJobs where too many are.
    """
    read = {OPERATOR: _read_operator, SCHEDULES: _read_schedule, CALLS: _read_calls}.get(feed.holds, _read_table)
    try:
        found = read(feed, name, data, by, operator)
        if isinstance(found, Phrase):
            return FeedReading("held", found)
        changes = preview_changes(found.operator)
    except OperatorFaults as error:
        faults = error.faults
        lines = _translated(lambda language: describe_faults(faults, gettext, language))
        return FeedReading("refused", Phrase("faults of its rows: {0}", len(faults)), lines)
    except (NotAnUpload, ValueError) as error:  # of a table or an export that cannot be read as what it should be
        return FeedReading("refused", read_reason(error))
    doubt = _find_doubt(feed, found, changes, operator)
    if doubt:
        return FeedReading("held", doubt, found.lines, changes, found.operator)
    aside = Phrase("rows set aside: {0}", found.aside) if found.aside else ""
    return FeedReading("kept" if changes else "same", aside, found.lines, changes, found.operator)


def write_reading(reading: FeedReading) -> str:
    """Return the text beside a file: why it was not kept, and its faults."""
    (reason,) = _translated(lambda language: (say(reading.reason, gettext, language),))
    return "\n".join((reason, *reading.lines, ""))


def _find_doubt(feed: FileFeed, found: _RowsRead, changes: Changes, operator: Operator) -> str:
    if found.aside > feed.most_removed * found.read:
        return Phrase("{0} of {1} rows of the file cannot be used", found.aside, found.read)
    return next(_list_losses(feed, changes, operator), "")


def _list_losses(feed: FileFeed, changes: Changes, operator: Operator) -> Iterator[Phrase]:
    """Yield the tables that would lose more rows than the feed may remove."""
    for table, change in changes.tables.items():
        before, removed, added = len(get_rows(operator, table)), len(change.removed), len(change.added)
        gone = removed - added if table in _BY_TIME else removed
        if before and (gone > feed.most_removed * before or before + added == removed):
            named = BilingualPhrase(get_table_naming(table).en, get_table_naming(table).fr)
            yield Phrase("{0}: {1} of {2} rows would go", named, max(gone, 0), before)


def _read_operator(feed: FileFeed, name: str, data: bytes, by: str, operator: Operator) -> _RowsRead:
    return _RowsRead(read_operator_upload(open_readings(), name, data, by))


def _read_table(feed: FileFeed, name: str, data: bytes, by: str, operator: Operator) -> _RowsRead:
    """Return the operator with one table of a file: columns that it lacks keep what they hold; those who leave go with
    their roster and absences."""
    table = feed.holds
    own = f"{table}.{name.rpartition('.')[2].lower()}"
    found = read_tables({own: data})
    raw = found.tables.get(table)
    base = operator
    if table == "agents" and raw is not None and "id" in raw.cells.columns:
        base = drop_leavers(operator, frozenset(raw.cells["id"].drop_nulls().to_list()))

    def read(files: Mapping[str, bytes]) -> Operator:
        return read_operator_upload(open_readings(), f"{feed.name}.zip", _pack(files), by)

    rows = None
    if raw is not None and table not in _BY_TIME:
        rows = _complete_rows(raw, operator, [fault.column for fault in found.faults if fault.table in (table, own)])

    def put(files: dict[str, bytes]) -> None:
        files.pop(f"{table}.csv", None)
        files.update({own: data} if rows is None else {f"{table}.csv": rows})

    return _RowsRead(check_table(base, table, put, read))


def _complete_rows(raw: RawTable, operator: Operator, faulty: Sequence[str]) -> bytes | None:
    """Return a table as CSV with what its rows hold in columns that its file lacks; None where it has other faults.

    ``faulty``: the columns of the faults of its header, a required one that is missing among them.
    """
    table = raw.form.table
    parsed, faults = parse_table(raw)
    lacking = [name for name in parsed.values if name not in raw.cells.columns]
    if faults or raw.broken or not set(faulty) <= set(lacking):
        return None
    before = {build_key(row): row for row in get_rows(operator, table)}
    out = StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(parsed.values)
    for values in zip(*parsed.values.values(), strict=True):
        given = dict(zip(parsed.values, values, strict=True))
        old = before.get("|".join(str(given[name]) for name in key_columns(table)))
        given |= {name: getattr(old, name) for name in lacking if old is not None}
        if any(value is BAD for value in given.values()):
            return None
        lines.writerow(format_value(value, "UTC") for value in given.values())
    return out.getvalue().encode()


def _pack(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip, the same bytes for the same files."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 1)
    return out.getvalue()


def _read_schedule(feed: FileFeed, name: str, data: bytes, by: str, operator: Operator) -> _RowsRead | Phrase:
    log = _read_sheet(name, data, by)
    layout = find_layout(f"{SCHEDULE}{name}", log.frame.columns) if log else None
    if log is None or layout is None:
        return _SEVERAL if log is None else _NEW_LAYOUT
    answers: Mapping[str, str] = layout.answers
    mapping = recognize_schedule(log.frame, answers, (agent.id for agent in operator.agents))
    if mapping.list_open(answers):
        return _list_questions(mapping.list_open(answers))
    zone_name = answers.get("time_zone") or operator.row.time_zone
    schedule = read_schedule(log, mapping, zone_name)
    if not schedule.entries:
        raise NotAnUpload(Phrase("no row of it can be used"))
    kinds = {activity: layout.queues.get(activity) or guess_kind(activity) for activity in schedule.activities}
    if unknown := [activity for activity, kind in kinds.items() if not kind]:
        return Phrase("it has activities that were not named before: {0}", ", ".join(unknown[:_MOST_NAMED]))
    agents = match_agents(schedule, operator)
    built = build_roster(schedule, operator, agents, kinds, zone_name)
    lines = _describe(schedule.faults)
    lines += _translated(
        lambda language: (say(_NO_AGENT.with_params(one), gettext, language) for one in built.left_out)
    )
    strangers = sum(not agents[entry.agent] for entry in schedule.entries)
    return _RowsRead(built.operator, aside=schedule.read - len(schedule.entries) + strangers, read=schedule.read,
                 lines=lines)  # fmt: skip


def _read_calls(feed: FileFeed, name: str, data: bytes, by: str, operator: Operator) -> _RowsRead | Phrase:
    log = _read_sheet(name, data, by)
    layout = find_layout(name, log.frame.columns) if log else None
    if log is None or layout is None:
        return _SEVERAL if log is None else _NEW_LAYOUT
    found = recognize_calls(name, log, operator, layout.answers)
    if found.open:
        return _list_questions(found.open)
    queues = merge_queues(layout, found.queues, operator.programme)
    if unknown := [queue for queue, programme in queues.items() if not programme and queue not in layout.queues]:
        return Phrase("it has queues that were not named before: {0}", ", ".join(unknown[:_MOST_NAMED]))
    built = import_calls(found, operator, queues)
    rows = built.summary.rows
    if not built.summary.added:
        raise NotAnUpload(Phrase("no row of it can be used"))
    return _RowsRead(built.operator, aside=sum(rows.set_aside.values()), read=rows.read,
                 lines=_describe(built.summary.faults))  # fmt: skip


def _read_sheet(name: str, data: bytes, by: str) -> LogTable | None:
    """Return the table of an export, None where it has several with data."""
    sheets = list(read_sheets_upload(open_readings(), name, data, by).values())
    return sheets[0] if len(sheets) == 1 else None


def _list_questions(questions: Sequence[OpenQuestion]) -> Phrase:
    return Phrase("open it, and answer: {0}", join_lines(one.describe() for one in questions))


def _describe(faults: Sequence[ImportFault]) -> tuple[str, ...]:
    return _translated(
        lambda language: (describe_import_fault(one, gettext, language) for one in group_import_faults(faults))
    )


def _translated(lines: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Return sentences in the language of the installation, for the text beside a file."""
    with override(settings.LANGUAGE_CODE):
        return tuple(lines(settings.LANGUAGE_CODE))
