"""The key that signs roots: from the environment, or a file made on first use.

``RELEVE_LEDGER_KEY`` holds the 32 bytes of an Ed25519 private key in hex. Where it is not set, the
key stands in ``ledger.key`` of the home folder, readable by its owner alone. Its public key is
what a verifier needs, and may be told to anybody.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from releve.ledger.errors import SigningKeyError

__all__ = ["key_file", "public_key", "signing_key"]

_KEY = re.compile(r"[0-9a-fA-F]{64}")
_log = logging.getLogger(__name__)


def signing_key() -> Ed25519PrivateKey:
    """Return the private key; raises SigningKeyError, which never quotes it."""
    if settings.LEDGER_KEY:
        return _parsed(settings.LEDGER_KEY, "RELEVE_LEDGER_KEY")
    path = key_file()
    try:
        if not path.exists():
            _make(path)
        return _parsed(path.read_text(encoding="ascii").strip(), str(path))
    except (OSError, UnicodeError) as error:
        raise SigningKeyError(f"the signing key {path} cannot be used: {error}") from error


def public_key() -> str:
    """Return the public key in hex, 64 digits: what a verifier is given."""
    return signing_key().public_key().public_bytes_raw().hex()


def key_file() -> Path:
    """Return where the key stands when the environment has none."""
    return Path(settings.HOME) / "ledger.key"


def _make(path: Path) -> None:
    """Write a new key under another name and link it into place, whole or not at all.

    Of two processes that do so at once, both take the key of the first.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
        _log.warning("a new key to sign the ledger's roots was made: %s; keep a copy of it", path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _parsed(text: str, where: str) -> Ed25519PrivateKey:
    if not _KEY.fullmatch(text):
        raise SigningKeyError(f"{where} must be 64 hex digits, the bytes of an Ed25519 private key")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
