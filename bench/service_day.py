"""A day of a real bank replayed as interval statistics, against an installation on a fast clock.

    ./scripts/with-postgres ./scripts/bench service_day [--speed 600] [--json]

``releve desk serve`` and ``releve live work`` run on a wall clock (``fast_clock.c``, preloaded)
that is ``--speed`` times as fast; an ACD drops a file at the end of each quarter of an hour of that
clock, some late, twice, in part or wrong at first. At 23:50 the clock falls back to the true pace,
so that the desk can be asked while it is still that day: its figures are compared with those
counted from the log. ``unequal`` lists what differs; ``behind_s`` says how many true seconds after
23:50 the desk showed all of it.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import polars as pl

from bench.validate.rest_of_day import QUEUES_1999, ZONE_1999, load_1999, shared_folder
from releve.cli.database import open_new_database
from tests.service_record.bank_day import COUNTED, DAY, count, list_files, read_day, read_instant, write_source

__all__ = ["main"]

LEAD_IN = timedelta(hours=3)
"""Of the fast clock, before midnight: the servers are up when the day begins."""
SLOW_FROM = timedelta(hours=23, minutes=50)
PATIENCE_S = 60.0
FIGURES = ("offered", "answered", "abandoned", "level")


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class FastClock:
    """A wall clock in seconds since 1970: what it showed when it began, speed and limit."""

    began: float
    first: float
    speed: float
    limit: float
    library: Path

    def environ(self) -> dict[str, str]:
        """Return the variables of a process that lives by it."""
        numbers = (self.began, self.first, self.speed, self.limit)
        text = " ".join(f"{number:.6f}" for number in numbers)
        return {"LD_PRELOAD": str(self.library), "RELEVE_FAST_CLOCK": text}

    def sleep_until(self, instant: float) -> None:
        """Wait until it shows an instant before its limit."""
        time.sleep(max(0.0, self.began + (instant - self.first) / self.speed - time.time()))


def build_clock(folder: Path) -> FastClock:
    """Compile a clock that begins before midnight of the replayed day, at the true pace."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise click.ClickException("no C compiler: apt-get install gcc")
    library = folder / "fast_clock.so"
    source = Path(__file__).with_name("fast_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return FastClock(time.time(), read_instant(DAY - LEAD_IN), 1.0, math.inf, library)


def fill(data: Path) -> str:
    """Import the bank as an operator of one site; return the secret of a token that reads it."""
    open_new_database()
    from releve.accounts import grants, tokens
    from releve.accounts.two_people import COMMAND_LINE
    from releve.registry.service import apply_changes, preview_changes
    from tests.plan.tiny_operators import operator_of, site

    rows = tuple(load_1999(data).programmes.values())
    found = operator_of([site("casa-1")], {"casa-1": (4, 2.0)}, rows, [], [])
    found = replace(found, row=replace(found.row, time_zone=ZONE_1999))
    apply_changes(preview_changes(found), "bench")
    wanted = grants.RoleRequest("continuity", last_day=(DAY + timedelta(days=9)).date())
    return tokens.issue_token("replay", wanted, by=COMMAND_LINE)[1]


def count_day(calls: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return the figures of each programme over the half hours that are over at the end."""
    over = count(calls.filter(pl.col("start") < COUNTED), "type")
    return {
        QUEUES_1999[row["type"]]: {
            **{name: float(row[name]) for name in FIGURES[:3]},
            "level": round(row["in_time"] / row["offered"], 6),
        }
        for row in over.iter_rows(named=True)
    }


def ask_desk(port: int, secret: str) -> dict[str, dict[str, float]]:
    """Return the figures of each programme that the desk shows of today."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/now", headers={"Authorization": f"Bearer {secret}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        service = json.load(answer)["service"]
    return {
        row["programme"]: {name: row[name] if row[name] is None else round(row[name], 6) for name in FIGURES}
        for client in service["clients"]
        for row in client["programmes"]
    }


@contextmanager
def started(line: list[str], environ: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a command of the product meanwhile."""
    with log.open("w") as out, subprocess.Popen(line, env=environ, stdout=out, stderr=out) as child:
        try:
            yield
            if child.poll() is not None:
                raise click.ClickException(log.read_text()[-2000:])
        finally:
            child.terminate()


def replay(home: Path, data: Path, speed: float) -> dict[str, Any]:
    """Replay the day, and return the figures of log and desk."""
    environ = {**os.environ, "RELEVE_HOME": str(home)}
    releve = [sys.executable, "-W", "ignore", "-m", "releve"]
    subprocess.run([*releve, "init"], env=environ, check=True, stdout=subprocess.DEVNULL)
    source = write_source(home / "statistics")
    calls = read_day(data)
    last = read_instant(DAY + SLOW_FROM)
    files = sorted((row for row in list_files(count(calls, "start", "type")) if row[0] < last), key=lambda row: row[0])
    still = build_clock(home)
    filled = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.service_day", "--fill"],
        env=environ | still.environ(), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    secret = filled.stdout.split()[-1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    clock = replace(still, began=time.time(), speed=speed, limit=last)
    environ |= clock.environ()
    lines = {"desk": [*releve, "desk", "serve", "--port", str(port)], "worker": [*releve, "live", "work"]}
    with ExitStack() as running:
        for name, line in lines.items():
            running.enter_context(started(line, environ, home / f"{name}.log"))
        late = 0.0
        for at, name, rows, stamp in files:
            clock.sleep_until(at)
            late = max(late, clock.first + (time.time() - clock.began) * speed - at)
            path = source / f"{name}.part"
            rows.write_csv(path, datetime_format="%Y-%m-%dT%H:%M")
            os.utime(path, (stamp, stamp))
            path.rename(path.with_suffix(".csv"))
        clock.sleep_until(clock.limit)
        wanted, began = count_day(calls), time.monotonic()
        found = ask_desk(port, secret)
        while found != wanted and time.monotonic() < began + PATIENCE_S:
            time.sleep(0.2)
            found = ask_desk(port, secret)
        return {
            "files": len(files),
            "latest_file_s": round(late / speed, 3),
            "calls": calls.height,
            "behind_s": round(time.monotonic() - began, 1),
            "log": wanted,
            "desk": found,
            "unequal": [name for name in wanted if found.get(name) != wanted[name]],
        }


@click.command()
@click.option("--speed", default=600.0, show_default=True, type=click.FloatRange(1, 3600))
@click.option("--json", "as_json", is_flag=True)
@click.option("--fill", "fill_only", is_flag=True, hidden=True, help="Of a child: the import")
def main(speed: float, as_json: bool, fill_only: bool) -> None:
    """Replay a day of the bank's log, and compare what the desk shows at its end."""
    data = shared_folder()
    if data is None:
        raise click.ClickException("the real call logs are absent (RELEVE_SHARED, or ../shared)")
    if fill_only:
        print(fill(data))
        return
    if not os.environ.get("RELEVE_DATABASE_URL"):
        say("on SQLite; ./scripts/with-postgres runs it on PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as folder:
        found = replay(Path(folder), data, speed)
    if as_json:
        print(json.dumps(found))
    else:
        for name, row in found["log"].items():
            print(f"{name}: log {row}, desk {found['desk'].get(name)}")
        print(f"{found['files']} files, {found['calls']} calls, {found['behind_s']} s behind")
    raise SystemExit(bool(found["unequal"]))


if __name__ == "__main__":
    main()
