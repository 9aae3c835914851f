"""Three installations on one machine: a clerk's and two members', their desks and their pages.

They run on one clock that a test moves; five further members have no desk and send by HTTP what
theirs would.
"""

from __future__ import annotations

import csv
import os
import re
import secrets
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from releve.cli.desk import two_processes
from releve.desk.access.guard import COOKIE
from releve.network.opening_hours import is_closed_by_holiday
from tests import processes
from tests.association.sector_of_seven import mask_key, sign_key
from tests.browser_tools import View, command, context, environ_of, faults_of, follow, keep, overflow, serious
from tests.desk_valve.member_plans import BEFORE, plan_member
from tests.live.killed_house import LONGEST_SECONDS, Nursery, move_clock, nursery_of, wait_until

__all__ = [
    "ASKER",
    "GIVER",
    "OPENINGS",
    "OTHERS",
    "Office",
    "Sector",
    "desk_of",
    "look",
    "open_sector",
    "press",
    "read_clerk",
    "read_json",
    "start_worker",
    "wait_for",
]

GIVER, ASKER = "member-01", "member-02"
OTHERS = tuple(f"member-0{number}" for number in range(3, 8))
"""Members without a desk; a figure of fewer than five members is hidden."""
OPENINGS = timedelta(minutes=5)


@dataclass(frozen=True)
class Office:
    """An installation: its home, where its desk is served, what starts its processes."""

    home: Path
    address: str
    nursery: Nursery


