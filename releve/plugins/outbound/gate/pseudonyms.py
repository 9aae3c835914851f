"""What stands in the tables for a number or a person (a pseudonym), and for a client (one name).

A pseudonym is a keyed hash (HMAC-SHA-256, the first 128 bits): the same value is found again, and
without the key a number cannot be found by trying them all. The key is ``RELEVE_GATE_KEY`` (64 hex
digits), else ``gate.key`` of the home folder, made once, before any row is written with it.

A client's name is registered when a fact or a campaign first carries it; other spellings and
aliases are brought to it before anything is written or looked up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path

import polars as pl
from django.conf import settings

from releve.errors import Phrase
from releve.ledger.keys import make_key_file
from releve.network.faults import Fault
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, fold_client_name
from releve.plugins.outbound.engine.numbers import strip_separators, to_international
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.gate.errors import KeyFault, LoadRefused
from releve.plugins.outbound.gate.models import ClientName

_KEY = re.compile(r"[0-9a-fA-F]{64}")
_SUBSCRIBER = re.compile(r"\+[0-9]{7,15}")
_HASH = re.compile(r"(sha256:)?[0-9a-fA-F]{64}")
_PROOF_TAG = b"releve gate proof 1\n"


def number_text(text: str) -> str:
    """Return a number in international form; one that has none as its digits."""
    digits = strip_separators(text)
    return to_international(digits, built_in_rules().numbers.rewrites) or digits


def number_pseudonym(text: str) -> str:
    """Return the pseudonym of a number, however it is written; 32 hex digits."""
    return text_pseudonym(number_text(text))


def text_pseudonym(text: str) -> str:
    """Return the pseudonym of what ``number_text`` returned."""
    return _keyed_digest("number", text)


def person_pseudonym(person: str) -> str:
    """Return the pseudonym of a person's id; empty for an empty id.

    A number in international form stands for every holder: its pseudonym is the number's.
    """
    if is_number(person):
        return number_pseudonym(person)
    return _keyed_digest("person", person) if person else ""


def is_subscriber(number: str) -> bool:
    """Return whether what ``number_text`` returned may be a subscriber's: not a short number."""
    return _SUBSCRIBER.fullmatch(number) is not None


def find_number_fault(number: str) -> str:
    """Return what is wrong with how a number is written, as tables are read; empty: nothing."""
    return built_in_rules().numbers.find_form_fault(number)


def is_number(person: str) -> bool:
    """Return whether a fact names a number instead of a person."""
    return person.startswith("+")


def commit_proof(proof: str) -> tuple[str, str]:
    """Return what stands in a fact for a proof, and its salt; a hash stands for itself."""
    if not proof or _HASH.fullmatch(proof):
        return proof.lower(), ""
    salt = secrets.token_hex(32)
    digest = hashlib.sha256(_PROOF_TAG + bytes.fromhex(salt) + proof.encode()).hexdigest()
    return f"salted:{digest}", salt


def hash_value(value: str) -> str:
    """Return a keyed hash by which the same value is known again, and nothing else."""
    return _keyed_digest("value", value)


def _keyed_digest(what: str, value: str) -> str:
    hashing = _start_hash(what, settings.GATE_KEY, settings.HOME).copy()
    hashing.update(value.encode())
    return hashing.digest()[:16].hex()


@lru_cache(maxsize=16)
def _start_hash(what: str, given: str, home: Path) -> hmac.HMAC:
    """Return the hash with all that is the same for every value; to be copied."""
    return hmac.new(_current_key(given, home), f"releve gate {what} 1\n".encode(), "sha256")


@cache
def _current_key(given: str, home: Path) -> bytes:
    found = _read_key(given, home)
    if found is None:
        raise key_fault("is missing")
    return found


def _read_key(given: str, home: Path) -> bytes | None:
    if given:
        return _parse_key(given, "RELEVE_GATE_KEY")
    path = _key_file(home)
    try:
        return _parse_key(path.read_text(encoding="ascii").strip(), str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise KeyFault(f"the key of the pseudonyms {path} cannot be used: {error}") from error


def _key_file(home: Path) -> Path:
    return Path(home) / "gate.key"


def make_key() -> None:
    """Make the key where none is given and no file is there; the first of two writers wins."""
    try:
        make_key_file(_key_file(settings.HOME), secrets.token_hex(32))
    except OSError as error:
        raise KeyFault(f"{_key_file(settings.HOME)} cannot be made: {error}") from error


def key_check() -> str | None:
    """Return the value by which the key is known again; None where there is no key."""
    if _read_key(settings.GATE_KEY, settings.HOME) is None:
        return None
    return _keyed_digest("check", "")


def forget_key() -> None:
    """Read the key again at its next use: the one read before is not that of the rows."""
    _current_key.cache_clear()
    _start_hash.cache_clear()


def key_fault(what: str) -> KeyFault:
    return KeyFault(
        f"the key of the pseudonyms {what}: restore gate.key from its copy, or from the first host"
        f" of this database, to {_key_file(settings.HOME)}, or set RELEVE_GATE_KEY to it; no call"
        " is allowed and no fact is loaded until then"
    )


def _parse_key(text: str, where: str) -> bytes:
    if not _KEY.fullmatch(text):
        raise KeyFault(f"{where} must be 64 hex digits")
    return bytes.fromhex(text)


def resolve_client(name: str) -> str:
    """Return the name that stands for a client in the tables, the one given when none does."""
    found = ClientName.objects.filter(key=fold_client_name(name)).values_list("name", flat=True).first()
    return name if found is None else found


def register_client(name: str) -> str:
    """Return the name that stands for a client; this one from now on when none did."""
    found, _ = ClientName.objects.get_or_create(key=fold_client_name(name), defaults={"name": name})
    return found.name


def register_aliases(aliases: Iterable[tuple[str, str]]) -> None:
    """Let each alias (client, alias) stand for its client.

    LoadRefused where facts stand under the alias already: they would no longer be found.
    """
    for client, alias in aliases:
        name = register_client(client)
        if not alias:
            continue
        there, new = ClientName.objects.get_or_create(key=fold_client_name(alias), defaults={"name": name})
        if not new and there.name != name:
            reason = Phrase("stands for the client {0!r} already, not for {1!r}", there.name, name)
            fix = Phrase("give the alias before the facts that use it")
            raise LoadRefused.of([Fault("clients", 0, "alias", alias, reason, fix)])


def normalize_client_names(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    found = {}
    for name, frame in frames.items():
        if "client" in frame.columns:
            names = frame["client"].drop_nulls().unique(maintain_order=True).to_list()
            renames = {one: register_client(one) for one in names if one != EVERY_CLIENT}
            frame = frame.with_columns(pl.col("client").replace(renames))
        found[name] = frame
    return found
