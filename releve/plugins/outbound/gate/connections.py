"""The gate's own database connections: read under a lock, write and commit in few round trips.

Every statement is prepared once and waits no longer than the answer may take; waiting, for a server
or another writer, does not block the event loop. The key of the pseudonyms is compared with the
rows: under another key a withdrawal would not forbid and an attempt would not count, so no fact is
loaded and no call allowed.

One clock and one lock order what is known and what is decided. A decision sees every load that was
closed before it and none that is closed after it, so a verdict can be replayed: decisions hold the
lock shared, closing a load holds it alone, and each takes an instant later than all that it saw.
The clock is PostgreSQL's, since gates on several machines share it; SQLite has one writer at a
time, on one machine.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.conf import settings
from django.db import connection
from django.db.models import Model

from releve.ledger.keys import InstallationKey, ensure_key, stored_key_check
from releve.live.clock import read_clock
from releve.plugins.outbound.gate.errors import DatabaseUnavailable, DecisionConflict, KeyFault, LoadRefused
from releve.plugins.outbound.gate.models import Decision, Load, PseudonymValue
from releve.plugins.outbound.gate.pseudonyms import (
    forget_key,
    key_check,
    key_fault,
    make_key,
    number_pseudonym,
    person_pseudonym,
)
from releve.plugins.outbound.gate.sql import (
    KEY_CHECK,
    TABLES,
    UNREAD_SINCE_RESTORE,
    Pipeline,
    bind_questions,
    common_sql,
    locked_sql,
    own_sql,
)
from releve.plugins.outbound.gate.wal_checkpoints import MOST_PAGES

LOADS_LOCK = 0x72656C65
"""The advisory lock of PostgreSQL that closing a load takes alone, and a decision shared."""

MAX_CLOCK_SKEW = timedelta(seconds=2)
"""By how much clocks may differ, or one may have gone back, before nothing is decided any more."""

TICK = timedelta(microseconds=1)


def later_than(now: datetime, last: datetime | None) -> datetime:
    """Return an instant later than the last; ``now`` where that is so already."""
    return now if last is None or last < now else last + TICK


def next_known_at() -> datetime:
    """Return the instant for what becomes known now, while no decision is under way.

    Inside a transaction, which holds the lock to its end. LoadRefused where the clock has gone
    back by more than ``MAX_CLOCK_SKEW``.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOADS_LOCK])
    now = read_clock()
    loads = Load.objects.exclude(known_at=None).order_by("-known_at")
    last = [loads.values_list("known_at", flat=True).first()]
    last.append(Decision.objects.order_by("-at").values_list("at", flat=True).first())
    newest = max((moment for moment in last if moment is not None), default=None)
    if newest is not None and newest > now + MAX_CLOCK_SKEW:
        raise LoadRefused(f"the clock says {now} but {newest} was recorded already: set the clock")
    return later_than(now, newest)


Row = Sequence[Any]
"""``what, a, b, cells`` of ``releve.plugins.outbound.gate.sql``."""
QuestionTerms = Sequence[Mapping[str, Any]]
"""Parameters of each question of a group: see ``releve.plugins.outbound.gate.sql``."""
RowsByTable = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by table, in the order in which they are written; those of one table have the same names,
in one order."""

_MOMENT, _SOON, _LATER = 0.00005, 0.005, 0.001
"""Seconds between two looks whether another has done writing; those after which it is no gate that
writes, and between two looks from then on."""


_GONE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""Errors of PostgreSQL that are not those of what was asked or written."""


_OF_DJANGO = frozenset({"assume_role", "isolation_level", "pool", "server_side_binding"})
"""Options of Django's settings that libpq does not know."""


class GateConnection(Protocol):
    """One connection, for one task at a time, all of them of one event loop."""

    vendor: str

    async def read(self, asked: QuestionTerms, known: Any) -> tuple[frozenset[str] | None, Sequence[Row]]:
        """Begin, lock the persons against other decisions, and return all facts about them.

        Also the persons that are locked; None: the whole database is.
        """

    async def read_again(self, asked: QuestionTerms, known: Any) -> Sequence[Row]:
        """Return all that bears on them once more, under the same locks."""

    async def read_campaign(self, asked: Mapping[str, Any]) -> Sequence[Row]:
        """Return what bears on every call of a campaign, under the same locks."""

    async def key_check(self) -> str | None:
        """Return the check value of the key that the rows were written with; None = none yet."""

    async def is_unread_since_restore(self) -> bool:
        """Return whether a register has not been read since a backup was put back."""

    async def write(self, rows: RowsByTable) -> None:
        """Write rows by table, and commit."""

    async def roll_back(self) -> None:
        """Undo what was begun."""

    def close(self) -> None:
        """Give the connection up."""


@cache
def insert_sql(table: str, names: tuple[str, ...], mark: str) -> str:
    """Return the statement that writes a row; ``mark`` is how a vendor marks a parameter."""
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(mark.format(name) for name in names)
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"


