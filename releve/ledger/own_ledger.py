"""The ledger of this installation, checked by the verifier that strangers are given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from releve import __version__
from releve.errors import Phrase
from releve.ledger import verify
from releve.ledger.export import export_lines
from releve.ledger.seal import iter_rotations, list_own_keys
from releve.ledger.verify import Export, Keys, VerifyError, check_root, read_line

_MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Verifier:
    """The stand-alone verifier of a version, one file, with its SHA-256."""

    version: str
    sha256: str
    content: bytes


@cache
def load_verifier() -> Verifier:
    """Return the verifier of this program, as the desk hands it out and the wheel holds it."""
    content = Path(verify.__file__).read_bytes()
    return Verifier(__version__, hashlib.sha256(content).hexdigest(), content)


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """What the verifier found, in its own words, which are English; ``faults``: the first ones."""

    holds: bool
    entries: int
    faults: tuple[str, ...]
    fault_count: int
    summary: str

    @property
    def more(self) -> int:
        """The faults that are not listed."""
        return self.fault_count - len(self.faults)


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


def verify_with_root(root: bytes, *, counts: bool) -> LedgerVerification:
    """Return the check of this installation with a root that was kept elsewhere; empty: without.

    A case has more personal values than an absence, so that their number is for readers who may see
    the number of cases: ``counts``. ValueError where the root is none of this ledger.
    """
    given = [root] if root else []
    try:
        checked = verify_own_ledger(lambda keys: (check_root(read_line(content), keys) for content in given))
    except ValueError as fault:
        said = Phrase("This file is not a signed root of this ledger: {0}.", str(fault))
        raise ValueError(said) from None
    return LedgerVerification(
        holds=not checked.faults,
        entries=checked.seq,
        faults=tuple(checked.faults[:_MOST_FAULTS]),
        fault_count=len(checked.faults),
        summary="" if checked.faults else checked.summary(counts=counts),
    )
