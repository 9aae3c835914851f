"""Sealing: the signed root over all entries so far, which is published.

A root names the number of entries, the hash of the last, the root hash of their Merkle tree and
the root before it. A holder of an older root can detect a rewritten history.

The leaves of the tree are the hashes of the entries; of the nodes above, every eighth level is
stored: a subtree of any size is then made from at most 128 rows by one query, a proof among a
million entries from some 20 such queries, and a thousand entries cost four rows.

Roots and proofs also have the standard forms of C2SP, which tools of others verify. A checkpoint is
a signed note: origin, number of entries, root hash, signature by the key of our root
(https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note). A tlog-proof is one file with the
path of an entry and the checkpoint (https://c2sp.org/tlog-proof). A leaf is the 32 bytes of the
entry's hash, which says nothing of the entry: it covers a random number.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction

from releve.files.atomic import create_file, make_folder, write_file
from releve.ledger import models
from releve.ledger.chain import lock_head
from releve.ledger.digests import NO_HASH, ROOT_TAG, canonical_json, format_instant, hash_root, parse_canonical
from releve.ledger.guards import DocumentConflict, NothingToSealError, ProofError
from releve.ledger.keys import public_hex, signing_key
from releve.ledger.merkle import fold_hashes, inclusion_path, leaf_hash, tree_hash
from releve.ledger.models import LedgerEntry, LedgerNode
from releve.ledger.rollback import list_declared_losses, require_complete

STRIDE = 8


def hash_subtree(level: int, index: int) -> bytes:
    """Return the hash of a complete subtree, from the kept level at or below its own."""
    below = level % STRIDE
    kept, count = level - below, 1 << below
    found = read_stored(kept, index * count, count)
    if len(found) != count:
        raise LookupError(f"the tree has {len(found)} of {count} hashes at level {kept}")
    return fold_hashes(found)


def extend_tree(before: int, size: int) -> None:
    """Keep the nodes that are complete with ``size`` entries and were not with ``before``."""
    level = STRIDE
    while size >> level:
        added = range(before >> level, size >> level)
        LedgerNode.objects.bulk_create(
            [LedgerNode(level=level, index=i, hash=_join_level(level, i).hex()) for i in added]
        )
        level += STRIDE


def _join_level(level: int, index: int) -> bytes:
    """Return the hash of a subtree from the kept level below its own."""
    first, count = index << STRIDE, 1 << STRIDE
    return fold_hashes(read_stored(level - STRIDE, first, count))


def read_stored(level: int, first: int, count: int) -> list[bytes]:
    """Return the hashes of neighbours at a kept level, level 0 being the leaves from entry 1 on."""
    if level == 0:
        leaves = LedgerEntry.objects.filter(seq__gt=first, seq__lte=first + count).order_by("seq")
        return [leaf_hash(bytes.fromhex(text)) for text in leaves.values_list("hash", flat=True)]
    rows = LedgerNode.objects.filter(level=level, index__gte=first, index__lt=first + count)
    return [bytes.fromhex(text) for text in rows.order_by("index").values_list("hash", flat=True)]


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

    When it returns, the entries are on the disk: a root that was published before them
    would, after a power cut, look as if they had been removed. Appends wait meanwhile; the work
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
    extend_tree(before.size if before else 0, place.seq)
    statement = {
        "format": FORMAT,
        "head": place.hash,
        "key": key.public_key().public_bytes_raw().hex(),
        "number": _find_next_number(before),
        "previous": hash_root(parse_canonical(before.statement)) if before else NO_HASH,
        "sealed_at": format_instant(now),
        "size": place.seq,
        "tree": tree_hash(place.seq, hash_subtree).hex(),
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
    yield from map(_signed_root, models.LedgerRoot.objects.filter(number__gt=after).order_by("number"))


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
    lost = [int(loss["lost_root"]["number"]) for loss in list_declared_losses() if loss["lost_root"]]
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


ED25519, COSIGNATURE = 1, 4
"""Kinds of signatures in a signed note."""
_ORIGIN = re.compile(r"[!-*,-~]+")
_OWN_TEXTS = "releve ledger"


class RotatedRoot(ProofError):  # noqa: N818 (named by its cause)
    """A root of a key that was rotated since: nothing more can be signed of it."""


def read_origin() -> str:
    """Return the name of this ledger among logs: ``RELEVE_LEDGER_ORIGIN``, or of its first entry.

    ProofError for one that cannot stand in a note.
    """
    first = LedgerEntry.objects.filter(seq=1).values_list("hash", flat=True).first() or ""
    origin = str(settings.LEDGER_ORIGIN) or f"releve.invalid/{first[:16]}/ledger"
    if not _ORIGIN.fullmatch(origin) or origin.startswith(_OWN_TEXTS):
        raise ProofError(
            "RELEVE_LEDGER_ORIGIN must be an address without scheme, spaces or plus sign, such as"
            f" desk.example/ledger; got {origin!r}"
        )
    return origin


def build_checkpoint(root: SignedRoot) -> str:
    """Return the checkpoint of a root; RotatedRoot where its key was rotated since."""
    if json.loads(root.statement)["key"] != public_hex(signing_key()):
        raise RotatedRoot(
            f"root {root.number} was signed by a key that was rotated since: its checkpoint stands beside it"
        )
    return sign_note(format_checkpoint(root))


def sign_note(text: str) -> str:
    """Return a text with its signature line by the ledger's key (C2SP signed-note).

    The first line says what the text is. That of a checkpoint is the origin, which holds no space;
    every other text begins with words, so that none passes for another.
    """
    key, origin = signing_key(), read_origin()
    public = key.public_key().public_bytes_raw()
    blob = _hash_key(origin, ED25519, public) + key.sign(text.encode())
    return f"{text}\n— {origin} {_encode(blob)}\n"


def format_checkpoint(root: SignedRoot) -> str:
    """Return the text of a root's checkpoint, which is what is signed."""
    tree_hash = bytes.fromhex(json.loads(root.statement)["tree"])
    return f"{read_origin()}\n{root.size}\n{_encode(tree_hash)}\n"


