"""The keys of this installation towards its association, and the signed texts that travel.

All keys come from one secret in ``association.key``, made on first use, readable by its owner
alone: the Ed25519 key that signs and the X25519 key of the masks. Their public keys are what the
clerk registers.

A clerk has besides one secret per clearing, in ``clearing-NAME.key``: it decides ties, so that a
member who could read it beforehand could choose an offer that wins them.

A signed text travels as one JSON object with its signature and what proves it. The text is
canonical JSON, so its bytes can be found again in the object.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from releve.errors import Phrase, ReleveError
from releve.ledger.digests import canonical_json
from releve.ledger.keys import ensure_key, make_key_file
from releve.plugins.sector.association.models import DayBulletin, MonthlyDesign, OwnContribution


class AssociationError(ReleveError, ValueError):
    """What the clerk or the member cannot do now; the message says how to mend it."""


MOST_BYTES = 500_000
"""More than any text of an association with its proof."""


WHAT = ("bulletin", "contribution", "design", "gate", "order", "result")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A text with its signature (hex); ``what`` is one of :data:`WHAT`."""

    what: str
    text: str
    signature: str
    beside: dict[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes that travel."""
        shown = {self.what: json.loads(self.text), "signature": self.signature, **self.beside}
        return canonical_json(shown).encode()


def open_envelope(content: bytes) -> Envelope:
    """Return the envelope that bytes hold; AssociationError where they hold none."""
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        found = json.loads(content.decode())
        what = next(name for name in WHAT if name in found)
        text = canonical_json(found.pop(what))
        return Envelope(what, text, str(found.pop("signature")), found)
    except (ValueError, AttributeError, TypeError, StopIteration, KeyError) as error:
        raise AssociationError(
            Phrase("not a signed text of an association ({0}): {1}", ", ".join(WHAT), str(error))
        ) from error


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
