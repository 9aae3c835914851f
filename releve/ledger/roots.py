"""Sealing: the signed root over all entries so far, which leaves the house.

A root names the number of entries, the hash of the last, the root hash of their Merkle tree and
the root before it. A holder of an older root can detect a rewritten history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from releve.files.atomic import create_file, make_folder
from releve.ledger import models, tree
from releve.ledger.chain import lock_head
from releve.ledger.digests import (
    NO_HASH,
    ROOT_TAG,
    canonical_json,
    format_instant,
    hash_root,
    parse_canonical,
)
from releve.ledger.errors import DocumentConflict, NothingToSealError, ProofError
from releve.ledger.keys import signing_key
from releve.ledger.merkle import tree_hash
from releve.ledger.rollback import list_declared_losses, require_complete

__all__ = [
    "SignedRoot",
    "iter_roots",
    "load_last_root",
    "load_root",
    "publish_document",
    "publish_root",
    "sign_entries",
    "sign_root",
]

FORMAT = "releve ledger root 1"


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """A signed root. ``text`` is the document that leaves the house, an e-mail's attachment too."""

    number: int
    size: int
    sealed_at: datetime
    statement: str
    """Canonical JSON of what is signed."""
    signature: str

    @property
    def text(self) -> str:
        """The document: canonical JSON, one line."""
        return f'{{"root":{self.statement},"signature":"{self.signature}"}}\n'

    @property
    def file_name(self) -> str:
        """The name of the document."""
        return f"root-{self.number:06}.json"


def sign_root(now: datetime) -> SignedRoot:
    """Return a new root over all entries, or the last one where nothing was added since.

    When it returns, the entries are on the disk: a root that left the house before them would,
    after a power cut, accuse the house of having removed them. Appends wait meanwhile; the work
    grows with the entries since the last root. Raises LedgerBehind where the database lacks what
    left it, also by the folder of RELEVE_OUTSIDE; NothingToSealError for an empty ledger,
    SigningKeyError where the key cannot be used.
    """
    require_complete(outside=True)  # a folder that answers late is waited for without the lock
    with transaction.atomic():
        return sign_entries(now)


def sign_entries(now: datetime) -> SignedRoot:
    """Return what ``sign_root`` does, in a transaction before which the outside was compared."""
    place, before = lock_head(), load_last_root()
    key = signing_key()  # behind the lock, which a rotation holds
    _wait_for_disk()
    if place.seq == 0:
        raise NothingToSealError("the ledger is empty: there is nothing to seal")
    if before is not None and before.size == place.seq:
        return before
    tree.extend_tree(before.size if before else 0, place.seq)
    statement = {
        "format": FORMAT,
        "head": place.hash,
        "key": key.public_key().public_bytes_raw().hex(),
        "number": _find_next_number(before),
        "previous": hash_root(parse_canonical(before.statement)) if before else NO_HASH,
        "sealed_at": format_instant(now),
        "size": place.seq,
        "tree": tree_hash(place.seq, tree.hash_subtree).hex(),
    }
    text = canonical_json(statement)
    return _store_root(statement, text, key.sign(ROOT_TAG + text.encode()).hex())


def load_last_root() -> SignedRoot | None:
    """Return the newest root."""
    row = models.LedgerRoot.objects.order_by("-number").first()
    return _signed_root(row) if row else None


def load_root(number: int) -> SignedRoot:
    """Return a root by its number; raises ProofError."""
    row = models.LedgerRoot.objects.filter(number=number).first()
    if row is None:
        raise ProofError(f"there is no root {number}")
    return _signed_root(row)


def iter_roots(after: int = 0) -> Iterator[SignedRoot]:
    """Yield the roots after a number, in order."""
    yield from map(
        _signed_root, models.LedgerRoot.objects.filter(number__gt=after).order_by("number")
    )


def publish_root(root: SignedRoot, folder: Path) -> Path:
    """Write a root's document into a folder, whole or not at all; return its path.

    A folder that another machine or another party keeps is what makes it worth something. Raises
    DocumentConflict where another root has its name there.
    """
    make_folder(folder)
    return publish_document(folder / root.file_name, root.text.encode())


def publish_document(path: Path, content: bytes, *, mode: int | None = None) -> Path:
    """Write a document that never changes, unless it is there; return its path.

    One that stands is never replaced: DocumentConflict where other bytes have its name, also where
    another host wrote them a moment ago.
    """
    created = not path.exists() and create_file(path, content, mode=mode)
    if not created and path.read_bytes() != content:
        raise DocumentConflict(
            f"{path} stands, and is not the document that this ledger would write there: nothing"
            " was overwritten. The database was rolled back, or a copy of this installation writes"
            " as well: see `releve doctor`"
        )
    return path


def _wait_for_disk() -> None:
    """Make this transaction wait for the disk, with all before it, whatever the server's default.

    SQLite's connections do so by their settings.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO on")


def _find_next_number(before: SignedRoot | None) -> int:
    """Return the number after the last root, also after one that was declared lost.

    The file of a lost root stands, so its number is never given again.
    """
    lost = [
        int(loss["lost_root"]["number"]) for loss in list_declared_losses() if loss["lost_root"]
    ]
    return max([before.number if before else 0, *lost]) + 1


def _store_root(statement: dict[str, Any], text: str, signature: str) -> SignedRoot:
    row = models.LedgerRoot.objects.create(
        number=statement["number"], size=statement["size"], sealed_at=statement["sealed_at"],
        statement=text, signature=signature,
    )  # fmt: skip
    return _signed_root(row)


def _signed_root(row: models.LedgerRoot) -> SignedRoot:
    sealed_at = datetime.fromisoformat(row.sealed_at)
    return SignedRoot(row.number, row.size, sealed_at, row.statement, row.signature)
