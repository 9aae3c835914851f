"""Calls that went around the gate, found in the call records of a carrier or a dialler.

The proxy holds only the calls that pass it. A carrier's record (CDR) of the trunks and numbers
names every call that left, so each is matched with a decision: the same number by its pseudonym,
the same number shown, an instant shortly before the call; one decision for one call. Nothing of the
record is stored, and the report names a call by its row and the pseudonym of its number.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from releve.demand.log_table import read_log
from releve.network.faults import find_nearest, suggest_fix
from releve.network.moments import UTC, parse_moment, zone
from releve.plugins.outbound.engine.fact_files import escape_cell
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW, ensure_gate_key
from releve.plugins.outbound.gate.errors import OutcomeFault
from releve.plugins.outbound.gate.models import Decision, MandateRow
from releve.plugins.outbound.gate.pseudonyms import find_number_fault, number_text, text_pseudonym

REPORT_COLUMNS = ("row", "at", "client", "caller", "number", "gate")
"""The columns of the report; ``number`` is a pseudonym, ``gate`` is unasked or refused."""

_SUFFIXES = ("csv", "parquet", "xlsx")
_ADDRESS = re.compile(r"<?(?:sips?|tel):([^@;>]+)[^>]*>?")
_EPOCH = re.compile(r"([0-9]{10})(?:([0-9]{3})|[.,]([0-9]{1,9}))?")
"""Seconds since 1970: whole, with a fraction, or in milliseconds."""


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """The columns of a record: the number called, the instant at which the call left, and others.

    ``caller`` is the number shown (empty: the record does not say). Rows count where each column of
    ``where`` holds its value. Instants without an offset are local times of ``time_zone``.
    """

    called: str
    at: str
    caller: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class UnaskedCall:
    """A call that left without being allowed: its row, instant, number shown and client.

    ``number`` is the pseudonym of the number called; ``client`` is empty where no mandate names the
    number shown. ``refused``: the gate was asked and refused it.
    """

    row: int
    at: datetime
    caller: str
    number: str
    client: str
    refused: bool


@dataclass(frozen=True, slots=True)
class CarrierReport:
    """Calls in the record, those that the gate allowed, those that it did not, unreadable rows."""

    calls: int
    allowed: int
    unasked: tuple[UnaskedCall, ...]
    broken: tuple[int, ...]

    def by_client(self) -> dict[str, tuple[int, int]]:
        """Return how many calls did not ask, and how many were refused, by client."""
        counts = Counter((call.client, call.refused) for call in self.unasked)
        clients = sorted({client for client, _ in counts})
        return {client: (counts[client, False], counts[client, True]) for client in clients}


@dataclass(frozen=True, slots=True)
class _RecordedCall:
    row: int
    at: tuple[datetime, ...]
    """The instant; two where a clock set back shows it twice."""
    number: str
    caller: str


def parse_record_mapping(text: str, where: Sequence[str], time_zone: str) -> RecordMapping:
    """Return a mapping given as ``called=COLUMN,at=COLUMN,caller=COLUMN``.

    ``where`` holds COLUMN=VALUE each. OutcomeFault says what is wrong.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    names = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
    strange = sorted(names.keys() - {"called", "at", "caller"})
    missing = [name for name in ("called", "at") if not names.get(name)]
    if strange or missing or len(names) < len(pairs):
        wrong = f"unknown: {', '.join(strange)}" if strange else f"missing: {', '.join(missing)}"
        raise OutcomeFault(
            f"the mapping {text!r} must name the columns called and at, and may name caller, each "
            f"once ({wrong}); write called=COLUMN,at=COLUMN,caller=COLUMN"
        )
    conditions = [part.partition("=") for part in where]
    kept = {column.strip(): value.strip() for column, _, value in conditions}
    if len(kept) < len(where) or not all(equals for _, equals, _ in conditions):
        raise OutcomeFault("a condition must be COLUMN=VALUE, each column once")
    try:
        zone(time_zone)
    except (ValueError, KeyError, OSError) as error:
        raise OutcomeFault(f"{time_zone!r} is not a time zone; write Europe/Paris") from error
    return RecordMapping(names["called"], names["at"], names.get("caller", ""), kept, time_zone)


def compare_record(name: str, data: bytes, mapping: RecordMapping, within: timedelta) -> CarrierReport:
    """Return the calls of a record that the gate did not allow; nothing of it is stored.

    ``within``: how long before a call its decision may be.
    OutcomeFault where the file cannot be read or lacks a column. KeyFault where the key of the
    pseudonyms is not the one of the rows.
    """
    ensure_gate_key()
    suffix = name.lower().rpartition(".")[2]
    try:
        table = read_log(name if suffix in _SUFFIXES else f"{name}.csv", data)
    except ValueError as error:
        raise OutcomeFault(str(error)) from error
    frame = _select_columns(table.frame, mapping)
    calls: list[_RecordedCall] = []
    broken = list(table.ragged)
    rows = 0
    for row, cells in zip(table.rows.tolist(), frame.iter_rows(named=True), strict=True):
        if any((cells[column] or "").strip() != value for column, value in mapping.where.items()):
            continue
        rows += 1
        call = _read_call(row, cells, mapping)
        if call is None:
            broken.append(row)
        else:
            calls.append(call)
    unasked = tuple(_find_unasked(calls, within))
    allowed = len(calls) - len(unasked)
    return CarrierReport(rows + len(table.ragged), allowed, unasked, tuple(sorted(broken)))


