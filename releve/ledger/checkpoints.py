"""The standard forms of a root and of a proof, which tools of others verify (C2SP).

A checkpoint is a signed note: origin, number of entries, root hash, signature by the key of our
root (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note). A tlog-proof is one file with
the path of an entry and the checkpoint (https://c2sp.org/tlog-proof). A leaf is the 32 bytes of the
entry's hash, which says nothing of the entry: it covers a random number.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from releve.files.atomic import write_file
from releve.ledger import tree
from releve.ledger.errors import ProofError
from releve.ledger.keys import public_hex, signing_key
from releve.ledger.merkle import inclusion_path
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot

__all__ = [
    "RotatedRoot",
    "build_checkpoint",
    "build_tlog_proof",
    "format_checkpoint",
    "format_verifier_key",
    "publish_checkpoint",
    "read_origin",
    "sign_note",
    "verify_note_line",
]

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
            f"root {root.number} was signed by a key that was rotated since: its checkpoint stands"
            " beside it"
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
    path = inclusion_path(seq - 1, root.size, tree.hash_subtree)
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
