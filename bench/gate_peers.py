"""What the gate is measured against: applications that uvicorn starts in processes of their own.

``bare`` looks up as often as the gate and does nothing else, in a thread, as who uses a database's
own client does. ``unjudged`` is the gate without its judgement: it looks up what the gate does, and
writes the two rows, over the gate's own connections, in the event loop. What lies between them is
reading and writing; what lies beyond, judging.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qsl

PEOPLE = 20_000
LOOK_UPS = 14
"""Of the gate for one question: six tables about the person, three by number, the call, the newest
load and decision, and the loads of two rows that are found."""
_THREADS = 4
_SECONDS = 0.8


def bare() -> Any:
    """Return the endpoint that only looks up, by a client that is not the gate's own."""
    path = _sqlite()
    if path is None:
        return _answering(_in_threads(_postgresql_looks(), _THREADS))
    return _answering(_in_threads(_sqlite_looks(path), 1))


def unjudged() -> Any:
    """Return the endpoint that looks up and writes what the gate does, and judges nothing."""
    path = _sqlite()
    if path is not None:
        from releve.plugins.outbound.gate.wal_checkpoints import start_checkpoints

        start_checkpoints(path)
    return _answering(_look_and_write(2 if path is None else 1))


def _sqlite() -> str | None:
    """Start Django; return the file of the database, None where it is a server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.conf import settings

    django.setup()
    database = settings.DATABASES["default"]
    return str(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None


def _in_threads(look: Callable[[str], bytes], threads: int) -> Callable[[str], Awaitable[bytes]]:
    pool = ThreadPoolExecutor(threads)
    return lambda query: asyncio.get_running_loop().run_in_executor(pool, look, query)


def _answering(look: Callable[[str], Awaitable[bytes]]) -> Any:
    """Return the application that answers with what ``look`` returns."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = await asyncio.wait_for(look(scope["query_string"].decode()), _SECONDS)
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def _statement(mark: str) -> str:
    one = f"(SELECT number FROM gate_person WHERE id = {mark} + {{}})"
    return "SELECT " + ", ".join(one.format(n) for n in range(LOOK_UPS))


def _sqlite_looks(path: str) -> Callable[[str], bytes]:
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    statement = _statement(":first")

    def look(query: str) -> bytes:
        connection.execute("BEGIN")
        connection.execute(statement, {"first": _first(query)}).fetchone()
        connection.execute("COMMIT")
        return b"allow bare\n"

    return look


def _postgresql_looks() -> Callable[[str], bytes]:
    import psycopg

    own, statement = threading.local(), _statement("%(first)s")
    options = "-c plan_cache_mode=force_generic_plan -c jit=off"

    def look(query: str) -> bytes:
        if not hasattr(own, "connection"):
            own.connection = psycopg.connect(os.environ["RELEVE_DATABASE_URL"], autocommit=True,
                                             prepare_threshold=0, options=options)  # fmt: skip
        run = own.connection.execute
        with own.connection.pipeline():
            run("BEGIN")
            run(statement, {"first": _first(query)}).fetchone()
        run("COMMIT")
        return b"allow bare\n"

    return look


def _first(query: str) -> int:
    return 1 + int(query.rpartition("-")[2].partition("&")[0]) % (PEOPLE - LOOK_UPS)


def _look_and_write(connections: int) -> Callable[[str], Awaitable[bytes]]:
    """Return what reads and writes for a question as the gate does, by its own statements."""
    from django.utils import timezone

    from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW, open_connection
    from releve.plugins.outbound.gate.fact_reader import to_db_instant
    from releve.plugins.outbound.gate.pseudonyms import number_text, text_pseudonym

    free = [(open_connection(_SECONDS), dict[str, Mapping[str, Any]]()) for _ in range(connections)]
    turn = asyncio.Semaphore(connections)

    async def look(query: str) -> bytes:
        async with turn:
            one = free.pop()
            try:
                await look_by(*one, query)
            finally:
                free.append(one)
        return b"allow unjudged\n"

    async def look_by(store: Any, rows: dict[str, Mapping[str, Any]], query: str) -> None:
        if not rows:
            rows.update(await _rows_of_a_decision(store, query))
            return
        fields, now = dict(parse_qsl(query)), timezone.now()
        call, number = fields["ci"], text_pseudonym(number_text(fields["to"]))
        terms = {"client": "CLIENT-A", "number": number, "named": "", "call_id": call, "cseq": 1}
        known = to_db_instant(store.vendor, now + MAX_CLOCK_SKEW)
        _, found = await store.read([terms], known)
        person = next(b for what, _, b, _ in found if what == "holder")
        at = to_db_instant(store.vendor, now + timedelta(microseconds=1))
        changed = {
            "gate_decision": {"call_id": call, "at": at, "number": number, "persons": person},
            "gate_attempt": {"person": person, "ref": f"{call}/1", "at": at, "known_from": at},
        }
        await store.write({name: [{**rows[name], **changed[name]}] for name in changed})

    return look


async def _rows_of_a_decision(store: Any, query: str) -> Mapping[str, Mapping[str, Any]]:
    """Let the gate decide once, and return the rows that it writes, by table."""
    from releve.plugins.outbound.gate.current_rules import load_current_rules
    from releve.plugins.outbound.gate.decision import decide
    from releve.plugins.outbound.gate.protocol import parse_question

    written: dict[str, Mapping[str, Any]] = {}

    class Kept:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def write(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
            written.update({name: found[0] for name, found in rows.items()})
            await store.write(rows)

    question, kept = parse_question(query), Kept()
    assert question is not None
    await decide(cast("Any", kept), question, load_current_rules(), time.monotonic() + 10 * _SECONDS)
    return written
