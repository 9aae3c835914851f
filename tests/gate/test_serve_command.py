"""The command itself, as an operator starts it: processes over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.gate.gate_processes import PRELOADED, prepare
from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.gate.test_killed_gates import SPAWN, ask, run_child
from tests.ledger.ledger_processes import create_installation
from tests.processes import ROOT

pytestmark = [pytest.mark.database, pytest.mark.slow, pytest.mark.postgresql]


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
                until_it_is(lambda: process.poll() is not None or ask(port, "/health")[0] == 200)
                assert process.poll() is None, "the command has ended"
                yield process, port, environment
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def until_it_is(true: Callable[[], bool]) -> None:
    """Wait for something for five minutes at most."""
    until = time.monotonic() + 300
    while not true():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)


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
