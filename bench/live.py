"""The live chain measured: from the second declaration to the relief published.

    python -m bench.live [--size small|medium] [--idle S] [--closures N] [--minutes M] [--json]

Each closure is a drill of its own on the sample operator (600 agents on 6 sites, or 5,000 on 15),
started at 10:40 of the first planned day with a worker running: two agents of a site are declared,
the rule closes it, the relief is looked up and its routes are published and read back. Every other
closure is an accident, which the plan does not foresee: there the first answer is timed, and the
optimum in whole people that replaces it. SQLite in a folder of its own, or RELEVE_DATABASE_URL.
After M minutes no further closure is begun, and the output says how many there were. Before the first one,
the worker's transactions and its share of a core are measured over S seconds in which nothing happens, on the
first planned day at 10:40 by a clock that is set to it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import click
import numpy as np

from releve.cli.database import open_new_database
from releve.network import Operator, sample_operator, to_utc
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.week import require_day
from tests.homes import make_test_home

if TYPE_CHECKING:
    from releve.live.models import Relief

__all__ = ["main"]

SIZES = {"small": (600, 6), "medium": (5000, 15)}
LONGEST_SECONDS = 120.0


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


class ProgressPrinter:
    """Print each stage of planning, and every fifth of it, once."""

    def __init__(self) -> None:
        self.last = ("", -1)

    def __call__(self, stage: str, share: float) -> None:
        found = (stage, int(5 * share))
        if found != self.last:
            self.last = found
            say(f"planning: {stage} {share:.0%}")


def find_start(operator: Operator) -> datetime:
    return to_utc(datetime.fromisoformat(f"{FIRST_DAY}T10:40"), operator.row.time_zone)


def begin(agents: int, sites: int) -> tuple[Operator, Plan]:
    """Import the operator, put the plan of its first day in force and choose the rules that close a site."""
    from releve.live import api as live
    from releve.registry.service import apply_changes, preview_changes
    from tests.live.scenario import choose_pack

    operator = sample_operator(agents, sites, 1, weeks_of_history=4)
    lost = [row for row in list_contingencies(operator) if row.kind == "site"]
    need = require_day(operator, FIRST_DAY)
    plan = plan_day(operator, need, PlanSettings(), contingencies=lost, progress=ProgressPrinter())
    apply_changes(preview_changes(operator), "bench")
    live.put_in_force([plan], by="bench")
    choose_pack()
    return operator, plan


class TransactionCounter:
    """Counts transactions: on SQLite the statements outside a block, of which one begins each block."""

    def __init__(self) -> None:
        from django.db.backends.signals import connection_created

        self.statements = 0
        connection_created.connect(self._watch, weak=False)

    def _watch(self, connection: Any, **_given: object) -> None:
        connection.execute_wrappers.append(self._count)

    def _count(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements += not context["connection"].in_atomic_block
        return execute(sql, params, many, context)

    def read(self) -> int:
        """Return how many there were so far; PostgreSQL counts itself."""
        from django.db import connection

        if connection.vendor != "postgresql":
            return self.statements
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
            )
            return int(cursor.fetchone()[0])


def measure_idle(counter: TransactionCounter, seconds: float) -> dict[str, float]:
    """Return the transactions a second and the share of a core of a worker that has nothing to do."""
    time.sleep(min(seconds, 20.0))  # it prepares the day, and publishes its routes
    began, before, processor = time.monotonic(), counter.read(), time.process_time()
    time.sleep(seconds)
    took = time.monotonic() - began
    return {
        "idle_transactions_per_s": round((counter.read() - before) / took, 2),
        "idle_core_share": round((time.process_time() - processor) / took, 4),
    }


@contextmanager
def set_clock(at: datetime) -> Iterator[None]:
    """Within, the program's clock runs from an instant."""
    from django.utils import timezone

    began = time.monotonic()
    with patch.object(timezone, "now", lambda: at + timedelta(seconds=time.monotonic() - began)):
        yield


