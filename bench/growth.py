"""What a day of operation adds to the database and the log, and what retention takes back.

    python -m bench.growth [--agents N] [--sites S] [--step M] [--json]

The registry holds the sample operator with a plan made for the purpose (see :mod:`bench.desk`). A day is then run
by a clock that is moved M minutes at a time, with everything done by the program's own means: each programme files
the report of each half hour, each site records its daily check, agents declare cases, a site is closed at 10:00, who
is notified answers, another site is without power for an hour, people read pages, and the worker runs all that is
due. Afterwards the daily jobs run as many days later as RETENTION names, and the tables are measured each time.

Bytes are those of SQLite's pages or PostgreSQL's relations with their indexes (the database of RELEVE_DATABASE_URL);
of the log, those that desk and worker write with ``RELEVE_LOG_FORMAT=json``.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bench.desk import fill, people, say
from bench.live import set_clock
from bench.load import OPENED, record
from releve.cli.database import keep_secret, open_new_database
from tests.homes import make_test_home

__all__ = ["main"]

RETENTION = (1, 31, 91, 1097)
"""Days after which the daily jobs run: docs/retention.md names the periods that are over then."""
CLOSED_AT, CUT_AT, BACK_AT = 10, 14, 15
POLL_SECONDS = 10
ANSWERED = 0.8
"""Share of those notified who answer within a step."""


def measure_tables() -> dict[str, tuple[int, int]]:
    """Return the rows and the bytes of each table, with its indexes."""
    from django.db import connection

    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        if connection.vendor == "postgresql":
            sizes = {}
            for name in names:
                cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [f'"{name}"'])
                sizes[name] = int(cursor.fetchone()[0])
        else:
            cursor.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name GROUP BY 1"
            )
            sizes = dict(cursor.fetchall())
        found = {}
        for name in names:
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            found[name] = (int(cursor.fetchone()[0]), int(sizes.get(name, 0)))
    return found


class LogSize(logging.Handler):
    """Counts the bytes of the lines that the program would write to standard error."""

    def __init__(self) -> None:
        from releve.log_formats import JsonFormatter

        super().__init__()
        self.setFormatter(JsonFormatter())
        self.found: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        part = "requests" if record.name == "releve.requests" else "worker"
        self.found[part] += len(self.format(record).encode()) + 1
        self.found[f"{part} lines"] += 1


def file_reports(start: datetime) -> None:
    """File the report of a half hour of each programme."""
    from releve.live import api as live
    from releve.service_record.models import IntervalReport

    IntervalReport.objects.bulk_create(
        IntervalReport(
            programme=row.id, source="acd", start=start, minutes=30, recorded_at=start + timedelta(minutes=30),
            offered=40, answered=38, abandoned=2, in_time=33, short=1, handled_s=38 * 300.0, waited_s=400.0,
        )
        for row in live.operator_now().programmes
    )  # fmt: skip


def answer_messages() -> int:
    """Let those who were notified answer by their links; return how many did."""
    from releve.live.answers import answer_message
    from releve.live.models import Message

    waiting = Message.objects.filter(kind="agent", replaced=False, acknowledged_at=None)
    tokens = list(waiting.order_by("pk").values_list("token", flat=True))
    chosen = tokens[: int(ANSWERED * len(tokens))]
    for token in chosen:
        answer_message(token, "yes")
    return len(chosen)


def act(hour: float, sites: Sequence[str], agents: Sequence[str], at: datetime) -> None:
    """Record what happens in the step that begins at an hour of the day."""
    if hour == 8:
        for site in sites:
            record("check.done", site=site, day=at.date(), transport_fill=0.5)
        for agent, site in zip(agents, sites, strict=False):
            record("case.declared", site=site, agent=agent, status="declared_case")
    if hour == CLOSED_AT:
        record("site.closed", site=sites[0], cause="hazard", reason="crack in a pillar")
    if hour == CUT_AT:
        record("power.down", site=sites[1])
    if hour == BACK_AT:
        record("power.up", site=sites[1])


def run_day(day: datetime, step: int, session: str) -> dict[str, int]:
    """Run a day that begins at midnight UTC; return what was done."""
    from django.test import Client

    from releve.live import api as live
    from releve.live.worker import run_until_idle

    operator = live.operator_now()
    sites = [row.id for row in operator.sites]
    home = {row.id: row.home_site for row in operator.agents}
    agents = [next(name for name, own in home.items() if own == site) for site in sites]
    web, done = Client(HTTP_HOST="127.0.0.1"), Counter[str]()
    web.cookies["sessionid"] = session
    for number in range(24 * 60 // step):
        at = day + timedelta(minutes=number * step)
        with set_clock(at):
            if number * step % 30 == 0:
                file_reports(at - timedelta(minutes=30))
            act(number * step / 60, sites, agents, at)
            done["effects"] += run_until_idle()
            done["answers"] += answer_messages()
            done["effects"] += run_until_idle()
            for page in OPENED:
                done["pages"] += web.get(page).status_code == 200
        if number % (4 * 60 // step) == 0:
            say(f"  {at:%H:%M}: {dict(done)}")
    return dict(done)


@click.command()
@click.option("--agents", default=5000, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=10, show_default=True, type=click.IntRange(2))
@click.option("--step", default=30, show_default=True, type=click.Choice([10, 15, 30, 60]), help="Minutes.")
@click.option("--json", "as_json", is_flag=True)
def main(agents: int, sites: int, step: int, as_json: bool) -> None:
    """Fill an installation, run a day of it, and let time pass."""
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as home:
        os.environ |= {"RELEVE_HOME": str(make_test_home(Path(home))), "RELEVE_SECOND_FACTOR": "optional"}
        os.environ |= {"RELEVE_SESSION_HOURS": "48", "RELEVE_SESSION_IDLE_MINUTES": "1440"}
        open_new_database()
        keep_secret()
        from django.db import connection

        from releve.live import api as live
        from releve.live.statement import run_daily_jobs

        fill(agents, sites)
        midnight = live.real_now().replace(hour=0, minute=0, second=0, microsecond=0)
        with set_clock(midnight - timedelta(minutes=1)):
            (reader,) = people(1)
        log = LogSize()
        for name in ("", "releve.requests"):
            logging.getLogger(name).handlers = [log]
        logging.getLogger("releve.requests").propagate = False
        before = measure_tables()
        done = run_day(midnight, step, reader.session)
        day, tables = dict(log.found), {"day": measure_tables()}
        now = midnight + timedelta(days=1)
        for days in RETENTION:
            with set_clock(now + timedelta(days=days)):
                run_daily_jobs(live.real_now())
            tables[f"+{days} d"] = measure_tables()
            say(f"the daily jobs of {days} days later have run")
        result: dict[str, Any] = {
            "agents": agents, "sites": sites, "database": connection.vendor, **done, "log": day,
            "before": before, **tables,
        }  # fmt: skip
        connection.close()
    print(json.dumps(result)) if as_json else print_tables(result)


def print_tables(result: dict[str, Any]) -> None:
    """Print the totals, and each table that grew."""
    columns = ["day", *(f"+{days} d" for days in RETENTION)]
    before, log = result["before"], result["log"]
    print(f"{result['agents']} agents on {result['sites']} sites, {result['database']}: {result['effects']} effects, "
          f"{result['answers']} answers, {result['pages']} pages read")  # fmt: skip
    print(f"\n{'':30}" + "".join(f"{name:>12}" for name in ("before", *columns)))

    def line(name: str, values: Sequence[float], form: str) -> None:
        print(f"{name:30}" + "".join(f"{value:{form}}" for value in values))

    every = [before, *(result[name] for name in columns)]
    totals = [sum(size for _, size in tables.values()) / 1e6 for tables in every]
    line("database, MB", totals, "12.2f")
    grew = [name for name in every[1] if every[1][name] != before.get(name)]
    for name in sorted(grew, key=lambda name: before[name][1] - every[1][name][1]):
        line(name, [tables[name][1] / 1e3 for tables in every], "12.0f")
        line("  rows", [tables[name][0] for tables in every], "12d")
    line_bytes = log.get("requests", 0) / max(1, log.get("requests lines", 0))
    open_mb = 86400 / POLL_SECONDS * line_bytes / 1e6
    print(f"\nlog of the day: worker {log.get('worker', 0) / 1e3:.1f} kB in {log.get('worker lines', 0)} lines; "
          f"a request {line_bytes:.0f} bytes, a page left open {open_mb:.2f} MB a day")  # fmt: skip


if __name__ == "__main__":
    main()
