"""Gates killed while they decide: no attempt lost, none twice, no cap broken.

``RELEVE_TEST_GATE_KILLS=50 RELEVE_TEST_GATE_DECISIONS=10000`` makes it the long run.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.gate.gate_processes import PRELOADED, prepare, serve, write_state
from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.ledger.ledger_processes import create_installation

pytestmark = [pytest.mark.database, pytest.mark.slow, pytest.mark.postgresql]

KILLS = int(os.environ.get("RELEVE_TEST_GATE_KILLS", "3"))
DECISIONS = int(os.environ.get("RELEVE_TEST_GATE_DECISIONS", "150"))
PEOPLE = max(20, DECISIONS // 8)
DIALLERS = 4
SPAWN = multiprocessing.get_context("forkserver")


class House:
    """Two gates on one address."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listening.getsockname()[1]
        self.gates = [self._start() for _ in range(2)]

    def _start(self) -> BaseProcess:
        gate = SPAWN.Process(target=serve, args=(self.environment, self.listening), daemon=True)
        gate.start()
        return gate

    def kill(self, which: int) -> None:
        self.gates[which].kill()
        self.gates[which].join()
        self.gates[which] = self._start()

    def end(self) -> None:
        for gate in self.gates:
            gate.kill()
            gate.join()
        self.listening.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    SPAWN.set_forkserver_preload(PRELOADED)
    with create_installation(tmp_path) as environment:
        environment["RELEVE_GATE_KEY"] = "5" * 64
        run_child(prepare, environment, PEOPLE)
        found = House(environment)
        try:
            yield found
        finally:
            found.end()


def run_child(target: Any, *arguments: Any, seconds: float = 300) -> None:
    child = SPAWN.Process(target=target, args=arguments)
    child.start()
    child.join(seconds)  # it imports Django on a machine that may be busy
    assert child.exitcode == 0


def ask(port: int, path: str) -> tuple[int, str]:
    """Ask once; 0 where the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def test_no_attempt_is_lost_and_none_counts_twice(house: House, tmp_path: Path) -> None:
    dice, answered, done = random.Random(5), dict[str, int](), threading.Semaphore(0)

    def dial(dialler: int) -> None:
        for call in range(dialler, DECISIONS, DIALLERS):
            person = 0 if call % 10 == 0 else call % PEOPLE
            name = f"call-{call}"
            path = f"/gate?to={phone(person)}&cli={CALLER}&camp={CAMPAIGN}&ci={name}&cs=1"
            until = time.monotonic() + 30
            while (status := ask(house.port, path)[0]) not in (200, 403):
                assert time.monotonic() < until, f"no answer but {status}"
                time.sleep(0.02)
            answered[f"{name}/1"] = status
            done.release()

    threads = [threading.Thread(target=dial, args=(n,)) for n in range(DIALLERS)]
    for thread in threads:
        thread.start()
    for call in range(DECISIONS):
        assert done.acquire(timeout=60)
        if call % (DECISIONS // KILLS) == DECISIONS // KILLS // 2:
            house.kill(dice.randrange(2))
    for thread in threads:
        thread.join()
    run_child(write_state, house.environment, str(tmp_path / "found.json"))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert {name: 200 if allowed else 403 for name, allowed in found["decisions"].items()} == answered
    assert found["rows"] == DECISIONS
    allowed = {name: 1 for name, status in answered.items() if status == 200}
    assert found["attempts"] == allowed, "each call that was let out counts once, no other does"
    assert found["most"] == 4
