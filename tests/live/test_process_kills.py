"""``kill -9`` of web and worker at random instants: nothing is lost and nothing is done twice.

6 kills during 30 events; ``RELEVE_TEST_KILLS=200 RELEVE_TEST_EVENTS=1000`` makes it the long run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from datetime import time as dt_time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from releve.network.sample import FIRST_DAY
from tests.ledger.ledger_processes import ROOT, create_installation
from tests.live.api_programs import Programs, key_in_the_ledger
from tests.routing.receiver import receiving

KILLS = int(os.environ.get("RELEVE_TEST_KILLS", "6"))
EVENTS = int(os.environ.get("RELEVE_TEST_EVENTS", "30"))
SEED = 7
TEN_O_CLOCK = datetime.combine(FIRST_DAY, dt_time(9), UTC)


class Nursery:
    """The process that starts the others (``tests.live.killed_processes``)."""

    def __init__(self, environ: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.live.killed_processes"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=PIPE, stdout=PIPE, text=True
        )

    def _ask(self, **asked: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def start(self, name: str, *arguments: str) -> int:
        return self._ask(start=name, arguments=arguments)

    def wait(self, child: int) -> int:
        return self._ask(wait=child)

    def do(self, name: str, *arguments: str) -> None:
        assert self.wait(self.start(name, *arguments)) == 0

    def end(self) -> None:
        self._process.communicate()


class House:
    """The web and a worker, by the commands that an installation runs."""

    def __init__(self, nursery: Nursery) -> None:
        self.nursery = nursery
        self.port = _free_port()
        self.commands = {
            "web": ("desk", "serve", "--port", str(self.port)),
            "worker": ("live", "work"),
        }
        self.running = {name: self._start(name) for name in self.commands}

    def _start(self, name: str) -> int:
        return self.nursery.start("run", *self.commands[name])

    def kill(self, name: str) -> None:
        self._stop(name, signal.SIGKILL)
        self.running[name] = self._start(name)

    def end(self) -> None:
        """Let the worker finish what it has begun."""
        assert self._stop("worker", signal.SIGTERM) == 0

    def gone(self) -> None:
        for name in list(self.running):
            self._stop(name, signal.SIGKILL)

    def _stop(self, name: str, how: signal.Signals) -> int:
        child = self.running.pop(name)
        os.kill(child, how)
        return self.nursery.wait(child)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def nursery_of(environ: dict[str, str]) -> Iterator[Nursery]:
    found = Nursery(environ)
    try:
        yield found
    finally:
        found.end()


@contextmanager
def house_of(nursery: Nursery) -> Iterator[House]:
    found = House(nursery)
    try:
        yield found
    finally:
        found.gone()


def kill_at_random(house: House, programs: Programs, luck: random.Random) -> None:
    """Kill web and worker at random instants of the run, whose events are let go a few at a time.

    The web is killed while events of its share are being sent, the worker while it answers them.
    """
    let_go = 0
    for number in range(KILLS):
        share = EVENTS * (number + 1) // (KILLS + 1) - let_go
        if share:
            programs.allowed.release(share)
        let_go += share
        while programs.under_way and programs.settled < let_go - share:
            time.sleep(0.01)
        web = number % 2 == 0
        time.sleep(luck.uniform(0.0, 0.25 if web else 1.0))
        house.kill("web" if web else "worker")
    programs.allowed.release(max(1, EVENTS - let_go))


def kill_while_people_are_told(house: House, luck: random.Random) -> None:
    for _ in range(2):
        time.sleep(luck.uniform(0.0, 1.0))
        house.kill("worker")


@pytest.mark.slow
@pytest.mark.database
def test_killed_at_any_instant_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    luck = random.Random(SEED)
    with receiving() as telephony, create_installation(tmp_path) as environ:
        environ |= {
            "TEST_CLOCK_AHEAD_SECONDS": str((TEN_O_CLOCK - datetime.now(UTC)).total_seconds()),
            "RELEVE_LEASE_SECONDS": "2",
            "RELEVE_API_PER_MINUTE": "1000000",
            "RELEVE_ROUTING": "file_csv,webhook",
            "RELEVE_WEBHOOK_URL": telephony.url,
            "RELEVE_WEBHOOK_SECRET": "correct horse battery staple 2026",
            "RELEVE_WEBHOOK_PRIVATE": "yes",
        }
        with nursery_of(environ) as nursery:
            nursery.do("prepare", str(tmp_path / "made.json"))
            made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
            with house_of(nursery) as house:
                programs = Programs(house.port, **made)
                programs.start(EVENTS)
                kill_at_random(house, programs, luck)
                for thread in programs.threads:
                    thread.join()
                assert programs.faults == []
                programs.lose_a_link()
                kill_while_people_are_told(house, luck)
                nursery.do("settle")
                house.end()
            nursery.do("check", str(tmp_path / "found.json"))
        found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
        acted = [row["generation"] for row in telephony.acted.values()]
    print(f"{KILLS} kills, {EVENTS} events, {programs.broken} requests without an answer;", end=" ")
    print(f"{len(programs.given_up)} given up; {found['again']} effects begun again")
    print(f"{sum(found['effects'].values())} effects, {sum(found['events'].values())} entries")
    _every_acknowledged_event_is_there_once(programs, found)
    assert found["broken"] == [], "the chain verifies"
    assert found["twice"] == [], "each result is recorded once"
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert found["generations"] == list(range(1, len(found["generations"]) + 1))
    assert len(acted) == len(set(acted)), "telephony acted once on each generation"
    assert acted[-1] == found["routes"], "and stands at the newest"
    sent, letters = set(found["sent"]), set(found["letters"])
    assert sent <= letters <= sent | set(found["perhaps"]), "what may have gone out says so"
    assert len(sent) == found["events"]["message.sent"] > 0


def _every_acknowledged_event_is_there_once(programs: Programs, found: dict[str, Any]) -> None:
    """What was not acknowledged, and not sent again, is there once or not at all."""
    acknowledged = {key_in_the_ledger(key): seq for key, seq in programs.acknowledged.items()}
    given_up = {key_in_the_ledger(key) for key in programs.given_up}
    acts = found["acts"]
    assert len(acknowledged) + len(given_up) == EVENTS + 1
    assert {key: acts.get(key) for key in acknowledged} == acknowledged, (
        "each is the entry it was said to be"
    )
    assert set(acts) <= {*acknowledged, *given_up}
    assert len(set(acts.values())) == len(acts), "each event is an entry of its own"
    kinds = (
        "link.down",
        "power.down",
        "power.up",
        "agent.unavailable",
        "agent.back",
        "agents.present",
    )
    assert sum(found["events"].get(kind, 0) for kind in kinds) == len(acts), "and no entry is more"
