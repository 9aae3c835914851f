"""A command that uses the database finds it ready, or says why it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.homes import make_test_home

OPEN = (
    "import click\n"
    "from releve.cli.database import open_database, open_new_database\n"
    "try:\n"
    "    {}()\n"
    "except click.ClickException as error:\n"
    "    raise SystemExit(error.message)\n"
    "from releve.accounts.models import User\n"
    "print(User.objects.count())\n"
)


def start(home: Path, name: str = "open_database", **variables: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "RELEVE_DATABASE_URL"}
    environment |= {"RELEVE_HOME": str(home), **variables}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.Popen(
        [sys.executable, "-c", OPEN.format(name)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_commands_started_together_make_a_new_database_once(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    running = [start(make_test_home(home), "open_new_database") for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in running]
    assert answers == [("0\n", "")] * 3
    assert start(home).communicate(timeout=60) == ("0\n", ""), "and the next one finds it"


@pytest.mark.slow
def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (make_test_home(tmp_path) / "releve.sqlite3").write_text("no database " * 100)
    assert "the database cannot be opened" in start(tmp_path).communicate(timeout=60)[1]


def test_settings_that_make_no_sense_are_said(tmp_path: Path) -> None:
    error = start(tmp_path, RELEVE_DATABASE_URL="mysql://x").communicate(timeout=60)[1]
    assert "RELEVE_DATABASE_URL must start with postgres://" in error
