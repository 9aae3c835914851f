"""Proofs for readers outside: no personal value, and no health field, is disclosed by them."""

from __future__ import annotations

from typing import Any

from releve.ledger.digests import parse_canonical
from releve.ledger.errors import ProofError
from releve.ledger.models import LedgerEntry
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import load_last_root
from releve.situation import KINDS, health_fields

__all__ = ["HealthInClear", "NoRoot", "holds_health_in_clear", "prove_for_disclosure"]


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
