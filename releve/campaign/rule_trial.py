"""A change of the rules tried on calls that wait, with what is recorded about the people now."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl
from django.db import transaction

from releve.gate.current_rules import load_current_rules, load_current_texts
from releve.gate.db_clock import read_clock
from releve.gate.fact_reader import read_facts
from releve.gate.key_checks import ensure_gate_key
from releve.gate.pseudonyms import number_text, person_pseudonym
from releve.ledger.chain import append
from releve.network.size_limits import MAX_FILES, count_parquet_cells, measure_unpacked
from releve.outbound import Call, CallVerdict, LegalRules, OutboundError, judge_call, load_rules
from releve.outbound.errors import CallFault, FactFaults
from releve.outbound.fact_tables import build_facts_on, read_tables
from releve.outbound.legal_rows import to_legal_day
from releve.outbound.rule_impact import Flip, find_flips, read_calls

__all__ = [
    "TRIED",
    "TooManyCalls",
    "try_call",
    "try_files",
    "try_rules",
    "try_rules_on_tables",
]

TRIED = "outbound.tried"
"""The kind of the ledger's entry: ``actor``, ``calls`` (a count), both versions of the rules."""

_MOST_CALLS = 2_000
"""The most calls that :func:`try_files` judges on tables."""
_MOST_RECORDED = 500
"""The same, where each takes a look into the database."""
_MOST_UNPACKED = 50_000_000
_MOST_CELLS = 10_000_000

Progress = Callable[[int, int], None]
"""Takes the calls judged and the calls in all."""


class TooManyCalls(CallFault):
    """No call, or more than are judged while a user waits: ``most``."""

    def __init__(self, most: int) -> None:
        super().__init__(f"1 to {most} calls are judged here; use the command")
        self.most = most


def try_rules(
    calls: Sequence[Call],
    before: LegalRules,
    after: LegalRules,
    now: datetime,
    *,
    by: str,
    progress: Progress = lambda done, calls: None,
) -> tuple[Flip, ...]:
    """Return the calls whose verdict would change, on the facts recorded by now.

    The trial is recorded first, because verdicts concern people. Persons are pseudonyms.
    """
    ensure_gate_key()
    _record_trial(len(calls), before, after, by, now)
    found: list[Flip] = []
    for done, call in enumerate(calls, 1):
        number = number_text(call.number)
        known = read_facts(call.client, number, now, person=call.person, campaign=call.campaign)
        asked = replace(call, number=number, person=person_pseudonym(call.person))
        found += find_flips([asked], known.facts(), before, after, now)
        progress(done, len(calls))
    return tuple(found)


def try_rules_on_tables(
    calls: Sequence[Call], archive: bytes, before: LegalRules, after: LegalRules
) -> tuple[Flip, ...]:
    """Return the calls whose verdict would change, on a zip of tables as of the last of the calls.

    FactFaults when the tables cannot be read, or would unpack to too much; BadZipFile when the zip
    is damaged.
    """
    known = max(call.at for call in calls)
    tables = read_tables(_unpack_tables(archive), whole=True)
    facts = build_facts_on(tables, before.numbers, to_legal_day(known))
    return find_flips(calls, facts, before, after, known)


def try_files(
    calls: bytes, rows: bytes, facts: bytes | None, *, name: str, by: str
) -> tuple[int, tuple[Flip, ...]]:
    """Return how many calls files hold, and those whose verdict new rows would change.

    ``calls``: CSV. ``rows``: YAML, as a file ``name`` would be added to the rules in force.
    ``facts``: a zip of tables; without it, what is recorded now. TooManyCalls above what is judged
    while a user waits, or for none; another OutboundError for a file that cannot be read.
    """
    asked = read_calls(calls)
    most = _MOST_CALLS if facts is not None else _MOST_RECORDED
    if not 0 < len(asked) <= most:
        raise TooManyCalls(most)
    try:
        after = load_rules({**load_current_texts(), f"~{name}": rows.decode("utf-8")})
        if facts is not None:
            return len(asked), try_rules_on_tables(asked, facts, load_current_rules(), after)
    except (UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise OutboundError(str(error)) from error
    return len(asked), try_rules(asked, load_current_rules(), after, read_clock(), by=by)


def _unpack_tables(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = [item for item in archive.infolist() if not item.is_dir()]
        if len(files) > MAX_FILES or measure_unpacked(archive) > _MOST_UNPACKED:
            raise FactFaults("the zip unpacks to more than 50 MB or 100 files; use the command")
        tables = {item.filename.rpartition("/")[2]: archive.read(item) for item in files}
    for name, table in tables.items():
        suffix = name.lower().rpartition(".")[2]  # its reader takes either case
        if suffix == "xlsx":  # a zip in the zip, whose sheets can be far larger than the limits
            raise FactFaults(f"{name} is a workbook; save its tables as CSV or use the command")
        if suffix == "parquet" and _count_cells(table) > _MOST_CELLS:
            raise FactFaults(f"{name} holds more than {_MOST_CELLS} cells; use the command")
    return tables


def _count_cells(table: bytes) -> int:
    """Return the cells of a Parquet file; 0 for a file that is none, which its reader refuses."""
    try:
        return count_parquet_cells(table)
    except (pl.exceptions.PolarsError, OSError):
        return 0


def try_call(call: Call, rules: LegalRules, now: datetime, *, by: str) -> CallVerdict:
    """Return the verdict on a call, on the facts recorded by now; that it was asked is recorded.

    The person is a pseudonym in it.
    """
    ensure_gate_key()
    _record_trial(1, rules, rules, by, now)
    number = number_text(call.number)
    known = read_facts(call.client, number, now, person=call.person, campaign=call.campaign)
    asked = replace(call, number=number, person=person_pseudonym(call.person))
    return judge_call(asked, known.facts(), rules, now)


@transaction.atomic
def _record_trial(
    calls: int, before: LegalRules, after: LegalRules, by: str, now: datetime
) -> None:
    body = {"actor": by, "calls": calls, "before": before.version, "after": after.version}
    append(TRIED, body, recorded_at=now, stream="outbound")
