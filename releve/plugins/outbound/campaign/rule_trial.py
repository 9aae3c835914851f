"""A change of the rules tried on calls that wait, with what is recorded about the people now.

One person and the verdict on a call to them now; every look is recorded with its reason.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from django.db import transaction

from releve.ledger.chain import append
from releve.live.clock import read_clock
from releve.network.size_limits import MAX_FILES, count_parquet_cells, measure_unpacked
from releve.plugins.outbound.engine.errors import CallFault, FactFaults, OutboundError
from releve.plugins.outbound.engine.fact_tables import build_facts_on, read_tables
from releve.plugins.outbound.engine.judged_call import Call, is_own_provider
from releve.plugins.outbound.engine.legal_rows import LegalRules, Words, to_legal_day
from releve.plugins.outbound.engine.rule_files import load_rules
from releve.plugins.outbound.engine.rule_impact import Flip, find_flips, read_calls
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.connections import ensure_gate_key
from releve.plugins.outbound.gate.current_rules import load_current_rules, load_current_texts
from releve.plugins.outbound.gate.decision import build_call
from releve.plugins.outbound.gate.errors import GateError
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, KnownFacts, read_facts
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym, number_text, person_pseudonym

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


def try_files(calls: bytes, rows: bytes, facts: bytes | None, *, name: str, by: str) -> tuple[int, tuple[Flip, ...]]:
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
def _record_trial(calls: int, before: LegalRules, after: LegalRules, by: str, now: datetime) -> None:
    body = {"actor": by, "calls": calls, "before": before.version, "after": after.version}
    append(TRIED, body, recorded_at=now, stream="outbound")


SHORTEST_REASON = 10
_KEPT_DAYS = 365
_STREAM = "outbound"
_HISTORY = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts", "listings")
_PERSONAL = ("person", "number", "proof")
_WHEN = {"consents": "collected_at", "contracts": "first", "callbacks": "requested_at"}


class LookRefused(GateError):  # noqa: N818 (named like the others)
    """A look that is not allowed: no campaign, or no reason."""


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact about a person: its table, when it was (None: its date cannot be read), its values.

    ``cells`` lacks values that are empty, name the person, or say ``at`` again; sets are in order.
    """

    table: str
    at: datetime | date | None
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Facts about the holders of a number, the newest first, and the verdict on a call now.

    ``territories`` names those where the callee may be, by their codes.
    """

    campaign: str
    client: str
    pseudonym: str
    persons: tuple[str, ...]
    verdict: CallVerdict
    territories: Mapping[str, Words]
    events: tuple[KnownFact, ...]


def history_to_json(history: PersonHistory) -> dict[str, Any]:
    """Return a history as data, under pseudonyms: no number is in it."""
    verdict = history.verdict
    return {
        "campaign": history.campaign,
        "number": history.pseudonym,
        "persons": history.persons,
        "allowed": verdict.allowed,
        "legal": verdict.legal,
        "findings": [finding.row.version for finding in verdict.findings],
        "places": verdict.places,
        "territories": {code: name._asdict() for code, name in history.territories.items()},
        "basis": verdict.basis,
        "until": verdict.until,
        "next_allowed": verdict.next_allowed,
        "events": history.events,
    }


def show_person(
    number: str, campaign: str, caller: str, reason: str, *, by: str, rules: LegalRules, now: datetime
) -> PersonHistory:
    """Return a person's history and the verdict now; the look is recorded first.

    LookRefused when there is no such campaign or the reason is too short.
    """
    reason, row = reason.strip(), load_campaigns().get(campaign)
    if row is None:
        raise LookRefused(f"there is no campaign {campaign!r}")
    if len(reason) < SHORTEST_REASON:
        raise LookRefused(f"reason must have at least {SHORTEST_REASON} characters")
    ensure_gate_key()
    number = number_text(number)
    pseudonym = number_pseudonym(number)
    _record_lookup(pseudonym, row.ref, reason, by, now)
    answer = read_facts(row.client, number, now, campaign=row.ref)
    call = build_call(row.ref, CampaignTerms.from_row(row), number, caller, "", now, "")
    verdict = judge_call(call, answer.facts(), rules, now)
    return PersonHistory(
        row.ref,
        row.client,
        pseudonym,
        answer.persons(),
        verdict,
        {code: rules.territories[code].name for code in (one.territory for one in verdict.places)},
        _list_events(answer),
    )


@transaction.atomic
def _record_lookup(pseudonym: str, campaign: str, reason: str, by: str, now: datetime) -> None:
    append(
        "outbound.looked",
        {"actor": by, "campaign": campaign},
        personal={"number": pseudonym, "reason": reason},
        subject=pseudonym,
        erase_on=(now + timedelta(days=_KEPT_DAYS)).date(),
        stream=_STREAM,
        recorded_at=now,
    )


def _list_events(answer: KnownFacts) -> tuple[KnownFact, ...]:
    found = [
        _build_fact(table, cells.get(_WHEN.get(table, "at")), cells)
        for table in _HISTORY
        for _known, cells in answer.tables[table]
    ]
    return tuple(sorted(found, key=lambda fact: str(fact.at or ""), reverse=True))


def _build_fact(table: str, at: Any, cells: Mapping[str, Any]) -> KnownFact:
    said = {
        name: tuple(sorted(value)) if isinstance(value, frozenset) else value
        for name, value in cells.items()
        if value not in ("", None, frozenset(), False, at)
        and name not in _PERSONAL
        and not (name == "provider" and is_own_provider(value))
    }
    return KnownFact(table, at, said)
