"""Writing entries and reading them back.

``append`` writes one entry inside the caller's transaction, so that an entry and what belongs to
it are both there or both not. The row of ``LedgerHead`` is locked until that transaction ends: two
appends at once wait for each other and cannot take the same place. (SQLite has one writer at a
time; the database refuses anything but the next entry besides, see ``guards``.)
"""

from __future__ import annotations

import copy
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.db import connection

from releve.files.change_signal import announce_change
from releve.ledger.account_names import find_pseudonyms, hide_names, list_names, restore_names
from releve.ledger.digests import (
    NO_HASH,
    canonical_json,
    format_entry,
    format_instant,
    hash_commitment,
    hash_entry,
    parse_canonical,
)
from releve.ledger.guards import EntryError, OutsideTransactionError
from releve.ledger.models import LedgerEntry, LedgerHead, PersonalValue
from releve.ledger.rollback import require_complete

_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_STREAM = re.compile(r"[a-z][a-z0-9_-]*(:[A-Za-z0-9_.-]+)?")
_LONGEST = {"kind": 64, "stream": 64, "subject": 128, "path": 128}
_PAGE = 1000
_NONCE_BYTES, _SALT_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be written.

    ``personal`` maps fields of ``body`` (``agent``, or ``report.agent`` for a field within) to
    values that can be erased: the entry holds a salted commitment there, whatever the body holds.
    ``subject`` is the person they are about; ``erase_on`` the day on which they are erased.
    ``withheld`` values are committed to likewise, so that a proof need not show them; they
    concern no particular person, and are not erased.
    """

    kind: str
    body: Mapping[str, Any]
    recorded_at: datetime
    personal: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    erase_on: date | None = None
    stream: str = "live"
    withheld: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry read back: personal values stand in ``body`` again, ``None`` where erased."""

    seq: int
    stream: str
    kind: str
    recorded_at: datetime
    body: dict[str, Any]
    erased: tuple[str, ...]
    """The fields whose values have been erased."""
    hash: str


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """The end of a chain: its last entry; 0 and zeros before the first."""

    seq: int
    hash: str


def append(
    kind: str,
    body: Mapping[str, Any],
    *,
    recorded_at: datetime,
    personal: Mapping[str, Any] | None = None,
    subject: str = "",
    erase_on: date | None = None,
    stream: str = "live",
) -> StoredEntry:
    """Write one entry (see ``Draft``) inside the caller's ``transaction.atomic()``.

    Raises OutsideTransactionError outside one, EntryError for what cannot be written.
    """
    draft = Draft(kind, body, recorded_at, personal or {}, subject, erase_on, stream)
    return append_all([draft])[0]


def append_all(drafts: Sequence[Draft]) -> list[StoredEntry]:
    """Write several entries in their order, all of them or none; as ``append``."""
    last = lock_head()
    accounts = find_pseudonyms(list_names(draft.body for draft in drafts))
    rows: list[LedgerEntry] = []
    values: list[PersonalValue] = []
    for draft in drafts:
        row, kept = _write(draft, last, accounts)
        rows.append(row)
        values += kept
        last = ChainPosition(row.seq, row.hash)
    if rows:
        LedgerEntry.objects.bulk_create(rows)
        PersonalValue.objects.bulk_create(values)
        LedgerHead.objects.filter(pk=1).update(seq=last.seq, hash=last.hash)
        announce_change()
    return _read_entries(rows, values)


def lock_head() -> ChainPosition:
    """Keep every other append waiting until the caller's transaction ends; return the head.

    What is decided by the entries so far is decided after this. Raises LedgerBehind where the
    database was rolled back behind what left it.
    """
    if not connection.in_atomic_block:
        raise OutsideTransactionError("the ledger is written inside transaction.atomic()")
    require_complete()
    row = LedgerHead.objects.select_for_update().filter(pk=1).first()
    if row is None:
        place = read_head()
        LedgerHead.objects.bulk_create([LedgerHead(pk=1, seq=place.seq, hash=place.hash)], ignore_conflicts=True)
        row = LedgerHead.objects.select_for_update().get(pk=1)
    return ChainPosition(row.seq, row.hash)


def read_head(stream: str | None = None) -> ChainPosition:
    """Return the last entry of one stream, or of all of them."""
    rows = LedgerEntry.objects.order_by("-seq")
    if stream is not None:
        rows = rows.filter(stream=stream)
    last = rows.values_list("seq", "hash").first()
    return ChainPosition(*last) if last else ChainPosition(0, NO_HASH)


def iter_entries(stream: str | None = "live", after: int = 0, *, kinds: Collection[str] = ()) -> Iterator[StoredEntry]:
    """Yield the entries of one stream (``None``: of all) after a number, in order.

    They are read a page at a time; what is added meanwhile is read too.
    """
    rows = LedgerEntry.objects.order_by("seq")
    if stream is not None:
        rows = rows.filter(stream=stream)
    if kinds:
        rows = rows.filter(kind__in=kinds)
    while page := list(rows.filter(seq__gt=after)[:_PAGE]):
        with_values = PersonalValue.objects.filter(entry__gte=page[0].seq, entry__lte=page[-1].seq)
        yield from _read_entries(page, with_values)
        after = page[-1].seq


