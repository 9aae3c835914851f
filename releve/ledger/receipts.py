"""Receipts: the proof of an entry as COSE (RFC 9942), for tools that take CBOR.

A receipt of inclusion is a COSE_Sign1 whose payload, the root hash, is left out: a verifier
computes it from the path, then checks the signature over it. The leaf is the 32 bytes of the
entry's hash.
"""

from __future__ import annotations

import json

from releve.ledger import tree
from releve.ledger.checkpoints import RotatedRoot
from releve.ledger.errors import ProofError
from releve.ledger.keys import public_hex, signing_key
from releve.ledger.merkle import inclusion_path
from releve.ledger.roots import SignedRoot

__all__ = ["build_receipt"]

ALGORITHM, PROOFS_LABEL, STRUCTURE_LABEL = 1, 396, 395
EDDSA, RFC9162_SHA256, INCLUSION = -8, 1, -1
_SIGN1_TAG = 18
_NULL = b"\xf6"


def build_receipt(seq: int, root: SignedRoot) -> bytes:
    """Return the receipt that an entry is under a root.

    ProofError where it is not; RotatedRoot where the root's key was rotated since.
    """
    if not 1 <= seq <= root.size:
        raise ProofError(f"entry {seq} is not under root {root.number}: seal first")
    key, statement = signing_key(), json.loads(root.statement)
    if statement["key"] != public_hex(key):
        raise RotatedRoot(
            f"root {root.number} was signed by a key that was rotated since: take a later root"
        )
    path = inclusion_path(seq - 1, root.size, tree.hash_subtree)
    proof = encode_cbor([root.size, seq - 1, list(path)])
    protected = encode_cbor({ALGORITHM: EDDSA, STRUCTURE_LABEL: RFC9162_SHA256})
    signed = encode_cbor(["Signature1", protected, b"", bytes.fromhex(statement["tree"])])
    unprotected = encode_cbor({PROOFS_LABEL: {INCLUSION: [proof]}})
    parts = encode_cbor(protected) + unprotected + _NULL + encode_cbor(key.sign(signed))
    return _encode_head(6, _SIGN1_TAG) + _encode_head(4, 4) + parts


def encode_cbor(value: object) -> bytes:
    """Return a whole number, text, bytes, list or mapping as CBOR (RFC 8949)."""
    if isinstance(value, int):
        return _encode_head(0, value) if value >= 0 else _encode_head(1, -1 - value)
    if isinstance(value, bytes):
        return _encode_head(2, len(value)) + value
    if isinstance(value, str):
        return _encode_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _encode_head(4, len(value)) + b"".join(map(encode_cbor, value))
    if isinstance(value, dict):
        pairs = (encode_cbor(part) for pair in value.items() for part in pair)
        return _encode_head(5, len(value)) + b"".join(pairs)
    raise TypeError(f"receipts hold no {type(value).__name__}")


def _encode_head(kind: int, argument: int) -> bytes:
    """Return the head of an item: its kind, and a count or a number in the fewest bytes."""
    if argument < 24:
        return bytes([kind << 5 | argument])
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([kind << 5 | code]) + argument.to_bytes(width, "big")
    raise ValueError(f"{argument} does not fit into CBOR's 64 bits")
