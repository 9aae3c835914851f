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
from pathlib import Path

__all__ = ["PRELOADED", "prepare", "serve", "write_state"]

PRELOADED = ["django", "uvicorn", "releve.cli.database", "releve.outbound.fact_tables"]


def _open(environ: Mapping[str, str]) -> None:
    os.environ.update(environ)
    from releve.cli.database import open_database
    from tests.homes import make_test_home

    make_test_home(Path(environ["RELEVE_HOME"]))
    open_database()


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

    from releve.gate.asgi import application

    config = uvicorn.Config(application, factory=True, log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


def write_state(environ: Mapping[str, str], out: str) -> None:
    """Write what stands in the database to a file, as JSON."""
    _open(environ)
    from releve.gate.models import AttemptRow, Decision

    decisions = Decision.objects.values_list("call_id", "cseq", "allowed")
    attempts = Counter(AttemptRow.objects.values_list("ref", flat=True))
    document = {
        "decisions": {f"{call}/{cseq}": allowed for call, cseq, allowed in decisions},
        "rows": Decision.objects.count(),
        "attempts": attempts,
        "most": max(Counter(AttemptRow.objects.values_list("person", flat=True)).values()),
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")
