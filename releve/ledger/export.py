"""The whole ledger as one file, for the stand-alone verifier and for keeping.

Each line is canonical JSON: what the file is, the entries in order, each root after the last entry
it covers, a last line with the counts. Of a withheld entry there is its place and its
hash. ``docs/ledger.md`` describes it for authors of
other verifiers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from django.db import connection, transaction

from releve.files.atomic import replace_file
from releve.ledger import models
from releve.ledger.chain import serialize_entry
from releve.ledger.digests import canonical_json

__all__ = ["export_lines", "write_export"]

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
            {
                "format": f"releve ledger export {1 if withhold is None else 2}",
                "values": "all" if values else "none",
            }
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
