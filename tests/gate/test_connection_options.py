"""The gate connects as Django does: no option of the database's address is left out."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from releve import environment
from releve.plugins.outbound.gate.connections import PostgreSQLConnection, read_parameters
from releve.plugins.outbound.gate.errors import DatabaseUnavailable

URL = (
    "postgres://releve:pw@db.example/releve?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    "&sslcert=/etc/me.pem&options=-c%20search_path%3Dhouse"
)


def test_the_options_of_the_address_are_kept() -> None:
    chosen = environment.read_database({"X": URL}, "X", Path("unused"))
    chosen["OPTIONS"] |= {"pool": True, "isolation_level": 1}
    assert read_parameters(chosen) == {
        "dbname": "releve",
        "user": "releve",
        "password": "pw",
        "host": "db.example",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
        "sslcert": "/etc/me.pem",
        "options": "-c search_path=house",
    }


def test_they_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def connect(**given: object) -> None:
        seen.update(given)
        raise psycopg.OperationalError("no server here")

    monkeypatch.setattr(psycopg, "connect", connect)
    chosen = environment.read_database({"X": URL}, "X", Path("unused"))
    with pytest.raises(DatabaseUnavailable):
        PostgreSQLConnection(read_parameters(chosen), 0.5)
    assert (seen["sslmode"], seen["sslrootcert"]) == ("verify-full", "/etc/ca.pem")
    assert str(seen["options"]).startswith("-c search_path=house -c statement_timeout=500ms ")
