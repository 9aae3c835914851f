"""The key that signs roots: from the environment, or a file made on first use.

``RELEVE_LEDGER_KEY`` holds the 32 bytes of an Ed25519 private key in hex. Where it is not set, the
key stands in ``ledger.key`` of the home folder, readable by its owner alone. Its public key is
what a verifier needs, and may be published.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from releve.ledger.errors import SigningKeyError
from releve.ledger.key_files import ensure_key, make_key_file, stored_key_check
from releve.ledger.models import KeyCheck, LedgerRoot

__all__ = ["key_file", "public_key", "replace_key", "signing_key"]

_KEY = re.compile(r"[0-9a-fA-F]{64}")
NAME = "ledger"
"""Under which the check value stands in the database."""

_log = logging.getLogger(__name__)


def signing_key() -> Ed25519PrivateKey:
    """Return the private key; raises SigningKeyError, which never quotes it.

    Made on first use, before any root is signed. Another one than that of the last root is
    refused, unless it was taken by :func:`replace_key`.
    """
    last = LedgerRoot.objects.order_by("-number").values_list("statement", flat=True).first()
    if (
        stored_key_check(NAME) is None
        and last is not None
        and _find_key() not in (None, _named(last))
    ):
        raise _key_fault("is not the one that the database was written with")
    ensure_key(NAME, _find_key, _make_key, LedgerRoot.objects.exists, _key_fault)
    found = _read_key()
    if found is None:
        raise _key_fault("is missing")
    return found


def replace_key() -> str:
    """Take the key that is there, made where there is none, from now on; return the public one.

    For a key that is lost. Roots so far go on verifying under the old public key.
    """
    if _find_key() is None:
        _make_key()
    found = _find_key()
    if found is None:
        raise _key_fault("is missing")
    KeyCheck.objects.update_or_create(name=NAME, defaults={"value": found})
    return found


def public_key() -> str:
    """Return the public key in hex, 64 digits: what a verifier is given."""
    return _public_hex(signing_key())


def key_file() -> Path:
    """Return where the key stands when the environment has none."""
    return Path(settings.HOME) / "ledger.key"


def _named(statement: str) -> str:
    return str(json.loads(statement)["key"])


def _public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _find_key() -> str | None:
    found = _read_key()
    return None if found is None else _public_hex(found)


def _read_key() -> Ed25519PrivateKey | None:
    """Return the key that is there; None where there is none."""
    if settings.LEDGER_KEY:
        return _parse_key(settings.LEDGER_KEY, "RELEVE_LEDGER_KEY")
    path = key_file()
    try:
        return _parse_key(path.read_text(encoding="ascii").strip(), str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise SigningKeyError(f"the signing key {path} cannot be used: {error}") from error


def _make_key() -> None:
    path = key_file()
    try:
        made = make_key_file(path, Ed25519PrivateKey.generate().private_bytes_raw().hex())
    except OSError as error:
        raise SigningKeyError(f"the signing key {path} cannot be made: {error}") from error
    if made:
        _log.warning("a new key to sign the ledger's roots was made: %s; keep a copy of it", path)


def _key_fault(what: str) -> SigningKeyError:
    return SigningKeyError(
        f"the key that signs the ledger's roots {what}: restore ledger.key from its copy to"
        f" {key_file()}, or set RELEVE_LEDGER_KEY to it; nothing is signed until then"
    )


def _parse_key(text: str, where: str) -> Ed25519PrivateKey:
    if not _KEY.fullmatch(text):
        raise SigningKeyError(f"{where} must be 64 hex digits, the bytes of an Ed25519 private key")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
