"""The whole ledger as one file for the stand-alone verifier, and the journal for restored backups.

Each line of the export is canonical JSON: the header, the entries in order, each root after the
last entry it covers, the counts. Of a withheld entry there are only place and hash; see
``docs/ledger.md``.

The journal holds acts that an older backup would undo: erasures, withdrawals, closed accounts. Each
is noted in the transaction that does it, encrypted for the recipients of backups
(``RELEVE_BACKUP_TO``), and leaves the house with the new entries of the ledger; without a recipient
there is no journal. See ``docs/backup.md``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from releve.files.atomic import replace_file
from releve.files.change_signal import announce_change
from releve.ledger import models
from releve.ledger.chain import serialize_entry
from releve.ledger.digests import canonical_json
from releve.ledger.guards import LedgerError
from releve.ledger.models import JournalLine, LedgerEntry

_PAGE = 1000
Withhold = Callable[[Sequence[models.LedgerEntry]], Collection[int]]
"""Given entries, return the numbers of those to withhold."""


def export_lines(*, values: bool = False, withhold: Withhold | None = None) -> Iterator[str]:
    """Yield the lines of the export; ``values``: personal values are shown too.

    With ``withhold`` the export is of the form that shows nothing but the hash of some entries.

    It is read in one transaction, so that entries, values and roots are of one instant (inside a
    transaction of the caller's, as of that one).
    """
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            _one_instant()
        yield canonical_json(
            {"format": f"releve ledger export {1 if withhold is None else 2}", "values": "all" if values else "none"}
        )
        seq = roots = 0
        for row in models.LedgerRoot.objects.order_by("number").iterator():
            yield from _entry_lines(seq, row.size, values, withhold)
            yield f'{{"root":{row.statement},"signature":{canonical_json(row.signature)}}}'
            seq, roots = row.size, row.number
        last = models.LedgerEntry.objects.order_by("seq").last()
        if last is not None:
            yield from _entry_lines(seq, last.seq, values, withhold)
            seq = last.seq
        yield canonical_json({"entries": seq, "roots": roots})


def write_export(path: Path, *, values: bool = False) -> None:
    """Write the export into a file, whole or not at all, readable by its owner alone."""
    with replace_file(path, mode=0o600) as stream:
        stream.writelines(f"{line}\n".encode() for line in export_lines(values=values))


def _one_instant() -> None:
    """Read as of one instant; SQLite's transactions do so by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _entry_lines(after: int, last: int, values: bool, withhold: Withhold | None) -> Iterator[str]:
    """Yield the lines of the entries after a number up to another."""
    rows = models.LedgerEntry.objects.filter(seq__lte=last).order_by("seq")
    while page := list(rows.filter(seq__gt=after)[:_PAGE]):
        kept = _read_values(page[0].seq, page[-1].seq) if values else {}
        withheld = () if withhold is None else withhold(page)
        for row in page:
            if row.seq in withheld:
                yield canonical_json({"hash": row.hash, "prev": row.prev, "seq": row.seq})
                continue
            shown = ",".join(kept.get(row.seq, ()))
            entry, digest = serialize_entry(row), canonical_json(row.hash)
            yield f'{{"entry":{entry},"hash":{digest},"values":[{shown}]}}'
        after = page[-1].seq


def _read_values(first: int, last: int) -> dict[int, list[str]]:
    """Return the personal values of entries as the lines show them."""
    rows = models.PersonalValue.objects.filter(entry__gte=first, entry__lte=last)
    kept: dict[int, list[str]] = {}
    for row in rows.order_by("entry", "path"):
        path, salt = canonical_json(row.path), canonical_json(row.salt)
        shown = f'{{"path":{path},"salt":{salt},"value":{row.value}}}'
        kept.setdefault(row.entry_id, []).append(shown)
    return kept


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
    announce_change()


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
