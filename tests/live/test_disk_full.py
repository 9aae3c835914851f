"""A disk that fills up under desk, worker and gate: refused and seen, and afterwards all goes on.

The home, or the data of a PostgreSQL server, is on a small file system of its own, which only root
can mount.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pyrage
import pytest
from django.db import connection

from tests.homes import make_test_home
from tests.ledger.ledger_processes import create_installation
from tests.live.killed_house import LONGEST_SECONDS, House, Nursery, house_of, nursery_of, set_clock, wait_until
from tests.live.postgresql_server import Server, serve_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.postgresql]
SIZES = {"sqlite": "64m", "postgresql": "256m"}
CALLS, MORE = 12, 3


@dataclass(frozen=True)
class Disk:
    """A small file system; ``server``: the PostgreSQL that has its data there, and not the home."""

    folder: Path
    server: Server | None

    @property
    def home(self) -> Path:
        """Where the home belongs: beside a server's data it would have a disk of its own."""
        return self.folder if self.server is None else self.folder.parent

    def fill(self) -> None:
        """Take all the space that is left, but for a segment of PostgreSQL's log.

        Without one the server ends, which is another drill: the database that dies.
        """
        if self.server is not None:
            with psycopg.connect(self.server.url, autocommit=True) as opened:
                opened.execute("SELECT pg_switch_wal()")
                opened.execute("CHECKPOINT")
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for piece in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while filler.write(bytes(piece)) == piece:
                        pass

    def empty(self) -> None:
        """Make room again; a server that the full disk ended is started, as its service would."""
        (self.folder / "filler").unlink()
        if self.server is not None and not self.server.runs:
            self.server.come_back()


@pytest.fixture
def disk() -> Iterator[Disk]:
    """The name of a folder is part of the server's socket, which may be no longer than that."""
    with ExitStack() as stack:
        top = Path(stack.enter_context(TemporaryDirectory(prefix="releve-disk-", dir="/tmp")))
        folder = top / "disk"
        folder.mkdir()
        top.chmod(0o755)
        size = SIZES[connection.vendor]
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("no small file system can be mounted here (it takes root)")
        stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
        server = None
        if connection.vendor == "postgresql":
            server = stack.enter_context(serve_postgresql(folder))
            keep_open(server)
        yield Disk(folder, server)


def keep_open(server: Server) -> None:
    """Let the server vacuum nothing by itself.

    A vacuum of a catalogue ends a file that the next connection writes again, or is refused where there
    is no room (``could not write init file``): what status says must not hang on whether one came by.
    """
    with psycopg.connect(server.url, autocommit=True) as opened:
        opened.execute("ALTER SYSTEM SET autovacuum = off")
        opened.execute("SELECT pg_reload_conf()")


@contextmanager
def create_house(disk: Disk) -> Iterator[dict[str, str]]:
    if disk.server is None:
        with create_installation(disk.home) as environ:
            yield environ
    else:
        home = make_test_home(disk.home / "home")
        yield {**os.environ, "RELEVE_HOME": str(home), "RELEVE_DATABASE_URL": disk.server.url}


def test_a_full_disk_refuses_and_is_seen_and_afterwards_all_is_there_once(tmp_path: Path, disk: Disk) -> None:
    identity = pyrage.x25519.Identity.generate()
    with create_house(disk) as environ:
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
                wait_until(lambda: house.read("/readyz", made["token"])[0] == 200, LONGEST_SECONDS, "not ready")
                wait_until(lambda: house.may_dial(0, "call-0") == 200, LONGEST_SECONDS, "no gate")
                house.record_outage(made)
                disk.fill()
                recorded = record_until_refused(house, made)
                seen = wait_until(
                    lambda: house.read("/readyz", made["token"])[0] == 503, LONGEST_SECONDS, "nothing is seen"
                )
                print(f"{len(recorded)} events found room; seen after {seen:.1f} s")
                assert {dial(house, call) for call in range(1, CALLS)} <= {200, 503}
                more = count_decisions_until_refused(house)
                see_it_full(nursery, tmp_path, disk)
                disk.empty()
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
    assert calls["rows"] == CALLS + more
    assert set(calls["attempts"].values()) == {1}, "each call that was let out counts once"
    assert {f"call-{call}/1" for call in range(CALLS)} <= set(calls["attempts"])


def dial(house: House, call: int) -> int:
    return house.may_dial(call, f"call-{call}")


def count_decisions_until_refused(house: House) -> int:
    """Ask about further calls until there is no room for a decision; return how many had some."""
    for number in range(5000):
        if house.may_dial(0, f"more-{number}") == 503:
            return number
    raise AssertionError("the gate refuses what it cannot write down")


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


def see_it_full(nursery: Nursery, tmp_path: Path, disk: Disk) -> None:
    """Status, sealing and backup say what is wrong, and leave no half a file.

    Beside PostgreSQL's disk, the last two may have the room that they need.
    """
    status, said = nursery.run(tmp_path / "status", "live", "status")
    assert (status, json.loads(said)["worker"]["alarm"]) == (1, "disk")
    if disk.server is not None:
        return
    for command in (("ledger", "seal"), ("backup", str(disk.home / "house.backup"))):
        status, said = nursery.run(tmp_path / command[0], *command)
        assert status == 1, said
        assert "No space left on device" in said or "disk is full" in said
    assert not list(disk.home.glob("*house.backup*"))
    assert not list((disk.home / "home" / "roots").glob(".*"))


def go_on(house: House, made: dict[str, Any], recorded: dict[int, int]) -> None:
    """Send all again, and more; each is the entry that it was said to be."""
    ready = wait_until(lambda: house.read("/readyz", made["token"])[0] == 200, LONGEST_SECONDS, "not ready")
    print(f"ready {ready:.1f} s after there is room")
    for number in range(len(recorded) + MORE):
        status, answer = house.record(made, number)
        assert status == (200 if number in recorded else 201), answer
        assert answer["seq"] == recorded.get(number, answer["seq"])
    for call in range(CALLS):
        wait_until(lambda call=call: dial(house, call) == 200, 30, f"call {call} is refused")


def keep_safe(nursery: Nursery, tmp_path: Path, disk: Disk) -> None:
    backup = str(disk.home / "house.backup")
    for command in (("ledger", "seal"), ("ledger", "verify"), ("backup", backup)):
        status, said = nursery.run(tmp_path / f"{command[-1][-6:]}-after", *command)
        assert status == 0, said
    status, said = nursery.run(tmp_path / "checked", "backup", backup, "--check")
    assert status == 0, said
