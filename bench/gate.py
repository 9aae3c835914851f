"""The gate measured: how long an answer takes, beside a bare endpoint with as many look-ups.

    python -m bench.gate [--rates 100,400,800] [--workers 1,2] [--seconds 10] [--json]

For each number of workers and each rate, first the bare endpoint and then the gate are asked at
that rate over kept connections on the loopback address, by one process that sends each question at
its time whether or not earlier ones are answered (so a queue shows). The bare endpoint is a raw
ASGI application under the same uvicorn with the same threads: it begins a transaction, looks one
row up by index as many times as the gate's statement does, in one round trip, and commits; it
judges and writes nothing. The gate decides 20,000 people's calls, all different, nearly all
allowed, and inserts two rows each. SQLite in a folder of its own; PostgreSQL as well where
RELEVE_DATABASE_URL names an empty database (``scripts/with-postgres``). At most 20,000 questions
and 60 seconds a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

PEOPLE = 20_000
MOST_QUESTIONS = 20_000
MOST_SECONDS = 60
LOOK_UPS = 20
CONNECTIONS = 32
_KEY = "5" * 64
_AT_ANY_HOUR = "jurisdiction: FR\nrows:\n- {closes: FR-HOURS-1, from: 2024-01-01}\n"


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


# What is measured against: started by uvicorn in processes of its own.


def bare() -> Any:
    """Return the bare endpoint on the same database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.conf import settings

    django.setup()
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    pool = ThreadPoolExecutor(1 if sqlite else 4)
    look = _sqlite_looks(settings) if sqlite else _postgresql_looks()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        query = scope["query_string"].decode()
        work = asyncio.get_running_loop().run_in_executor(pool, look, query)
        body = await asyncio.wait_for(work, 0.8)
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def _statement(mark: str) -> str:
    one = f"(SELECT number FROM gate_person WHERE id = {mark} + {{}})"
    return "SELECT " + ", ".join(one.format(n) for n in range(LOOK_UPS))


def _sqlite_looks(settings: Any) -> Callable[[str], bytes]:
    import sqlite3

    connection = sqlite3.connect(
        settings.DATABASES["default"]["NAME"], isolation_level=None, check_same_thread=False
    )
    statement = _statement(":first")

    def look(query: str) -> bytes:
        connection.execute("BEGIN")
        connection.execute(statement, {"first": _first(query)}).fetchone()
        connection.execute("COMMIT")
        return b"allow bare\n"

    return look


def _postgresql_looks() -> Callable[[str], bytes]:
    import threading

    from releve.gate.stores import PostgreSQL, open_store

    own, statement = threading.local(), _statement("%(first)s")

    def look(query: str) -> bytes:
        if not hasattr(own, "store"):
            own.store = open_store(0.8)
        assert isinstance(own.store, PostgreSQL)
        run = own.store._connection.execute
        with own.store._connection.pipeline():
            run("BEGIN")
            run(statement, {"first": _first(query)}).fetchone()
        run("COMMIT")
        return b"allow bare\n"

    return look


def _first(query: str) -> int:
    return 1 + int(query.rpartition("-")[2].partition("&")[0]) % (PEOPLE - LOOK_UPS)


# The load.


async def load(port: int, rate: int, seconds: int, tag: str) -> tuple[list[float], Counter[str]]:
    """Return the answer times (s, from when the question was due) and the first words."""
    times: list[float] = []
    words: Counter[str] = Counter()
    free: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    start = time.perf_counter() + 0.1

    async def ask(number: int) -> None:
        due = start + number / rate
        await asyncio.sleep(due - time.perf_counter())
        reader, writer = await free.get()
        writer.write(_request(number, tag))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        free.put_nowait((reader, writer))
        times.append(time.perf_counter() - due)
        words[body.split()[0].decode() if head[9:12] == b"200" else body.decode().strip()] += 1

    await asyncio.gather(*(ask(n) for n in range(min(rate * seconds, MOST_QUESTIONS))))
    while not free.empty():
        free.get_nowait()[1].close()
    return times, words


def _request(number: int, tag: str) -> bytes:
    to = f"%2B331445{number % PEOPLE:05}"
    path = f"/gate?to={to}&cli=%2B33162000001&camp=spring&ci={tag}-{number}&cs=1"
    return f"GET {path} HTTP/1.1\r\nHost: gate\r\n\r\n".encode()


