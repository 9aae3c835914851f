"""Separate databases for tests that need several processes, or look into files.

Run as a program it is one of those processes:
``python -m tests.ledger.ledger_processes append 50``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import processes
from tests.homes import DATABASE, create_postgresql_database, make_home_with_tables
from tests.processes import Process


@contextmanager
def create_installation(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment of an installation with an empty database, on the server if any."""
    environment = {**os.environ, "RELEVE_HOME": str(make_home_with_tables(folder / "home"))}
    environment.setdefault("RELEVE_ERASE_WAIT_SECONDS", "60")  # other tests write beside this one
    server = environment.get(DATABASE, "")
    if not server:
        yield environment
        return
    with create_postgresql_database(server) as url:
        yield {**environment, DATABASE: url}


def start_process(environment: dict[str, str], *arguments: str) -> Process:
    """Start a process on that database."""
    return processes.start("tests.ledger.ledger_processes", *arguments, environ=environment)


def run_process(environment: dict[str, str], *arguments: str) -> str:
    """Run a process on that database to its end; return what it printed."""
    process = start_process(environment, *arguments)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, out + error
    return out


def run_ledger_command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``releve ledger`` on that database."""
    return processes.run("releve", "ledger", *arguments, environ=environment)


def append_many(count: int) -> None:
    """Append one by one, and print the hash of each once its transaction is committed."""
    from django.db import transaction

    from releve.ledger.chain import append_all
    from tests.ledger.sample_entries import draft_case, draft_closure

    for number in range(count):
        with transaction.atomic():
            (entry,) = append_all([draft_case(number) if number % 2 else draft_closure(number)])
        print(entry.seq, entry.hash, flush=True)


def fill(people: int, each: int) -> None:
    """Append entries of many people in turn, values of every length among them."""
    from django.db import transaction

    from releve.ledger.chain import Draft, append_all
    from tests.ledger.sample_entries import ERASE_ON, at

    for turn in range(each):
        drafts = []
        for person in range(people):
            subject = f"MARKED-{person:03}-PERSON"
            personal = {"agent": subject, "text": subject + "." * (7 ** (turn % 6))}
            drafts.append(Draft("case.declared", {"site": "s"}, at(turn), personal, subject, ERASE_ON))
        with transaction.atomic():
            append_all(drafts)


def read(milliseconds: int) -> None:
    """Print the number of entries, hold that snapshot for a time, and print the number again."""
    import time

    from django.db import connection

    from releve.ledger.models import LedgerEntry

    with connection.cursor() as cursor:
        snapshot = " ISOLATION LEVEL REPEATABLE READ" if connection.vendor == "postgresql" else ""
        cursor.execute(f"BEGIN{snapshot}")
        print(LedgerEntry.objects.count(), flush=True)
        time.sleep(milliseconds / 1000)
        print(LedgerEntry.objects.count(), flush=True)


def search(text: str) -> None:
    """Print where the database's files hold a text: every file of it, read as bytes."""
    from django.conf import settings
    from django.db import connection

    wanted = text.encode()
    if connection.vendor == "sqlite":
        files = sorted(path for path in settings.HOME.rglob("*") if path.is_file())
        found = [path.name for path in files if wanted in path.read_bytes()]
    else:
        found = _search_server(wanted)
    print(" ".join(found))


def _search_server(wanted: bytes) -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT d || f FROM (SELECT 'base/' || oid || '/' AS d FROM pg_database"
            " WHERE datname = current_database()) x, pg_ls_dir(d) f"
        )
        files = [name for (name,) in cursor.fetchall()]
        found = []
        for name in files:
            cursor.execute("SELECT pg_read_binary_file(%s, 0, 1000000000, true)", [name])
            (content,) = cursor.fetchone()
            if content is not None and wanted in bytes(content):
                found.append(name)
    return found


if __name__ == "__main__":
    from releve.cli.database import open_database

    open_database()
    action, *rest = sys.argv[1:]
    if action == "search":
        search(*rest)
    else:
        {"append": append_many, "fill": fill, "read": read}[action](*map(int, rest))