@dataclass(frozen=True)
class Sector:
    """A clerk's and two members' installations, their files, and the clock of all of them."""

    offices: dict[str, Office]
    environs: dict[str, dict[str, str]]
    folder: Path
    clock: Path
    day: date
    """Of the help; the bulletin is of two days before, and the clock starts between them."""
    programmes: dict[str, str]
    """Client of each of the asker's programmes."""
    tokens: dict[str, str]
    """Secret of each member without a desk."""
    stack: ExitStack

    @property
    def bulletin_day(self) -> date:
        return self.day - timedelta(days=2)

    def announce(self) -> datetime:
        """Announce a clearing as the clerk, on the clock of the test; return when it closes."""
        minutes = ("--in", "30", "--openings", str(OPENINGS // timedelta(minutes=1)))
        environ = environ_of(self.offices["clerk"].home, self.environs["clerk"])
        line = ("sector", "gate", "announce", "g-1", "--day", str(self.day), *minutes)
        done = processes.run("tests.demo_releve", *line, environ=environ)
        closes = re.search(r"closes at (.{19}) UTC", done.stdout)
        assert closes is not None, done.stderr
        return datetime.fromisoformat(f"{closes[1]}+00:00")

    def put_clock(self, at: datetime) -> None:
        put_clock(self.clock, at)

    def write(self, name: str, rows: Sequence[Sequence[str]]) -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        return path


def open_office(stack: ExitStack, folder: Path, environ: dict[str, str], name: str) -> Office:
    """Start the desk of an installation; return where it is served."""
    home, out = folder / name, folder / f"{name}.out"
    nursery = stack.enter_context(nursery_of(environ_of(home, environ)))
    out.touch()
    start(stack, nursery, out, "desk", "serve", "--port", "0")

    def address() -> re.Match[str] | None:
        return re.search(r"http://127\.0\.0\.1:\d+", out.read_text(encoding="utf-8"))

    wait_until(address, LONGEST_SECONDS, f"the desk of {name} does not say where it listens")
    served = address()
    assert served is not None
    return Office(home, served[0], nursery)


def start_worker(stack: ExitStack, office: Office) -> None:
    out = office.home.with_name(f"{office.home.name}-worker.out")
    start(stack, office.nursery, out, "live", "work")


def start(stack: ExitStack, nursery: Nursery, out: Path, *line: str) -> None:
    child = nursery.start("run_into", str(out), *line)
    stack.callback(nursery.wait, child)
    stack.callback(end, child)


def print_logs(folder: Path) -> None:
    """Print what desks and workers said, which the report of a failure shows."""
    for out in sorted(folder.glob("*.out")):
        print(f"{out.name}:\n{out.read_text(encoding='utf-8')}")


def end(child: int) -> None:
    os.kill(child, signal.SIGTERM)


@contextmanager
def open_sector(folder: Path) -> Iterator[Sector]:
    """Yield a clerk and two members with plans of two days in force, one as the other's help.

    It is the morning after the first of these days, the next Monday that is no holiday of France, nor is
    the Wednesday after it. The clerk's worker is not started: its bulletin is published by hand.
    """
    clock, made = folder / "clock", folder / "made"
    move_clock(clock, 0)
    today = datetime.now(UTC).date()
    monday = today + timedelta(days=7 - today.weekday())
    while any(is_closed_by_holiday("FR", (), monday + timedelta(days=n)) for n in (0, 2)):
        monday += timedelta(days=7)
    day = monday + timedelta(days=2)
    size = ("--operators", "2", "--agents", "240", "--sites", "4", "--seed", "3")
    command(folder / "maker", "network", "sector", *size, "--start", str(monday), str(made))
    for plans in ("plans", BEFORE):
        (made / plans).mkdir(exist_ok=True)
    with two_processes() as run_both:
        list(run_both(partial(plan_member, made, day, monday), (GIVER, ASKER)))
    common = {
        "RELEVE_SECRET_KEY": secrets.token_urlsafe(48),
        "RELEVE_OPEN": "1",
        "RELEVE_OPEN_ACTS": "1",
        "TEST_CLOCK_AHEAD_SECONDS": "0",
        "TEST_CLOCK_FILE": str(clock),
    }
    environs = {"clerk": {**common, "RELEVE_CLERK_OF": "sp2c"}, GIVER: common, ASKER: common}

    def run(name: str, *args: str) -> str:
        return command(folder / name, *args, environ=environs[name]).strip()

    def register(name: str, key: str, mask: str) -> str:
        keys = ("--key", key, "--mask-key", mask)
        return run("clerk", "sector", "clerk", "register", name, *keys)

    with ExitStack() as stack:
        stack.callback(print_logs, folder)
        offices = {"clerk": open_office(stack, folder, environs["clerk"], "clerk")}
        clerk_key = run("clerk", "sector", "clerk", "keys")
        for name in (GIVER, ASKER):
            run(name, "registry", "import", str(made / "members" / name), "--yes")
            for plans in (BEFORE, "plans"):
                run(name, "live", "activate", str(made / plans / name))
            lines = run(name, "sector", "contribute", "keys").split("\n")
            keys = dict(line.rsplit(" ", 1) for line in lines)
            token = register(name, keys["key"], keys["mask key"])
            environs[name] = {**common, "RELEVE_CLERK_TOKEN": token}
            run(name, "sector", "contribute", "join", "sp2c", name, "--clerk-key", clerk_key,
                "--url", offices["clerk"].address)  # fmt: skip
        tokens = {
            name: register(
                name,
                sign_key(name).public_key().public_bytes_raw().hex(),
                mask_key(name).public_key().public_bytes_raw().hex(),
            )
            for name in OTHERS
        }
        groups = ("--group", "MA=MA", "--group", "other=SN,MG")
        run("clerk", "sector", "clerk", "design", f"{monday:%Y-%m}", *groups, "--out", str(folder))
        put_clock(clock, datetime.combine(monday + timedelta(days=1), time(6), UTC))
        for name in (GIVER, ASKER):
            offices[name] = open_office(stack, folder, environs[name], name)
            start_worker(stack, offices[name])
        with (made / "members" / ASKER / "programmes.csv").open(encoding="utf-8") as stream:
            programmes = {row["id"]: row["client"] for row in csv.DictReader(stream)}
        yield Sector(offices, environs, made, clock, day, programmes, tokens, stack)


def put_clock(clock: Path, at: datetime) -> None:
    """Put the clock of all three to an instant."""
    move_clock(clock, (at - datetime.now(UTC)).total_seconds())


@contextmanager
def desk_of(browser: Browser, sector: Sector, name: str, role: str) -> Iterator[Page]:
    """Yield a page of an office's desk, seen in a role; the browser must not complain."""
    with context(browser, sector.offices[name].address, View(), [(COOKIE, role)]) as visitor:
        page = visitor.new_page()
        faults = faults_of(page)
        yield page
        assert faults == []


def press(page: Page, button: str) -> None:
    follow(page.get_by_role("button", name=button, exact=True))


def look(page: Page, name: str) -> None:
    """Keep a picture of a page, which fits the screen and which axe finds nothing serious on."""
    keep(page, name)
    assert overflow(page) == 0
    assert serious(page) == []


def read_json(page: Page, path: str) -> Any:
    answer = page.request.get(path)
    assert answer.status == 200, path
    return answer.json()


def wait_for(page: Page, path: str, holds: Callable[[], bool], what: str) -> None:
    def holds_now() -> bool:
        page.goto(path)
        return holds()

    wait_until(holds_now, LONGEST_SECONDS, what)


def read_clerk(sector: Sector, query: str, *values: str) -> list[tuple[Any, ...]]:
    """Return rows of the clerk's database."""
    with closing(sqlite3.connect(sector.offices["clerk"].home / "releve.sqlite3")) as database:
        return database.execute(query, values).fetchall()
