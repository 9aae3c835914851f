"""The proof of one entry as it leaves the house: nothing personal in it, and nothing of health."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from releve.ledger.errors import ProofError
from releve.ledger.hashing import parsed
from releve.ledger.models import LedgerEntry
from releve.ledger.proofs import prove
from releve.ledger.roots import last_root
from releve.situation import KINDS, health_fields

__all__ = ["NoRoot", "TellsHealth", "handed_out", "tells_health", "why_not"]


class NoRoot(ProofError):  # noqa: N818 (the word of the desk)
    """Nothing has been signed yet."""


class TellsHealth(ProofError):  # noqa: N818
    """The entry holds a health field in clear, from before these were committed to."""


def handed_out(seq: int) -> dict[str, Any]:
    """Return the proof of an entry under the last root, every value of it left a commitment.

    :class:`NoRoot`, :class:`TellsHealth`, or another ProofError where it came after the root.
    """
    root = last_root()
    if root is None:
        raise NoRoot("no root has been signed yet")
    if tells_health(seq):
        raise TellsHealth(f"entry {seq} holds a health field in clear")
    return prove(seq, root)


def tells_health(seq: int) -> bool:
    """Return whether an entry holds a health field in clear, which nothing can take out of it."""
    row = LedgerEntry.objects.filter(seq=seq, kind__in=KINDS).first()
    if row is None:
        return False
    body = parsed(row.body)
    values = (body.get(name) for name in health_fields(row.kind))
    return any(value is not None and not _is_commitment(value) for value in values)


def _is_commitment(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"commitment"}


def why_not(error: Exception) -> str:
    """Return why there is no proof to hand out, in the reader's language."""
    if isinstance(error, NoRoot):
        return _("No root has been signed yet.")
    if isinstance(error, TellsHealth):
        return _("This entry tells of health in clear: its proof does not leave the house.")
    return _("Its proof can be had once the next root is signed.")