class SQLiteConnection:
    """A file with one writer at a time: a decision holds it from its first read to the commit."""

    vendor = "sqlite"

    def __init__(self, path: str | Path, seconds: float) -> None:
        try:
            uri = f"{Path(path).absolute().as_uri()}?mode=rw"  # a missing file is not created
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=seconds, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")
            self._connection.execute("PRAGMA busy_timeout = 0")  # from here on, see _begin
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error
        self._seconds = seconds

    async def read(self, asked: QuestionTerms, known: Any) -> tuple[frozenset[str] | None, Sequence[Row]]:
        """See :class:`GateConnection`."""
        try:
            await self._begin()
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error
        return None, await self.read_again(asked, known)

    async def _begin(self) -> None:
        """Wait for the write lock, which other gates hold for a moment only.

        SQLite's own waiting sleeps for longer and longer.
        """
        begun = time.monotonic()
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                waited = time.monotonic() - begun
                if not busy or waited > self._seconds:
                    raise
            if waited < _SOON:
                time.sleep(_MOMENT)  # the event loop itself sleeps a millisecond or more
            await asyncio.sleep(0 if waited < _SOON else _LATER)

    async def read_again(self, asked: QuestionTerms, known: Any) -> Sequence[Row]:
        """See :class:`GateConnection`."""
        return self._rows(_name_parameters(own_sql("sqlite", len(asked) == 1)), bind_questions(asked, known))

    async def read_campaign(self, asked: Mapping[str, Any]) -> Sequence[Row]:
        """See :class:`GateConnection`."""
        return self._rows(_name_parameters(common_sql("sqlite")), asked)

    async def key_check(self) -> str | None:
        """See :class:`GateConnection`."""
        return _first_value(self._rows(KEY_CHECK, {}))

    async def is_unread_since_restore(self) -> bool:
        """See :class:`GateConnection`."""
        return _first_value(self._rows(UNREAD_SINCE_RESTORE, {})) == "unread"

    def _rows(self, statement: str, asked: Mapping[str, Any]) -> Sequence[Row]:
        try:
            return self._connection.execute(statement, asked).fetchall()
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    async def write(self, rows: RowsByTable) -> None:
        """See :class:`GateConnection`."""
        try:
            for table, found in rows.items():
                if found:
                    statement = insert_sql(table, tuple(found[0]), "?")
                    self._connection.executemany(statement, [(*row.values(),) for row in found])
            self._commit()
        except sqlite3.IntegrityError as error:
            raise DecisionConflict(str(error)) from error
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    async def roll_back(self) -> None:
        """See :class:`GateConnection`."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    def close(self) -> None:
        """See :class:`GateConnection`."""
        self._connection.close()


class PostgreSQLConnection:
    """A server; persons are locked one by one, so that decisions on different people go on."""

    vendor = "postgresql"

    def __init__(self, parameters: Mapping[str, Any], seconds: float) -> None:
        limit = f"{round(seconds * 1000)}ms"
        # Every statement is a few look-ups by index, whatever the planner's statistics say.
        options = (
            f"-c statement_timeout={limit} -c lock_timeout={limit} -c timezone=UTC "
            "-c idle_in_transaction_session_timeout=5s -c plan_cache_mode=force_generic_plan "
            "-c jit=off -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
        )
        own = str(parameters.get("options", ""))
        given = {**parameters, "connect_timeout": 2, "tcp_user_timeout": 2000,
                 "options": f"{own} {options}".lstrip(), "client_encoding": "utf8"}  # fmt: skip
        try:
            self._pipeline = Pipeline(given, 2 * seconds)
        except psycopg.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    async def read(self, asked: QuestionTerms, known: Any) -> tuple[frozenset[str] | None, Sequence[Row]]:
        """See :class:`GateConnection`."""
        try:
            one, values = len(asked) == 1, bind_questions(asked, known)
            self._pipeline.send("BEGIN")
            self._pipeline.send(*_bind_numbered(_lock_sql(one), values))
            self._pipeline.send(*_bind_numbered(own_sql("postgresql", one), values))
            _, locked, rows = await self._pipeline.fetch()
        except _GONE as error:
            raise DatabaseUnavailable(str(error)) from error
        return frozenset(person for person, _ in locked if person), rows

    async def read_again(self, asked: QuestionTerms, known: Any) -> Sequence[Row]:
        """See :class:`GateConnection`."""
        statement = own_sql("postgresql", len(asked) == 1)
        return await self._rows(statement, bind_questions(asked, known))

    async def read_campaign(self, asked: Mapping[str, Any]) -> Sequence[Row]:
        """See :class:`GateConnection`."""
        return await self._rows(common_sql("postgresql"), asked)

    async def key_check(self) -> str | None:
        """See :class:`GateConnection`."""
        return _first_value(await self._rows(KEY_CHECK, {}))

    async def is_unread_since_restore(self) -> bool:
        """See :class:`GateConnection`."""
        return _first_value(await self._rows(UNREAD_SINCE_RESTORE, {})) == "unread"

    async def _rows(self, statement: str, asked: Mapping[str, Any]) -> Sequence[Row]:
        try:
            self._pipeline.send(*_bind_numbered(statement, asked))
            (rows,) = await self._pipeline.fetch()
        except _GONE as error:
            raise DatabaseUnavailable(str(error)) from error
        return rows

    async def write(self, rows: RowsByTable) -> None:
        """See :class:`GateConnection`."""
        try:
            for table, found in rows.items():
                for row in found:
                    self._pipeline.send(*_bind_numbered(insert_sql(table, tuple(row), "%({})s"), row))
            await self._commit()
        except psycopg.IntegrityError as error:
            raise DecisionConflict(str(error)) from error
        except _GONE as error:
            raise DatabaseUnavailable(str(error)) from error

    async def _commit(self) -> None:
        self._pipeline.send("COMMIT")
        await self._pipeline.fetch()

    async def roll_back(self) -> None:
        """See :class:`GateConnection`."""
        try:
            if not self._pipeline.idle:
                self._pipeline.send("ROLLBACK")
                await self._pipeline.fetch()
        except _GONE as error:
            raise DatabaseUnavailable(str(error)) from error

    def close(self) -> None:
        """See :class:`GateConnection`."""
        self._pipeline.close()


def _first_value(rows: Sequence[Row]) -> str | None:
    return str(rows[0][0]) if rows else None


@cache
def _number_parameters(statement: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with its parameters numbered, and their names in that order."""
    names = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    for place, name in enumerate(names, 1):
        statement = statement.replace(f"%({name})s", f"${place}")
    return statement, names


