"""A witness of the tests, which checks growth by the stand-alone verifier."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.ledger.verify import is_grown

__all__ = ["KEY", "NAME", "WitnessServer", "cosign"]

WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
NAME = "witness.example/w"
TIME = 1_790_000_000


def hash_key(kind: int, public: bytes, name: str = NAME) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + public).digest()[:4]


def write_key(witness: Ed25519PrivateKey, name: str) -> str:
    """Return the verifier key of a witness."""
    public = witness.public_key().public_bytes_raw()
    encoded = base64.b64encode(bytes([4]) + public).decode()
    return f"{name}+{hash_key(4, public, name).hex()}+{encoded}"


PUBLIC = WITNESS.public_key().public_bytes_raw()
KEY = write_key(WITNESS, NAME)


def cosign(text: str, at: int | None = None, witness: Ed25519PrivateKey = WITNESS, name: str = NAME) -> str:
    """Return the line with which a witness cosigns the text of a checkpoint, at TIME or ``at``."""
    at, public = TIME if at is None else at, witness.public_key().public_bytes_raw()
    signed = witness.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    blob = base64.b64encode(hash_key(4, public, name) + at.to_bytes(8, "big") + signed).decode()
    return f"— {name} {blob}\n"


class WitnessServer(BaseHTTPRequestHandler):
    """The witness, on loopback; ``seen`` is the checkpoint that it cosigned last."""

    seen: dict[str, object] = {}  # noqa: RUF012 (set afresh by the fixture)
    answer: Callable[[str], str] = staticmethod(lambda line: line)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        head, _, note = body.partition("\n\n")
        old, *proof = head.split("\n")
        text = note[: note.index("\n\n") + 1]
        _, size, root = text.rstrip("\n").split("\n")
        tree = base64.b64decode(root).hex()
        first = {"size": self.seen.get("size", 0), "tree": self.seen.get("tree")}
        if int(old.removeprefix("old ")) != first["size"]:
            return self.reply(409, f"{first['size']}\n")
        path = [base64.b64decode(line).hex() for line in proof if line]
        if first["size"] and not is_grown(first, {"size": int(size), "tree": tree}, path):
            return self.reply(422, "the proof does not hold")
        self.seen.update(size=int(size), tree=tree)
        return self.reply(200, type(self).answer(cosign(text)))

    def reply(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())
