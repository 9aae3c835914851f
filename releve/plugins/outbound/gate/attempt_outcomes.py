"""Outcomes of attempts, withdrawals of consent, and calls whose INVITE never left.

The gate counts an attempt before it answers; its outcome is a further version of the attempt. Where
the answer comes too late, or the dialler has given the call up, the proxy ends the call and its
record says so: no target, no To tag. The record names the SIP transaction by the instant at which
it began, as the question to the gate did, so that no other record withdraws the attempt and the
order of the two does not matter. The gate refuses another transaction of the same Call-ID and
CSeq; where records disagree, the attempt counts.

Outcomes are read from the files that a SIP proxy appends to (acc, db_flatstore). A cursor moves in
the transaction that files the rows, so a kill loses and doubles nothing. A file is known by its
inode and its first line, whatever it is called after a rotation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from releve.live.clock import read_clock
from releve.network.faults import find_nearest, suggest_fix
from releve.plugins.outbound.engine.facts import Withdrawal
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.gate.connections import ensure_gate_key, next_known_at
from releve.plugins.outbound.gate.erasure import erase_on, read_value, years_later
from releve.plugins.outbound.gate.errors import NoMatch, OutcomeFault
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.journal import note_load
from releve.plugins.outbound.gate.models import (
    AttemptRow,
    CallbackRow,
    ClientName,
    ConsentRow,
    ContractRow,
    Cursor,
    Load,
    PersonRow,
    PseudonymValue,
    RefusalRow,
    UnplacedRow,
    WithdrawalRow,
)
from releve.plugins.outbound.gate.person_rights import CampaignAnswer, preview_answers
from releve.plugins.outbound.gate.pseudonyms import (
    is_number,
    number_pseudonym,
    number_text,
    person_pseudonym,
    resolve_client,
)

NETWORK = "outcomes"
"""Who loads what the records of a proxy say."""

UNKNOWN = "unknown"
"""The outcome of an attempt that no source reported within the time allowed."""

REPORTED_OUTCOMES = (
    "conversation", "abandoned", "voicemail", "answered", "no-answer", "busy", "declined",
    "cancelled", "failed", "unallocated",
)  # fmt: skip
"""Outcomes an agent or a dialler may report; the law counts conversations and abandoned calls."""

_ANSWERED = ("conversation", "abandoned", "voicemail")
"""Kinds of answered calls, which the network cannot tell apart."""


def is_more_precise(known: str, reported: str) -> bool:
    """Return whether an outcome from the network says more than the one that is known."""
    return reported != known and not (reported == "answered" and known in _ANSWERED)


def write_outcomes(rows: Sequence[AttemptRow], outcomes: Sequence[str], source: str, *, by: str = NETWORK) -> None:
    """Write a further version of each attempt, known from now on; inside a transaction."""
    if not rows:
        return
    load = Load.objects.create(
        source=source[:200], by=by, opened_at=read_clock(), known_at=next_known_at(), rows=len(rows)
    )
    AttemptRow.objects.bulk_create(
        [
            AttemptRow(
                load=load, client=row.client, person=row.person, ref=row.ref, at=row.at,
                outcome=outcome, provider=row.provider, purpose=row.purpose, digest="",
                began=row.began, erase_on=row.erase_on,
            )
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
    )  # fmt: skip


_ABOUT = (ConsentRow, ContractRow, CallbackRow, RefusalRow, AttemptRow)


@dataclass(frozen=True, slots=True)
class WithdrawalMatch:
    """Matches of a withdrawal: client, persons by pseudonym and by id, ids of their consents."""

    client: str
    pseudonyms: tuple[str, ...]
    persons: tuple[str, ...]
    consents: tuple[str, ...]


@transaction.atomic
def record_withdrawal(
    client: str, who: str, now: datetime, *, consent: str = "", channel: str = "", by: str
) -> WithdrawalMatch:
    """Record that a person, or each holder of a number, takes back the consent to a client's calls.

    NoMatch, and nothing is recorded, when the person, client or consent is not known.
    """
    ensure_gate_key()
    name = _known_client(client)
    people = _find_people(name, who)
    ids = {one: who if one == person_pseudonym(who) else read_value("person", one) for one in people}
    persons = tuple(value or f"(erased) {one}" for one, value in ids.items())
    rows = ConsentRow.objects.filter(client=name, person__in=people, load__known_at__isnull=False)
    refs = tuple(dict.fromkeys(rows.order_by("ref").values_list("ref", flat=True)))
    if consent and consent not in refs:
        fix = suggest_fix(find_nearest(consent, refs), f"those known are: {', '.join(refs) or 'none'}")
        raise NoMatch(f"{', '.join(persons)} gave no consent {consent!r} to {name}; {fix}")
    given = rows.filter(ref=consent).values_list("person", flat=True)
    concerned = set(given) if consent else set(people)
    facts = [
        Withdrawal(name, value, now, now, consent, channel)
        for one, value in ids.items()
        if value is not None and one in concerned
    ]
    if person_pseudonym(who) not in people and not consent:  # by number: later holders as well
        facts.append(Withdrawal(name, number_text(who), now, now, "", channel))
    if facts:  # none where the one who gave the consent is erased
        note_load(load_facts(facts, source="withdrawal", by=by).load)
    for one, value in ids.items():
        if value is None and one in concerned:
            _record_erased(name, one, now, consent, channel, by)
    return WithdrawalMatch(name, people, persons, (consent,) if consent else refs)


def _record_erased(client: str, pseudonym: str, now: datetime, consent: str, channel: str, by: str) -> None:
    """Record the withdrawal of a person whose id was erased: only the pseudonym is left."""
    load = Load.objects.create(source="withdrawal", by=by, opened_at=read_clock(), known_at=next_known_at(), rows=1)
    WithdrawalRow.objects.create(
        load=load, client=client, person=pseudonym, at=now, consent=consent, channel=channel,
        digest="", erase_on=erase_on("withdrawals", {"at": now}, now),
    )  # fmt: skip
    note_load(load)


def _known_client(client: str) -> str:
    name = resolve_client(client)
    names = list(ClientName.objects.values_list("name", flat=True).distinct())
    if name not in names:
        fix = suggest_fix(find_nearest(client, names), f"known are: {', '.join(names) or 'none'}")
        raise NoMatch(f"no client is called {client!r}; {fix}")
    return name


def _find_people(client: str, who: str) -> tuple[str, ...]:
    """Return the pseudonyms of the person, or of the holders of the number, that is meant."""
    person = person_pseudonym(who)
    held = PersonRow.objects.filter(load__known_at__isnull=False)
    named = held.filter(person=person).exists() or any(
        model._default_manager.filter(client=client, person=person).exists() for model in _ABOUT
    )
    if named and not is_number(who):
        return (person,)
    holders = held.filter(number=number_pseudonym(who)).values_list("person", flat=True)
    found = tuple(dict.fromkeys(holders.order_by("pk")))
    if found:
        return found
    spelt = PseudonymValue.objects.filter(what="person", value__iexact=who.strip())
    near = sorted(spelt.values_list("value", flat=True))
    fix = suggest_fix(near, "give the person's id, or a number that a person is known to hold")
    raise NoMatch(f"no person is known as {who!r}; {fix}")


def preview_numbers(match: WithdrawalMatch, rules: LegalRules, now: datetime) -> list[CampaignAnswer]:
    """Return what the gate answers now for each number of the people, sorted by campaign."""
    answers = [
        answer
        for number in _find_numbers(match.pseudonyms)
        for answer in preview_answers(number, match.client, rules, now)
    ]
    return sorted(answers, key=lambda answer: answer.campaign)


def _find_numbers(people: Sequence[str]) -> list[str]:
    """Return the numbers that people hold, without those whose value was erased."""
    held = PersonRow.objects.filter(person__in=people, load__known_at__isnull=False).order_by("pk")
    names = dict.fromkeys(held.values_list("number", flat=True))
    return [value for name in names if (value := read_value("number", name)) is not None]


_ANSWERED_BY_GATE = "603"
"""The proxy's answer to a call that the gate refused, which left no attempt."""


