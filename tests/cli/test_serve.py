"""`releve serve`: one command that runs the parts of an installation under one parent."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.ledger.ledger_processes import create_installation
from tests.processes import ROOT


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def status(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)


@pytest.mark.slow
def test_desk_worker_and_gate_run_under_one_parent_and_end_together(tmp_path: Path) -> None:
    desk, gate = free_port(), free_port()
    with create_installation(tmp_path) as environment:
        releve = [sys.executable, "-m", "releve"]
        subprocess.run([*releve, "init"], cwd=ROOT, env=environment, check=True)
        line = ["serve", "desk", "worker", "gate", "--port", str(desk), "--gate-port", str(gate)]
        with subprocess.Popen(
            [*releve, *line], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            said: list[str] = []
            assert process.stderr is not None
            reader = threading.Thread(target=said.extend, args=(process.stderr,))
            reader.start()

            def started(name: str) -> list[int]:
                found = re.findall(rf"^{name} started \(process (\d+)\)", "".join(said), re.M)
                return [int(number) for number in found]

            try:
                wait_for(lambda: status(desk, "/readyz") == 200)
                wait_for(lambda: status(gate, "/health"))
                wait_for(lambda: started("worker"))
                os.kill(started("worker")[0], signal.SIGKILL)
                wait_for(lambda: len(started("worker")) == 2)
            finally:
                process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
            reader.join()
            assert status(desk, "/healthz") == 0, "nothing answers any more"
            for pid in (*started("desk"), *started("worker"), *started("gate")):
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
