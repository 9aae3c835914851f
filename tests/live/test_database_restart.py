"""PostgreSQL that dies and comes back under desk, worker and gate: they go on by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.homes import make_test_home
from tests.live.api_programs import Programs
from tests.live.killed_house import (
    LONGEST_SECONDS,
    House,
    house_of,
    nursery_of,
    set_clock,
    wait_until,
)
from tests.processes import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.database]
EVENTS, CALLS, RESTARTS = 40, 60, 2
SEEN_WITHIN = 30.0
"""Seconds; a loaded machine is given twice as many before the test fails."""


class Server:
    """A server of its own, since others use the one of the tests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._home = Path(unquote(urlsplit(url).hostname or ""))
        data = self._home / "data"
        process = (data / "postmaster.pid").read_text(encoding="ascii").split()[0]
        program = Path(f"/proc/{process}/exe").readlink().with_name("pg_ctl")
        owner = data.stat()
        self._control = [str(program), "-D", str(data), "-w"]
        self._as = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        if os.geteuid():
            self._as = {}
        self._options = (data / "postmaster.opts").read_text(encoding="utf-8")

    def die(self) -> None:
        """Lose every connection and transaction, as in a crash."""
        self._run("stop", "-m", "immediate")

    def come_back(self) -> None:
        self._run("start", "-l", str(self._home / "data" / "again.log"), "-o", self._arguments())

    def _arguments(self) -> str:
        return self._options.strip().partition(" ")[2]

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [*self._control, *arguments], cwd="/", check=True, stdout=subprocess.DEVNULL, **self._as
        )


@pytest.fixture
def server() -> Iterator[Server]:
    if not os.environ.get("RELEVE_DATABASE_URL"):
        pytest.skip("a drill of PostgreSQL: run it by scripts/with-postgres")
    command = [str(ROOT / "scripts" / "with-postgres"), "sh", "-c"]
    with subprocess.Popen(
        [*command, "echo $RELEVE_DATABASE_URL; exec cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        yield Server(running.stdout.readline().strip())


class Dialler(threading.Thread):
    """Asks about one call after the other, each until it is decided."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house
        self.statuses: list[int] = []
        self.open = threading.Semaphore(0)

    def run(self) -> None:
        for call in range(CALLS):
            self.open.acquire()
            until = time.monotonic() + 120
            while True:
                self.statuses.append(self._house.may_dial(call, f"call-{call}"))
                if self.statuses[-1] == 200 or time.monotonic() > until:
                    break
                time.sleep(0.05)


def test_a_database_that_dies_and_comes_back_loses_and_doubles_nothing(
    tmp_path: Path, server: Server
) -> None:
    environ = {
        **os.environ, **set_clock(),
        "RELEVE_DATABASE_URL": server.url,
        "RELEVE_HOME": str(make_test_home(tmp_path / "home")),
        "RELEVE_LEASE_SECONDS": "2",
        "RELEVE_API_PER_MINUTE": "1000000",
        "RELEVE_GATE_KEY": "5" * 64,
    }  # fmt: skip
    with nursery_of(environ) as nursery:
        nursery.do("prepare_gate", str(CALLS))
        nursery.do("prepare", str(tmp_path / "made.json"))
        made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
        with house_of(nursery, gate=True) as house:

            def is_ready() -> bool:
                return house.read("/readyz", made["token"])[0] == 200

            wait_until(is_ready, LONGEST_SECONDS, "not ready")
            wait_until(lambda: house.may_dial(0, "call-0") == 200, LONGEST_SECONDS, "no gate")
            programs, dialler = Programs(house.port, **made), Dialler(house)
            programs.start(EVENTS)
            dialler.start()
            for _ in range(RESTARTS):
                programs.allowed.release(EVENTS // (RESTARTS + 1))
                dialler.open.release(CALLS // (RESTARTS + 1))
                time.sleep(0.3)
                server.die()
                seen = wait_until(lambda: not is_ready(), 2 * SEEN_WITHIN, "it is not seen")
                server.come_back()
                back = wait_until(is_ready, 2 * SEEN_WITHIN, "not ready again")
                print(f"seen after {seen:.1f} s, ready {back:.1f} s after the server")
            programs.allowed.release(EVENTS)
            dialler.open.release(CALLS)
            for thread in (*programs.threads, dialler):
                thread.join()
            assert programs.faults == []
            programs.lose_a_link()
            nursery.do("settle")
            house.end()
        nursery.do("check", str(tmp_path / "found.json"))
        nursery.do("check_gate", str(tmp_path / "calls.json"))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    calls = json.loads((tmp_path / "calls.json").read_text(encoding="utf-8"))
    programs.compare(found)
    assert found["broken"] == found["twice"] == [], "the chain holds, each result stands once"
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert len(found["sent"]) == found["events"]["message.written"] > 0
    assert set(dialler.statuses) <= {0, 200, 503}, "a call is let out or refused, never an error"
    assert calls["rows"] == CALLS
    assert calls["attempts"] == {f"call-{call}/1": 1 for call in range(CALLS)}