def names_unplaced(record: Mapping[str, str]) -> bool:
    """Return whether a record of our proxy is of a call out whose INVITE did not leave."""
    return (
        record.get("direction") == "out"
        and record.get("target") == record.get("to_tag") == ""
        and bool(record.get("began"))
        and record["sip_code"][:1] in ("4", "5", "6")
        and record["sip_code"] != _ANSWERED_BY_GATE
    )


def record_unplaced(unplaced: Mapping[str, str], placed: Collection[str], source: str) -> frozenset[str]:
    """Record that calls were not placed, and that others were after all; inside a transaction.

    ``unplaced``: ``began`` by the call's name, Call-ID/CSeq; ``placed``: the names of calls whose
    records have a target. Return the names of those whose attempts do not count now.
    """
    doubtful = _find_doubtful(unplaced)
    taken = {call: began for call, began in unplaced.items() if call not in placed and call not in doubtful}
    before = list(UnplacedRow.objects.filter(ref__in=[*taken, *placed]))
    known = {(row.ref, row.began, row.placed) for row in before}
    new = {(call, began, 0) for call, began in taken.items()}
    new |= {(row.ref, row.began, 1) for row in before if row.ref in placed}
    _write_rows(sorted(new - known), source)
    restored = {(row.ref, row.began) for row in before if row.placed}
    return frozenset(call for call in taken if (call, taken[call]) not in restored)


