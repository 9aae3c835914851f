"""The gate measured: how long an answer takes, beside a bare endpoint with as many look-ups.

    python -m bench.gate [--rates 100,400,800] [--workers 1,2] [--seconds 6] [--unjudged] [--json]

For each number of workers all are started, and asked in turns, some seconds each, at each rate:
over kept connections on the loopback address, by one process that sends each question at its time
whether or not earlier ones are answered (so a queue shows); the first half second of a turn is not
counted, since the others had the machine meanwhile. The bare endpoint is a raw ASGI
application under the same uvicorn: in a thread it begins a transaction, looks one row up by index
as many times as the gate does for a question that comes alone, in one statement, and commits; it
judges and writes nothing. The gate decides 20,000 people's calls, all different, nearly all
allowed, and inserts two rows each. SQLite in a folder of its own; PostgreSQL as well where
RELEVE_DATABASE_URL names an empty database (``RELEVE_PG_FSYNC=on scripts/with-postgres``: else that
server does not wait for the disk, which is said).

``--unjudged`` asks a third one as well, which looks up and writes what the gate does and judges
nothing (``bench.gate_peers``): how much of the distance is reading and writing.

Beside the times stands what a question cost in milliseconds of processor: of the workers, of the
database's processes (PostgreSQL on this machine) and of the process that asks. ``pass``: every
question was decided and, at up to 400 questions a second, the gate's p99 is at most 10 ms.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from bench.gate_peers import PEOPLE
from releve.plugins.outbound.gate.server import serve_gate
from tests.homes import make_test_home

MOST_SECONDS = 60
CONNECTIONS = 32
FEWEST = 1000
"""Questions at a rate: of fewer a p99 says nothing."""
TURNS = 4
WARM_SECONDS, FEWEST_WARM = 0.5, 50
"""Of each turn, asked and not counted: the one whose turn it is not has been idle, and its memory
is cold."""
MOST_P99_MS, UP_TO_RATE = 10.0, 400
"""What is asked of the gate; at higher rates its times are reported and not judged."""
_KEY = "5" * 64
APPLICATIONS = {
    "bare": "bench.gate_peers:bare",
    "unjudged": "bench.gate_peers:unjudged",
    "gate": "releve.plugins.outbound.gate.server:application",
}
_calls = itertools.count()
"""Each call has a name of its own; after all people were called they are called again."""
_AT_ANY_HOUR = "jurisdiction: FR\nrows:\n- {closes: FR-HOURS-1, from: 2024-01-01}\n"


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


# The load.


class _Asker(asyncio.Protocol):
    """One connection, which asks one question at a time."""

    def __init__(self, load: _Load) -> None:
        self.load, self.due, self.got = load, 0.0, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, due: float, request: bytes) -> None:
        self.due, self.got = due, b""
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, end, body = self.got.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if end and len(body) >= int(length):
            self.load.answered(self, head, body)


class _Load:
    """Questions at a rate: their times (s, from when each was due) and the first words."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.words: Counter[str] = Counter()
        self._free: list[_Asker] = []
        self._late: deque[tuple[float, bytes]] = deque()

    def answered(self, asker: _Asker, head: bytes, body: bytes) -> None:
        self.times.append(time.perf_counter() - asker.due)
        self.words[body.split()[0].decode() if head[9:12] == b"200" else body.decode().strip()] += 1
        if self._late:
            asker.ask(*self._late.popleft())
        else:
            self._free.append(asker)

    async def run(self, port: int, rate: int, count: int) -> None:
        """Ask so many questions, each about the next person."""
        loop, before = asyncio.get_running_loop(), len(self.times)
        askers = [
            (await loop.create_connection(lambda: _Asker(self), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
        ]
        self._free = list(askers)
        start = time.perf_counter() + 0.05
        for number in range(count):
            due = start + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            request = _request(next(_calls))
            if self._free:
                self._free.pop().ask(due, request)
            else:
                self._late.append((due, request))
        until = time.perf_counter() + MOST_SECONDS
        while len(self.times) < before + count and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        for asker in askers:
            asker.transport.close()


def _request(number: int) -> bytes:
    to = f"%2B331445{number % PEOPLE:05}"
    path = f"/gate?to={to}&cli=%2B33162000001&camp=spring&ci=bench-{number}&cs=1"
    return f"GET {path} HTTP/1.1\r\nHost: gate\r\n\r\n".encode()


class _Server:
    """One of them under uvicorn, in a session of its own."""

    def __init__(self, what: str, workers: int, environment: dict[str, str]) -> None:
        self.what, self.port = what, _free_port()
        command = [sys.executable, "-m", "bench.gate", "--serve", what, "--port", str(self.port),
                   "--workers", str(workers)]  # fmt: skip
        self.process = subprocess.Popen(command, env=environment, start_new_session=True)

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()

    def seconds(self) -> float:
        """Return the processor time of its processes until now."""
        return _processor_seconds(lambda _, fields: int(fields[3]) == self.process.pid)


def _processor_seconds(wanted: Callable[[int, list[str]], bool]) -> float:
    """Return the processor time of processes, chosen by id and the fields of their stat."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if wanted(int(path.parent.name), fields):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _database_seconds(server: str) -> float:
    """Return the processor time of PostgreSQL's processes on this machine; 0 where there is none.

    Those of connections that have ended are left out.
    """
    if not server:
        return 0.0
    import psycopg

    with psycopg.connect(server) as connection:
        backend = Path(f"/proc/{connection.info.backend_pid}/stat")
        if not backend.exists():
            return 0.0
        parent = backend.read_text().rpartition(")")[2].split()[1]
        return _processor_seconds(lambda _, fields: fields[1] == parent)


def _waits(environment: dict[str, str]) -> str:
    """Return a remark where a server does not wait for the disk."""
    if server := environment.get("RELEVE_DATABASE_URL"):
        import psycopg

        with psycopg.connect(server) as connection:
            (waits,) = connection.execute("SHOW fsync").fetchone() or ("",)
        return "" if waits == "on" else ", which does not wait for the disk"
    return ""


class _Measured:
    """What one of them did at one rate."""

    def __init__(self) -> None:
        self.load, self.server, self.database, self.asking = _Load(), 0.0, 0.0, 0.0

    def ask(self, server: _Server, rate: int, count: int, database: str) -> None:
        """Ask questions, and add what they took."""
        asyncio.run(_Load().run(server.port, rate, max(round(rate * WARM_SECONDS), FEWEST_WARM)))
        begun = (server.seconds(), _database_seconds(database), time.process_time())
        asyncio.run(self.load.run(server.port, rate, count))
        self.asking += time.process_time() - begun[2]
        self.server += server.seconds() - begun[0]
        self.database += _database_seconds(database) - begun[1]

    def summarize_answers(self) -> dict[str, Any]:
        """Return the figures: times in ms, processor time in ms a question."""
        times = self.load.times
        costs = {"worker": self.server, "database": self.database, "asking": self.asking}
        return {
            "questions": len(times), "p50_ms": _quantile(times, 0.5),
            "p99_ms": _quantile(times, 0.99), "answers": dict(self.load.words),
            **{f"{name}_cpu_ms": round(1000 * s / len(times), 2) for name, s in costs.items()},
        }  # fmt: skip


def measure(
    environment: dict[str, str], names: Sequence[str], workers: int, rates: Sequence[int], seconds: int
) -> Iterator[dict[str, Any]]:
    """Start them, warm them up, ask them in turns at each rate, and stop them."""
    database = environment.get("RELEVE_DATABASE_URL", "")
    servers = [_Server(what, workers, environment) for what in names]
    try:
        for server in servers:
            _wait_for(server.port, server.process)
            asyncio.run(_Load().run(server.port, 100, 200))
        subprocess.run([sys.executable, "-m", "bench.gate", "--renew"], env=environment, check=True)
        for rate in rates:
            asked = {server.what: _Measured() for server in servers}
            count = max(rate * seconds, FEWEST) // TURNS
            for _ in range(TURNS):
                for server in servers:
                    asked[server.what].ask(server, rate, count, database)
            yield _compared(workers, rate, {what: one.summarize_answers() for what, one in asked.items()})
    finally:
        for server in servers:
            server.end()


def _compared(workers: int, rate: int, summaries: dict[str, Any]) -> dict[str, Any]:
    ratio = round(summaries["gate"]["p99_ms"] / summaries["bare"]["p99_ms"], 2)
    if "unjudged" in summaries:
        least = summaries["unjudged"]["p99_ms"] / summaries["bare"]["p99_ms"]
        summaries["unjudged"]["p99_ratio"] = round(least, 2)
    decided = all(word in ("allow", "refuse FR-FREQ-1") for word in summaries["gate"]["answers"])
    return {"workers": workers, "rate": rate, **summaries, "p99_ratio": ratio,
            "passes": decided
            and (rate > UP_TO_RATE or summaries["gate"]["p99_ms"] <= MOST_P99_MS)}  # fmt: skip


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
    from releve.cli.database import open_new_database

    open_new_database()
    from tests.gate.sample_campaign import read_feeds, record_people

    if again:
        read_feeds()
    else:
        record_people(range(PEOPLE))


def _lines(found: dict[str, Any]) -> str:
    lines = []
    for what in (name for name in APPLICATIONS if name in found):
        one = found[what]
        answers = ", ".join(f"{count} {word}" for word, count in one["answers"].items())
        lines.append(
            f"{found['rate']:>7}/s {found['workers']} workers  {what:<8}  {one['p50_ms']:>8.2f} "
            f"{one['p99_ms']:>8.2f}   {one['worker_cpu_ms']:>6.2f} {one['database_cpu_ms']:>8.2f} "
            f"{one['asking_cpu_ms']:>6.2f}   {answers}"
        )
        if "p99_ratio" in one:
            lines[-1] += f"; ratio {one['p99_ratio']}"
    lines[-1] += f"; ratio {found['p99_ratio']} {'pass' if found['passes'] else 'FAIL'}"
    return "\n".join(lines)


_HEAD = f"{'':33}{'p50 ms':>7} {'p99 ms':>8}   worker database asking   (cpu ms a question)"


@click.command()
@click.option("--rates", default="100,400,800", show_default=True, help="Questions a second.")
@click.option("--workers", default="1,2", show_default=True, help="Processes.")
@click.option("--seconds", default=6, show_default=True, type=click.IntRange(1, MOST_SECONDS))
@click.option("--unjudged", is_flag=True, help="Also one that writes and does not judge.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--renew", is_flag=True, hidden=True)
@click.option("--fill", is_flag=True, hidden=True)
@click.option("--serve", type=click.Choice([*APPLICATIONS]), hidden=True)
@click.option("--port", default=0, hidden=True)
def main(
    rates: str, workers: str, seconds: int, unjudged: bool, as_json: bool, renew: bool,
    fill: bool, serve: str | None, port: int,
) -> None:  # fmt: skip
    """Measure the gate beside a bare endpoint, on each database."""
    if serve is not None:
        serve_gate(APPLICATIONS[serve], "127.0.0.1", port, int(workers))
        return
    if renew or fill:
        _prepare(again=renew)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end with this process
    names, found = [what for what in APPLICATIONS if unjudged or what != "unjudged"], []
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as folder:
        server = os.environ.get("RELEVE_DATABASE_URL", "")
        for name in ("SQLite", "PostgreSQL") if server else ("SQLite",):
            environment = _environment(Path(folder) / name, server if name != "SQLite" else "")
            subprocess.run([sys.executable, "-m", "bench.gate", "--fill"], env=environment, check=True)
            say(f"{name}{_waits(environment)}\n{_HEAD}")
            for count in map(int, workers.split(",")):
                wanted = [*map(int, rates.split(","))]
                for one in measure(environment, names, count, wanted, seconds):
                    found.append({"database": name, **one})
                    say(_lines(one))
    say(f"{sum(one['passes'] for one in found)} of {len(found)} pass")
    if as_json:
        click.echo(json.dumps(found, indent=1))


def _environment(home: Path, server: str) -> dict[str, str]:
    """Return the environment of an installation where calls are allowed at any hour."""
    (home / "law").mkdir(parents=True)
    (home / "law" / "open.yaml").write_text(_AT_ANY_HOUR, encoding="utf-8")
    environment = {**os.environ, "RELEVE_HOME": str(make_test_home(home)), "RELEVE_GATE_KEY": _KEY}
    environment["DJANGO_SETTINGS_MODULE"] = "releve.settings"
    environment.pop("RELEVE_DATABASE_URL", None)
    return {**environment, "RELEVE_DATABASE_URL": server} if server else environment


if __name__ == "__main__":
    main()
