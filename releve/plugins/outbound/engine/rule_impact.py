"""Verdicts judged again: under changed rules for calls that wait, or from their evidence alone.

A call flips when it was allowed and no longer is, or the other way round; ``moved`` are those still
refused, by other rows. A line of evidence holds a decision as it was sealed (``text``) and the
facts that were judged, so any holder of the file can check the answers.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from io import StringIO
from typing import Any

from releve.network.faults import find_nearest, suggest_fix
from releve.plugins.outbound.engine.errors import CallFault, OutboundError, ProofFault
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns
from releve.plugins.outbound.engine.facts import Facts
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.rule_files import load_rules
from releve.plugins.outbound.engine.verdict import CallFinding, CallVerdict, judge_call

_NOT_READ = ("authenticated", "mobile_terminal")
CALL_COLUMNS = tuple(field.name for field in fields(Call) if field.name not in _NOT_READ)
"""The columns of a file of calls."""
DIRECTIONS = ("refused", "allowed", "moved")
"""What a call that flips becomes."""
_MUST = ("client", "number", "at", "object", "sector")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Flip:
    """A call whose verdict would change, before and after the change of the rules."""

    call: Call
    before: CallVerdict
    after: CallVerdict

    @property
    def direction(self) -> str:
        """Return ``refused`` or ``allowed`` (what it becomes), or ``moved`` (other rows refuse)."""
        if self.before.allowed != self.after.allowed:
            return "allowed" if self.after.allowed else "refused"
        return "moved"

    @property
    def gained(self) -> tuple[str, ...]:
        """Return the versions of the rows that refuse it only after the change."""
        return _list_versions(self.after, self.before)

    @property
    def gained_findings(self) -> tuple[CallFinding, ...]:
        """Return the findings of :attr:`gained`, one a version."""
        found = {finding.row.version: finding for finding in self.after.findings}
        return tuple(found[version] for version in self.gained)

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the versions of the rows that no longer refuse it."""
        return _list_versions(self.before, self.after)


def flip_to_json(flip: Flip) -> dict[str, Any]:
    return {
        "id": flip.call.id,
        "number": flip.before.number,
        "at": flip.call.at.isoformat(),
        "becomes": flip.direction,
        "before": [finding.row.version for finding in flip.before.findings],
        "after": [finding.row.version for finding in flip.after.findings],
    }


def count_directions(flips: Iterable[Flip]) -> dict[str, int]:
    """Return how many calls become what: by every direction, in the order of DIRECTIONS."""
    count = Counter(flip.direction for flip in flips)
    return {direction: count[direction] for direction in DIRECTIONS}


def _list_versions(these: CallVerdict, not_those: CallVerdict) -> tuple[str, ...]:
    other = {finding.row.version for finding in not_those.findings}
    found = (finding.row.version for finding in these.findings)
    return tuple(dict.fromkeys(version for version in found if version not in other))


def find_flips(
    calls: Iterable[Call], facts: Facts, before: LegalRules, after: LegalRules, known_at: datetime
) -> tuple[Flip, ...]:
    """Return the calls whose verdict would change, as known at an instant, in their order."""
    found = []
    for call in calls:
        old, new = (judge_call(call, facts, rules, known_at) for rules in (before, after))
        flip = Flip(call, old, new)
        if old.allowed != new.allowed or flip.gained or flip.lost:
            found.append(flip)
    return tuple(found)


