"""The keys of this installation towards its association, from one secret in ``association.key``.

The secret is made on first use, readable by its owner alone; the Ed25519 key that signs and the
X25519 key of the masks are derived from it. Their public keys are what the clerk registers.

A clerk has besides one secret per clearing, in ``clearing-NAME.key``: it decides ties, so that a
member who could read it beforehand could choose an offer that wins them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from releve.errors import Phrase
from releve.ledger.keys import ensure_key, make_key_file
from releve.plugins.sector.association.envelopes import AssociationError
from releve.plugins.sector.association.models import DayBulletin, MonthlyDesign, OwnContribution

NAME = "association"
_SECRET = re.compile(r"[0-9a-f]{64}")


def load_signing_key() -> Ed25519PrivateKey:
    """Return the key that signs contributions, and a clerk's designs and bulletins."""
    ensure_key(NAME, _find_public, _make_secret, _is_used, _key_fault)
    return Ed25519PrivateKey.from_private_bytes(_derive(b"sign"))


def load_mask_key() -> X25519PrivateKey:
    """Return the key of the masks shared with the other members."""
    load_signing_key()
    return X25519PrivateKey.from_private_bytes(_derive(b"mask"))


def public_keys() -> tuple[str, str]:
    """Return the public keys in hex: of the signature, and of the masks."""
    return (
        load_signing_key().public_key().public_bytes_raw().hex(),
        load_mask_key().public_key().public_bytes_raw().hex(),
    )


def store_clearing_secret(name: str, secret: bytes) -> None:
    """Write the secret of a clearing; AssociationError where a file of its name is there."""
    file = _find_clearing_file(name)
    if not make_key_file(file, secret.hex()):
        raise AssociationError(Phrase("{0} is there, from a clearing of that name: choose another name", file))


def load_clearing_secret(name: str) -> bytes:
    """Return the secret of a clearing; AssociationError where its file is missing or damaged."""
    file = _find_clearing_file(name)
    text = _read_hex(file, lambda what: _clearing_fault(name, what))
    if text is None:
        raise _clearing_fault(name, Phrase("is missing"))
    return bytes.fromhex(text)


def _file() -> Path:
    return Path(settings.HOME) / "association.key"


def _find_clearing_file(name: str) -> Path:
    return Path(settings.HOME) / f"clearing-{name}.key"


def _read_secret() -> str | None:
    return _read_hex(_file(), _key_fault)


def _read_hex(file: Path, fault: Callable[[str], AssociationError]) -> str | None:
    """Return the 64 hex digits of a file; None without the file."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise fault(Phrase("cannot be read: {0}", str(error))) from error
    if not _SECRET.fullmatch(text):
        raise fault(Phrase("is not 64 hex digits"))
    return text


def _derive(purpose: bytes) -> bytes:
    secret = _read_secret()
    if secret is None:
        raise _key_fault(Phrase("is missing"))
    info = b"releve association key 1\n" + purpose
    return HKDF(SHA256(), 32, salt=None, info=info).derive(bytes.fromhex(secret))


def _find_public() -> str | None:
    if _read_secret() is None:
        return None
    key = Ed25519PrivateKey.from_private_bytes(_derive(b"sign"))
    return key.public_key().public_bytes_raw().hex()


def _make_secret() -> None:
    make_key_file(_file(), secrets.token_hex(32))


def _is_used() -> bool:
    return any(table.objects.exists() for table in (OwnContribution, MonthlyDesign, DayBulletin))


def _key_fault(what: str) -> AssociationError:
    return AssociationError(
        Phrase("the key towards the association {0}: restore association.key from its copy to {1}", what, _file())
    )


def _clearing_fault(name: str, what: str) -> AssociationError:
    file = _find_clearing_file(name)
    return AssociationError(
        Phrase("the secret of the clearing {0} {1}: restore {2} from its copy to {3}", name, what, file.name, file)
    )
