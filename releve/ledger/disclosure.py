"""What readers outside may have of entries: proofs without personal values or health fields.

An entry about one agent (a case, a contact, an absence, its end, a correction of one of these) is
withheld from them whole: its site, its minute and who recorded it tell more of a single case than
the count of cases, which is hidden below five.

A personal value stands in an entry as a salted commitment. It is shown to the health officer
alone; other readers see that there is one, or that it was erased. A health field about no person is
a commitment too, shown to those who may see the cases of a site.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Q

from releve.errors import Phrase
from releve.ledger.digests import canonical_json, parse_canonical
from releve.ledger.errors import ProofError
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import load_last_root
from releve.situation import KINDS, EventCorrected, health_fields, personal_fields

__all__ = [
    "PERSON_KINDS",
    "DisclosedField",
    "disclose_fields",
    "find_person_entries",
    "holds_health_in_clear",
    "iter_values",
    "list_entries",
    "load_personal_values",
    "prove_for_disclosure",
]

PERSON_KINDS = frozenset(kind for kind, event in KINDS.items() if event.about == ("agent",))
"""Kinds of entries about one agent: cases and absences alike, so that they look the same."""


@dataclass(frozen=True, slots=True)
class DisclosedField:
    """One field of an entry: its ``value`` where it is shown; ``commitment``: it is personal."""

    name: str
    state: Literal["shown", "withheld", "erased"]
    value: Any = None
    commitment: str = ""


def load_personal_values(seqs: Collection[int]) -> dict[int, dict[str, str]]:
    """Return the personal values that are left of entries: canonical JSON by number and path."""
    kept: dict[int, dict[str, str]] = {seq: {} for seq in seqs}
    found = PersonalValue.objects.filter(entry__in=seqs)
    for seq, path, value in found.values_list("entry", "path", "value"):
        kept[seq][path] = value
    return kept


def disclose_fields(
    kind: str, body: Mapping[str, Any], kept: Mapping[str, str], *, counts: bool, personal: bool
) -> Iterator[DisclosedField]:
    """Yield the fields of an entry as a reader may see them, by path.

    ``kept`` are its personal values. ``counts``: the reader may see the number of cases;
    ``personal``: whom they are of.
    """
    health = set(health_fields(kind)) if kind in KINDS else set()
    numbers = health - set(personal_fields(kind)) if kind in KINDS else set()
    for path, value in iter_values(body):
        commitment = value["commitment"] if _is_commitment(value) else ""
        if not commitment:
            sees, found = counts or path not in health, value
        elif path in kept:
            sees, found = counts if path in numbers else personal, parse_canonical(kept[path])
        else:
            yield DisclosedField(path, "erased", None, commitment)
            continue
        state: Literal["shown", "withheld"] = "shown" if sees else "withheld"
        yield DisclosedField(path, state, found if sees else None, commitment)


def iter_values(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a body by path; a commitment is one value."""
    for name, value in sorted(body.items()):
        if isinstance(value, dict) and not _is_commitment(value):
            yield from iter_values(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def list_entries(
    most: int, *, persons: bool, stream: str = "", kind: str = "", before: int | None = None
) -> list[LedgerEntry]:
    """Return at most so many entries, the newest first, of every stream or kind or of one.

    Without ``persons``, a reader who asks for a kind gets no entry of it about one agent.
    """
    rows = LedgerEntry.objects.order_by("-seq")
    if kind in PERSON_KINDS and not persons:
        return []
    if stream:
        rows = rows.filter(stream=stream)
    if kind:
        rows = rows.filter(kind=kind)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    if not kind or persons:
        return list(rows[:most])
    found: list[LedgerEntry] = []
    rest = rows
    while len(found) < most and (page := list(rest[:most])):
        hidden = find_person_entries(page)
        found += [row for row in page if row.seq not in hidden]
        rest = rows.filter(seq__lt=page[-1].seq)
    return found[:most]


def prove_for_disclosure(seq: int) -> dict[str, Any]:
    """Return the proof of an entry under the last root, with commitments in place of values.

    ProofError, in a phrase, where there is no root or it does not cover the entry, and where the
    entry holds a health field in clear, from before such fields became commitments.
    """
    root = load_last_root()
    if root is None:
        raise ProofError(Phrase("No root has been signed yet."))
    if holds_health_in_clear(seq):
        raise ProofError(
            Phrase("This entry holds a health field in clear: its proof is not handed out.")
        )
    if seq > root.size:
        raise ProofError(Phrase("Its proof can be had once the next root is signed."))
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
