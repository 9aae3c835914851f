"""What the process of the power cut does: record, seal, publish, record again; then it is gone."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from releve.ledger.chain import append, read_head  # noqa: E402
from releve.ledger.roots import publish_root, sign_root  # noqa: E402


def main(rounds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint would synchronise the rest
        if len(sys.argv) > 2:
            cursor.execute(f"PRAGMA synchronous = {sys.argv[2]}")
    for _ in range(rounds):
        with transaction.atomic():
            append("note", {"text": "recorded"}, recorded_at=datetime.now(UTC))
        print("recorded", read_head().seq, flush=True)
        root = sign_root(datetime.now(UTC))
        publish_root(root, Path(settings.HOME) / "roots")
        print("published", root.number, flush=True)
    os._exit(0)  # no orderly end of the connection, which would synchronise


if __name__ == "__main__":
    main(int(sys.argv[1]))
