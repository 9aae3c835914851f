"""The one statement that reads all that bears on a call: a look-up by index a table.

Every table becomes an array of its rows in one row of JSON, on SQLite and PostgreSQL alike. What is
asked: ``number`` and ``named`` (pseudonyms), ``campaign``, ``client``, ``known`` (the instant by
which a fact must have been known), ``call_id`` and ``cseq``.
"""

from __future__ import annotations

from functools import cache

from releve.gate import models
from releve.gate.tables import TABLES

__all__ = ["CAMPAIGN", "DECISION", "FEEDS", "LOCKED_PERSONS", "facts_sql"]

FEEDS = ("attempts", "consents", "refusals", "withdrawals")
"""The registers whose last reading is looked for."""

CAMPAIGN = (
    "client", "object", "mode", "purpose", "origin", "authenticated", "mobile_terminal",
    "first", "last", "provider", "site",
)  # fmt: skip
"""What the campaign's row is read into, its name left out; then the instant it was known."""

DECISION = ("campaign", "number", "named", "caller", "at", "allowed", "rules")
"""What is read of a decision that the call has already."""

LOCKED_PERSONS = """
    SELECT person FROM gate_person WHERE number = %(number)s
    UNION SELECT CAST(%(named)s AS varchar(32))"""
"""Who may answer the number, whatever version of the link is in force, and who is asked for."""

_KNOWN = "COALESCE(f.known_from, l.known_at)"
_VISIBLE = f"(f.load_id IS NULL OR l.known_at IS NOT NULL) AND {_KNOWN} <= %(known)s"
_OF_CLIENT = "f.client = (SELECT client FROM asked)"
_OF_PERSON = f"{_OF_CLIENT} AND f.person IN ({LOCKED_PERSONS})"
_WHERE = {
    "people": "f.number = %(number)s",
    "listings": "f.number = %(number)s",
    "scrubs": f"{_OF_CLIENT} AND f.campaign IN ('', %(campaign)s)",
    "mandates": _OF_CLIENT,
    "abandoned": "f.campaign = %(campaign)s",
}


@cache
def facts_sql(vendor: str, *, by_campaign: bool) -> str:
    """Return the statement for a vendor; the client is the campaign's, or asked for by name.

    Its columns: the decision that the call has already, the campaign, one array a table in the
    order of ``TABLES``, the newest load and decision, the clock of the database (NULL: it has none
    of its own).
    """
    found = "SELECT client FROM campaign" if by_campaign else "SELECT %(client)s AS client"
    columns = [_decision(vendor), _campaign(vendor)]
    columns += [_rows(vendor, name) for name in TABLES]
    columns += [
        "(SELECT known_at FROM gate_load WHERE known_at IS NOT NULL"
        " ORDER BY known_at DESC LIMIT 1)",
        "(SELECT at FROM gate_decision ORDER BY at DESC LIMIT 1)",
        "clock_timestamp()" if vendor == "postgresql" else "NULL",
    ]
    return f"WITH campaign AS ({_campaign_row()}), asked AS ({found}) SELECT " + ",\n".join(columns)


def _array(vendor: str, columns: list[str]) -> str:
    name = "json_build_array" if vendor == "postgresql" else "json_array"
    return f"{name}({', '.join(columns)})"


def _campaign_row() -> str:
    columns = ", ".join(f"f.{name}" for name in CAMPAIGN)
    return (
        f"SELECT {columns}, {_KNOWN} AS known FROM {models.Campaign._meta.db_table} f "
        f"LEFT JOIN gate_load l ON l.id = f.load_id WHERE f.ref = %(campaign)s AND {_VISIBLE} "
        "ORDER BY known DESC, f.id DESC LIMIT 1"
    )


def _campaign(vendor: str) -> str:
    return f"(SELECT {_array(vendor, [*CAMPAIGN, 'known'])} FROM campaign)"


def _decision(vendor: str) -> str:
    table = models.Decision._meta.db_table
    array = _array(vendor, list(DECISION))
    return f"(SELECT {array} FROM {table} WHERE call_id = %(call_id)s AND cseq = %(cseq)s)"


def _rows(vendor: str, name: str) -> str:
    names = ["id", "known", *(column.name for column in TABLES[name].columns)]
    aggregate = "json_agg" if vendor == "postgresql" else "json_group_array"
    array = _array(vendor, [f"t.{column}" for column in names])
    source = _last_readings() if name == "feeds" else _selected(name)
    ordered = f"SELECT * FROM ({source}) s ORDER BY s.known, s.id"
    return f"(SELECT {aggregate}({array}) FROM ({ordered}) t)"


def _selected(name: str, where: str = "", tail: str = "") -> str:
    table = TABLES[name]
    columns = ", ".join(f"f.{column.name}" for column in table.columns)
    return (
        f"SELECT f.id, {_KNOWN} AS known, {columns} FROM {table.db_table} f "
        f"LEFT JOIN gate_load l ON l.id = f.load_id "
        f"WHERE {where or _WHERE.get(name, _OF_PERSON)} AND {_VISIBLE}{tail}"
    )


def _last_readings() -> str:
    """Return the last reading of each register, each by its own look-up."""
    parts = []
    for feed in FEEDS:
        where = f"f.feed = '{feed}' AND f.read_at <= %(known)s"
        last = _selected("feeds", where, " ORDER BY f.read_at DESC LIMIT 1")
        parts.append(f"SELECT * FROM ({last}) {feed}")
    return " UNION ALL ".join(parts)
