"""The statements that read what bears on calls: a look-up by index a table, for a group at once.

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
``later``, the first instant after ``known`` at which something that is there already becomes known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from releve.gate import models
from releve.gate.schema import TABLES
from releve.outbound.facts import SAID

__all__ = [
    "CAMPAIGN", "COMMON", "COUNTED", "DECISION", "FEEDS", "KEY_CHECK", "OWN",
    "UNREAD_SINCE_RESTORE", "all_sql", "bind_questions",
    "common_sql",
    "locked_sql", "own_sql",
]  # fmt: skip

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
INVITE left (``releve.gate.unplaced_calls``)."""
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
    f"EXISTS (SELECT 1 FROM {TABLES[name].db_table} s"
    " WHERE s.client IN (w.client, '') AND s.person = p.number)"
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
    parts = [
        _campaign_sql(vendor),
        *_common_facts_sql(vendor),
        *_later_sql(vendor),
        _head_sql(vendor),
    ]
    return f"WITH campaign AS ({_campaign_row()}), {terms}\n" + "\nUNION ALL ".join(parts)


@cache
def all_sql(vendor: str) -> str:
    """Return both in one statement, for one question whose ``client`` is given by name."""
    terms = "terms AS (SELECT CAST(%(campaign)s AS varchar(128)) AS campaign, client FROM asked)"
    parts = [*_own_facts_sql(vendor), *_common_facts_sql(vendor), _head_sql(vendor)]
    return f"WITH {_ONE}, {_HOLDERS}, {terms}\n" + "\nUNION ALL ".join(parts)


def _asked_sql(vendor: str, one: bool) -> str:
    return _ONE if one else _MANY[vendor]


def _part_sql(
    vendor: str, what: str, about: tuple[str, str], columns: list[str], source: str
) -> str:
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
        vendor,
        "holder",
        ("number", "person"),
        ["1"],
        "FROM (SELECT DISTINCT number, person FROM holders) h",
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
