"""The desk on its busiest day: people at work, a closure, agents who answer, hundreds of open pages.

    python -m bench.load [--agents N] [--sites S] [--people P] [--answers A] [--pages O]
                         [--seconds T] [--json]

The registry holds the sample operator, its plan one made for the purpose (see :mod:`bench.desk`); ``releve desk
serve`` and ``releve live work`` run as in service, on SQLite or the database of RELEVE_DATABASE_URL. Three things
are measured, each for T seconds:

``people``: P people read the pages opened most, one request after the other with a second between; in the middle a
site is closed, and each sees on *Now* that its relief is published.
``answers``: A agents open the link of the message that the closure sent them and answer, and one person of each
site records its daily check by the API.
``pages``: O pages *Now* stay open, and ask every ten seconds with the ETag that they hold, as browsers do; in the
middle another site loses its power.

Seconds are from the first byte sent to the last received, whatever else the machine does; beside them stands the
processor time of the desk and of the worker (Linux), which depends on no neighbour.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import click
import numpy as np

from bench.desk import User, fill, people, processor_seconds, say, served
from releve.cli.database import keep_secret, open_new_database
from tests.homes import make_test_home

__all__ = ["main"]

OPENED = ("/now", "/relief", "/now", "/clients", "/sites", "/wall", "/now", "/incident/")
"""Pages that people open, in turn."""
PAUSE_SECONDS = 1.0
POLL_SECONDS = 10.0
LONGEST_SECONDS = 60.0


@dataclass
class Measured:
    """Requests of one kind: their seconds, how many were 304, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    unchanged: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def describe(self) -> dict[str, Any]:
        """Return the row of the table, times in ms."""
        times = np.quantile(self.seconds, (0.5, 0.95, 0.99)) if self.seconds else np.zeros(3)
        quantiles = {f"p{at}_ms": round(1000 * float(value), 1) for at, value in zip((50, 95, 99), times, strict=True)}
        return {
            "requests": len(self.seconds), "unchanged": self.unchanged, **quantiles, "errors": dict(self.errors)
        }  # fmt: skip