def measure(
    environment: dict[str, str], what: str, workers: int, rate: int, seconds: int
) -> dict[str, Any]:
    """Start a server, warm it up, ask, and stop it."""
    port = _free_port()
    application = {"gate": "releve.gate.asgi:application", "bare": "bench.gate:bare"}[what]
    command = [sys.executable, "-m", "uvicorn", application, "--factory", "--port", str(port),
               "--workers", str(workers), "--log-level", "error", "--no-access-log"]  # fmt: skip
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    tag = f"{what}{workers}x{rate}"
    try:
        _wait_for(port, server)
        asyncio.run(load(port, 50, 3, f"warm{tag}"))
        subprocess.run([sys.executable, "-m", "bench.gate", "--renew"], env=environment, check=True)
        times, words = asyncio.run(load(port, rate, seconds, tag))
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    return {
        "what": what, "workers": workers, "rate": rate, "questions": len(times),
        "p50_ms": _quantile(times, 0.5), "p99_ms": _quantile(times, 0.99), "answers": dict(words),
    }  # fmt: skip


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            time.sleep(1.0)  # the other workers
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server does not start")


def _quantile(times: list[float], share: float) -> float:
    return round(1000 * sorted(times)[min(int(share * len(times)), len(times) - 1)], 2)


def _prepare(*, again: bool) -> None:
    """Fill the database; or, ``again``, note that every register was read just now."""
    from releve.cli.database import open_database

    open_database()
    from tests.gate.making import fill, read_feeds

    if again:
        read_feeds()
    else:
        fill(range(PEOPLE))


def _line(found: dict[str, Any]) -> str:
    return (
        f"  {found['what']:4} {found['workers']} workers {found['rate']:>4}/s "
        f"p50 {found['p50_ms']:>8.2f} ms  p99 {found['p99_ms']:>8.2f} ms  {found['answers']}"
    )


@click.command()
@click.option("--rates", default="100,400,800", show_default=True, help="Questions a second.")
@click.option("--workers", default="1,2", show_default=True, help="Processes.")
@click.option("--seconds", default=10, show_default=True, type=click.IntRange(1, MOST_SECONDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--renew", is_flag=True, hidden=True)
@click.option("--fill", is_flag=True, hidden=True)
def main(rates: str, workers: str, seconds: int, as_json: bool, renew: bool, fill: bool) -> None:
    """Measure the gate beside a bare endpoint, on each database."""
    if renew or fill:
        _prepare(again=renew)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end with this process
    found = []
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as folder:
        server = os.environ.get("RELEVE_DATABASE_URL", "")
        for name in ("SQLite", "PostgreSQL") if server else ("SQLite",):
            environment = _environment(Path(folder) / name, server if name != "SQLite" else "")
            subprocess.run([sys.executable, "-m", "bench.gate", "--fill"], env=environment,
                           check=True)  # fmt: skip
            say(name)
            for count in map(int, workers.split(",")):
                for rate in map(int, rates.split(",")):
                    pair = [measure(environment, what, count, rate, seconds)
                            for what in ("bare", "gate")]  # fmt: skip
                    ratio = round(pair[1]["p99_ms"] / pair[0]["p99_ms"], 2)
                    found += [{**one, "database": name, "p99_ratio": ratio} for one in pair]
                    say("\n".join(map(_line, pair)) + f"\n       p99 ratio {ratio}")
    if as_json:
        click.echo(json.dumps(found, indent=1))


def _environment(home: Path, server: str) -> dict[str, str]:
    """Return the environment of an installation where calls are allowed at any hour."""
    (home / "law").mkdir(parents=True)
    (home / "law" / "open.yaml").write_text(_AT_ANY_HOUR, encoding="utf-8")
    environment = {**os.environ, "RELEVE_HOME": str(home), "RELEVE_GATE_KEY": _KEY}
    environment["DJANGO_SETTINGS_MODULE"] = "releve.settings"
    environment.pop("RELEVE_DATABASE_URL", None)
    return {**environment, "RELEVE_DATABASE_URL": server} if server else environment


if __name__ == "__main__":
    main()
