"""The key that signs roots, and keys in files with a check value beside the rows written with them.

``RELEVE_LEDGER_KEY`` holds the 32 bytes of an Ed25519 private key in hex, else ``ledger.key`` of
the home folder, made on first use and readable by its owner alone. The next key, for a rotation, is
``RELEVE_LEDGER_NEXT_KEY`` or ``ledger.next.key``. A key is made only while there is no row written
with it: beside rows a missing key, or another one, is refused, since the rows would not be found.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils.module_loading import import_string

from releve.files.atomic import create_file
from releve.ledger.guards import SigningKeyError
from releve.ledger.models import KeyCheck, LedgerRoot
from releve.plugin import list_plugins


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """A key in a file of the home folder, or in a setting where the environment gives it.

    ``name`` is that of the check value in the database. ``find`` returns the check value of the key
    in place, None where there is none; ``ensure`` makes one before there are rows, and refuses any
    other than that of the rows by a ReleveError.
    """

    name: str
    file: str
    setting: str
    find: Callable[[], str | None]
    ensure: Callable[[], object]


def list_keys() -> Iterator[InstallationKey]:
    """Yield the key that signs roots, and those of the plug-ins."""
    yield InstallationKey(NAME, "ledger.key", "LEDGER_KEY", find_public_key, signing_key)
    yield from (import_string(name) for plugin in list_plugins() for name in plugin.keys)


def stored_key_check(name: str) -> str | None:
    """Return the check value that stands beside the rows of a key; None = none yet."""
    return KeyCheck.objects.filter(name=name).values_list("value", flat=True).first()


def ensure_key(
    name: str,
    find: Callable[[], str | None],
    make: Callable[[], None],
    used: Callable[[], bool],
    fault: Callable[[str], Exception],
) -> None:
    """Refuse a key that is not the one of the rows; make one where there is neither.

    ``find`` returns the check value of the key that is there, None where there is none; ``used``
    whether rows were written with a key; ``fault`` the error that says what is wrong with it.
    """
    stored, found = stored_key_check(name), find()
    if found is None:
        if stored is not None or used():
            raise fault("is missing")
        make()
        found = find()
        if found is None:
            raise fault("cannot be made")
    if stored is None:
        row, _ = KeyCheck.objects.get_or_create(name=name, defaults={"value": found})
        stored = row.value
    if stored != found:
        raise fault("is not the one that the database was written with")


def make_key_file(path: Path, text: str) -> bool:
    """Write a key into a file that is not there yet; return whether this call wrote it.

    Of two processes that do so at once, both take the key of the first.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return create_file(path, f"{text}\n", mode=0o600)


_KEY = re.compile(r"[0-9a-fA-F]{64}")
NAME = "ledger"
"""Under which the check value stands in the database."""

_log = logging.getLogger(__name__)


def signing_key() -> Ed25519PrivateKey:
    """Return the private key; raises SigningKeyError, which never quotes it.

    Made on first use, before any root is signed. Another one than that of the last root is
    refused, unless a rotation or a replacement took it.
    """
    last = _find_last_key()
    if stored_key_check(NAME) is None and last and _find_key() not in (None, last):
        raise _key_fault("is not the one that the database was written with")
    _finish_rotation()
    ensure_key(NAME, _find_key, _make_key, LedgerRoot.objects.exists, _key_fault)
    found = _read_key()
    if found is None:
        raise _key_fault("is missing")
    return found


def take_key_in_place() -> tuple[str | None, str]:
    """Return the public keys of the last root, or of the check value, and of the key in place.

    A key is made where there is none: for one that is lost.
    """
    before = stored_key_check(NAME) or _find_last_key()
    if _find_key() is None:
        _make_key()
    found = _find_key()
    if found is None:
        raise _key_fault("is missing")
    return before, found


def hold_key(public: str) -> None:
    """Take the key with this public key, and no other one, from now on."""
    KeyCheck.objects.update_or_create(name=NAME, defaults={"value": public})


def next_key() -> Ed25519PrivateKey:
    """Return the key that a rotation takes: the one given, or one made for it in a file.

    SigningKeyError where the key in force is given by the environment and the next one is not.
    """
    if settings.LEDGER_NEXT_KEY:
        return _parse_key(settings.LEDGER_NEXT_KEY, "RELEVE_LEDGER_NEXT_KEY")
    if settings.LEDGER_KEY:
        raise SigningKeyError(
            "RELEVE_LEDGER_KEY holds the key: set RELEVE_LEDGER_NEXT_KEY to the next one, 64 hex"
            " digits such as `openssl rand -hex 32` prints"
        )
    path = _next_file()
    try:
        make_key_file(path, Ed25519PrivateKey.generate().private_bytes_raw().hex())
        return _parse_key(path.read_text(encoding="ascii").strip(), str(path))
    except OSError as error:
        raise SigningKeyError(f"the next key {path} cannot be made: {error}") from error


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _finish_rotation() -> None:
    """Put the next key in the place of the one before, once the database holds it."""
    path = _next_file()
    stored = stored_key_check(NAME)
    if settings.LEDGER_KEY or stored is None or not path.is_file():
        return
    if public_hex(_parse_key(path.read_text(encoding="ascii").strip(), str(path))) == stored:
        path.replace(key_file())


def _next_file() -> Path:
    return Path(settings.HOME) / "ledger.next.key"


def find_public_key() -> str | None:
    """Return the public key of the key in place, whichever it is; None where there is none."""
    return _find_key()


def key_in_place() -> Ed25519PrivateKey | None:
    """Return the private key that is there, without asking the database whether it is in force."""
    return _read_key()


def public_key() -> str:
    """Return the public key in hex, 64 digits: what a verifier is given."""
    return public_hex(signing_key())


def key_file() -> Path:
    return Path(settings.HOME) / "ledger.key"


def _find_last_key() -> str | None:
    """Return the public key that signed the last root; None where there is none."""
    last = LedgerRoot.objects.order_by("-number").values_list("statement", flat=True).first()
    return None if last is None else str(json.loads(last)["key"])


def _find_key() -> str | None:
    found = _read_key()
    return None if found is None else public_hex(found)


def _read_key() -> Ed25519PrivateKey | None:
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
