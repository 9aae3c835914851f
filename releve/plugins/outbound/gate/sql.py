"""The statements that read what bears on calls, for a group at once, and a pipeline to send them.

Every row comes as ``what, a, b, cells``: its table (or another name below), what it is about, and
its values as a JSON array, on SQLite and PostgreSQL alike. About a number: ``a``; about a person
and a client: ``a`` the client, ``b`` the person; withdrawals and refusals may have no client, which
is every client, and a number for the person, which is every holder of it. Asked by ``number`` and
``named`` (pseudonyms), ``client``, ``call_id`` and ``cseq``: those of one question, or of each in a
JSON array, ``asked``; ``known`` is the instant by which a fact must have been known.

Other names: ``holder`` (number, person), whatever version of the link is in force; ``held``
(person, number), a row of people by which something that was said by number binds a person;
``decided`` (call id, sequence), the answer that the call already has; ``head``, the newest load,
the last decision and the clock of the database (null: it has none of its own); ``campaign``;
``later``, the first instant after ``known`` at which a stored fact becomes known.

The pipeline goes over libpq: psycopg's cursors look each value and row up by its type, which takes
more processor time than the judging.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus

from releve.network.moments import UTC
from releve.plugins.outbound.engine.fact_files import TABLES as ENGINE_TABLES
from releve.plugins.outbound.engine.fact_files import list_columns
from releve.plugins.outbound.engine.facts import SAID
from releve.plugins.outbound.gate import models

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult


Row = tuple[str | None, ...]
_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Pipeline:
    """A connection that stays in pipeline mode; for one task at a time, all of one event loop.

    Its methods raise psycopg's errors: OperationalError where the server is gone, or says nothing
    for so many seconds. It is opened by a thread that may wait.
    """

    def __init__(self, parameters: Mapping[str, Any], seconds: float) -> None:
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._pg, self._seconds = self._connection.pgconn, seconds
        self._socket = os.dup(self._pg.socket)
        """Its own number of the socket: libpq gives up that of its own whenever it likes."""
        self._pg.enter_pipeline_mode()
        self._prepared: dict[str, bytes] = {}
        self._numbers = count()
        self._sent: list[str | None] = []
        """Messages without an answer yet: a statement to prepare, or None for one to run."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Return whether no transaction is open, and nothing waits for its answer."""
        return not self._sent and self._pg.transaction_status == TransactionStatus.IDLE

    @property
    def process(self) -> int:
        """Return the id of the server's process."""
        return self._pg.backend_pid

    def send(self, statement: str, values: Sequence[str | None] = ()) -> None:
        """Send a statement behind those that were sent; its parameters are $1, $2 and so on."""
        name = self._prepared.get(statement)
        if name is None:
            name = self._prepared[statement] = b"s%d" % next(self._numbers)
            self._pg.send_prepare(name, statement.encode())
            self._sent.append(statement)
        given = [None if value is None else value.encode() for value in values]
        self._pg.send_query_prepared(name, given)
        self._sent.append(None)

    async def fetch(self) -> list[list[Row]]:
        """Wait for the answers to all that was sent; return the rows of each statement, in order.

        Raises the error of the first that fails; those behind it are not run.
        """
        self._pg.pipeline_sync()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._socket, self._arrived)
        sent, self._sent = self._sent, []
        try:
            if self._pg.flush():
                await self._flushed()
            found, error = await self._read(sent)
        except BaseException:
            self.close()  # answers may still be on their way
            raise
        if error is not None:
            raise error
        return found

    async def _read(self, sent: Sequence[str | None]) -> tuple[list[list[Row]], psycopg.Error | None]:
        found: list[list[Row]] = []
        error: psycopg.Error | None = None
        for preparing in sent:
            result = await self._result()
            if result.status not in _DONE:
                error = error or _build_error(result)
                if preparing is not None:
                    del self._prepared[preparing]
            elif preparing is None:
                found.append(_parse_rows(result))
        await self._result()  # the end of what was sent
        return found, error

    async def _result(self) -> PGresult:
        while True:
            while self._pg.is_busy():
                await self._wait()
            result = self._pg.get_result()
            if result is not None:
                return result
            if self._pg.status == ConnStatus.BAD:  # else it is the end of one statement
                raise psycopg.OperationalError("the server has closed the connection")

    async def _flushed(self) -> None:
        """Wait until the socket has taken all, while what comes meanwhile is read."""
        assert self._loop is not None
        self._loop.add_writer(self._socket, self._wake)
        while self._pg.flush():
            await self._wait()
        self._loop.remove_writer(self._socket)

    async def _wait(self) -> None:
        assert self._loop is not None
        if self._socket < 0:
            raise psycopg.OperationalError("the server has closed the connection")
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(self._seconds, self._wake, "the server does not answer")
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self, error: str = "") -> None:
        if self._waiter is None or self._waiter.done():
            return
        if error:
            self._waiter.set_exception(psycopg.OperationalError(error))
        else:
            self._waiter.set_result(None)

    def _arrived(self) -> None:
        """Read what the server sends, asked for or not."""
        try:
            self._pg.consume_input()
        except psycopg.OperationalError as error:
            self._unwatch()
            self._wake(str(error))
        else:
            if not self._pg.is_busy():
                self._wake()

    def _unwatch(self) -> None:
        """Listen no more; once, since another gets the number."""
        number, self._socket = self._socket, -1
        if number < 0:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)
        os.close(number)

    def close(self) -> None:
        self._unwatch()
        self._connection.close()


