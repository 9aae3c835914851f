"""``scripts/demo --sector`` on a small sector, and every byte between its members and its clerk."""

from __future__ import annotations

import csv
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from releve.plugins.sector.engine.needs import Openings, SectorOffer, SectorRequest
from tests.desk_valve.offices import put_clock
from tests.homes import TABLES
from tests.live.killed_house import move_clock, wait_until
from tests.local_server import serve_locally
from tests.processes import ROOT, open_to_scripts

pytestmark = pytest.mark.slow
GIVER, ASKER = MEMBERS = ("member-01", "member-02")
MATCH = {"agents", "asker", "destination", "giver", "half_hour", "offer", "price_cents", "request", "skill"}
"""What a pair reads of its match; nothing else in a result is of two operators."""


@dataclass(frozen=True)
class Sent:
    """A request of a member and the clerk's answer, as they crossed the wire."""

    member: str
    path: str
    head: bytes
    body: bytes
    answer: bytes

    @property
    def order(self) -> dict[str, Any]:
        """The signed text of an order."""
        found: dict[str, Any] = json.loads(self.body)["order"]
        return found


@dataclass
class Recorder:
    """A proxy before the clerk that keeps every byte; a member is known by its token."""

    homes: Path
    clerk: int
    sent: list[Sent] = field(default_factory=list)
    cleared: bool = False

    def name_member(self, token: str) -> str:
        tokens = {name: (self.homes / f"{name}.token").read_text().strip() for name in MEMBERS}
        return next((name for name in MEMBERS if tokens[name] == token), "")

    def is_held_back(self, member: str, path: str) -> bool:
        """Return whether an answer waits: the run ends with the asker's result, the giver's comes
        first."""
        self.cleared |= "/results/" in path
        return "/results/" in path and member == ASKER and not self.has_result(GIVER)

    def has_result(self, member: str) -> bool:
        return any(one.member == member and "/results/" in one.path for one in self.sent)

    def orders(self, kind: str) -> list[Sent]:
        found = [one for one in self.sent if one.path == "/association/orders"]
        return [one for one in found if one.order["kind"] == kind]

    @contextmanager
    def serve(self) -> Iterator[str]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.pass_on()

            def do_POST(self) -> None:
                self.pass_on()

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                clerk = http.client.HTTPConnection("127.0.0.1", recorder.clerk, timeout=60)
                try:
                    clerk.request(self.command, self.path, body, dict(self.headers))
                    reply = clerk.getresponse()
                    answer, status = reply.read(), reply.status
                except OSError:  # the clerk has not started yet: the demo asks again
                    answer, status = b"", 502
                finally:
                    clerk.close()
                member = recorder.name_member(self.headers["Authorization"].partition(" ")[2])
                if status < 400 and recorder.is_held_back(member, self.path):
                    answer, status = b"", 502
                if status < 400:
                    head = f"{self.path}\n{self.headers}".encode()
                    recorder.sent.append(Sent(member, self.path, head, body, answer))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        with serve_locally(Handler) as address:
            yield f"http://{address}"


@dataclass(frozen=True)
class Run:
    """A finished run: what it printed, its traffic, the folder that it wrote."""

    said: str
    sent: list[Sent]
    recorder: Recorder
    folder: Path

    def read_table(self, member: str, table: str) -> list[dict[str, str]]:
        path = self.folder / "members" / member / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def read_result(self, member: str) -> dict[str, Any]:
        """Return the result that a member fetched, as it crossed the wire."""
        found = [one for one in self.sent if one.member == member and "/results/" in one.path]
        text: dict[str, Any] = json.loads(found[-1].answer)["result"]
        return text