def serialize_entry(row: LedgerEntry) -> str:
    """Return the canonical JSON of an entry, which its hash is made of."""
    return format_entry(
        seq=row.seq, stream=row.stream, kind=row.kind, recorded_at=row.recorded_at,
        nonce=row.nonce, prev=row.prev, body=row.body,
    )  # fmt: skip


def _write(draft: Draft, last: ChainPosition, accounts: Mapping[str, str]) -> tuple[LedgerEntry, list[PersonalValue]]:
    """Return the row of a draft after the entry ``last``, and its personal values.

    ``accounts`` are the pseudonyms of the accounts that it names.
    """
    _check_names(draft)
    seq = last.seq + 1
    body: dict[str, Any] = copy.deepcopy(dict(draft.body))
    _refuse_commitments(body, "body")
    hide_names(body, accounts)
    values = [_commit(draft, seq, path, value, body) for path, value in draft.personal.items()]
    anonymous = replace(draft, subject="", erase_on=None)
    values += [_commit(anonymous, seq, path, value, body) for path, value in draft.withheld.items()]
    row = LedgerEntry(
        seq=seq,
        stream=draft.stream,
        kind=draft.kind,
        recorded_at=_format_utc(draft.recorded_at),
        nonce=secrets.token_hex(_NONCE_BYTES),
        prev=last.hash,
        body=_canonical_text(body, "body"),
    )
    row.hash = hash_entry(serialize_entry(row))
    return row, values


def _commit(draft: Draft, seq: int, path: str, value: Any, body: dict[str, Any]) -> PersonalValue:
    """Put the commitment of one personal value into the body; return the value's row."""
    text = _canonical_text(value, path)
    salt = secrets.token_hex(_SALT_BYTES)
    holder, name = _find_holder(body, path)
    holder[name] = {"commitment": hash_commitment(text, salt)}
    return PersonalValue(entry_id=seq, path=path, value=text, salt=salt, subject=draft.subject, erase_on=draft.erase_on)


def _find_holder(body: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the object that holds the field, and the field's name in it."""
    *parents, name = path.split(".")
    holder: Any = body
    for parent in parents:
        holder = holder.get(parent) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not name or (path in body and parents):
        raise EntryError(f"personal field {path!r}: the body has no object to hold it")
    return holder, name


def _check_names(draft: Draft) -> None:
    """Refuse names that are too long, or hold what JSON would have to escape."""
    names = [("kind", draft.kind), ("stream", draft.stream), ("subject", draft.subject)]
    for what, text in (*names, *(("path", path) for path in (*draft.personal, *draft.withheld))):
        if len(text) > _LONGEST[what]:
            raise EntryError(f"{what} has {len(text)} characters, at most {_LONGEST[what]}")
        if "\0" in text:
            raise EntryError(f"{what} holds a zero character: leave it out")
    if not _KIND.fullmatch(draft.kind):
        raise EntryError(f"kind must be words like case.declared, got {draft.kind!r}")
    if not _STREAM.fullmatch(draft.stream):
        raise EntryError(f"stream must be like live or drill:7, got {draft.stream!r}")
    if draft.subject and not draft.personal:
        raise EntryError("a subject is given but no personal value: nothing could be erased")


def _refuse_commitments(value: Any, where: str) -> None:
    """Refuse a body that looks as if a value of it had been committed to."""
    if isinstance(value, Mapping):
        if set(value) == {"commitment"}:
            raise EntryError(f"{where}: a commitment is made by the ledger; give it as personal")
        for name, inner in value.items():
            _refuse_commitments(inner, f"{where}.{name}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _refuse_commitments(inner, f"{where}[{index}]")


def _canonical_text(value: Any, where: str) -> str:
    try:
        return canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise EntryError(f"{where} has no canonical JSON: {error}") from error


def _format_utc(when: datetime) -> str:
    try:
        return format_instant(when)
    except ValueError as error:
        raise EntryError(f"recorded_at: {error}") from error


def _read_entries(rows: Sequence[LedgerEntry], values: Collection[PersonalValue]) -> list[StoredEntry]:
    """Return rows with their personal values in them again."""
    kept: dict[int, dict[str, str]] = {}
    for value in values:
        kept.setdefault(value.entry_id, {})[value.path] = value.value
    found = [_read_entry(row, kept.get(row.seq, {})) for row in rows]
    restore_names([entry.body for entry in found])
    return found


def _read_entry(row: LedgerEntry, values: Mapping[str, str]) -> StoredEntry:
    body = parse_canonical(row.body)
    erased: list[str] = []
    _fill_values(body, "", values, erased)
    return StoredEntry(
        seq=row.seq, stream=row.stream, kind=row.kind,
        recorded_at=datetime.fromisoformat(row.recorded_at),
        body=body, erased=tuple(erased), hash=row.hash,
    )  # fmt: skip


def _fill_values(holder: dict[str, Any], prefix: str, values: Mapping[str, str], erased: list[str]) -> None:
    """Replace each commitment by its value; by ``None``, and name it, where it was erased."""
    for name, inner in holder.items():
        if not isinstance(inner, dict):
            continue
        path = prefix + name
        if set(inner) != {"commitment"}:
            _fill_values(inner, f"{path}.", values, erased)
        elif path in values:
            holder[name] = parse_canonical(values[path])
        else:
            holder[name] = None
            erased.append(path)
