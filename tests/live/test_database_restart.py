"""PostgreSQL that dies and comes back under desk, worker and gate: they go on by themselves."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import make_test_home
from tests.live.api_programs import Programs
from tests.live.killed_house import LONGEST_SECONDS, House, house_of, nursery_of, set_clock, wait_until
from tests.live.postgresql_server import Server, serve_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.postgresql]
EVENTS, CALLS, RESTARTS = 40, 60, 2
SEEN_WITHIN = 30.0
"""Seconds; a loaded machine is given twice as many before the test fails."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of its own, since others use the one of the tests."""
    with serve_postgresql() as found:
        yield found


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


def test_a_database_that_dies_and_comes_back_loses_and_doubles_nothing(tmp_path: Path, server: Server) -> None:
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