def render_report(report: CarrierReport) -> str:
    """Return the calls that the gate did not allow as CSV, a row a call."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(REPORT_COLUMNS)
    for call in report.unasked:
        gate = "refused" if call.refused else "unasked"
        cells = (call.row, call.at.isoformat(), call.client, call.caller, call.number, gate)
        lines.writerow(map(escape_cell, cells))
    return text.getvalue()


def _select_columns(frame: pl.DataFrame, mapping: RecordMapping) -> pl.DataFrame:
    """Return the mapped columns as text; instants of a Parquet file with their offset."""
    wanted = [mapping.called, mapping.at, *filter(None, [mapping.caller]), *mapping.where]
    for column in wanted:
        if column not in frame.columns:
            fix = suggest_fix(find_nearest(column, frame.columns), f"name one of: {', '.join(frame.columns)}")
            raise OutcomeFault(f"the record has no column {column!r}; {fix}")
    found = []
    for column in dict.fromkeys(wanted):
        cells, dtype = pl.col(column), frame.schema[column]
        if isinstance(dtype, pl.Datetime):
            shown = "%Y-%m-%dT%H:%M:%S" + ("%:z" if dtype.time_zone else "")
            cells = cells.dt.strftime(shown)
        found.append(cells.cast(pl.String))
    return frame.select(found)


def _read_call(row: int, cells: Mapping[str, str | None], mapping: RecordMapping) -> _RecordedCall | None:
    """Return the call of a row, None where its number or its instant cannot be read."""
    number = _read_number(cells[mapping.called] or "")
    at = _read_instant((cells[mapping.at] or "").strip(), zone(mapping.time_zone))
    if not number or not at:
        return None
    caller = cells[mapping.caller] or "" if mapping.caller else ""
    return _RecordedCall(row, at, text_pseudonym(number), _read_number(caller) or caller.strip())


def _read_number(text: str) -> str:
    """Return a number as carriers write it, in international form; empty where it is none.

    Carriers leave its + out, spreadsheets its first zero; it may stand in a SIP address.
    """
    match = _ADDRESS.fullmatch(text.strip())
    written = number_text(match[1] if match else text)
    if not find_number_fault(written):
        return written
    return next(map(number_text, built_in_rules().numbers.list_meant(written)), "")


def _read_instant(text: str, local: ZoneInfo) -> tuple[datetime, ...]:
    """Return the instant of a text, both where a clock set back shows it twice; else none."""
    if epoch := _EPOCH.fullmatch(text):
        fraction = (epoch[2] or epoch[3] or "").ljust(6, "0")[:6]
        start = datetime.fromtimestamp(int(epoch[1]), UTC)
        return (start + timedelta(microseconds=int(fraction)),)
    found = parse_moment(text)
    if not isinstance(found, tuple) or not found[1]:
        return ()
    moment = found[0]
    if moment.tzinfo is not None:
        return (moment,)
    folds = (moment.replace(tzinfo=local, fold=fold).astimezone(UTC) for fold in (0, 1))
    return tuple(dict.fromkeys(folds))


class _Decisions:
    """The decisions around a record's calls, by number; each answers for one call."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self._by_number: dict[str, list[tuple[datetime, bool, str, str]]] = {}
        rows = Decision.objects.filter(at__gte=first, at__lte=last).order_by("at", "pk")
        columns = ("number", "at", "allowed", "caller", "client")
        for number, at, allowed, caller, client in rows.values_list(*columns).iterator():
            one = (at, allowed, number_text(caller), client)
            self._by_number.setdefault(number, []).append(one)

    def take(self, call: _RecordedCall, within: timedelta, *, allowed: bool) -> str | None:
        """Take the first decision that fits a call; return its client, None where none does.

        It came before the call: one of a dialler that calls first and asks later permits nothing.
        What it may be after the call is what two clocks may differ by.
        """
        after = min(within, MAX_CLOCK_SKEW)
        known = self._by_number.get(call.number, [])
        for place, (at, answer, caller, client) in enumerate(known):
            near = any(-within <= at - moment <= after for moment in call.at)
            if answer is allowed and near and caller in ("", call.caller or caller):
                del known[place]
                return client
        return None


def _find_unasked(calls: Sequence[_RecordedCall], within: timedelta) -> Iterator[UnaskedCall]:
    """Yield the calls that no decision allowed, in the order of their rows."""
    if not calls:
        return
    ordered = sorted(calls, key=lambda call: call.at)
    decisions = _Decisions(ordered[0].at[0] - within, max(c.at[-1] for c in calls) + within)
    left = [call for call in ordered if decisions.take(call, within, allowed=True) is None]
    mandates = _load_mandates()
    for call in sorted(left, key=lambda call: call.row):
        refused_for = decisions.take(call, within, allowed=False)
        client = refused_for or _find_client(call, mandates)
        yield UnaskedCall(call.row, call.at[0], call.caller, call.number, client, refused_for is not None)


def _load_mandates() -> dict[str, list[MandateRow]]:
    """Return the mandates by the number that they let show, the last version of each."""
    last = {}
    rows = MandateRow.objects.filter(load__known_at__isnull=False)
    for row in rows.order_by("load__known_at", "pk"):
        last[row.client, row.ref] = row
    found: dict[str, list[MandateRow]] = {}
    for row in last.values():
        found.setdefault(row.number, []).append(row)
    return found


def _find_client(call: _RecordedCall, mandates: Mapping[str, Sequence[MandateRow]]) -> str:
    """Return the client for whom the number shown is mandated on that day, empty where not one."""
    day = to_legal_day(call.at[0])
    clients = {
        row.client
        for row in mandates.get(call.caller, ())
        if row.first <= day and (row.last is None or day <= row.last)
    }
    return clients.pop() if len(clients) == 1 else ""
