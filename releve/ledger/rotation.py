"""Rotation of the key that signs roots: an entry that both keys sign, valid from root to root.

The entry says up to which root the old key holds; the new one holds from the next. A verifier that
has either key follows the rotation to the other, and takes neither outside its roots.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from releve.files.atomic import make_folder
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import ROTATION_TAG, canonical_json, format_instant
from releve.ledger.errors import SigningKeyError
from releve.ledger.keys import (
    hold_key,
    next_key,
    public_hex,
    public_key,
    signing_key,
    take_key_in_place,
)
from releve.ledger.models import LedgerEntry
from releve.ledger.rollback import require_complete
from releve.ledger.roots import SignedRoot, load_last_root, publish_document
from releve.ledger.seal import seal_entries, seal_ledger

__all__ = ["KeyRotation", "iter_rotations", "list_own_keys", "replace_key", "rotate_key"]

KIND, REPLACED = "ledger.key_rotated", "ledger.key_replaced"
FORMAT = "releve ledger rotation 1"


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """A rotation as both keys have signed it."""

    document: dict[str, Any]

    @property
    def key(self) -> str:
        """The new public key."""
        return str(self.document["rotation"]["key"])

    @property
    def text(self) -> str:
        """The document that leaves the house beside the roots: canonical JSON, one line."""
        return canonical_json(self.document) + "\n"

    @property
    def file_name(self) -> str:
        """The name of the document, by the last root of the old key."""
        return f"rotation-{self.document['rotation']['last_root']:06}.json"

    def publish(self, folder: Path) -> Path:
        """Write the document into a folder; return its path. As ``publish_root``."""
        make_folder(folder)
        return publish_document(folder / self.file_name, self.text.encode())


def rotate_key(now: datetime) -> tuple[KeyRotation, list[SignedRoot]]:
    """Seal under the old key, rotate, and seal under the new one; return what leaves the house.

    Appends wait meanwhile. The old key is destroyed where it stands in a file; where it stands in
    the environment, RELEVE_LEDGER_KEY has to be set to the next one before anything is signed
    again, and the second root is not made here. Raises SigningKeyError.
    """
    given = next_key()
    require_complete(outside=True)
    roots = []
    with transaction.atomic():
        place = lock_head()
        old = signing_key()
        if public_hex(old) == public_hex(given):
            raise SigningKeyError("the next key is the one in force: set another one")
        if place.seq:
            roots.append(seal_entries(now))
        last = load_last_root()
        statement = {
            "format": FORMAT,
            "key": public_hex(given),
            "last_root": last.number if last else 0,
            "previous": public_hex(old),
            "rotated_at": format_instant(now),
        }
        message = ROTATION_TAG + canonical_json(statement).encode()
        document = {
            "next_signature": given.sign(message).hex(),
            "rotation": statement,
            "signature": old.sign(message).hex(),
        }
        append(KIND, document, recorded_at=now)
        hold_key(public_hex(given))
    with suppress(SigningKeyError):  # where the key is the environment's, until it is set there
        roots.append(seal_ledger(now))
    return KeyRotation(document), roots


@transaction.atomic
def replace_key(now: datetime) -> str:
    """Take the key in place, made where there is none, for one that is lost; return it in public.

    No rotation can tie it to the old one, so it has to be made known as the first was. Roots so
    far go on verifying under the old public key. The ledger records both.
    """
    lock_head()
    before, found = take_key_in_place()
    if before is not None and before != found:
        append(REPLACED, {"key": found, "previous": before}, recorded_at=now)
    hold_key(found)
    return found


def iter_rotations() -> Iterator[KeyRotation]:
    """Yield the rotations on record, in order."""
    for body in _iter_bodies(KIND):
        yield KeyRotation(body)


def list_own_keys() -> list[str]:
    """Return the public keys that this installation's own verification takes.

    The key in force, and those before a replacement on record: no rotation ties those to it. A
    third party takes them only where they were made known to it.
    """
    return [public_key(), *(str(body["previous"]) for body in _iter_bodies(REPLACED))]


def _iter_bodies(kind: str) -> Iterator[dict[str, Any]]:
    rows = LedgerEntry.objects.filter(kind=kind).order_by("seq")
    for text in rows.values_list("body", flat=True):
        yield json.loads(text)
