"""A disk that fills up under desk, worker and gate: refused and seen, and afterwards all goes on.

The home is on a small file system of its own, which only root can mount.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyrage
import pytest

from tests.ledger.ledger_processes import create_installation
from tests.live.killed_house import (
    LONGEST_SECONDS,
    House,
    Nursery,
    house_of,
    nursery_of,
    set_clock,
    wait_until,
)

pytestmark = [pytest.mark.slow]
SIZE = "64m"
CALLS, MORE = 12, 3


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.environ.get("RELEVE_DATABASE_URL"):
        pytest.skip("PostgreSQL's own disk is not the home's")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here (it takes root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Take all the space that is left."""
    with path.open("ab", buffering=0) as filler:
        for piece in (1 << 20, 1 << 12):
            with suppress(OSError):
                while filler.write(bytes(piece)) == piece:
                    pass


def test_a_full_disk_refuses_and_is_seen_and_afterwards_all_is_there_once(
    tmp_path: Path, disk: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    with create_installation(disk) as environ:
        environ |= {
            **set_clock(),
            "RELEVE_LEASE_SECONDS": "2",
            "RELEVE_API_PER_MINUTE": "1000000",
            "RELEVE_GATE_KEY": "5" * 64,
            "RELEVE_BACKUP_TO": str(identity.to_public()),
        }
        with nursery_of(environ) as nursery:
            nursery.do("prepare_gate", str(CALLS))
            nursery.do("prepare", str(tmp_path / "made.json"))
            made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
            assert nursery.run(tmp_path / "key", "ledger", "key")[0] == 0
            with house_of(nursery, gate=True) as house:
                wait_until(
                    lambda: house.read("/readyz", made["token"])[0] == 200,
                    LONGEST_SECONDS,
                    "not ready",
                )
                wait_until(lambda: house.may_dial(0, "call-0") == 200, LONGEST_SECONDS, "no gate")
                house.record_outage(made)
                fill(disk / "filler")
                recorded = record_until_refused(house, made)
                seen = wait_until(
                    lambda: house.read("/readyz", made["token"])[0] == 503,
                    LONGEST_SECONDS,
                    "nothing is seen",
                )
                print(f"{len(recorded)} events found room; seen after {seen:.1f} s")
                refused = [call for call in range(1, CALLS) if dial(house, call) == 503]
                assert refused, "the gate refuses what it cannot write down"
                see_it_full(nursery, tmp_path, disk)
                (disk / "filler").unlink()
                go_on(house, made, recorded)
                nursery.do("settle")
                house.end()
            keep_safe(nursery, tmp_path, disk)
            nursery.do("check", str(tmp_path / "found.json"))
            nursery.do("check_gate", str(tmp_path / "calls.json"))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    calls = json.loads((tmp_path / "calls.json").read_text(encoding="utf-8"))
    assert found["broken"] == found["twice"] == [], "the chain holds, each result stands once"
    assert found["events"]["agents.present"] == len(recorded) + MORE
    assert found["events"]["link.down"] == 1 <= found["events"]["relief.made"]
    assert found["effects"] == {"done": sum(found["effects"].values())}, found["errors"]
    assert len(found["sent"]) == found["events"]["message.written"] > 0
    assert sorted(found["sent"]) == sorted(found["letters"]), "each letter is written once"
    assert calls["rows"] == CALLS
    assert calls["attempts"] == {f"call-{call}/1": 1 for call in range(CALLS)}


def dial(house: House, call: int) -> int:
    return house.may_dial(call, f"call-{call}")


def record_until_refused(house: House, made: dict[str, Any]) -> dict[int, int]:
    """Record events until there is no room; return the entries of those acknowledged before."""
    recorded: dict[int, int] = {}
    for number in range(2000):
        status, answer = house.record(made, number)
        if status == 503:
            assert "disque" in answer["error"]["message"]
            return recorded
        assert status == 201, answer
        recorded[number] = answer["seq"]
    raise AssertionError("the disk is full and events are still recorded")


def see_it_full(nursery: Nursery, tmp_path: Path, disk: Path) -> None:
    """Status, sealing and backup say what is wrong, and leave no half a file."""
    status, said = nursery.run(tmp_path / "status", "live", "status")
    assert (status, json.loads(said)["worker"]["alarm"]) == (1, "disk")
    for command in (("ledger", "seal"), ("backup", str(disk / "house.backup"))):
        status, said = nursery.run(tmp_path / command[0], *command)
        assert status == 1, said
        assert "No space left on device" in said or "disk is full" in said
    assert not list(disk.glob("*house.backup*"))
    assert not list((disk / "home" / "roots").glob(".*"))


def go_on(house: House, made: dict[str, Any], recorded: dict[int, int]) -> None:
    """Send all again, and more; each is the entry that it was said to be."""
    ready = wait_until(
        lambda: house.read("/readyz", made["token"])[0] == 200, LONGEST_SECONDS, "not ready"
    )
    print(f"ready {ready:.1f} s after there is room")
    for number in range(len(recorded) + MORE):
        status, answer = house.record(made, number)
        assert status == (200 if number in recorded else 201), answer
        assert answer["seq"] == recorded.get(number, answer["seq"])
    for call in range(CALLS):
        wait_until(lambda call=call: dial(house, call) == 200, 30, f"call {call} is refused")


def keep_safe(nursery: Nursery, tmp_path: Path, disk: Path) -> None:
    backup = str(disk / "house.backup")
    for command in (("ledger", "seal"), ("ledger", "verify"), ("backup", backup)):
        status, said = nursery.run(tmp_path / f"{command[-1][-6:]}-after", *command)
        assert status == 0, said
    status, said = nursery.run(tmp_path / "checked", "backup", backup, "--check")
    assert status == 0, said
