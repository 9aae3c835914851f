"""A clock that is set a day ahead under desk and worker, and back: seen, nothing lost or twice.

How soon it is seen is a matter of ``BEAT_SECONDS``: see ``test_worker_health``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ledger.ledger_processes import create_installation
from tests.live.killed_house import LONGEST_SECONDS, House, house_of, move_clock, nursery_of, set_clock, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.postgresql]
DAY = 86400.0
EACH = 4


def test_a_clock_a_day_ahead_and_back_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    clock, recorded = tmp_path / "clock", dict[int, int]()
    move_clock(clock, 0.0)
    with create_installation(tmp_path) as environ:
        environ |= {
            **set_clock(),
            "TEST_CLOCK_FILE": str(clock),
            "RELEVE_LEASE_SECONDS": "2",
            "RELEVE_API_PER_MINUTE": "1000000",
        }
        with nursery_of(environ) as nursery:
            nursery.do("prepare", str(tmp_path / "made.json"))
            made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
            with house_of(nursery) as house:

                def is_ready(alarm: str = "") -> bool:
                    if house.read("/readyz", made["token"])[0] != 200:
                        return False
                    _, page = house.read("/api/v1/now", made["token"])
                    return (page["worker"]["alarm"] if page["worker"] else "") == alarm

                wait_until(is_ready, LONGEST_SECONDS, "not ready")
                for ahead in (0.0, DAY, 0.0):
                    move_clock(clock, ahead)
                    record_more(house, made, recorded)
                    if ahead:
                        house.record_outage(made)
                    alarm = "clock" if ahead else ""
                    seen = wait_until(
                        lambda alarm=alarm: is_ready(alarm),
                        LONGEST_SECONDS,
                        f"not ready, or the clock at {ahead:.0f} s is not seen",
                    )
                    print(f"ready {seen:.1f} s after the clock was moved to {ahead:.0f} s")
                    nursery.do("settle")
                for number, seq in recorded.items():
                    status, answer = house.record(made, number)
                    assert (status, answer["seq"]) == (200, seq), "it is known again"
                house.end()
            nursery.do("check", str(tmp_path / "found.json"))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["broken"] == found["twice"] == [], "the chain holds, each result stands once"
    assert found["events"]["agents.present"] == 3 * EACH
    assert found["events"]["link.down"] == 1 <= found["events"]["relief.made"]
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert len(found["sent"]) == found["events"]["message.written"] > 0
    assert sorted(found["sent"]) == sorted(found["letters"]), "each letter is written once"


def record_more(house: House, made: dict[str, object], recorded: dict[int, int]) -> None:
    for number in range(len(recorded), len(recorded) + EACH):
        status, answer = house.record(made, number)
        assert status == 201, answer
        recorded[number] = answer["seq"]