def _find_doubtful(unplaced: Mapping[str, str]) -> set[str]:
    """Return calls that the gate counted for another transaction, or that went out by a record."""
    rows = AttemptRow.objects.filter(ref__in=unplaced).select_related("load")
    return {
        row.ref
        for row in rows
        if row.began != unplaced[row.ref]
        or (row.load is not None and row.load.by == NETWORK and row.outcome != UNKNOWN)
    }


def _write_rows(rows: Collection[tuple[str, str, int]], source: str) -> None:
    if not rows:
        return
    now = read_clock()
    load = Load.objects.create(
        source=f"not placed: {source}"[:200], by=NETWORK, opened_at=now, known_at=next_known_at(), rows=len(rows)
    )
    day = years_later(now.date())
    UnplacedRow.objects.bulk_create(
        [
            UnplacedRow(load=load, digest="", erase_on=day, ref=ref, began=began, placed=placed)
            for ref, began, placed in rows
        ],
        ignore_conflicts=True,  # another reader of the same record
    )


def find_unplaced(calls: Collection[str]) -> frozenset[str]:
    """Return those of some calls, by name, whose attempts do not count."""
    return frozenset(select_unplaced().filter(ref__in=calls).values_list("ref", flat=True))


def select_unplaced() -> QuerySet[UnplacedRow]:
    """Return the rows, a row a call, of the calls whose attempts do not count."""
    same = {"ref": OuterRef("ref"), "began": OuterRef("began")}
    return UnplacedRow.objects.filter(
        Exists(AttemptRow.objects.filter(**same)), ~Exists(UnplacedRow.objects.filter(placed=1, **same))
    )


COLUMNS = (
    "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time", "cseq",
    "direction", "programme", "target", "began", "logged",
)  # fmt: skip
"""The columns of a line: those of acc, then the extra ones of our proxy (docs/proxy.md)."""
_FEWER = (8, 11)
"""Columns of a proxy of another kind, without what follows the CSeq, or without the instants."""

_CHUNK = 1000
_LONGEST = 65536
_BY_CODE = {
    "486": "busy", "600": "busy", "408": "no-answer", "480": "no-answer", "487": "no-answer",
    "404": "unallocated", "410": "unallocated", "604": "unallocated", "603": "declined",
}  # fmt: skip
_REFUSED = ("603", "503")
"""Answers of any proxy itself to a call that the gate did not allow."""


@dataclass(slots=True)
class OutcomeCounts:
    """Numbers: filed, no attempt of the gate, no line of acc, a refused call, one not placed."""

    filed: int = 0
    strange: int = 0
    broken: int = 0
    refused: int = 0
    withdrawn: int = 0


@dataclass(slots=True)
class _CallsOut:
    """What some lines say of calls, by their names: the last outcome of each, which were refused,
    which have a target, and when those that were not placed began."""

    outcomes: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)
    unplaced: dict[str, str] = field(default_factory=dict)


def classify_sip_code(code: str) -> str:
    return "answered" if code.startswith("2") else _BY_CODE.get(code, "failed")


