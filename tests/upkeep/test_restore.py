"""The drill: back up, destroy, restore elsewhere on either database; and what is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pyrage
import pytest
from django.db import connection

from tests import processes
from tests.cli.test_init import modes
from tests.homes import make_home_with_tables

pytestmark = [pytest.mark.database, pytest.mark.slow]


@dataclass
class House:
    """An installation in a folder, on SQLite or on a database of PostgreSQL, and its outside."""

    home: Path
    url: str
    outside: Path
    recipient: str

    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "releve.settings",
            "RELEVE_HOME": str(self.home),
            "RELEVE_DATABASE_URL": self.url,
            "RELEVE_OUTSIDE": str(self.outside),
            "RELEVE_BACKUP_TO": self.recipient,
            "RELEVE_SECRET_KEY": "0123456789abcdef" * 3,
        }

    def call(self, module: str, *arguments: object, status: int = 0) -> str:
        words = map(str, arguments)
        done = processes.run(module, *words, environ=self.environ(), timeout=240)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def releve(self, *arguments: object, status: int = 0) -> str:
        return self.call("releve", *arguments, status=status)

    def do(self, step: str, *arguments: object) -> list[dict[str, Any]]:
        """Run a step of the drill's house; return the objects that it printed."""
        said = self.call("tests.upkeep.drill_house", step, *arguments)
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.fixture
def new_url() -> Iterator[Any]:
    """A function that makes an empty database on the server of the tests."""
    names: list[str] = []
    server = connection.settings_dict if connection.vendor == "postgresql" else {}

    def run(statement: str) -> None:
        with psycopg.connect(
            host=server["HOST"], user=server["USER"], dbname="postgres", autocommit=True
        ) as found:
            found.execute(statement)

    def make() -> str:
        names.append(f"drill_{os.getpid()}_{len(names)}")
        run(f"CREATE DATABASE {names[-1]}")
        return f"postgres://{server['USER']}@{quote(server['HOST'], safe='')}/{names[-1]}"

    yield make
    for name in names:
        run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    found = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity.txt"
    path.write_text(f"# public key: {found.to_public()}\n{found}\n")
    return path


def make_house(tmp_path: Path, identity: Path, url: str) -> House:
    recipient = identity.read_text().split()[3]
    outside = tmp_path / "outside"
    outside.mkdir(exist_ok=True)
    return House(make_home_with_tables(tmp_path / "home"), url, outside, recipient)


PATHS = [("sqlite", "sqlite")]
if connection.vendor == "postgresql":
    PATHS = [
        ("sqlite", "postgresql"),
        ("postgresql", "sqlite"),
        ("postgresql", "postgresql"),
    ]


@pytest.mark.parametrize(("first", "second"), PATHS)
def test_a_house_that_burnt_down_goes_on_elsewhere(
    tmp_path: Path, identity: Path, new_url: Any, first: str, second: str
) -> None:
    house = make_house(tmp_path, identity, new_url() if first == "postgresql" else "")
    file = tmp_path / "backup.tar"
    (before,) = house.do("live", file)
    assert "agent-7" not in before["subjects"]
    assert len(before["letters"]) == 1, "the message left after the backup"
    shutil.rmtree(house.home)
    check = house.releve("backup", file, "--check", "--identity", identity)
    assert "decrypted and followed" in check, "on a machine without an installation"

    new = House(tmp_path / "new", new_url() if second == "postgresql" else "", house.outside,
                house.recipient)  # fmt: skip
    said = new.releve("restore", file, "--home", new.home, "--database", new.url,
                      "--identity", identity, "--outside", house.outside)  # fmt: skip
    assert "lost" not in said
    opened = [name for name, mode in modes(new.home).items() if mode & 0o077]
    assert opened in ([], ["migrate.lock"]), "for its owner alone; the lock is empty"
    last = max(house.outside.glob("root-*.json"))
    found, calls = new.do("revive", last)
    assert found["vendor"] == second
    assert found["entries"] >= before["entries"], "the ledger goes on where it stood"
    assert "agent-7" not in found["subjects"], "erased people stay erased"
    assert "agent-8" in found["subjects"]
    assert found["bob"] is False
    assert found["rules"] is True
    assert found["letters"] == [], "no message leaves twice"
    assert found["aside"] == ["send"]
    assert found["calls"] == ["503 refuse GATE-RESTORED"] * 2
    withdrawn, consented = calls["calls"]
    assert withdrawn.startswith("403 refuse")
    assert consented.startswith("200 allow")

    for part in house.outside.glob("journal-*.age"):
        part.unlink()
    short = House(tmp_path / "short", "", house.outside, house.recipient)
    said = short.releve("restore", file, "--home", short.home, "--identity", identity,
                        "--outside", house.outside)  # fmt: skip
    assert "under the published root" in said
    (body,) = short.do("verify", str(max(house.outside.glob("root-*.json"))))
    assert body["lost_entries"] > 0
    assert body["lost_root"]["size"] == body["backup_entries"] + body["lost_entries"]
