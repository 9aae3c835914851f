"""What readers outside may have of entries: proofs without personal values or health fields.

An entry about one agent (a case, a contact, an absence, its end, a correction of one of these) is
withheld from them whole: its site, its minute and who recorded it tell more of a single case than
the count of cases, which is hidden below five.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from releve.ledger.digests import canonical_json, parse_canonical
from releve.ledger.errors import ProofError
from releve.ledger.models import LedgerEntry
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import load_last_root
from releve.situation import KINDS, EventCorrected, health_fields

__all__ = [
    "PERSON_KINDS",
    "HealthInClear",
    "NoRoot",
    "find_person_entries",
    "holds_health_in_clear",
    "prove_for_disclosure",
]

PERSON_KINDS = frozenset(kind for kind, event in KINDS.items() if event.about == ("agent",))
"""Kinds of entries about one agent: cases and absences alike, so that they look the same."""


class NoRoot(ProofError):  # noqa: N818 (named by its cause)
    """No root has been signed yet."""


class HealthInClear(ProofError):  # noqa: N818
    """The entry holds a health field in clear, from before such fields became commitments."""


def prove_for_disclosure(seq: int) -> dict[str, Any]:
    """Return the proof of an entry under the last root, with commitments in place of values.

    NoRoot, HealthInClear, or another ProofError where the root does not cover the entry.
    """
    root = load_last_root()
    if root is None:
        raise NoRoot("no root has been signed yet")
    if holds_health_in_clear(seq):
        raise HealthInClear(f"entry {seq} holds a health field in clear")
    return prove_entry(seq, root)


def find_person_entries(rows: Iterable[LedgerEntry]) -> frozenset[int]:
    """Return the numbers of the entries about one agent, corrections of such entries included."""
    found, corrected = set(), {}
    for row in rows:
        if row.kind in PERSON_KINDS:
            found.add(row.seq)
        elif row.kind == EventCorrected.kind:
            corrected[row.seq] = parse_canonical(row.body)["corrects"]
    if corrected:
        about_persons = _find_person_events(set(corrected.values()))
        found |= {seq for seq, event in corrected.items() if event in about_persons}
    return frozenset(found)


def _find_person_events(events: set[str]) -> set[str]:
    """Return which of these events, given by id, are about one agent."""
    named = Q()
    for event in events:
        named |= Q(body__contains=f'"id":{canonical_json(event)}')
    rows = LedgerEntry.objects.filter(named, kind__in=PERSON_KINDS).values_list("body", flat=True)
    return {parse_canonical(body)["id"] for body in rows}


def holds_health_in_clear(seq: int) -> bool:
    """Return whether an entry holds a health field in clear, so that its proof discloses it."""
    row = LedgerEntry.objects.filter(seq=seq, kind__in=KINDS).first()
    if row is None:
        return False
    body = parse_canonical(row.body)
    values = (body.get(name) for name in health_fields(row.kind))
    return any(value is not None and not _is_commitment(value) for value in values)


def _is_commitment(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"commitment"}
