"""The ledger of this installation, checked by the verifier that strangers are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from releve.evidence.verify import Export, Keys, VerifyError
from releve.ledger.export import export_lines
from releve.ledger.rotation import iter_rotations, list_own_keys

__all__ = ["verify_own_ledger"]


def verify_own_ledger(read_roots: Callable[[Keys], Iterable[dict[str, Any]]]) -> Export:
    """Return the check of every entry, personal value and root of this installation.

    ``read_roots`` gives the roots that were kept elsewhere, by the keys of this ledger. ValueError
    where one is none of its own.
    """
    keys = Keys(list_own_keys())
    try:
        for rotation in iter_rotations():
            keys.add(rotation.document)
        roots = list(read_roots(keys))
    except VerifyError as fault:
        raise ValueError(str(fault)) from None
    checked = Export(keys, roots)
    checked.read(f"{line}\n".encode() for line in export_lines(values=True))
    return checked
