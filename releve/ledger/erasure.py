"""Erasing personal values: on their date, or all of one person.

The value and its salt go; the commitment stays and reveals nothing without them, and every hash,
root and proof stays as it was. Each erasure is an entry with the count alone: naming the entries
would link what was one person's. Deleted rows remain in a database's files until ``scrub_files``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction

from releve.erasure import Findings
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json, parse_canonical
from releve.ledger.export import note_act
from releve.ledger.models import PersonalValue

_PAUSE = 0.05
SUBJECT = "erase.subject"
"""The act of the journal: ``subject``."""

ERASED = "ledger.erased"
"""The kind of the entry an erasure writes; its body has ``cause`` and ``values``, the count."""


def erase_due(on: date, *, now: datetime) -> int:
    """Erase every value whose day has come by ``on``; return how many."""
    rows = PersonalValue.objects.filter(erase_on__lte=on)
    return _erase_rows(rows, {"cause": "due", "on": on.isoformat()}, now)


def erase_subject(subject: str, *, now: datetime, cause: str = "subject") -> int:
    """Erase every value about one person, whatever its day; return how many.

    A value that names the person among others, such as who was present, goes as a whole: nothing
    can be taken out of what an entry commits to. ``cause`` goes into the ledger and must not name
    the person.
    """
    with transaction.atomic():
        note_act(SUBJECT, subject=subject)
        return _erase_rows(find_values(subject), {"cause": cause}, now)


def find_values(subject: str) -> models.QuerySet[PersonalValue]:
    """Return the values about one person, and those that name the person among others."""
    if not subject:
        raise ValueError("no subject is given: values without one are erased on their date")
    text = canonical_json(subject)
    shared = PersonalValue.objects.filter(value__contains=text).values_list("pk", "value")
    naming = [pk for pk, value in shared if text in value]  # SQLite finds capitals alike
    return PersonalValue.objects.filter(models.Q(subject=subject) | models.Q(pk__in=naming))


def set_erase_on(subject: str, on: date | None, *, entries: Collection[int] = ()) -> int:
    """Set the day of erasure of a person's values, or only of those of some entries.

    ``None`` leaves them without a day, for as long as it is not known. Returns how many.
    """
    rows = PersonalValue.objects.filter(subject=subject)
    if entries:
        rows = rows.filter(entry__in=entries)
    return rows.update(erase_on=on)


def scrub_files(tables: Collection[str] = ("ledger_personal",)) -> bool:
    """Remove what was erased from the database's own files; called outside a transaction.

    A database marks what is deleted as free and leaves the bytes; pages split or joined earlier
    hold copies besides. So the ``tables`` of personal values are rewritten as a whole, and
    their old place overwritten (SQLite) or given back (PostgreSQL). Appends wait meanwhile. Returns
    False where another connection could still see what was erased after
    ``RELEVE_ERASE_WAIT_SECONDS``, so that the files hold it on: then call it again.
    """
    patience = float(settings.ERASE_WAIT_SECONDS)
    if connection.vendor == "postgresql":
        gone = _wait_until_unseen(patience)  # else rows that others may see are rewritten too
        for table in tables:
            _execute(f"VACUUM (FULL) {table}")
        return gone
    _execute("PRAGMA secure_delete = ON")  # pages that become free are filled with zeros
    _execute("PRAGMA temp_store = MEMORY")
    for table in tables:
        with transaction.atomic():
            _execute(f"CREATE TEMP TABLE kept_aside AS SELECT * FROM {table}")
            _execute(f"DELETE FROM {table}")
            _execute(f"INSERT INTO {table} SELECT * FROM kept_aside")
            _execute("DROP TABLE kept_aside")
    (usual,) = _execute("PRAGMA busy_timeout")
    _execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
    busy, *_ = _execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _execute(f"PRAGMA busy_timeout = {usual}")
    return not busy


def _wait_until_unseen(patience: float) -> bool:
    """Wait until no transaction can see what was deleted until now; return whether it came.

    The oldest writer of the whole server, be it in another database, holds up what every snapshot
    taken meanwhile may see; so writers are waited for first, then the readers of this database.
    """
    end = time.monotonic() + patience
    _, now = _read_snapshot()
    return _wait_until(end - time.monotonic(), lambda: _read_snapshot()[0] >= now) and _wait_until(
        end - time.monotonic(), _all_gone(_list_readers())
    )


def _read_snapshot() -> tuple[int, int]:
    """Return the oldest transaction that still writes, and the one that would begin next."""
    oldest, following = _execute(
        "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() s"
    )
    return int(oldest), int(following)


def _list_readers() -> set[str]:
    """Return the transactions of others that run in this database of PostgreSQL.

    An analysis that the server starts by itself is one of them. Their kind is not known: a role
    without the right to see another's activity still sees that it runs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE locktype = 'virtualxid' AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
        return {name for (name,) in cursor.fetchall()}


def _all_gone(readers: set[str]) -> Callable[[], bool]:
    return lambda: not (readers and readers & _list_readers())


def _wait_until(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE)
    return True


def _execute(sql: str) -> tuple[Any, ...]:
    """Execute a statement; return its first row, if it has rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() or () if cursor.description else ()


def _erase_rows(rows: models.QuerySet[PersonalValue], body: dict[str, Any], now: datetime) -> int:
    """Delete rows and write down how many; nothing is written where there is none."""
    with transaction.atomic():
        lock_head()
        count, _ = rows.delete()
        if count:
            append(ERASED, {**body, "values": count}, recorded_at=now)
        return count


class LedgerData:
    """Values beside the entries; the entries keep commitments, which say nothing without them."""

    name = "ledger"
    tables: Sequence[str] = ("ledger_personal",)

    def find(self, agent: str) -> Findings:
        """Return 1 where there are values: a case has more of them than an absence."""
        return Findings({"values": int(find_values(agent).exists())})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = find_values(agent).filter(subject=agent).select_related("entry").order_by("pk")
        return {
            "values": [
                {
                    "entry": row.entry.pk,
                    "kind": row.entry.kind,
                    "recorded_at": row.entry.recorded_at,
                    "field": row.path,
                    "value": parse_canonical(row.value),
                }
                for row in rows
            ]
        }

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {"values": erase_subject(agent, now=now, cause="person")}

    def erase_due(self, now: datetime) -> int:
        return erase_due(now.date(), now=now)
