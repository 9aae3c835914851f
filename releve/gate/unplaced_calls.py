"""Calls out that our proxy ended before their INVITE left: their attempts do not count.

The gate counts an attempt before it answers. Where the answer comes too late, or the dialler has
given the call up meanwhile, the proxy ends the call, and its record says so: no target, no To tag.
The record names the SIP transaction by the instant at which it began, as the question to the gate
did, so that no other call's record and no word of a dialler withdraws an attempt, and so that it
does not matter which of the two comes first. A call withdrawn is not let out later: the gate
refuses another transaction of the same Call-ID and CSeq. Where records disagree, it counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db.models import Exists, OuterRef, QuerySet

from releve.gate.attempt_outcomes import NETWORK, UNKNOWN
from releve.gate.db_clock import next_known_at, read_clock
from releve.gate.models import AttemptRow, Load, UnplacedRow
from releve.gate.retention import years_later

__all__ = ["find_unplaced", "names_unplaced", "record_unplaced", "select_unplaced"]

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


def record_unplaced(
    unplaced: Mapping[str, str], placed: Collection[str], source: str
) -> frozenset[str]:
    """Record that calls were not placed, and that others were after all; inside a transaction.

    ``unplaced``: ``began`` by the call's name, Call-ID/CSeq; ``placed``: the names of calls whose
    records have a target. Return the names of those whose attempts do not count now.
    """
    doubtful = _find_doubtful(unplaced)
    taken = {
        call: began
        for call, began in unplaced.items()
        if call not in placed and call not in doubtful
    }
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
        source=f"not placed: {source}"[:200], by=NETWORK, opened_at=now, known_at=next_known_at(),
        rows=len(rows),
    )  # fmt: skip
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
        Exists(AttemptRow.objects.filter(**same)),
        ~Exists(UnplacedRow.objects.filter(placed=1, **same)),
    )
