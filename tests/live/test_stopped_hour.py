"""An hour without worker and gate: seen, refused, and afterwards each effect is done once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ledger.ledger_processes import create_installation
from tests.live.killed_house import LONGEST_SECONDS, house_of, nursery_of, set_clock, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.postgresql]
EVENTS = 5


def test_after_an_hour_without_worker_and_gate_each_effect_is_done_once(tmp_path: Path) -> None:
    with create_installation(tmp_path) as environ:
        environ |= {**set_clock(), "RELEVE_LEASE_SECONDS": "2", "RELEVE_GATE_KEY": "5" * 64}
        with nursery_of(environ) as nursery:
            nursery.do("prepare_gate", "2")
            nursery.do("prepare", str(tmp_path / "made.json"))
            made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
            with house_of(nursery, gate=True) as house:

                def is_ready() -> bool:
                    return house.read("/readyz", made["token"])[0] == 200

                wait_until(is_ready, LONGEST_SECONDS, "not ready")
                wait_until(lambda: house.may_dial(0, "call-0") == 200, LONGEST_SECONDS, "no gate")
                house.lose("worker")
                house.lose("gate")
                house.record_outage(made)
                for number in range(EVENTS):
                    assert house.record(made, number)[0] == 201, "what happens is recorded"
                nursery.do("age", "3600")
                assert not is_ready()
                status, said = nursery.run(tmp_path / "status", "live", "status")
                assert (status, json.loads(said)["worker"]["alarm"]) == (1, "silent")
                assert house.may_dial(1, "call-1") == 0, "no answer: the call is not placed"
                house.start("worker")
                house.start("gate")
                print(f"ready after {wait_until(is_ready, LONGEST_SECONDS, 'not ready again'):.1f} s")
                wait_until(lambda: house.may_dial(1, "call-1") == 200, LONGEST_SECONDS, "no gate again")
                nursery.do("settle")
                house.end()
            nursery.do("check", str(tmp_path / "found.json"))
            nursery.do("check_gate", str(tmp_path / "calls.json"))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    calls = json.loads((tmp_path / "calls.json").read_text(encoding="utf-8"))
    assert found["broken"] == found["twice"] == [], "the chain holds, each result stands once"
    assert found["events"]["agents.present"] == EVENTS
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert len(found["sent"]) == found["events"]["message.written"] > 0
    assert sorted(found["sent"]) == sorted(found["letters"]), "each letter is written once"
    assert calls["attempts"] == {"call-0/1": 1, "call-1/1": 1}
