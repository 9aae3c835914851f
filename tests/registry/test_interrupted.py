"""Imports that meet, and imports that are killed: one whole version or none."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from tests import processes
from tests.homes import make_home_with_tables
from tests.registry.programs import STAGES

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def run(home: Path, program: str) -> list[str]:
    """Run a program on a registry of its own: in a home, or on the tests' PostgreSQL."""
    variables = {name: value for name, value in os.environ.items() if name != "RELEVE_DATABASE_URL"}
    variables["RELEVE_HOME"] = str(make_home_with_tables(home))
    if connection.vendor == "postgresql":
        held = {name: quote(str(value), safe="") for name, value in connection.settings_dict.items()}
        variables["RELEVE_DATABASE_URL"] = (
            f"postgres://{held['USER']}:{held['PASSWORD']}@{held['HOST']}:{held['PORT']}/{held['NAME']}"
        )
    done = processes.run("tests.registry.programs", program, environ=variables, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_of_two_imports_at_once_one_is_refused(tmp_path: Path) -> None:
    refused, stored = sorted(run(tmp_path, "race"), key=lambda line: line == "version 2")
    assert stored == "version 2"
    assert refused.startswith("version 1 was current when this was prepared, but version 2 is now")


def test_an_import_killed_in_the_middle_leaves_the_old_version(tmp_path: Path) -> None:
    *stages, last = run(tmp_path, "die")
    assert stages == [f"{stage} 9 version 1 True 0" for stage in STAGES]
    assert last == "version 2", "and the import can be done again"