def build_tlog_proof(seq: int, root: SignedRoot, cosignatures: str = "") -> str:
    """Return the tlog-proof of an entry under a root; ``cosignatures`` are lines of witnesses.

    The index is the entry's number less one.
    """
    if not 1 <= seq <= root.size:
        raise ProofError(f"entry {seq} is not under root {root.number}: seal first")
    path = inclusion_path(seq - 1, root.size, hash_subtree)
    lines = "".join(f"{_encode(node)}\n" for node in path)
    head = f"c2sp.org/tlog-proof@v1\nindex {seq - 1}\n{lines}"
    return f"{head}\n{build_checkpoint(root)}{cosignatures}"


def format_verifier_key() -> str:
    """Return the public key as tools of others take it: origin, key hash, kind and key."""
    origin, public = read_origin(), bytes.fromhex(public_hex(signing_key()))
    shown = _encode(bytes([ED25519]) + public)
    return f"{origin}+{_hash_key(origin, ED25519, public).hex()}+{shown}"


def publish_checkpoint(root: SignedRoot, folder: Path) -> Path:
    """Write a root's checkpoint beside its document; return its path."""
    path = folder / f"checkpoint-{root.number:06}.txt"
    if not path.exists():
        write_file(path, build_checkpoint(root))
    return path


def verify_note_line(text: str, line: str, verifier_key: str) -> bool:
    """Return whether a line under a note's text is a signature, or a cosignature, by a key."""
    try:
        name, shown, encoded = verifier_key.split("+", 2)
        dash, signer, blob_text = line.rstrip("\n").split(" ")
        kind, public = base64.b64decode(encoded)[0], base64.b64decode(encoded)[1:]
        blob = base64.b64decode(blob_text, validate=True)
    except (ValueError, IndexError):
        return False
    expected = _hash_key(name, kind, public)
    if (dash, signer, blob[:4]) != ("—", name, expected) or shown != expected.hex():
        return False
    message, signature = text.encode(), blob[4:]
    if kind == COSIGNATURE:
        at, signature = int.from_bytes(blob[4:12], "big"), blob[12:]
        message = f"cosignature/v1\ntime {at}\n".encode() + message
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return kind in (ED25519, COSIGNATURE)


def _hash_key(name: str, kind: int, public: bytes) -> bytes:
    """Return the first four bytes of the hash of a key in a note."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