def _parse_rows(result: PGresult) -> list[Row]:
    get, columns = result.get_value, range(result.nfields)
    return [
        tuple(None if (cell := get(row, column)) is None else cell.decode() for column in columns)
        for row in range(result.ntuples)
    ]


def _build_error(result: PGresult) -> psycopg.Error:
    state = result.error_field(DiagnosticField.SQLSTATE)
    try:
        kind = psycopg.OperationalError if state is None else psycopg.errors.lookup(state.decode())
    except KeyError:  # an extension's own
        kind = psycopg.DatabaseError
    return kind(result.get_error_message())


_MODELS: Mapping[str, type[models.FactRow]] = {
    "people": models.PersonRow,
    "consents": models.ConsentRow,
    "withdrawals": models.WithdrawalRow,
    "contracts": models.ContractRow,
    "callbacks": models.CallbackRow,
    "refusals": models.RefusalRow,
    "attempts": models.AttemptRow,
    "listings": models.ListingRow,
    "scrubs": models.ScrubRow,
    "mandates": models.MandateRow,
    "abandoned": models.AbandonedRow,
    "feeds": models.WatermarkRow,
}
_RENAMED = {"id": "ref", "objects": "objects_named"}
_PSEUDONYMS = {("people", "number"): "number", ("listings", "number"): "number"}


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A field of a fact, the column it stands in, and what it holds.

    ``kind``: text, instant, day, words, flag, number (a figure); ``hides``: number, person or
    proof where a pseudonym or a hash stands for the value, empty otherwise.
    """

    field: str
    name: str
    kind: str
    hides: str = ""


@dataclass(frozen=True, slots=True)
class FactTable:
    """A table of facts: its name in the engine, its fact, its model, its columns."""

    name: str
    fact: type
    model: type[models.FactRow]
    columns: tuple[FactColumn, ...]

    @property
    def db_table(self) -> str:
        return self.model._meta.db_table

    @property
    def versioned(self) -> bool:
        """Return whether a fact has an id, so that a later version corrects it."""
        return any(column.name == "ref" for column in self.columns)

    def build_fact(self, cells: Mapping[str, Any], known_at: datetime | None) -> Any:
        """Return the engine's fact of a row's values by field."""
        return self.fact(**cells) if known_at is None else self.fact(known_at=known_at, **cells)


def parse_instant(text: str | datetime) -> datetime:
    """Return an instant that a database wrote: with its offset, or in UTC."""
    found = datetime.fromisoformat(text) if isinstance(text, str) else text
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def parse_day(text: str | date) -> date:
    return date.fromisoformat(text) if isinstance(text, str) else text


def _build_column(table: str, field: str, kind: str) -> FactColumn:
    hides = {"person": "person", "proof": "proof"}.get(field, "")
    hides = _PSEUDONYMS.get((table, field), hides)
    return FactColumn(field, _RENAMED.get(field, field), kind, hides)


def _build_table(name: str) -> FactTable:
    kinds = {field: kind for field, (kind, _) in list_columns(name).items() if field != "known_at"}
    if name == "consents":
        kinds["unreadable"] = "text"
    columns = tuple(_build_column(name, field, kind) for field, kind in kinds.items())
    return FactTable(name, ENGINE_TABLES[name], _MODELS[name], columns)


TABLES: Mapping[str, FactTable] = {name: _build_table(name) for name in _MODELS}


KEY_CHECK = "SELECT value FROM ledger_keycheck WHERE name = 'gate'"
"""Reads the check value of the key that the pseudonyms are made with."""

FEEDS = ("attempts", "consents", "refusals", "withdrawals")
"""The registers whose last reading is looked for."""

UNREAD_SINCE_RESTORE = f"""
SELECT CASE WHEN (
    SELECT COUNT(DISTINCT f.feed) FROM gate_watermark f JOIN gate_load l ON l.id = f.load_id
    WHERE l.known_at IS NOT NULL AND f.read_at > r.at AND f.feed IN {FEEDS}
) < {len(FEEDS)} THEN 'unread' ELSE 'read' END
FROM ledger_restoration r ORDER BY r.at DESC LIMIT 1"""
"""Says whether a register has not been read since a backup was put back; no row: none ever was."""

CAMPAIGN = (
    "client", "object", "mode", "purpose", "origin", "authenticated", "mobile_terminal",
    "first", "last", "provider", "site", "sector",
)  # fmt: skip
"""Columns read of a campaign, without its name; the instant it was known follows."""

DECISION = ("campaign", "number", "named", "caller", "began", "at", "allowed", "rules")
"""Columns read of the decision that a call already has."""

COMMON = ("scrubs", "mandates", "abandoned", "feeds")
"""The tables whose rows bear on every call of a campaign."""

OWN = tuple(name for name in TABLES if name not in COMMON)
"""The tables whose rows are about the number or its holders."""

_BY_NUMBER = ("people", "listings")
_KNOWN = "COALESCE(f.known_from, l.known_at)"
_COUNTS = "(f.load_id IS NULL OR l.known_at IS NOT NULL)"
_VISIBLE = f"{_COUNTS} AND {_KNOWN} <= %(known)s"
_LOAD = "LEFT JOIN gate_load l ON l.id = f.load_id"
COUNTED = """COALESCE((
    SELECT MAX(u.placed) FROM gate_unplaced u JOIN gate_load n ON n.id = u.load_id
    WHERE u.ref = f.ref AND u.began = f.began AND n.known_at <= %(known)s), 1) = 1"""
"""Whether an attempt ``f`` counts: not where the proxy had ended that SIP transaction before its
INVITE left (``releve.plugins.outbound.gate.attempt_outcomes``)."""
_WHERE = {
    "scrubs": "f.client = t.client AND f.campaign IN ('', t.campaign)",
    "mandates": "f.client = t.client",
    "abandoned": "f.campaign = t.campaign",
}
_ONE = """asked AS MATERIALIZED (SELECT CAST(%(client)s AS text) AS client,
    CAST(%(number)s AS text) AS number, CAST(%(named)s AS text) AS named,
    CAST(%(call_id)s AS text) AS call_id, CAST(%(cseq)s AS integer) AS cseq)"""
"""Most groups are of one question: to take a JSON array apart costs a fifth of the look-up."""
_MANY = {
    "sqlite": """asked AS MATERIALIZED (SELECT json_extract(value, '$.client') AS client,
        json_extract(value, '$.number') AS number, json_extract(value, '$.named') AS named,
        json_extract(value, '$.call_id') AS call_id, json_extract(value, '$.cseq') AS cseq
        FROM json_each(%(asked)s))""",
    "postgresql": """asked AS MATERIALIZED (SELECT * FROM json_to_recordset(%(asked)s::json)
        AS q(client text, number text, named text, call_id text, cseq int))""",
}
_HEARD = " OR ".join(
    f"EXISTS (SELECT 1 FROM {TABLES[name].db_table} s WHERE s.client IN (w.client, '') AND s.person = p.number)"
    for name in SAID
)
"""Whether something was said by the number that a person holds."""
_HOLDERS = f"""holders AS MATERIALIZED (
    SELECT q.client AS client, q.number AS number, p.person AS person
        FROM asked q CROSS JOIN gate_person p WHERE p.number = q.number),
    numbers AS MATERIALIZED (SELECT DISTINCT number FROM asked),
    who AS MATERIALIZED (
        SELECT client, person FROM holders
        UNION SELECT client, named FROM asked WHERE named <> ''),
    heard AS MATERIALIZED (
        SELECT DISTINCT w.client AS client, w.person AS person, p.number AS number
        FROM who w CROSS JOIN gate_person p WHERE p.person = w.person AND ({_HEARD})),
    said AS MATERIALIZED (
        SELECT client, person FROM who UNION SELECT '', person FROM who
        UNION SELECT client, number FROM asked UNION SELECT '', number FROM asked
        UNION SELECT client, number FROM heard UNION SELECT '', number FROM heard)"""


def bind_questions(asked: Sequence[Mapping[str, Any]], known: Any) -> dict[str, Any]:
    """Return the values of the statements about a group of questions."""
    (one, *more) = asked
    return {"asked": json.dumps(asked), "known": known} if more else {**one, "known": known}


@cache
def locked_sql(one: bool) -> str:
    """Return PostgreSQL's statement for who may answer the numbers of a group, or is asked for."""
    return f"""WITH {_asked_sql("postgresql", one)}, {_HOLDERS},
        p AS MATERIALIZED (SELECT DISTINCT person FROM who WHERE person <> '')
        SELECT person FROM p"""