def read_outcomes(folder: Path, columns: Sequence[str] = COLUMNS) -> OutcomeCounts:
    """File what the folder's files say and was not read yet; return the counts.

    ``refused``: a call that the proxy itself refused (603 or 503 without the To tag that the called
    party would have given), as the gate had answered. ``withdrawn``: an attempt that does not count
    any more, since our proxy did not place the call. ``strange``: a call that it let through or
    tried without an attempt counted here. More of them than calls in set-up when the database was
    killed means that calls go around the gate. OutcomeFault where the columns do not name a call.
    """
    missing = {"callid", "cseq", "sip_code"} - set(columns)
    if missing:
        raise OutcomeFault(f"the columns lack {', '.join(sorted(missing))}")
    found = OutcomeCounts()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        _read_log(path, columns, found)
    return found


def file_outcomes(folder: Path) -> int:
    """File what is new in a folder to which a proxy writes; return of how many calls."""
    return read_outcomes(folder).filed


def _read_log(path: Path, columns: Sequence[str], found: OutcomeCounts) -> None:
    with path.open("rb") as stream:
        first = stream.readline(_LONGEST)
        if not first.endswith(b"\n"):
            return
        source = f"{path.stat().st_ino}:{hashlib.sha256(first).hexdigest()[:32]}"
        while True:
            with transaction.atomic():
                cursor, _ = Cursor.objects.select_for_update().get_or_create(source=source)
                stream.seek(cursor.offset)
                lines = list(islice(_whole_lines(stream), _CHUNK))
                if not lines:
                    return
                cursor.offset += sum(map(len, lines))
                cursor.file = path.name[:200]
                cursor.save(update_fields=["offset", "file"])
                _file_outcomes(_parse_outcomes(lines, columns, found), path.name, found)


def _whole_lines(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines that were written to their end."""
    for line in stream:
        if not line.endswith(b"\n"):
            return
        yield line


def _parse_outcomes(lines: Sequence[bytes], columns: Sequence[str], found: OutcomeCounts) -> _CallsOut:
    """Return what some lines say of calls out; of a call, its last line's outcome."""
    calls = _CallsOut()
    for line in lines:
        cells = line.decode("utf-8", "replace").rstrip("\n").split("|")
        row = dict(zip(columns, cells, strict=False))
        if len(cells) not in (*_FEWER, len(columns)) or not row["callid"] or not row["cseq"].isdecimal():
            found.broken += 1
        elif row.get("method", "INVITE") == "INVITE" and row.get("direction") != "in":
            call = f"{row['callid']}/{int(row['cseq'])}"
            calls.outcomes[call] = classify_sip_code(row["sip_code"])
            if names_unplaced(row):
                calls.unplaced[call] = row["began"]
            if row.get("target"):
                calls.placed.add(call)
            if call in calls.unplaced or (row["sip_code"] in _REFUSED and row.get("to_tag") == ""):
                calls.refused.add(call)
            else:
                calls.refused.discard(call)
    return calls


def _file_outcomes(calls: _CallsOut, name: str, found: OutcomeCounts) -> None:
    """Write the further versions of the attempts; the same outcome again is none.

    A call that was not placed has no outcome.
    """
    unplaced = record_unplaced(calls.unplaced, calls.placed, name)
    outcomes = calls.outcomes
    last: dict[tuple[str, str, str], AttemptRow] = {}
    for row in AttemptRow.objects.filter(ref__in=outcomes).order_by("pk"):
        last[row.ref, row.person, row.provider] = row
    counted = {ref for ref, *_ in last}
    uncounted = outcomes.keys() - counted
    found.refused += len(uncounted & calls.refused)
    found.strange += len(uncounted - calls.refused)
    found.withdrawn += len(counted & unplaced)
    new = [row for row in last.values() if row.ref not in unplaced and is_more_precise(row.outcome, outcomes[row.ref])]
    write_outcomes(new, [outcomes[row.ref] for row in new], f"outcomes {name}")
    found.filed += len(new)


def mark_unknown(before: datetime) -> int:
    """Give the gate's attempts from before an instant that have no outcome one: ``unknown``.

    What a file says later counts instead.
    """
    outcomes = AttemptRow.objects.exclude(outcome="").values("ref")
    silent = list(AttemptRow.objects.filter(load=None, at__lt=before).exclude(ref__in=outcomes)[:_CHUNK])
    with transaction.atomic():
        write_outcomes(silent, [UNKNOWN] * len(silent), "outcomes not reported")
    return len(silent)
