"""The command itself, as an operator starts it: processes over HTTP, and those that decide."""

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

from tests.gate.making import CALLER, CAMPAIGN, number_of
from tests.gate.serving import PRELOADED, prepare
from tests.gate.test_killed import SPAWN, ask, children_of, run
from tests.ledger.elsewhere import ROOT, installation

pytestmark = [pytest.mark.database, pytest.mark.slow]


@contextmanager
def served(
    tmp_path: Path, workers: int
) -> Iterator[tuple[subprocess.Popen[bytes], int, dict[str, str]]]:
    """The command, the port on which it answers, and the environment of its installation."""
    SPAWN.set_forkserver_preload(PRELOADED)
    with installation(tmp_path) as environment:
        environment["RELEVE_GATE_KEY"] = "5" * 64
        run(prepare, environment, 2)
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
    """Wait for something for a minute at most."""
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)


def path_of(call: str, campaign: str = CAMPAIGN) -> str:
    return f"/gate?to={number_of(1)}&cli={CALLER}&camp={campaign}&ci={call}&cs=1"


def deciders_of(process: int) -> set[int]:
    """The deciders beside a gate that is one process."""
    found = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children_of(process)}
    return {pid for pid, command in found.items() if b"releve.gate.beside" in command}


def runs(process: int) -> bool:
    """Whether a process has not ended, fetched by its parent or not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_command_answers_with_two_processes_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with served(tmp_path, 2) as (process, port, _):
        assert ask(port, path_of("call")) == (200, "allow call/1\n")
        assert ask(port, path_of("call")) == (200, "allow call/1\n"), "a repeat is told the same"
        assert ask(port, path_of("call", "none"))[0] == 400
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert f"gate: http://127.0.0.1:{port}/gate, rules ".encode() in out


def test_a_decider_ends_with_its_gate_and_not_before_and_has_another_after_it(
    tmp_path: Path,
) -> None:
    with served(tmp_path, 1) as (process, port, _):
        deciders = deciders_of(process.pid)
        assert deciders
        for decider in deciders:
            os.kill(decider, signal.SIGINT)  # as a terminal sends to all, or a service SIGTERM
            os.kill(decider, signal.SIGTERM)
        assert ask(port, path_of("signalled")) == (200, "allow signalled/1\n")
        assert deciders_of(process.pid) == deciders
        for decider in deciders:
            os.kill(decider, signal.SIGKILL)
        until_it_is(lambda: ask(port, path_of("after"))[0] == 200)
        until_it_is(lambda: len(deciders_of(process.pid)) == len(deciders))
        others = deciders_of(process.pid)
        assert not others & deciders
        process.kill()
        until_it_is(lambda: not any(map(runs, others)))


def test_a_decider_that_hangs_is_killed_and_has_another_after_it(tmp_path: Path) -> None:
    with served(tmp_path, 1) as (process, port, _):
        deciders = deciders_of(process.pid)
        for decider in deciders:
            os.kill(decider, signal.SIGSTOP)
        for decider in deciders:  # each is given a question
            assert ask(port, path_of(f"late-{decider}")) == (503, "refuse GATE-LATE\n")
        until_it_is(lambda: ask(port, path_of("after"))[0] == 200)
        until_it_is(lambda: not any(map(runs, deciders)))
        until_it_is(lambda: len(deciders_of(process.pid)) == len(deciders))