def _bind_numbered(statement: str, asked: Mapping[str, Any]) -> tuple[str, list[str | None]]:
    numbered, names = _number_parameters(statement)
    values = (asked[name] for name in names)
    return numbered, [None if value is None else str(value) for value in values]


@cache
def _lock_sql(one: bool) -> str:
    """Return what locks those who may answer the numbers of a group.

    Every group locks in the same order: so none waits for another that waits for it.
    """
    return f"""
        SELECT NULL, pg_advisory_xact_lock_shared({LOADS_LOCK}) IS NULL
        UNION ALL SELECT person, pg_advisory_xact_lock(lock) IS NULL FROM (
            SELECT person, hashtextextended(person, 7) AS lock FROM ({locked_sql(one)}) u
            ORDER BY lock
        ) p"""


def open_connection(seconds: float) -> GateConnection:
    """Open a connection to the installation's database whose waits end after some seconds."""
    chosen = settings.DATABASES["default"]
    if chosen["ENGINE"].endswith("sqlite3"):
        return SQLiteConnection(chosen["NAME"], seconds)
    return PostgreSQLConnection(read_parameters(chosen), seconds)


def read_parameters(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what libpq connects with, from Django's settings: the options of the address too.

    Without those, such as ``sslmode`` and ``sslrootcert``, a server would be taken unverified.
    """
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    given = {there: chosen[here] for here, there in names.items() if chosen.get(here)}
    options = chosen.get("OPTIONS", {})
    return given | {name: value for name, value in options.items() if name not in _OF_DJANGO}


@cache
def _name_parameters(statement: str) -> str:
    parts = statement.split("%(")
    return parts[0] + "".join(":" + part.replace(")s", "", 1) for part in parts[1:])


NAME = "gate"
"""Under which the check value stands in the database."""

_WRITERS = {"number": number_pseudonym, "person": person_pseudonym}


def ensure_gate_key() -> None:
    """Refuse a key that is not the one of the rows (KeyFault); make one where there is neither."""
    try:
        if stored_key_check(NAME) is None and key_check() is not None and not _fits_rows():
            raise key_fault("is not the one that the database was written with")
        ensure_key(NAME, key_check, make_key, _has_rows, key_fault)
    except KeyFault:
        forget_key()
        raise


INSTALLATION_KEY = InstallationKey(NAME, "gate.key", "GATE_KEY", key_check, ensure_gate_key)


async def check_key(store: GateConnection) -> None:
    """Refuse to decide under a key that is not the one of the rows (KeyFault)."""
    found, stored = key_check(), await store.key_check()
    if found is not None and found == stored:
        return
    forget_key()
    if found is None:
        raise key_fault("is missing")
    if stored is None:
        raise key_fault("has no check value in the database: start `releve outbound serve`, or")
    raise key_fault("is not the one that the database was written with")


def _has_rows() -> bool:
    models: list[type[Model]] = [PseudonymValue, Decision]
    models += [table.model for table in TABLES.values() if any(column.hides in _WRITERS for column in table.columns)]
    return any(model._default_manager.exists() for model in models)


def _fits_rows() -> bool:
    """Return whether a value that is kept beside its pseudonym has it under this key.

    True where none is kept: rows from before there were check values.
    """
    row = PseudonymValue.objects.filter(what__in=_WRITERS).first()
    return row is None or _WRITERS[row.what](row.value) == row.pseudonym
