"""Web, worker and gate as processes of the product's own commands, to be killed or starved."""

from __future__ import annotations

import http.client
import json
import os
import random
import secrets
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from datetime import time as dt_time
from pathlib import Path
from typing import Any

from releve.files.atomic import write_file
from releve.network.sample import FIRST_DAY
from tests import processes
from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.processes import wait_until

__all__ = ["LONGEST_SECONDS", "House", "Nursery", "house_of", "move_clock", "nursery_of", "set_clock", "wait_until"]

LONGEST_SECONDS = 300.0
"""What bounds a start: some seconds on an idle machine, minutes on one that does much else."""
TEN_O_CLOCK = datetime.combine(FIRST_DAY, dt_time(9), UTC)


def set_clock() -> dict[str, str]:
    """Return the setting that starts the clock at ten of the first planned day."""
    return {"TEST_CLOCK_AHEAD_SECONDS": str((TEN_O_CLOCK - datetime.now(UTC)).total_seconds())}


def move_clock(file: Path, seconds: float) -> None:
    """Move the clock of all processes, whose ``TEST_CLOCK_FILE`` this is, from where it started."""
    write_file(file, str(seconds))


class Nursery:
    """Processes of one installation, which run functions of ``tests.live.killed_processes``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {"RELEVE_SECRET_KEY": secrets.token_urlsafe(48), **environ}
        self._running = dict[int, processes.Process]()

    def start(self, name: str, *arguments: str) -> int:
        module = "tests.live.killed_processes"
        child = processes.start(module, name, *arguments, environ=self._environ, shown=True)
        for stream in (child.stdout, child.stderr):
            stream.close()
        self._running[child.pid] = child
        return child.pid

    def wait(self, child: int) -> int:
        return self._running.pop(child).wait()

    def do(self, name: str, *arguments: str) -> None:
        assert self.wait(self.start(name, *arguments)) == 0

    def run(self, out: Path, *arguments: str) -> tuple[int, str]:
        """Run a ``releve`` command to its end; return its status and what it printed."""
        status = self.wait(self.start("run_into", str(out), *arguments))
        return status, out.read_text(encoding="utf-8")

    def end(self) -> None:
        for child in [*self._running]:
            self._running[child].kill()
            self.wait(child)


class House:
    """The web and a worker, a gate where asked for, by the commands that an installation runs."""

    def __init__(self, nursery: Nursery, *, gate: bool = False) -> None:
        self.nursery = nursery
        self.port, self.gate_port = _free_port(), _free_port()
        self.commands = {"web": ("desk", "serve", "--port", str(self.port)), "worker": ("live", "work")}
        if gate:
            self.commands["gate"] = ("outbound", "serve", "--port", str(self.gate_port))
        self.running = {name: self._start(name) for name in self.commands}

    def _start(self, name: str) -> int:
        how = "run_gate" if name == "gate" else "run"
        return self.nursery.start(how, *self.commands[name])

    def kill(self, name: str) -> None:
        self._stop(name, signal.SIGKILL)
        self.running[name] = self._start(name)

    def lose(self, name: str) -> None:
        """Kill a process; it stays away until ``start``."""
        self._stop(name, signal.SIGKILL)

    def start(self, name: str) -> None:
        self.running[name] = self._start(name)

    def may_dial(self, person: int, call: str) -> int:
        """Ask the gate about the nth person; return the status, 0 where the connection broke."""
        query = f"to={phone(person)}&cli={CALLER}&camp={CAMPAIGN}&ci={call}&cs=1"
        return _request(self.gate_port, "GET", f"/gate?{query}")[0]

    def read(self, path: str, token: str) -> tuple[int, Any]:
        """Get a page of the desk as JSON."""
        return _request(self.port, "GET", path, {"Authorization": f"Bearer {token}"})

    def record(self, made: dict[str, Any], number: int) -> tuple[int, Any]:
        """Record a head count, known again by its number, through the API."""
        site = made["sites"][number % len(made["sites"])]
        fields = {"site": site, "day": made["day"], "count": number}
        return self._post(made["token"], "agents.present", f"count-{number}", fields)

    def record_outage(self, made: dict[str, Any]) -> None:
        """Record that a site lost its link, which the worker has to answer."""
        status, answer = self._post(made["token"], "link.down", "lost", {"site": made["sites"][0]})
        assert status == 201, answer

    def _post(self, token: str, kind: str, key: str, fields: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
        return _request(self.port, "POST", f"/api/v1/events/{kind}", headers, fields)

    def end(self) -> None:
        """Let the worker finish what it has begun."""
        assert self._stop("worker", signal.SIGTERM) == 0

    def gone(self) -> None:
        for name in list(self.running):
            self._stop(name, signal.SIGKILL)

    def _stop(self, name: str, how: signal.Signals) -> int:
        child = self.running.pop(name)
        os.kill(child, how)
        return self.nursery.wait(child)


def _request(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, fields: Any = None
) -> tuple[int, Any]:
    """Return status and JSON of an answer; 0 where the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        body = None if fields is None else json.dumps(fields)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        content = reply.read()
        is_json = "json" in reply.headers.get("Content-Type", "")
        return reply.status, json.loads(content) if is_json else content.decode()
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def _free_port() -> int:
    """Return a port that nothing else is given meanwhile: below those that the system hands out."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def nursery_of(environ: Mapping[str, str]) -> Iterator[Nursery]:
    found = Nursery(environ)
    try:
        yield found
    finally:
        found.end()


@contextmanager
def house_of(nursery: Nursery, *, gate: bool = False) -> Iterator[House]:
    found = House(nursery, gate=gate)
    try:
        yield found
    finally:
        found.gone()
