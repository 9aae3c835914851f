"""Processes that are killed: a recorder that stands for the web, and the worker.

Run in children of a server that has the heavy libraries loaded already, so that starting one takes
a moment only. What a child has to tell, it writes to a file.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

__all__ = ["check", "prepare", "record_all", "work"]

PRELOADED = ["django", "numba", "releve.plan.live", "releve.routing", "releve.cli.database"]


def _open(environ: Mapping[str, str]) -> None:
    os.environ.update(environ)
    from releve.cli.database import open_database

    open_database()
    from django.utils import timezone

    ahead = timedelta(seconds=float(environ["TEST_CLOCK_AHEAD_SECONDS"]))
    now = timezone.now
    timezone.now = lambda: now() + ahead


def prepare(environ: Mapping[str, str]) -> None:
    """Import an operator and put the plans of its first days in force."""
    _open(environ)
    from releve.live import api as live
    from releve.registry.service import apply, preview
    from tests.live.planning import three_days

    operator, plans = three_days()
    apply(preview(operator), "tests")
    live.put_in_force(plans, by="tests")


def work(environ: Mapping[str, str]) -> None:
    """Run a worker until it is killed, or told to stop by a file."""
    _open(environ)
    from releve.live.models import Effect
    from releve.live.worker import Worker

    worker = Worker()
    worker.start()
    stop = Path(environ["RELEVE_HOME"]) / "stop"
    while not (stop.exists() and not Effect.objects.filter(state__in=("queued", "claimed"))):
        time.sleep(0.1)
    worker.stop()


def record_all(environ: Mapping[str, str], count: int) -> None:
    """Record the events that are not acknowledged yet, in order, and note each that is."""
    _open(environ)
    from releve.live import api as live

    operator = live.operator_now()
    path = Path(environ["RELEVE_HOME"]) / "acknowledged"
    done = set(path.read_text(encoding="utf-8").split()) if path.exists() else set()
    for number in range(count):
        if f"k{number}" in done:
            continue
        event = _event(number, operator)
        while True:
            try:
                found = live.record(event, key=f"k{number}")
                break
            except live.Busy:
                continue
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"\nk{number}")
            stream.flush()
            os.fsync(stream.fileno())
        assert found.seq


def _event(number: int, operator: Any) -> Any:
    """Return the nth event: a site loses its power, somebody leaves, power and person are back."""
    from releve.live import api as live
    from releve.situation import AgentBack, AgentUnavailable, PowerDown, PowerUp

    round_, step = divmod(number, 4)
    at = live.real()
    common: dict[str, Any] = {
        "id": f"event-{number}",
        "happened_at": at,
        "recorded_at": at,
        "actor": "tests",
    }
    site = operator.sites[round_ % len(operator.sites)].id
    agent = operator.agents[round_ % len(operator.agents)].id
    if step in (0, 2):
        return (PowerDown if step == 0 else PowerUp)(**common, site=site)
    return (AgentUnavailable if step == 1 else AgentBack)(**common, agent=agent)


def check(environ: Mapping[str, str], out: str) -> None:
    """Write what stands in the database to a file, as JSON."""
    _open(environ)
    from releve.ledger.chain import entries, text_of
    from releve.ledger.hashing import NO_HASH, entry_hash
    from releve.ledger.models import Entry
    from releve.live.models import Act, Effect, Relief

    prev, broken = NO_HASH, []
    for number, row in enumerate(Entry.objects.order_by("seq"), 1):
        if (row.seq, row.prev, row.hash) != (number, prev, entry_hash(text_of(row))):
            broken.append(row.seq)
        prev = row.hash
    kinds = [(row.kind, json.dumps(row.body, sort_keys=True)) for row in entries("live")]
    once = ("routing.published", "message.sent", "relief.made", "people.told")
    twice = [body for (kind, body), n in Counter(kinds).items() if kind in once and n > 1]
    document = {
        "broken": broken,
        "acts": {row.key: row.seq for row in Act.objects.all()},
        "events": Counter(kind for kind, _ in kinds),
        "twice": twice,
        "effects": Counter(Effect.objects.values_list("state", flat=True)),
        "errors": list(Effect.objects.exclude(error="").values_list("key", "error")),
        "published": Effect.objects.filter(kind="publish", state="done").count(),
        "tries": max(Effect.objects.values_list("attempts", flat=True)),
        "generations": list(
            Relief.objects.order_by("generation").values_list("generation", flat=True)
        ),
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")