def find_ports() -> int:
    """Return the first of three ports in a row that nothing else is given meanwhile."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with suppress(OSError):
            for one in range(port, port + 3):
                socket.create_server(("127.0.0.1", one)).close()
            return port


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run the demo once in a checkout of its own, its clock put past the gate when both are in."""
    checkout, port = tmp_path_factory.mktemp("demo"), find_ports()
    clock = checkout / "clock"
    move_clock(clock, 0)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / "scripts").mkdir()
    for name in ("demo", "demo-sector"):
        shutil.copy(ROOT / "scripts" / name, checkout / "scripts")
    python, forked = f'PYTHONPATH={ROOT} exec {sys.executable} "$@"', ROOT / "tests" / "forked_program.py"
    for name, line in (
        ("scripts/setup", "exit 0"),
        (".venv/bin/python", python),
        (".venv/bin/releve", python.replace('"$@"', f'-ISE {forked} tests.demo_releve "$@"')),
    ):
        (checkout / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (checkout / name).chmod(0o755)
    folder = checkout / "var" / "demo" / "sector"
    recorder = Recorder(folder / "homes", port)
    size = ("--agents", "240", "--sites", "4", "--seed", "3", "--port", str(port))
    kept = {name: text for name, text in os.environ.items() if not name.startswith("RELEVE_")}
    kept |= {TABLES: os.environ[TABLES]} if TABLES in os.environ else {}
    with (
        recorder.serve() as address,
        open_to_scripts(starter := checkout / "starter"),
        (checkout / "said").open("wb") as said,
    ):
        demo = subprocess.Popen(
            [str(checkout / "scripts" / "demo"), "--sector", "--once", *size],
            env={**kept, "TEST_CLOCK_FILE": str(clock), "TEST_RECORDER": address, "TEST_STARTER": str(starter)},
            stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:

            def holds(kind: str) -> bool:
                assert demo.poll() is None, (checkout / "said").read_text(encoding="utf-8")
                return bool(recorder.orders(kind))

            wait_until(lambda: holds("commit") and holds("request"), 900, "nothing was sent")
            said_so_far = (checkout / "said").read_text(encoding="utf-8")
            closes = re.search(r"closes at (.{19}) UTC", said_so_far)
            assert closes is not None
            closing = datetime.fromisoformat(f"{closes[1]}+00:00")
            put_clock(clock, closing + timedelta(seconds=5))
            wait_until(lambda: holds("open"), 300, "the offer was not opened")
            put_clock(clock, closing + timedelta(minutes=1, seconds=5))
            wait_until(lambda: recorder.cleared, 300, "the clerk has not cleared")
            put_clock(clock, closing + timedelta(minutes=3))
            status = demo.wait(300)
        finally:
            if demo.poll() is None:
                demo.send_signal(signal.SIGTERM)
                demo.wait(60)
        text = (checkout / "said").read_text(encoding="utf-8")
        assert status == 0, text
        yield Run(text, list(recorder.sent), recorder, folder)


def test_the_demo_ends_with_a_match_between_its_two_members(run: Run) -> None:
    printed = json.loads(run.said[run.said.index("\n{") :])
    assert printed["member"] == ASKER
    assert printed["matches"]
    assert {(one["giver"], one["asker"]) for one in printed["matches"]} == {(GIVER, ASKER)}
    assert printed["matches"] == run.read_result(ASKER)["matches"]
    for port in ("/association/clerk", "/contracts/gates/"):
        assert port in run.said, "where to look is printed"


def test_no_byte_of_the_demo_names_an_agent_a_client_a_programme_or_a_site(run: Run) -> None:
    words = {
        row[column].lower()
        for member in MEMBERS
        for table, column in (("agents", "id"), ("clients", "id"), ("clients", "name"),
                              ("programmes", "id"), ("programmes", "name"), ("sites", "id"),
                              ("sites", "name"))
        for row in run.read_table(member, table)
        if len(row[column]) > 2
    }  # fmt: skip
    assert len(words) > 100
    traffic = b"\n".join(part for one in run.sent for part in (one.head, one.body, one.answer))
    text = re.sub("[0-9a-f]{32,}", "", traffic.decode().lower())  # a digest may spell a00012
    assert len(run.sent) >= 7
    assert {one.member for one in run.sent} == set(MEMBERS)
    assert sorted(word for word in words if word in text) == []


def test_before_the_gate_closes_no_byte_holds_a_figure_of_an_offer(run: Run) -> None:
    (commit,) = run.recorder.orders("commit")
    (opening,) = run.recorder.orders("open")
    offers, nonces = opening.order["offers"], opening.order["nonces"]
    assert offers
    assert commit.order["offers"] == []
    before = run.sent[: run.sent.index(opening)]
    for nonce in nonces.values():
        assert not any(nonce.encode() in one.body + one.answer for one in before)
    sealed = commit.order["commitments"]
    assert set(sealed) == {one["offer"] for one in offers}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in sealed.values())


def test_a_member_reads_of_the_other_its_matches_and_no_other_figure(run: Run) -> None:
    """Every figure that reached a member is its own, or stands in a match of the pair."""
    for member in MEMBERS:
        result = run.read_result(member)
        assert all(set(one) == MATCH for one in result["matches"])
        own = {name for order in run.sent for name in list_own_names(order, member)}
        for kind, name in (("offers", "offer"), ("requests", "request")):
            assert {row[name] for row in result[kind]} <= own, "rows of its own alone"
        rest = {name: value for name, value in result.items() if name != "matches"}
        figures = set(list_figures(rest))
        known = {number for row in (*rest["offers"], *rest["requests"]) for number in row.values()}
        sums = {sum(n for _t, n in row["agents"]) for row in list_own_rows(run, member)}
        assert figures <= {value for value in known if isinstance(value, int)}
        offered = [row["offered"] for row in result["offers"]]
        asked = [row["asked"] for row in result["requests"]]
        assert set(offered) | set(asked) <= sums
        reasons = " ".join(row["reason"] for row in (*rest["offers"], *rest["requests"]))
        assert {int(number) for number in re.findall(r"\d+", reasons)} <= known


def test_what_the_giver_can_work_out_of_a_request_is_at_most_what_it_could_have_served(run: Run) -> None:
    """Agents left over tell the giver the need of requests it may serve, and of no other."""
    (opening,) = run.recorder.orders("open")
    (request,) = run.recorder.orders("request")
    openings = read_order_rows(opening.order, request.order)
    taken = Counter[tuple[str, int]]()
    got = Counter[tuple[str, int]]()
    for one in run.read_result(GIVER)["matches"]:
        taken[one["offer"], one["half_hour"]] += one["agents"]
        got[one["request"], one["half_hour"]] += one["agents"]
    assert got
    assert not any(b"ceiling" in one.answer for one in run.sent), "no price limit comes back"
    pairs = [
        (offer, asked)
        for offer, asked in itertools.product(openings.offers, openings.requests)
        if openings.allows(offer, asked)
    ]
    assert {name for name, _ in got} <= {asked.request for _, asked in pairs}
    for offer, asked in pairs:
        need = dict(asked.agents)
        for half_hour, agents in offer.agents:
            if half_hour in need and taken[offer.offer, half_hour] < agents:
                assert got[asked.request, half_hour] == need[half_hour]


def read_order_rows(opening: dict[str, Any], request: dict[str, Any]) -> Openings:
    """Return what the clerk cleared, from the two orders as they were sent."""
    made = {
        name: [{**row, "agents": tuple(map(tuple, row["agents"]))} for row in order[name]]
        for name, order in (("offers", opening), ("requests", request))
    }
    return Openings(
        tuple(SectorOffer(**row) for row in made["offers"]),
        tuple(SectorRequest(**row) for row in made["requests"]),
        frozenset(map(tuple, request["approvals"])),
    )


def list_own_names(sent: Sent, member: str) -> list[str]:
    if sent.member != member or sent.path != "/association/orders":
        return []
    order = sent.order
    return [*(row["offer"] for row in order["offers"]), *(row["request"] for row in order["requests"])]


def list_own_rows(run: Run, member: str) -> list[dict[str, Any]]:
    orders = [one.order for one in run.sent if one.member == member and one.path == "/association/orders"]
    return [row for order in orders for row in (*order["offers"], *order["requests"])]


def list_figures(value: Any) -> Iterator[int]:
    """Yield every whole number of a JSON value."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from list_figures(one)
    elif isinstance(value, list):
        for one in value:
            yield from list_figures(one)
