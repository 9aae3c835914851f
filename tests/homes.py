"""Home folders and databases of installations that a test starts commands on.

``python -m tests.homes`` makes the tables of the database that the environment names.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg.sql import SQL, Identifier

from releve.files.home import make_home
from tests import processes

__all__ = ["create_postgresql_database", "make_home_with_tables", "make_template", "make_test_home"]

DATABASE = "RELEVE_DATABASE_URL"
TEMPLATE = "releve_template"
"""The database of the server that has the tables of a new installation, for others to copy."""
TABLES = "RELEVE_TEST_TABLES"
"""Names a file with the tables of a new installation, which ``tests.warm`` makes once: each home
would else spend two seconds of processor on its migrations."""


def make_test_home(path: Path) -> Path:
    """Make the folder of a home as `releve init` does, with an empty database and no keys."""
    make_home(path, datetime.now(UTC), path / "releve.sqlite3")
    return path


def make_home_with_tables(path: Path, url: str = "") -> Path:
    """Make a home with the tables of its database, the one at ``url`` where that is given."""
    database, tables = make_test_home(path) / "releve.sqlite3", os.environ.get(TABLES)
    if tables and not url and not database.stat().st_size:
        shutil.copyfile(tables, database)
    elif url or not database.stat().st_size:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("RELEVE_")}
        environ = kept | {"RELEVE_HOME": str(path), DATABASE: url}
        done = processes.run("tests.homes", environ=environ, timeout=120)
        assert done.returncode == 0, done.stderr
    return path


def make_template(server: str) -> str:
    """Make ``TEMPLATE`` on a server unless it is there; return its name.

    Making the tables takes seconds, a copy a tenth of one. Of those who ask at once one makes it.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        named = "SELECT FROM pg_database WHERE datname = %s AND datistemplate"
        if not connection.execute(named, [TEMPLATE]).rowcount:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(TEMPLATE)))
            with tempfile.TemporaryDirectory() as folder:
                environ = os.environ | {
                    "RELEVE_HOME": str(make_test_home(Path(folder))),
                    DATABASE: _name_database(server, TEMPLATE),
                }
                done = processes.run("tests.homes", environ=environ)
            assert done.returncode == 0, done.stderr
            whole = SQL("ALTER DATABASE {} IS_TEMPLATE true")
            connection.execute(whole.format(Identifier(TEMPLATE)))
    return TEMPLATE


@contextmanager
def create_postgresql_database(server: str) -> Iterator[str]:
    """Yield the address of a database with the tables of a new installation; drop it afterwards."""
    name, template = Identifier(found := f"house_{token_hex(4)}"), Identifier(make_template(server))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        try:
            yield _name_database(server, found)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _name_database(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"


if __name__ == "__main__":
    from releve.cli.database import open_new_database

    open_new_database()

    from django.db import connection

    connection.close()  # which leaves no part of it in SQLite's log