class Browser:
    """One connection that is kept, as a browser does, with the headers of its reader."""

    def __init__(self, port: int, **headers: str) -> None:
        self.port, self.tags = port, dict[str, str]()
        self.headers = {"Host": f"127.0.0.1:{port}", "Accept-Language": "fr", **headers}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send a request, with the ETag held of that page; return status and body."""
        given = {**self.headers, **headers}
        if method == "GET" and path in self.tags:
            given["If-None-Match"] = self.tags[path]
        if body:
            given = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body)), **given}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        for attempt in (1, 2):  # the server may have closed an idle connection meanwhile
            kept = self._streams is not None
            reader, writer = self._streams or await asyncio.open_connection("127.0.0.1", self.port)
            self._streams = (reader, writer)
            try:
                writer.write("\r\n".join(lines).encode() + body)
                return await self._read(reader, path)
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                if not kept or attempt == 2:
                    raise
        raise AssertionError

    async def _read(self, reader: asyncio.StreamReader, path: str) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if "etag" in found:
            self.tags[path] = found["etag"]
        status, content = int(head[0].split()[1]), b""
        if status not in (204, 304):
            content = await reader.readexactly(int(found.get("content-length", 0)))
        if found.get("connection", "").lower() == "close":
            self.close()
        return status, content

    async def time(self, into: Measured, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """Ask, and note how long it took and whether it failed."""
        began = time.perf_counter()
        try:
            status, content = await asyncio.wait_for(self.ask(method, path, body, **headers), LONGEST_SECONDS)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            into.errors[type(error).__name__] += 1
            self.close()
            return b""
        into.seconds.append(time.perf_counter() - began)
        into.unchanged += status == 304
        if status >= 400:
            into.errors[str(status)] += 1
        return content

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def record(kind: str, **fields: Any) -> int:
    """Record an event of the live stream that happens now; return its entry."""
    from releve.live import api as live
    from releve.situation import KINDS

    signed = live.sign_event(live.LIVE, "user0")
    return live.record(KINDS[kind](**signed, **fields), key=signed["id"]).seq


def find_relief(cause: int) -> float | None:
    """Return the seconds from an event to the published optimum; None: it is not published yet."""
    from releve.live import api as live

    rows = [row for row in live.list_reliefs(live.LIVE) if row.cause >= cause and row.source == "optimum"]
    done = [row for row in rows if row.published_at is not None]
    return (done[0].published_at - done[0].asked_at).total_seconds() if done else None  # type: ignore[operator]


async def read_pages(port: int, readers: list[User], seconds: float, site: str) -> dict[str, Any]:
    """Let people read for a time, and close a site in the middle."""
    found, until = {path: Measured() for path in dict.fromkeys(OPENED)}, time.monotonic() + seconds

    async def read(number: int, reader: User) -> None:
        browser, pages = Browser(port, Cookie=f"sessionid={reader.session}"), cycle(OPENED)
        for _ in range(number % len(OPENED)):
            next(pages)
        await asyncio.sleep(PAUSE_SECONDS * number / len(readers))
        while time.monotonic() < until:
            path = next(pages)
            await browser.time(found[path], "GET", path)
            await asyncio.sleep(PAUSE_SECONDS)
        browser.close()

    async def close() -> float | None:
        await asyncio.sleep(seconds / 2)
        cause = await asyncio.to_thread(record, "site.closed", site=site, cause="hazard", reason="crack in a pillar")
        waits_until = time.monotonic() + LONGEST_SECONDS
        while (took := await asyncio.to_thread(find_relief, cause)) is None and time.monotonic() < waits_until:
            await asyncio.sleep(0.2)
        return took

    *_, relief = await asyncio.gather(*(read(*row) for row in enumerate(readers)), close())
    return {"relief_s": relief, "rows": found}


async def answer(port: int, readers: list[User], count: int, seconds: float) -> dict[str, Any]:
    """Let agents answer by their links, evenly over a time, and each site record its daily check."""
    tokens, sites = await asyncio.to_thread(find_messages, count)
    found = {name: Measured() for name in ("GET /ack", "POST /ack", "check.done")}

    async def one(number: int, token: str) -> None:
        await asyncio.sleep(seconds * number / len(tokens))
        browser = Browser(port)
        await browser.time(found["GET /ack"], "GET", f"/ack/{token}")
        await browser.time(found["POST /ack"], "POST", f"/ack/{token}", b"answer=yes")
        browser.close()

    async def check(number: int, site: str) -> None:
        await asyncio.sleep(seconds * number / len(sites))
        reader = readers[number % len(readers)]
        body = json.dumps(
            {"site": site, "day": f"{datetime.now().astimezone():%Y-%m-%d}", "transport_fill": 0.5}
        ).encode()
        given = {"Authorization": f"Bearer {reader.token}", "Idempotency-Key": f"check-{site}"}
        browser = Browser(port, **{**given, "Content-Type": "application/json"})
        await browser.time(found["check.done"], "POST", "/api/v1/events/check.done", body)
        browser.close()

    work: list[Coroutine[Any, Any, None]] = [one(*row) for row in enumerate(tokens)]
    await asyncio.gather(*work, *(check(*row) for row in enumerate(sites)))
    return {"agents": len(tokens), "rows": found}


def find_messages(count: int) -> tuple[list[str], list[str]]:
    """Return the links of so many messages once they are there, and the sites."""
    from releve.live import api as live
    from releve.live.models import Message

    until, rows = time.monotonic() + LONGEST_SECONDS, Message.objects.filter(kind="agent", replaced=False)
    while (there := rows.count()) < count and time.monotonic() < until:
        time.sleep(0.5)
        if rows.count() == there and there:
            break
    return list(rows.values_list("token", flat=True)[:count]), [row.id for row in live.operator_now().sites]


async def poll(port: int, readers: list[User], pages: int, seconds: float, site: str) -> dict[str, Any]:
    """Keep pages open for a time, which ask as browsers do; another site loses its power in the middle."""
    path, found, until = "/now?part=live", Measured(), time.monotonic() + seconds

    async def stay(number: int) -> None:
        browser = Browser(port, Cookie=f"sessionid={readers[number % len(readers)].session}")
        await asyncio.sleep(POLL_SECONDS * number / pages)
        while time.monotonic() < until:
            began = time.monotonic()
            await browser.time(found, "GET", path, b"", **{"X-Releve-Polling": "1", "HX-Request": "true"})
            await asyncio.sleep(max(0.0, POLL_SECONDS - (time.monotonic() - began)))
        browser.close()

    async def lose() -> None:
        await asyncio.sleep(seconds / 2)
        await asyncio.to_thread(record, "power.down", site=site)

    await asyncio.gather(*(stay(number) for number in range(pages)), lose())
    return {"rows": {path: found}}


def measure(run: Callable[[], Coroutine[Any, Any, dict[str, Any]]], pids: dict[str, int]) -> dict[str, Any]:
    """Run one part; return its rows, and the processor time of each process beside it."""
    before, began = {name: processor_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    found = asyncio.run(run())
    took = time.monotonic() - began
    used = {name: processor_seconds(pid) - before[name] for name, pid in pids.items()}
    rows: dict[str, Measured] = found.pop("rows")
    requests = sum(len(row.seconds) for row in rows.values())
    return {
        **found,
        "seconds": round(took, 1),
        "requests_per_s": round(requests / took, 1),
        "desk_ms_a_request": round(1000 * used["desk"] / max(1, requests), 1),
        "cores": {name: round(value / took, 3) for name, value in used.items()},
        "rows": {name: row.describe() for name, row in rows.items()},
    }


@contextmanager
def working() -> Iterator[int]:
    """Run ``releve live work``; yield its process id."""
    releve = Path(sys.executable).with_name("releve")
    with Popen([str(releve), "live", "work"], stdout=DEVNULL, stderr=DEVNULL) as worker:
        try:
            yield worker.pid
        finally:
            worker.terminate()


def prepare(agents: int, sites: int, count: int) -> tuple[list[User], str, str]:
    """Fill the installation; return the people, and the two sites with most agents."""
    from releve.live import api as live

    fill(agents, sites)
    operator = live.operator_now()
    lines = ["role,who,channel,address", *(f"agent,{row.id},file,{row.id}" for row in operator.agents)]
    live.import_contacts("\n".join(lines).encode(), by="bench")
    (first, _), (second, _) = Counter(row.home_site for row in operator.agents).most_common(2)
    return people(count), first, second


async def wait_until_ready(port: int) -> None:
    """Return when the worker runs and all is compiled."""
    browser, until = Browser(port), time.monotonic() + 600
    while (await browser.ask("GET", "/readyz"))[0] != 200:
        if time.monotonic() > until:
            raise SystemExit("the installation did not become ready")
        await asyncio.sleep(0.5)
    browser.close()


def print_table(result: dict[str, Any]) -> None:
    """Print each part with its rows."""
    print(f"{result['agents']} agents on {result['sites']} sites, {result['database']}")
    for name, part in result["parts"].items():
        more = "".join(f", {key} {part[key]}" for key in ("relief_s", "agents") if key in part)
        print(f"\n{name}: {part['requests_per_s']} requests/s for {part['seconds']} s{more}; "
              f"desk {part['desk_ms_a_request']} ms of processor a request; cores {part['cores']}")  # fmt: skip
        print(f"  {'':16}{'requests':>9}{'304':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}  errors")
        for path, row in part["rows"].items():
            times = "".join(f"{row[f'p{at}_ms']:9.1f}" for at in (50, 95, 99))
            print(f"  {path:16}{row['requests']:9d}{row['unchanged']:7d}{times}  {row['errors'] or 0}")


@click.command()
@click.option("--agents", default=5000, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=10, show_default=True, type=click.IntRange(2))
@click.option("--people", "count", default=50, show_default=True, type=click.IntRange(1))
@click.option("--answers", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--pages", default=700, show_default=True, type=click.IntRange(1, 700))
@click.option("--seconds", default=300.0, show_default=True, type=click.FloatRange(1.0))
@click.option("--json", "as_json", is_flag=True)
def main(agents: int, sites: int, count: int, answers: int, pages: int, seconds: float, as_json: bool) -> None:
    """Fill an installation, serve it, and load it in three ways."""
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as home, ExitStack() as running:
        os.environ |= {"RELEVE_HOME": str(make_test_home(Path(home))), "RELEVE_SECOND_FACTOR": "optional"}
        open_new_database()
        keep_secret()
        from django.db import connection

        readers, closed, cut = prepare(agents, sites, count)
        pids = {"worker": running.enter_context(working())}
        port, pids["desk"] = running.enter_context(served())
        asyncio.run(wait_until_ready(port))
        parts: dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]] = {
            "people": lambda: read_pages(port, readers, seconds, closed),
            "answers": lambda: answer(port, readers, answers, seconds),
            "pages": lambda: poll(port, readers, pages, seconds, cut),
        }
        result: dict[str, Any] = {"agents": agents, "sites": sites, "database": connection.vendor, "parts": {}}
        for name, run in parts.items():
            say(f"{name} for {seconds:g} s")
            result["parts"][name] = measure(run, pids)
        connection.close()
    if as_json:
        print(json.dumps(result))
    else:
        print_table(result)


if __name__ == "__main__":
    main()