@cache
def own_sql(vendor: str, one: bool) -> str:
    """Return the statement for what is about the numbers of a group and their holders.

    For a group of one, or one that is given as JSON.
    """
    parts = [*_own_facts_sql(vendor), *_decided_sql(vendor), _head_sql(vendor)]
    return f"WITH {_asked_sql(vendor, one)}, {_HOLDERS}\n" + "\nUNION ALL ".join(parts)


@cache
def common_sql(vendor: str) -> str:
    """Return the statement for what bears on every call of one ``campaign``."""
    terms = "terms AS (SELECT %(campaign)s AS campaign, client FROM campaign)"
    parts = [_campaign_sql(vendor), *_common_facts_sql(vendor), *_later_sql(vendor), _head_sql(vendor)]
    return f"WITH campaign AS ({_campaign_row()}), {terms}\n" + "\nUNION ALL ".join(parts)


@cache
def all_sql(vendor: str) -> str:
    """Return both in one statement, for one question whose ``client`` is given by name."""
    terms = "terms AS (SELECT CAST(%(campaign)s AS varchar(128)) AS campaign, client FROM asked)"
    parts = [*_own_facts_sql(vendor), *_common_facts_sql(vendor), _head_sql(vendor)]
    return f"WITH {_ONE}, {_HOLDERS}, {terms}\n" + "\nUNION ALL ".join(parts)