def read_calls(data: bytes) -> tuple[Call, ...]:
    """Return the calls of a CSV file (``,`` ``;`` or tab); CallFault names each line that is none.

    Columns: :data:`CALL_COLUMNS`, of which client, number, at (with its offset), object and sector
    must be there.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    rows = csv.DictReader(StringIO(text), delimiter=max((",", ";", "\t"), key=head.count))
    columns = rows.fieldnames or ()
    faults = [f"the column {name} is missing; add it" for name in _MUST if name not in columns]
    faults += [
        f"unknown column {name}; {suggest_fix(find_nearest(name, CALL_COLUMNS), 'remove it')}"
        for name in sorted(set(columns) - set(CALL_COLUMNS))
    ]
    calls = []
    for line, row in enumerate([] if faults else rows, 2):
        try:
            calls.append(_read_call(row))
        except ValueError as error:
            faults.append(f"line {line}: {error}")
    if faults:
        raise CallFault("\n".join(faults[:_SHOWN]))
    return tuple(calls)


def _read_call(row: dict[str, str | None]) -> Call:
    if None in row or None in row.values():
        raise ValueError("it has not as many cells as the first line")
    values = {name: (value or "").strip() for name, value in row.items()}
    empty = [name for name in _MUST if name not in ("object", "sector") and not values[name]]
    if empty:
        raise ValueError(f"{', '.join(empty)} is empty; fill it")
    plain = {name: value for name, value in values.items() if value and name != "at"}
    return Call(at=datetime.fromisoformat(values["at"]), **{"object": "", **plain})  # type: ignore[arg-type]


FORMAT = "releve outbound proof 1"
_FACTS_TAG = b"releve gate facts 1\n"
_ARGUMENTS = {"people": "persons", "feeds": "watermarks", "clients": "aliases"}


@dataclass(frozen=True, slots=True)
class ReverifyDifference:
    """A line whose recorded answer does not follow from its evidence, and why."""

    line: int
    call: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reverification:
    """What became of the lines of a file."""

    campaign: str
    lines: int
    allowed: int
    same: int
    differences: tuple[ReverifyDifference, ...]


def reverify_evidence(lines: Iterable[str]) -> Reverification:
    """Judge every call of a file again; ProofFault when it is not a proof file.

    A line is the same when the facts are those that were sealed, and the answer, the rows that
    refuse, the basis and the count of attempts are those on record.
    """
    given = iter(lines)
    head = _load_line(next(given, ""), 1)
    if head.get("format") != FORMAT:
        raise ProofFault(f"line 1 is not the head of a file of format {FORMAT!r}")
    tables = {version: _load_table(version, texts) for version, texts in head["rules"].items()}
    count, allowed, found = 0, 0, list[ReverifyDifference]()
    for number, line in enumerate(given, 2):
        record = _load_line(line, number)
        decision = _load_line(record["text"], number)
        count, allowed = count + 1, allowed + bool(decision["allowed"])
        reason = _explain_difference(decision, record["facts"], tables)
        if reason:
            call = f"{decision['call_id']}/{decision['cseq']}"
            found.append(ReverifyDifference(number, call, reason))
    return Reverification(head["campaign"], count, allowed, count - len(found), tuple(found))


def _load_line(text: str, line: int) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProofFault(f"line {line} is not a JSON object; ask for the file again")
    return found


def _load_table(version: str, texts: Mapping[str, str]) -> LegalRules:
    rules = load_rules(texts)
    if rules.version != version:
        raise ProofFault(f"the rules of version {version[:12]} are not those: {rules.version[:12]}")
    return rules


def _explain_difference(decision: Mapping[str, Any], facts: Sequence[Any], tables: Mapping[str, LegalRules]) -> str:
    """Return why a decision does not follow from its evidence, empty when it does."""
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    if hashlib.sha256(_FACTS_TAG + text.encode()).hexdigest() != decision["facts"]:
        return "the facts are not those that were sealed"
    rules = tables.get(decision["rules_version"])
    if rules is None:
        return f"the rules of version {decision['rules_version'][:12]} are not in the file"
    try:
        found = judge_decision_again(decision, facts, rules)
    except (OutboundError, KeyError, TypeError, ValueError) as error:
        return f"it cannot be judged: {error}"
    answers = {
        "allowed": all(one.allowed for one in found),
        "legal": all(one.legal for one in found),
        "rules": "|".join(dict.fromkeys(rule for one in found for rule in one.rules)),
        "basis": found[0].basis,
        "attempts": max(one.attempts for one in found),
    }
    wrong = [f"{k} {decision[k]!r}, found {v!r}" for k, v in answers.items() if decision[k] != v]
    return "; ".join(wrong)


def judge_decision_again(
    decision: Mapping[str, Any], rows: Sequence[Any], rules: LegalRules
) -> tuple[CallVerdict, ...]:
    """Return the verdict on a sealed decision's call, for each holder of the number."""
    call, facts = build_call(decision), build_evidence_facts(rows)
    found = [judge_call(call, facts, rules, call.at, timed=False)]
    if call.person:
        others = [person for person in decision["persons"].split("|") if person != call.person]
        found += [judge_call(replace(call, person=person), facts, rules, call.at, timed=False) for person in others]
    return tuple(found)


def build_call(decision: Mapping[str, Any]) -> Call:
    """Return the call of a sealed decision; its number is one that stands in for the real one."""
    asked = decision["call"]
    return Call(
        decision["client"],
        decision["stand_in"],
        datetime.fromisoformat(decision["at"]),
        asked["object"],
        decision["caller"],
        decision["campaign"],
        decision["named"],
        purpose=asked["purpose"],
        mode=asked["mode"],
        origin=asked["origin"],
        authenticated=asked["authenticated"],
        mobile_terminal=asked["mobile_terminal"],
        sector=asked["sector"],
        id=f"{decision['call_id']}/{decision['cseq']}",
        provider=asked["provider"],
    )


def build_evidence_facts(rows: Iterable[Sequence[Any]]) -> Facts:
    """Return the facts of evidence: rows of table, instant known, values by column."""
    tables: dict[str, list[Any]] = {_ARGUMENTS.get(name, name): [] for name in TABLES}
    for name, known, *values in rows:
        kinds = _list_types(name)
        cells = {field: _parse_value(kind, value) for (field, kind), value in zip(kinds.items(), values, strict=True)}
        if known is not None:
            cells["known_at"] = datetime.fromisoformat(known)
        tables[_ARGUMENTS.get(name, name)].append(TABLES[name](**cells))
    return Facts(**tables)


def _list_types(table: str) -> dict[str, str]:
    kinds = {name: kind for name, (kind, _) in list_columns(table).items() if name != "known_at"}
    return {**kinds, "unreadable": "text"} if table == "consents" else kinds


def _parse_value(kind: str, value: Any) -> Any:
    if kind == "words":
        return frozenset(value)
    if value is None or kind in ("text", "number", "flag"):
        return value
    return datetime.fromisoformat(value) if kind == "instant" else date.fromisoformat(value)
