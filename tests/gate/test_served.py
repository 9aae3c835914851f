"""The command itself, as an operator starts it: two processes that answer over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gate.making import CALLER, CAMPAIGN, number_of
from tests.gate.serving import PRELOADED, prepare
from tests.gate.test_killed import SPAWN, ask, run
from tests.ledger.elsewhere import ROOT, installation

pytestmark = [pytest.mark.database, pytest.mark.slow]


def test_the_command_answers_with_two_processes_until_it_is_told_to_stop(tmp_path: Path) -> None:
    SPAWN.set_forkserver_preload(PRELOADED)
    with installation(tmp_path) as environment:
        environment["RELEVE_GATE_KEY"] = "5" * 64
        run(prepare, environment, 2)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "releve", "outbound", "serve", "--workers", "2"]
        command += ["--port", str(port)]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True
        ) as served:
            try:
                until = time.monotonic() + 60
                while ask(port, "/health")[0] != 200:
                    assert time.monotonic() < until, "the command does not answer"
                    assert served.poll() is None, "the command has ended"
                    time.sleep(0.1)
                path = f"/gate?to={number_of(1)}&cli={CALLER}&camp={CAMPAIGN}&ci=call&cs=1"
                assert ask(port, path) == (200, "allow call/1\n")
                assert ask(port, path) == (200, "allow call/1\n"), "a repeat is told the same"
                assert ask(port, path.replace(CAMPAIGN, "none"))[0] == 400
                served.send_signal(signal.SIGTERM)
                out, _ = served.communicate(timeout=30)
            finally:
                if served.poll() is None:
                    os.killpg(served.pid, signal.SIGKILL)
        assert f"gate: http://127.0.0.1:{port}/gate, rules ".encode() in out
