"""Gates in child processes on one listening socket, to be killed and started again.

Run in children of a server that has the heavy libraries loaded already. What a child has to tell,
it writes to a file.
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Mapping
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

__all__ = ["PRELOADED", "follow_records", "prepare", "serve", "write_state"]

PRELOADED = ["django", "uvicorn", "releve.cli.database", "releve.plugins.outbound.engine.fact_tables"]


def _open(environ: Mapping[str, str]) -> None:
    os.environ.update(environ)
    from releve.cli.database import open_new_database
    from tests.homes import make_test_home

    make_test_home(Path(environ["RELEVE_HOME"]))
    open_new_database()


def prepare(environ: Mapping[str, str], people: int) -> None:
    """Make the database, the campaign and its people; the law holds at any hour."""
    _open(environ)
    from tests.gate.sample_campaign import AT_ANY_HOUR, record_people

    law = Path(environ["RELEVE_HOME"]) / "law"
    law.mkdir(exist_ok=True)
    (law / "open.yaml").write_text(AT_ANY_HOUR, encoding="utf-8")
    record_people(range(people))


def serve(environ: Mapping[str, str], listening: socket.socket) -> None:
    """Answer until killed, then be gone."""
    os.environ.update(environ)
    import uvicorn

    from releve.plugins.outbound.gate.server import application

    config = uvicorn.Config(application, factory=True, log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


def follow_records(environ: Mapping[str, str], folder: str, done: EventType | None) -> None:
    """Read the records of a proxy on and on, once more when it is done; without that, once."""
    _open(environ)
    from releve.plugins.outbound.gate.attempt_outcomes import read_outcomes

    while done is not None and not done.wait(0.1):
        read_outcomes(Path(folder))
    read_outcomes(Path(folder))


def write_state(environ: Mapping[str, str], out: str) -> None:
    """Write what stands in the database to a file, as JSON."""
    _open(environ)
    from django.db import connection
    from django.utils import timezone

    from releve.plugins.outbound.gate.fact_reader import to_db_instant
    from releve.plugins.outbound.gate.models import AttemptRow, Decision
    from releve.plugins.outbound.gate.sql import COUNTED

    decisions = Decision.objects.values_list("call_id", "cseq", "allowed")
    own = AttemptRow.objects.filter(load=None)
    attempts = Counter(own.values_list("ref", flat=True))
    counts = f"SELECT f.ref FROM gate_attempt f WHERE f.load_id IS NULL AND {COUNTED}"
    with connection.cursor() as cursor:
        cursor.execute(counts, {"known": to_db_instant(connection.vendor, timezone.now())})
        counted = Counter(ref for (ref,) in cursor.fetchall())
    document = {
        "decisions": {f"{call}/{cseq}": allowed for call, cseq, allowed in decisions},
        "rows": Decision.objects.count(),
        "attempts": attempts,
        "counted": counted,
        "most": max(Counter(own.values_list("person", flat=True)).values()),
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")
