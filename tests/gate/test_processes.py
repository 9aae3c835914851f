"""Gates as processes: the command over HTTP, and gates killed while they decide."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.gate.gate_processes import PRELOADED, prepare, serve, write_state
from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.ledger.ledger_processes import create_installation
from tests.processes import ROOT, wait_until

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


@contextmanager
def served(
    tmp_path: Path, workers: int, callers: str = ""
) -> Iterator[tuple[subprocess.Popen[bytes], int, dict[str, str]]]:
    """The command, the port on which it answers, and the environment of its installation."""
    SPAWN.set_forkserver_preload(PRELOADED)
    with create_installation(tmp_path) as environment:
        environment["RELEVE_GATE_KEY"] = "5" * 64
        environment["RELEVE_GATE_CALLERS"] = callers
        run_child(prepare, environment, 2)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "releve", "outbound", "serve"]
        command += ["--workers", str(workers), "--port", str(port)]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                wait_until(lambda: process.poll() is not None or ask(port, "/health")[0] == 200, 300, "no answer")
                assert process.poll() is None, "the command has ended"
                yield process, port, environment
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def question_path(call: str, campaign: str = CAMPAIGN) -> str:
    return f"/gate?to={phone(1)}&cli={CALLER}&camp={campaign}&ci={call}&cs=1"


def test_the_command_answers_with_two_processes_until_stopped(tmp_path: Path) -> None:
    with served(tmp_path, 2) as (process, port, _):
        assert ask(port, question_path("call")) == (200, "allow call/1\n")
        assert ask(port, question_path("call")) == (200, "allow call/1\n"), "a repeat gets the same"
        assert ask(port, question_path("call", "none"))[0] == 400
        status, metrics = ask(port, "/metrics")
        assert status == 200, "any of the processes tells the counts of all"
        assert 'releve_gate_answers_total{answer="allow"} 2.0' in metrics
        assert 'releve_gate_answers_total{answer="GATE-CALL"} 1.0' in metrics
        assert "releve_gate_answer_seconds_count 3.0" in metrics
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert f"gate: http://127.0.0.1:{port}/gate, rules ".encode() in out