def _asked_sql(vendor: str, one: bool) -> str:
    return _ONE if one else _MANY[vendor]


def _part_sql(vendor: str, what: str, about: tuple[str, str], columns: list[str], source: str) -> str:
    name = "json_build_array" if vendor == "postgresql" else "json_array"
    cells = f"CAST({name}({', '.join(columns)}) AS text)"
    return f"SELECT '{what}' AS what, {about[0]} AS a, {about[1]} AS b, {cells} AS cells {source}"


def _own_facts_sql(vendor: str) -> Iterator[str]:
    for name in OWN:
        table = TABLES[name]
        columns = ["f.id", _KNOWN, *(f"f.{column.name}" for column in table.columns)]
        keys, about = "numbers k", ("f.number", "''")
        where = "f.number = k.number"
        if name not in _BY_NUMBER:
            keys = "said k" if name in SAID else "who k"
            about = ("f.client", "f.person")
            where = "f.client = k.client AND f.person = k.person"
        if name == "attempts":
            where += f" AND {COUNTED}"
        source = f"FROM {keys} CROSS JOIN {table.db_table} f {_LOAD} WHERE {where} AND {_VISIBLE}"
        yield _part_sql(vendor, name, about, columns, source)
    yield _part_sql(
        vendor, "holder", ("number", "person"), ["1"], "FROM (SELECT DISTINCT number, person FROM holders) h"
    )
    columns = ["f.id", _KNOWN, *(f"f.{column.name}" for column in TABLES["people"].columns)]
    source = (
        "FROM (SELECT DISTINCT person, number FROM heard) h"
        f" CROSS JOIN {TABLES['people'].db_table} f {_LOAD}"
        f" WHERE f.person = h.person AND f.number = h.number AND {_VISIBLE}"
    )
    yield _part_sql(vendor, "held", ("f.person", "f.number"), columns, source)