def close(operator: Operator, plan: Plan, site: str, *, foreseen: bool) -> dict[str, float]:
    """Close a site in a drill of its own; return the seconds to each publication, by source.

    What is foreseen is the closure by the rule, on the second declaration; what is not is an
    accident, whose people may also go to other sites.
    """
    from releve.live import api as live

    at = find_start(operator)
    stream = live.start_drill("bench", by="bench", at=at).name
    time.sleep(3.0)  # the worker publishes the day's routes and prepares the day
    if foreseen:
        first, second, *_ = (row.agent for row in plan.placements if row.place == site)
        record("case.declared", stream, site=site, agent=first, status="declared_case")
        record("case.declared", stream, site=site, agent=second, status="declared_case")
    else:
        record("site.closed", stream, site=site, cause="hazard", reason="crack in a pillar")
    rows = awaited(stream, "planned" if foreseen else "optimum")
    live.stop_drill(stream, by="bench")
    return {
        row.source: (row.published_at - row.asked_at).total_seconds() for row in rows if row.published_at is not None
    }


def record(kind: str, stream: str, **fields: Any) -> None:
    """Record an event that happens now."""
    from releve.live import api as live
    from releve.situation import KINDS

    at = live.now(stream)
    common: dict[str, Any] = {"id": uuid.uuid4().hex, "happened_at": at, "recorded_at": at, "actor": "bench"}
    live.record(KINDS[kind](**common, **fields), key=uuid.uuid4().hex, stream=stream)


def awaited(stream: str, source: str) -> list[Relief]:
    """Wait until the relief of a source is published; return all of them."""
    from releve.live import api as live

    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        rows = live.list_reliefs(stream)
        if any(row.source == source and row.published_at is not None for row in rows):
            return rows
        time.sleep(0.02)
    aside = [effect.error for effect in live.list_effects_aside(stream)]
    raise RuntimeError(f"no {source} relief was published within {LONGEST_SECONDS} s: {aside}")


def quantiles(values: list[float]) -> list[float]:
    return [round(float(np.quantile(values, q)), 3) for q in (0.5, 0.95)] if values else []


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="medium", show_default=True)
@click.option("--idle", default=60.0, show_default=True, type=click.FloatRange(0.1), help="Seconds.")
@click.option("--closures", default=100, show_default=True, type=click.IntRange(2))
@click.option("--minutes", default=9.0, show_default=True, type=click.FloatRange(0.1))
@click.option("--json", "as_json", is_flag=True)
def main(size: str, idle: float, closures: int, minutes: float, as_json: bool) -> None:
    """Close sites one after another, foreseen and not by turns, and time the answers."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["RELEVE_HOME"] = str(make_test_home(Path(home)))
        open_new_database()
        from django.conf import settings
        from django.db import connection

        from releve.live.worker import Worker

        counter = TransactionCounter()
        connection.close()
        operator, plan = begin(*SIZES[size])
        say(f"{len(operator.agents)} agents on {len(operator.sites)} sites; plan in force")
        with set_clock(find_start(operator)):
            worker = Worker(2)
            worker.start()
            try:
                rest = measure_idle(counter, idle)
            finally:
                worker.stop()
        say(f"nothing happens for {idle:g} s: {rest}")
        until = time.monotonic() + 60 * minutes
        worker = Worker(2)
        worker.start()
        found: dict[str, list[float]] = {"planned": [], "first": [], "optimum": []}
        done = 0
        try:
            for number in range(closures):
                if time.monotonic() > until:
                    say(f"{minutes:g} minutes are over: {done} of {closures} closures")
                    break
                site = operator.sites[number // 2 % len(operator.sites)].id
                seconds = close(operator, plan, site, foreseen=number % 2 == 0)
                for source, value in seconds.items():
                    found[source].append(value)
                done += 1
                say(f"{done}/{closures} {site}: {seconds}")
        finally:
            worker.stop()
        result = {
            "agents": len(operator.agents),
            "database": settings.DATABASES["default"]["ENGINE"].rpartition(".")[2],
            **rest,
            "closures": done,
            **{f"{name}_p50_p95_s": quantiles(values) for name, values in found.items()},
        }
    print(json.dumps(result) if as_json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
