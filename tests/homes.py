"""Home folders of installations that a test starts commands on."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from releve.files.home import make_home

__all__ = ["make_home_with_tables", "make_test_home"]

TABLES = "RELEVE_TEST_TABLES"
"""Names a file with the tables of a new installation, which ``tests.warm`` makes once: each home
would else spend two seconds of processor on its migrations."""


def make_test_home(path: Path) -> Path:
    """Make a home as `releve init` does, its tables and keys left to the first command."""
    make_home(path, datetime.now(UTC), path / "releve.sqlite3")
    return path


def make_home_with_tables(path: Path) -> Path:
    """Make a home as its first command leaves it; without ``TABLES``, as `releve init` does."""
    database, tables = make_test_home(path) / "releve.sqlite3", os.environ.get(TABLES)
    if tables and not database.stat().st_size:
        shutil.copyfile(tables, database)
    return path
