"""``kill -9`` of web and worker at random instants: nothing is lost and nothing is done twice.

20 kills during 100 events; ``RELEVE_TEST_KILLS`` and ``RELEVE_TEST_EVENTS`` ask for more.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from datetime import time as dt_time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from releve.network.sample import FIRST_DAY
from tests.live import killing
from tests.routing.receiver import receiving

KILLS = int(os.environ.get("RELEVE_TEST_KILLS", "20"))
EVENTS = int(os.environ.get("RELEVE_TEST_EVENTS", "100"))
SEED = 7
TEN_O_CLOCK = datetime.combine(FIRST_DAY, dt_time(9), UTC)
_context = multiprocessing.get_context("forkserver")


def started(target: Callable[..., None], *args: Any) -> ForkServerProcess:
    process = _context.Process(target=target, args=args)
    process.start()
    return process


def ended(target: Callable[..., None], *args: Any) -> None:
    process = started(target, *args)
    process.join(300)
    assert process.exitcode == 0


@pytest.mark.slow
@pytest.mark.database
def test_killed_at_any_instant_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    _context.set_forkserver_preload(killing.PRELOADED)
    luck = random.Random(SEED)
    with receiving() as telephony:
        environ = {
            "RELEVE_HOME": str(tmp_path),
            "TEST_CLOCK_AHEAD_SECONDS": str((TEN_O_CLOCK - datetime.now(UTC)).total_seconds()),
            "RELEVE_LEASE_SECONDS": "2",
            "RELEVE_ROUTING": "file_csv,webhook",
            "RELEVE_WEBHOOK_URL": telephony.url,
            "RELEVE_WEBHOOK_SECRET": "correct horse battery staple 2026",
            "RELEVE_WEBHOOK_PRIVATE": "yes",
        }
        ended(killing.prepare, environ)
        web, worker = started(killing.record_all, environ, EVENTS), started(killing.work, environ)
        for number in range(KILLS):
            time.sleep(luck.uniform(0.3, 2.5))
            if number % 2 and web.is_alive():
                web.kill()
                web.join()
                web = started(killing.record_all, environ, EVENTS)
            else:
                worker.kill()
                worker.join()
                worker = started(killing.work, environ)
        web.join(600)
        assert web.exitcode == 0
        (tmp_path / "stop").touch()
        worker.join(600)
        assert worker.exitcode == 0
        ended(killing.check, environ, str(tmp_path / "found.json"))
        found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
        acted = [row["generation"] for row in telephony.acted.values()]
    acknowledged = (tmp_path / "acknowledged").read_text(encoding="utf-8").split()
    assert sorted(acknowledged) == sorted({f"k{number}" for number in range(EVENTS)})
    assert set(found["acts"]) == set(acknowledged)
    assert len(set(found["acts"].values())) == EVENTS, "each event is an entry of its own"
    happened = ("power.down", "power.up", "agent.unavailable", "agent.back")
    assert sum(found["events"][kind] for kind in happened) == EVENTS
    assert found["broken"] == [], "the chain verifies"
    assert found["twice"] == [], "each result is recorded once"
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert found["generations"] == list(range(1, len(found["generations"]) + 1))
    assert len(acted) == len(set(acted)), "telephony acted once on each generation"
    assert acted == sorted(acted), "and never went back to an older one"
