"""The gate's connection: its options as Django's, and statements over libpq."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from releve import environment
from releve.plugins.outbound.gate.connections import PostgreSQLConnection, read_parameters
from releve.plugins.outbound.gate.errors import DatabaseUnavailable
from releve.plugins.outbound.gate.sql import Pipeline
from tests.gate.sample_campaign import GateDatabase
from tests.gate.sync_decisions import run


@pytest.fixture
def pipeline(ground: GateDatabase) -> Iterator[Pipeline]:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's own")
    found = Pipeline(ground.parameters(), 0.5)
    yield found
    found.close()


def ask(pipeline: Pipeline, *statements: str) -> list[list[tuple[str | None, ...]]]:
    for statement in statements:
        pipeline.send(statement)
    return run(pipeline.fetch())


@pytest.mark.database
def test_answers_come_in_the_order_of_what_was_sent(pipeline: Pipeline) -> None:
    pipeline.send("BEGIN")
    pipeline.send("SELECT $1::int + 1, NULL, 'é' UNION ALL SELECT 0, 'b', ''", ["41"])
    pipeline.send("SELECT 1 WHERE false")
    assert not pipeline.idle
    assert run(pipeline.fetch()) == [[], [("42", None, "é"), ("0", "b", "")], []]
    assert not pipeline.idle, "a transaction is open"
    ask(pipeline, "ROLLBACK")
    assert pipeline.idle
    for _ in range(3):  # prepared by now
        pipeline.send("SELECT $1::int + 1, NULL, 'é' UNION ALL SELECT 0, 'b', ''", ["1"])
        assert run(pipeline.fetch()) == [[("2", None, "é"), ("0", "b", "")]]


@pytest.mark.database
def test_what_stands_behind_an_error_is_not_run(pipeline: Pipeline) -> None:
    for _ in range(2):  # the second time, what was not prepared is
        with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"):
            ask(pipeline, "BEGIN", "SELECT 1 / 0", "CREATE TABLE never (x int)", "COMMIT")
        assert not pipeline.idle
        ask(pipeline, "ROLLBACK")
    assert ask(pipeline, "SELECT to_regclass('never')") == [[(None,)]]


@pytest.mark.database
def test_a_statement_that_cannot_be_prepared_may_be_sent_again(pipeline: Pipeline) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        ask(pipeline, "SELECT * FROM later_made")
    ask(pipeline, "BEGIN", "CREATE TEMP TABLE later_made (x int)")
    assert ask(pipeline, "SELECT * FROM later_made") == [[]]
    ask(pipeline, "ROLLBACK")


@pytest.mark.database
def test_a_server_that_is_gone_is_an_error_at_once(pipeline: Pipeline, ground: GateDatabase) -> None:
    assert ask(pipeline, "SELECT 1") == [[("1",)]]
    ground.rows(f"SELECT pg_terminate_backend({pipeline.process})")
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            ask(pipeline, "SELECT 1")


@pytest.mark.database
def test_one_that_was_lost_leaves_be_who_got_the_number_of_its_socket(pipeline: Pipeline, ground: GateDatabase) -> None:
    async def work() -> bytes:
        pipeline.send("SELECT 1")
        await pipeline.fetch()
        number, loop = pipeline._socket, asyncio.get_running_loop()
        ending = f"SELECT pg_terminate_backend({pipeline.process})"
        await asyncio.to_thread(ground.rows, ending)
        while pipeline._socket >= 0:  # until the loop has seen it
            await asyncio.sleep(0.01)
        here, there = socket.socketpair()
        if there.fileno() == number:
            here, there = there, here
        other = here.detach()
        if other != number:
            os.dup2(other, number)
            os.close(other)
        got: asyncio.Future[bytes] = loop.create_future()
        loop.add_reader(number, lambda: got.set_result(os.read(number, 99)))
        pipeline.close()
        there.sendall(b"still here")
        try:
            return await asyncio.wait_for(got, 10)
        finally:
            loop.remove_reader(number)
            os.close(number)
            there.close()

    assert run(work()) == b"still here"


@pytest.mark.database
def test_a_server_that_says_nothing_is_waited_for_so_long(pipeline: Pipeline, ground: GateDatabase) -> None:
    ending = f"SELECT pg_terminate_backend({pipeline.process})"
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        ask(pipeline, "SELECT pg_sleep(20)")
    ground.rows(ending)
    with pytest.raises(psycopg.OperationalError):  # it has been given up
        ask(pipeline, "SELECT 1")


@pytest.mark.database
def test_an_error_of_an_extension_s_own_is_one_like_the_others(pipeline: Pipeline) -> None:
    raising = "DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'ZZ001'; END $$"
    with pytest.raises(psycopg.DatabaseError, match="own"):
        ask(pipeline, raising)
    pipeline.send("SELECT $1::text", [None])
    assert run(pipeline.fetch()) == [[(None,)]]


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
