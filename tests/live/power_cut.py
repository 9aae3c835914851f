"""What the process of the power cut does: record, seal, publish, record again; then it is gone.

``work FOLDER... [--synchronous NORMAL]`` cuts the power of those forgetful disks as soon as the
last entry, which is under no root, is acknowledged; ``read`` prints the entries that are there.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from releve.ledger.chain import append, iter_entries, read_head  # noqa: E402
from releve.ledger.roots import publish_root, sign_root  # noqa: E402
from releve.live.photos import has_photo, store_photo  # noqa: E402
from tests.live.test_parts import SCAN, jpeg  # noqa: E402

ROOTS = 3


def work(disks: list[Path], synchronous: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_autocheckpoint = 0")  # it would synchronise the rest
            if synchronous:
                cursor.execute(f"PRAGMA synchronous = {synchronous}")
    for number in range(ROOTS):
        record(number)
        root = sign_root(datetime.now(UTC))
        publish_root(root, Path(settings.HOME) / "roots")
        print("published", root.number, flush=True)
    record(ROOTS)
    for disk in disks:
        (disk / "cut").touch()
    os._exit(0)  # no orderly end of the connection, which would synchronise


def record(number: int) -> None:
    photo = store_photo(jpeg(scan=SCAN + bytes([number])))
    with transaction.atomic():
        append("note", {"photo": photo}, recorded_at=datetime.now(UTC))
    print("recorded", read_head().seq, flush=True)


def read() -> None:
    """Print each entry's number and whether its photo is there."""
    for entry in iter_entries(None, after=0):
        print(entry.seq, "photo" if has_photo(entry.body["photo"]) else "no photo")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("work", "read"))
    parser.add_argument("disks", nargs="*", type=Path)
    parser.add_argument("--synchronous", default="")
    given = parser.parse_args()
    if given.action == "work":
        work(given.disks, given.synchronous)
    else:
        read()
