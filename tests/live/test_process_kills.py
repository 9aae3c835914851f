"""``kill -9`` of web and worker at random instants: nothing is lost and nothing is done twice.

6 kills during 30 events; ``RELEVE_TEST_KILLS=200 RELEVE_TEST_EVENTS=1000`` makes it the long run.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.ledger.ledger_processes import create_installation
from tests.live.api_programs import Programs
from tests.live.killed_house import House, house_of, nursery_of, set_clock
from tests.routing.receivers import receiving

KILLS = int(os.environ.get("RELEVE_TEST_KILLS", "6"))
EVENTS = int(os.environ.get("RELEVE_TEST_EVENTS", "30"))
SEED = 7


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
            **set_clock(),
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
    programs.compare(found)
    assert found["broken"] == [], "the chain verifies"
    assert found["twice"] == [], "each result is recorded once"
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert found["generations"] == list(range(1, len(found["generations"]) + 1))
    assert len(acted) == len(set(acted)), "telephony acted once on each generation"
    assert acted[-1] == found["routes"], "and stands at the newest"
    sent, letters = set(found["sent"]), set(found["letters"])
    assert sent <= letters <= sent | set(found["perhaps"]), "what may have gone out says so"
    assert len(sent) == found["events"]["message.written"] > 0
