"""Installations that the drills of this folder make, break and mend, on either database."""

from __future__ import annotations

import json
import os
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
from tests.homes import make_home_with_tables


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
            "RELEVE_SECOND_FACTOR": "optional",
            "RELEVE_SECRET_KEY": "0123456789abcdef" * 3,
        }

    def call(self, module: str, *arguments: object, status: int | None = 0) -> str:
        """Run a module; return what it says. ``status`` None takes any."""
        words = map(str, arguments)
        done = processes.run(module, *words, environ=self.environ(), timeout=240)
        assert status in (None, done.returncode), done.stdout + done.stderr
        return done.stdout + done.stderr

    def releve(self, *arguments: object, status: int | None = 0) -> str:
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
        with psycopg.connect(host=server["HOST"], user=server["USER"], dbname="postgres", autocommit=True) as found:
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
    return House(make_home_with_tables(tmp_path / "home", url), url, outside, recipient)
