"""Processes under one parent: restarted with a growing wait, stopped together."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from releve.runs import process_supervisor
from releve.runs.process_supervisor import Part, ProcessSupervisor


def part(code: str, *arguments: str, name: str = "part") -> Part:
    return Part(name, (sys.executable, "-S", "-c", code, *arguments))


NOTE = "import sys, time; open(sys.argv[1], 'a').write('x')"
STAY = "import sys, time; open(sys.argv[1], 'w').write('up'); time.sleep(600)"


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


class Run:
    """A supervisor in a thread."""

    def __init__(self, *parts: Part) -> None:
        self.said: list[str] = []
        self.status: int | None = None
        self.supervisor = ProcessSupervisor(parts, self.said.append)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.status = self.supervisor.run()

    def stop(self) -> int | None:
        self.supervisor.ask_to_stop()
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.status


def test_a_part_that_is_killed_is_started_again_and_all_end_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run = Run(part(STAY, str(one), name="one"), part(STAY, str(two), name="two"))
    wait_for(lambda: one.exists() and two.exists())
    one.unlink()
    first = int(run.said[0].split()[-1].rstrip(")"))
    os.kill(first, signal.SIGKILL)
    wait_for(one.exists)
    assert "one ended with status -9" in run.said
    assert run.stop() == 0
    for line in run.said:
        if "started (process" in line:
            with pytest.raises(ProcessLookupError):
                os.kill(int(line.split()[-1].rstrip(")")), 0)


def test_where_a_part_cannot_start_the_others_end_with_its_status(tmp_path: Path) -> None:
    run = Run(part(STAY, str(tmp_path / "up"), name="good"), part("raise SystemExit(3)"))
    run.thread.join(60)
    assert run.status == 3


def test_the_wait_before_a_restart_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervisor, "FIRST_WAIT_SECONDS", 0.01)
    file = tmp_path / "starts"
    run = Run(part(NOTE, str(file)))
    wait_for(lambda: len(run.said) >= 9)
    assert run.stop() == 0
    assert len(file.read_text()) >= 3
    waits = [float(line.split()[-2]) for line in run.said if "again in" in line]
    assert waits[:3] == [0.01, 0.02, 0.04]


def test_a_part_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervisor, "STOP_SECONDS", 0.5)
    file = tmp_path / "up"
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAY
    run = Run(part(deaf, str(file)))
    wait_for(file.exists)
    assert run.stop() == 0
    assert run.said[-1].endswith("does not end: killed")


def test_a_part_that_waits_for_a_person_ends_no_other(tmp_path: Path) -> None:
    one = tmp_path / "one"
    run = Run(part(STAY, str(one), name="one"), part("raise SystemExit(75)", name="two"))
    wait_for(lambda: "two is started again in 1 s" in run.said and one.exists())
    assert run.status is None
    assert run.stop() == 0
