"""Pseudonyms: what stands in the tables for a number or a person.

A pseudonym is a keyed hash (HMAC-SHA-256, the first 128 bits): the same value is found again, and
without the key nobody can find a number by trying them all. The key is ``RELEVE_GATE_KEY`` (64 hex
digits), else ``gate.key`` of the home folder, made on first use; a lost key makes every fact
unfindable, so every call refused.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from functools import cache, lru_cache
from pathlib import Path

from django.conf import settings

from releve.gate.errors import KeyFault
from releve.outbound import built_in_rules
from releve.outbound.numbers import cleaned, international

__all__ = [
    "commitment",
    "hidden",
    "is_number",
    "is_subscriber",
    "number_pseudonym",
    "number_text",
    "person_pseudonym",
    "text_pseudonym",
]

_KEY = re.compile(r"[0-9a-fA-F]{64}")
_SUBSCRIBER = re.compile(r"\+[0-9]{7,15}")
_HASH = re.compile(r"(sha256:)?[0-9a-fA-F]{64}")
_PROOF_TAG = b"releve gate proof 1\n"


def number_text(text: str) -> str:
    """Return a number in international form; one that has none as its digits."""
    digits = cleaned(text)
    return international(digits, built_in_rules().numbers.rewrites) or digits


def number_pseudonym(text: str) -> str:
    """Return the pseudonym of a number, however it is written; 32 hex digits."""
    return text_pseudonym(number_text(text))


def text_pseudonym(text: str) -> str:
    """Return the pseudonym of what ``number_text`` returned."""
    return _keyed("number", text)


def person_pseudonym(person: str) -> str:
    """Return the pseudonym of a person's id; empty for nobody.

    A number in international form stands for every holder: its pseudonym is the number's.
    """
    if is_number(person):
        return number_pseudonym(person)
    return _keyed("person", person) if person else ""


def is_subscriber(number: str) -> bool:
    """Return whether what ``number_text`` returned may be a subscriber's: not a short number."""
    return _SUBSCRIBER.fullmatch(number) is not None


def is_number(person: str) -> bool:
    """Return whether a fact names a number instead of a person."""
    return person.startswith("+")


def commitment(proof: str) -> tuple[str, str]:
    """Return what stands in a fact for a proof, and its salt; a hash stands for itself."""
    if not proof or _HASH.fullmatch(proof):
        return proof.lower(), ""
    salt = secrets.token_hex(32)
    digest = hashlib.sha256(_PROOF_TAG + bytes.fromhex(salt) + proof.encode()).hexdigest()
    return f"salted:{digest}", salt


def hidden(value: str) -> str:
    """Return a keyed hash by which the same value is known again, and nothing else."""
    return _keyed("value", value)


def _keyed(what: str, value: str) -> str:
    hashing = _hashing(what, settings.GATE_KEY, settings.HOME).copy()
    hashing.update(value.encode())
    return hashing.digest()[:16].hex()


@lru_cache(maxsize=16)
def _hashing(what: str, given: str, home: Path) -> hmac.HMAC:
    """Return the hash with all that is the same for every value; to be copied."""
    return hmac.new(_key(given, home), f"releve gate {what} 1\n".encode(), "sha256")


@cache
def _key(given: str, home: Path) -> bytes:
    if given:
        return _parsed(given, "RELEVE_GATE_KEY")
    path = Path(home) / "gate.key"
    try:
        if not path.exists():
            _make(path)
        return _parsed(path.read_text(encoding="ascii").strip(), str(path))
    except (OSError, UnicodeError) as error:
        raise KeyFault(f"the key of the pseudonyms {path} cannot be used: {error}") from error


def _make(path: Path) -> None:
    """Write a new key under another name and link it into place; the first of two writers wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _parsed(text: str, where: str) -> bytes:
    if not _KEY.fullmatch(text):
        raise KeyFault(f"{where} must be 64 hex digits")
    return bytes.fromhex(text)