def _decided_sql(vendor: str) -> Iterator[str]:
    table = models.Decision._meta.db_table
    columns = [f"d.{name}" for name in DECISION]
    source = f"FROM asked q CROSS JOIN {table} d WHERE d.call_id = q.call_id AND d.cseq = q.cseq"
    yield _part_sql(vendor, "decided", ("d.call_id", "CAST(d.cseq AS text)"), columns, source)


def _head_sql(vendor: str) -> str:
    return _part_sql(vendor, "head", ("''", "''"), [
        "(SELECT known_at FROM gate_load WHERE known_at IS NOT NULL"
        " ORDER BY known_at DESC LIMIT 1)",
        "(SELECT at FROM gate_decision ORDER BY at DESC LIMIT 1)",
        "clock_timestamp()" if vendor == "postgresql" else "NULL",
    ], "")  # fmt: skip


def _campaign_row() -> str:
    columns = ", ".join(f"f.{name}" for name in CAMPAIGN)
    return (
        f"SELECT {columns}, {_KNOWN} AS known FROM {models.CampaignRow._meta.db_table} f {_LOAD} "
        f"WHERE f.ref = %(campaign)s AND {_VISIBLE} ORDER BY known DESC, f.id DESC LIMIT 1"
    )


def _campaign_sql(vendor: str) -> str:
    return _part_sql(vendor, "campaign", ("''", "''"), [*CAMPAIGN, "known"], "FROM campaign")


def _common_facts_sql(vendor: str) -> Iterator[str]:
    for name in COMMON:
        names = ["id", "known", *(column.name for column in TABLES[name].columns)]
        source = _last_readings() if name == "feeds" else _visible_rows_sql(name)
        yield _part_sql(vendor, name, ("''", "''"), [f"r.{n}" for n in names], f"FROM ({source}) r")


def _visible_rows_sql(name: str, where: str = "", tail: str = "") -> str:
    table = TABLES[name]
    columns = ", ".join(f"f.{column.name}" for column in table.columns)
    source = f"{table.db_table} f" if where else f"terms t CROSS JOIN {table.db_table} f"
    return (
        f"SELECT f.id AS id, {_KNOWN} AS known, {columns} FROM {source} {_LOAD} "
        f"WHERE {where or _WHERE[name]} AND {_VISIBLE}{tail}"
    )


def _last_readings() -> str:
    """Return the last reading of each register, each by its own look-up."""
    parts = []
    for feed in FEEDS:
        where = f"f.feed = '{feed}' AND f.read_at <= %(known)s"
        last = _visible_rows_sql("feeds", where, " ORDER BY f.read_at DESC LIMIT 1")
        parts.append(f"SELECT * FROM ({last}) {feed}")
    return " UNION ALL ".join(parts)


def _later_sql(vendor: str) -> Iterator[str]:
    """Yield when a row that is there already becomes known, table by table."""
    for name in COMMON:
        source, where, moment = f"terms t CROSS JOIN {TABLES[name].db_table} f", "", "f.known_from"
        if name == "feeds":
            source, where, moment = f"{TABLES[name].db_table} f", f"f.feed IN {FEEDS}", "f.read_at"
        source = f"FROM {source} {_LOAD} WHERE {where or _WHERE[name]} AND {_COUNTS}"
        source += f" AND {moment} > %(known)s"
        yield _part_sql(vendor, "later", ("''", "''"), [f"MIN({moment})"], source)
