"""The desk under load: 70,000 agents on 200 sites, 50 people whose browsers and programs poll.

    python -m bench.desk [--agents N] [--sites S] [--users U] [--seconds T] [--every E]
                         [--record-days D] [--json]

The registry holds the sample operator of that size. Its plan is made for the purpose and is no
planner's: every rostered agent at their own site for their main programme, three days from today,
nine tenths of that required, no relief (a whole N-1 plan of that size is out of reach here). The
service record holds each half hour of each programme over the days before, and of today so far.
All is measured without that record, then with it: first each page is asked for in one process, its
queries and its processor time, cold and warm; then the product's own server, ``releve desk serve``
(waitress, one process), is polled over loopback: every user asks for the live part of the Now page
and, by a token, for ``/api/v1/now``, each every E seconds with the ETag they hold. Times are from
the first byte sent to the last received, on whatever else the machine does; the server's processor
time is beside them.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np

from releve.cli.database import keep_secret, open_new_database
from releve.network import Operator, day_bounds, sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Placement, Plan
from releve.plan.result import BASE, Bound, PlannedScenario, PlannedSite
from tests.homes import make_test_home

__all__ = ["main"]

PAGES = ("/now", "/now?part=live", "/sites", "/clients", "/reliefs")
OPERATIONS = ("/api/v1/now", "/api/v1/sites", "/api/v1/clients", "/api/v1/reliefs")
DAYS = 3
_HALF_HOUR = timedelta(minutes=30)


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


def plan_of(operator: Operator, day: date) -> Plan:
    """Return a plan made for the purpose: the roster of the sample's first day, at home sites."""
    from releve.plan.coverage import Timeline, count_placed

    zone = operator.row.time_zone
    first, last = day_bounds(day, zone)
    starts = tuple(first + _HALF_HOUR * at for at in range((last - first) // _HALF_HOUR))
    begin, end = day_bounds(FIRST_DAY, zone)
    shift_by = first - begin
    placements = tuple(
        Placement(
            row.agent,
            operator.agent[row.agent].home_site,
            operator.agent[row.agent].skills[0],
            row.start + shift_by,
            row.end + shift_by,
            None,
            None,
        )
        for row in operator.shifts
        if begin <= row.start < end
    )
    placed = count_placed(operator, Timeline(starts), placements)
    seats = seats_of(operator)
    return Plan(
        operator=operator.row.name,
        synthetic=True,
        day=day,
        time_zone=zone,
        starts=starts,
        clients=tuple((row.id, row.name) for row in operator.clients),
        programmes=tuple((row.id, row.client, row.name) for row in operator.programmes),
        sites=tuple(
            PlannedSite(
                row.id, row.name, row.destination, row.time_zone, len(seats[row.id]),
                seats[row.id], len(seats[row.id]), True,
            )
            for row in operator.sites
        ),
        contingencies=(),
        required=0.9 * placed,
        calls=placed * 4.0,
        placements=placements,
        reserve=(),
        scenarios={BASE: PlannedScenario(BASE, placed, (), 0.0, 0.0)},
        cells=(),
        verdicts=(),
        bound=Bound("made for the purpose", *(0.0,) * 6, {}, {}, 0, 0, 0),
        missing=None,
        violations=(),
        settings={"target": 0.05, "thin": 0.8},
        version="bench",
    )  # fmt: skip


def seats_of(operator: Operator) -> dict[str, tuple[str, ...]]:
    """Return the seats of every site."""
    floor_of = {row.id: row.floor for row in operator.zones}
    site_of = {row.id: row.site for row in operator.floors}
    found: dict[str, list[str]] = {row.id: [] for row in operator.sites}
    for seat in operator.seats:
        found[site_of[floor_of[seat.zone]]].append(seat.id)
    return {site: tuple(seats) for site, seats in found.items()}


def fill(agents: int, sites: int) -> None:
    """Import the operator and put its plan in force, without forecasting handling times."""
    from releve.live import api as live
    from releve.live.models import Activation, ActivationDay, PlanText
    from releve.live.plans import build_plan_row
    from releve.registry.service import apply_changes, preview_changes

    began = time.process_time()
    operator = sample_operator(agents, sites, 1, weeks_of_history=1)
    made = apply_changes(preview_changes(operator), "bench")
    say(f"{agents} agents on {sites} sites imported, {time.process_time() - began:.0f} s")
    today = datetime.now().astimezone().date()
    force = Activation.objects.create(at=live.real_now(), by="bench", version=made.number)
    for number in range(DAYS):
        plan = plan_of(operator, today + timedelta(days=number))
        row = build_plan_row(plan, plan.required * 0 + 300.0)
        PlanText.objects.bulk_create([row])
        ActivationDay.objects.create(activation=force, day=plan.day, plan=row)
        say(f"plan of {plan.day}: {len(plan.placements)} people, {len(row.text) / 1e6:.1f} MB")


def fill_record(days: int) -> int:
    """File a report of each half hour of each programme, of ``days`` days and of today so far;
    return how many."""
    from django.db import connection

    from releve.live import api as live
    from releve.service_record.models import IntervalReport

    began, operator = time.process_time(), live.operator_now()
    today, _ = day_bounds(datetime.now().astimezone().date(), operator.row.time_zone)
    halves = (live.real_now() - today) // _HALF_HOUR
    starts = [today + _HALF_HOUR * at for at in range(-48 * days, halves)]
    first, *others = (row.id for row in operator.programmes)
    IntervalReport.objects.bulk_create(
        (
            IntervalReport(
                programme=first, source="acd", start=start, minutes=30,
                recorded_at=start + _HALF_HOUR, offered=40, answered=38, abandoned=2,
                in_time=33, short=1, handled_s=38 * 300.0, waited_s=400.0,
            )
            for start in starts
        ),
        batch_size=1000,
    )  # fmt: skip
    table = IntervalReport._meta.db_table
    named = ("id", "programme")
    columns = [field.column for field in IntervalReport._meta.fields if field.column not in named]
    copied = ", ".join(f'"{name}"' for name in columns)
    names = ", ".join(["(%s)"] * len(others))
    # day by day in the order of the unique index, which then grows at its end alone
    for number in range(-days, 1 if others else -days):
        begin = today + timedelta(days=number)
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH other (name) AS (VALUES {names})"
                f' INSERT INTO "{table}" ("programme", {copied})'
                f' SELECT name, {copied} FROM "{table}" CROSS JOIN other'
                ' WHERE "programme" = %s AND "start" >= %s AND "start" < %s'
                ' ORDER BY "start", name',
                (*sorted(others), first, begin, begin + timedelta(days=1)),
            )
        if number % 50 == 0:
            say(f"  record until {begin:%d/%m/%Y}")
    rows = len(starts) * len(operator.programmes)
    say(f"{rows} reports of {days} days, {time.process_time() - began:.0f} s")
    return rows


@dataclass
class User:
    """A user whose page polls, and their client program."""

    session: str
    token: str
    tags: dict[str, str] = field(default_factory=dict)


def people(count: int) -> list[User]:
    """Return people signed in as continuity managers, each with a token."""
    from django.test import Client
    from django.utils import timezone

    from releve.accounts import grants, tokens
    from releve.accounts.models import User as Account
    from releve.accounts.two_people import COMMAND_LINE

    until = (timezone.now() + timedelta(days=2)).date()
    found = []
    for number in range(count):
        name = f"user{number}"
        grants.give_role(name, grants.RoleRequest("continuity"), by="bench")
        web = Client()
        web.force_login(Account.objects.get(username=name))
        wanted = grants.RoleRequest("continuity", last_day=until)
        _, secret = tokens.issue_token(name, wanted, by=COMMAND_LINE)
        found.append(User(web.cookies["sessionid"].value, secret))
    return found


def each_page(user: User) -> list[dict[str, Any]]:
    """Ask for each page in this process; return its queries and processor times."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    web = Client(headers={"accept-language": "fr"})
    web.cookies["sessionid"] = user.session
    rows = []
    for path in (*PAGES, *OPERATIONS):
        headers = {"Authorization": f"Bearer {user.token}"} if path.startswith("/api") else {}
        times = []
        for _ in range(4):
            with CaptureQueriesContext(connection) as queries:
                began = time.process_time()
                answer = web.get(path, headers=headers)
                times.append(time.process_time() - began)
            if answer.status_code != 200:
                raise SystemExit(f"{path}: {answer.status_code} {answer.content[:200]!r}")
        row = {
            "path": path,
            "queries": len(queries),
            "bytes": len(answer.content),
            "cold_ms": round(1000 * times[0], 1),
            "warm_ms": round(1000 * min(times[1:]), 1),
        }
        say(json.dumps(row))
        rows.append(row)
    return rows


@contextmanager
def served() -> Iterator[tuple[int, int]]:
    """Serve the desk by ``releve desk serve``; yield its port and process id."""
    releve = Path(sys.executable).with_name("releve")
    command = [str(releve), "desk", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            found = re.search(r":(\d+)/", line)
            if found is None:
                raise SystemExit(f"the server did not start: {line}")
            yield int(found[1]), server.pid
        finally:
            server.terminate()


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used (Linux)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Polled:
    """What was measured of one address: seconds of each request, and how many were 304."""

    seconds: list[float] = field(default_factory=list)
    unchanged: int = 0
    failed: int = 0


def ask(port: int, user: User, path: str, into: Polled) -> None:
    """Ask once, with the ETag held; note how long it took."""
    headers = {"Accept-Language": "fr", "X-Releve-Polling": "1"}
    if path.startswith("/api"):
        headers["Authorization"] = f"Bearer {user.token}"
    else:
        headers["Cookie"] = f"sessionid={user.session}"
    if path in user.tags:
        headers["If-None-Match"] = user.tags[path]
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    into.seconds.append(time.perf_counter() - began)
    into.unchanged += answer.status == 304
    into.failed += answer.status not in (200, 304)
    user.tags[path] = answer.headers.get("ETag", "")


def poll(port: int, users: list[User], seconds: float, every: float) -> dict[str, Polled]:
    """Let everybody poll both addresses for a time; return what was measured, by address."""
    paths = ("/now?part=live", "/api/v1/now")
    found = {path: Polled() for path in paths}
    until = time.monotonic() + seconds

    def one(number: int) -> None:
        time.sleep(every * number / len(users))
        while time.monotonic() < until:
            began = time.monotonic()
            for path in paths:
                ask(port, users[number], path, found[path])
            time.sleep(max(0.0, every - (time.monotonic() - began)))

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(users))]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(5)
        say(f"  {sum(len(row.seconds) for row in found.values())} requests answered")
    return found


def quantiles(row: Polled) -> Any:
    """Return p50 and p95, in s."""
    return np.quantile(row.seconds, (0.5, 0.95))


def summary(found: dict[str, Polled]) -> dict[str, Any]:
    """Return p50 and p95 in ms of each address."""
    return {
        path: {
            "requests": len(row.seconds),
            "unchanged": row.unchanged,
            "failed": row.failed,
            "p50_p95_ms": [round(1000 * float(value), 1) for value in quantiles(row)],
        }
        for path, row in found.items()
    }


def measure(polling: list[User], seconds: float, every: float) -> dict[str, Any]:
    """Ask for each page in this process, then let everybody poll a server."""
    pages = each_page(polling[0])
    for user in polling:
        user.tags.clear()
    with served() as (port, pid):
        for path in ("/now?part=live", "/api/v1/now"):
            ask(port, polling[0], path, warming := Polled())
            say(f"first {path}: {warming.seconds[0]:.1f} s")
        before = processor_seconds(pid)
        found = poll(port, polling, seconds, every)
        used = processor_seconds(pid) - before
    requests = sum(len(row.seconds) for row in found.values())
    return {"pages": pages, "polled": summary(found), "server_ms_a_request": round(1000 * used / requests, 1)}


@click.command()
@click.option("--agents", default=70_000, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=200, show_default=True, type=click.IntRange(1))
@click.option("--users", default=50, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(1.0, 600.0))
@click.option("--every", default=10.0, show_default=True, help="Seconds between a user's polls.")
@click.option("--record-days", default=365, show_default=True, type=click.IntRange(0, 366))
@click.option("--json", "as_json", is_flag=True)
def main(agents: int, sites: int, users: int, seconds: float, every: float, record_days: int, as_json: bool) -> None:
    """Fill an installation and measure it, without a service record and with one."""
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as home:
        os.environ |= {"RELEVE_HOME": str(make_test_home(Path(home))), "RELEVE_SECOND_FACTOR": "optional"}
        open_new_database()
        keep_secret()
        from django.conf import settings

        settings.ALLOWED_HOSTS = ["*"]
        fill(agents, sites)
        polling = people(users)
        result: dict[str, Any] = {"agents": agents, "sites": sites, "users": users}
        result |= {"every_s": every, "without_record": measure(polling, seconds, every)}
        if record_days:
            result["record_days"] = record_days
            result["records"] = fill_record(record_days)
            result["with_record"] = measure(polling, seconds, every)
    print(json.dumps(result) if as_json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
