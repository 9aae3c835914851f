"""The journal: acts since the last backup that a restored one has to repeat.

An erasure, a withdrawal or a closed account would be undone by putting an older backup back. So
each is noted in the transaction that does it, encrypted for those who can read backups
(``RELEVE_BACKUP_TO``), and leaves the house with the entries of the ledger since the last part:
see docs/backup.md. Without a recipient there is no journal.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyrage
from django.conf import settings
from django.db import connection
from django.utils import timezone

from releve.ledger.chain import serialize_entry
from releve.ledger.digests import canonical_json
from releve.ledger.errors import LedgerError
from releve.ledger.models import JournalLine, LedgerEntry

__all__ = [
    "JournalFault",
    "JournalPart",
    "build_part",
    "encrypt",
    "note_act",
    "parse_part",
    "read_recipients",
]

FORMAT = "releve journal 1"
MOST_ENTRIES = 5_000
"""Entries of one part; the next part has the rest."""


class JournalFault(LedgerError):  # noqa: N818 (named like the others)
    """A part of the journal that cannot be read, or does not follow the one before."""


@dataclass(frozen=True, slots=True)
class JournalPart:
    """A part read back: the entries up to ``upto`` as in an export, and the acts in order."""

    upto: int
    entries: tuple[Mapping[str, Any], ...]
    acts: tuple[Mapping[str, Any], ...]


def read_recipients(texts: Sequence[str]) -> list[pyrage.x25519.Recipient]:
    """Return age's recipients; JournalFault for a text that is none."""
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError as error:
        raise JournalFault(f"not a public key of age: {error}") from error


def encrypt(content: bytes) -> bytes:
    """Encrypt for those who can read backups."""
    return pyrage.encrypt(content, read_recipients(settings.BACKUP_TO))


def note_act(act: str, **data: Any) -> None:
    """Note an act inside the caller's transaction; nothing where there is no recipient."""
    if not settings.BACKUP_TO:
        return
    if not connection.in_atomic_block:
        raise JournalFault("the journal is written in the transaction of the act")
    text = json.dumps({"act": act, **data}, ensure_ascii=False)
    JournalLine.objects.create(at=timezone.now(), box=encrypt(text.encode()))


def build_part(after: int) -> tuple[bytes, int, list[int]] | None:
    """Return the next part after an entry: its text, its last entry and the acts in it; or None.

    Under the ledger's lock, so that no act comes between.
    """
    rows = list(LedgerEntry.objects.filter(seq__gt=after).order_by("seq")[:MOST_ENTRIES])
    acts = list(JournalLine.objects.order_by("pk"))
    if not rows and not acts:
        return None
    upto = rows[-1].seq if rows else after
    lines = [canonical_json({"after": after, "format": FORMAT, "upto": upto})]
    entries = "\n".join(f'{{"entry":{serialize_entry(row)},"hash":"{row.hash}"}}' for row in rows)
    boxes = [encrypt(entries.encode()), *(bytes(row.box) for row in acts)]
    lines += [base64.b64encode(box).decode() for box in boxes]
    return "".join(f"{line}\n" for line in lines).encode(), upto, [row.pk for row in acts]


def parse_part(text: bytes, identities: Sequence[pyrage.x25519.Identity]) -> JournalPart:
    """Read a part; JournalFault where it is none, or not encrypted for these identities."""
    try:
        head, first, *others = text.decode("ascii").splitlines()
        said = json.loads(head)
        if said["format"] != FORMAT:
            raise JournalFault(f"expected {FORMAT}, found {said['format']!r}")
        entries = [json.loads(line) for line in _open_box(first, identities).splitlines()]
        acts = [json.loads(_open_box(line, identities)) for line in others]
        return JournalPart(int(said["upto"]), tuple(entries), tuple(acts))
    except pyrage.DecryptError as error:
        raise JournalFault(f"the journal cannot be decrypted: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise JournalFault(f"not a part of the journal: {error}") from error


def _open_box(line: str, identities: Sequence[pyrage.x25519.Identity]) -> str:
    return pyrage.decrypt(base64.b64decode(line), list(identities)).decode()
