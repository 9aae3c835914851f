"""Calls out through a real proxy and a real gate that is slow, frozen and killed meanwhile.

While SIPp dials, a second dialler tries what could pass the gate by: requests within calls that
were never let out, Route headers, numbers without mandate, and calls given up while it is asked.
The proxy's records are read all the while, so that some are read before the gate counts the call.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from releve.network import Operator
from tests.gate.gate_processes import PRELOADED, follow_records, prepare, serve, write_state
from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.gate.test_processes import SPAWN, ask, run_child
from tests.ledger.ledger_processes import create_installation
from tests.processes import ROOT
from tests.routing.generations import small_operator
from tests.routing.sip_bench import SECRET, ProxyProcess, SipMessage, SipPhone, wait_until

DIALLER = ROOT / "tests" / "gate" / "sip" / "dialler.xml"
ACTS = ("20", "100", "freeze", "kill")
"""What befalls the gate, one after the other: ms of delay, SIGSTOP for 1.5 s, SIGKILL."""


def outbound_operator(carrier: SipPhone) -> Operator:
    return small_operator(kind="outbound", numbers=(CALLER,), trunk=carrier.address, campaigns=(CAMPAIGN,))


class SlowRelay:
    """Hands requests on to a gate, each after ``delay`` seconds."""

    def __init__(self, port: int) -> None:
        self.delay, self._to = 0.0, port
        self._serving = set[asyncio.Task[Any] | None]()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        open_ones = [back]
        self._serving.add(asyncio.current_task())
        try:
            far, out = await asyncio.open_connection("127.0.0.1", self._to)
            open_ones.append(out)
            await asyncio.gather(self._pump(near, out, slow=True), self._pump(far, back))
        except OSError:
            pass
        finally:  # both, whichever side broke; what is still unsent has no reader
            for one in open_ones:
                one.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, slow: bool = False) -> None:
        while data := await source.read(65536):
            await asyncio.sleep(self.delay if slow else 0)
            to.write(data)
            await to.drain()
        to.close()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        """End what serves; what has only just been accepted has to begin before it can."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks & self._serving:
                task.cancel()
            await asyncio.wait(tasks)
        self._server.close()
        await asyncio.sleep(0)  # the sockets given up are closed in the next round


def list_callees(calls: int) -> list[str]:
    """Return who is called: every fifth is not known to the gate, the others once each."""
    people = calls * 4 // 5
    known = iter(range(people))
    return [phone(people + n // 5) if n % 5 == 0 else phone(next(known)) for n in range(calls)]


def answers_of(messages: Sequence[SipMessage]) -> dict[str, str]:
    """Return the final answer to each call's INVITE."""
    return {
        message.call: message.first_line.split()[1]
        for message in messages
        if not message.sent and message.cseq == "1 INVITE" and re.match(r"SIP/2.0 [2-6]", message.first_line)
    }


class Softphone:
    """A dialler by hand: it sends what it is given, and returns the answers."""

    def __init__(self, proxy: ProxyProcess) -> None:
        self.proxy, self._count = proxy, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.me = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def send(
        self, method: str, call: str, to: str, *, uri: str = "", cseq: int = 1, cli: str = CALLER,
        shown: str = "", to_tag: str = "", routes: Sequence[str] = (), more: Sequence[str] = (),
        branch: str = "",
    ) -> None:  # fmt: skip
        self._count += 1
        host, _, port = self.proxy.outbound.partition(":")
        lines = [
            f"{method} {uri or f'sip:{to}@{self.proxy.outbound}'} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.me};branch=z9hG4bK{branch or f'{call}-{self._count}'}",
            *(f"Route: {route}" for route in routes),
            f"From: {shown}<sip:{cli}@{self.me}>;tag=mine",
            f"To: <sip:{to}@{self.proxy.outbound}>{f';tag={to_tag}' if to_tag else ''}",
            f"Call-ID: {call}", f"CSeq: {cseq} {method}",
            f"Contact: <sip:a@{self.me}>", "Max-Forwards: 70", *more, "Content-Length: 0", "", "",
        ]  # fmt: skip
        self.socket.sendto("\r\n".join(lines).encode(), (host, int(port)))

    def answer(self, cseq: str = "") -> str:
        """Return the next final answer, to a request of that CSeq where one is named."""
        while True:
            text = self.socket.recv(65536).decode()
            wanted = not cseq or re.search(rf"^CSeq: *{cseq}", text, re.M)
            if wanted and re.match(r"SIP/2.0 [2-6]", text):
                return text

    def status(self, cseq: str = "") -> str:
        return self.answer(cseq).split()[1]


@dataclass(frozen=True)
class OutboundRun:
    """What came of a run: the final answers by status, the calls at the carrier, the attempts that
    the gate made and the proxy's records withdrew, the attacks tried, and all that should not be.
    """

    statuses: Counter[str]
    carried: int
    withdrawn: int
    attacks: int
    faults: list[str]


class Attacker:
    """Tries to call out past the gate, until it is stopped."""

    def __init__(self, proxy: ProxyProcess, allowed: int) -> None:
        self.phone, self.allowed, self.tried = Softphone(proxy), allowed, 0
        self.phone.socket.settimeout(0.05)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        way = f"<sip:{self.phone.proxy.outbound};lr;gk=0123>"
        while not self._stopping.wait(0.02):
            self.tried += 1
            call, to = f"attack-{self.tried}", phone(random.randrange(self.allowed))
            kind = self.tried % 4
            if kind == 0:
                method = random.choice(["INVITE", "UPDATE", "REFER"])
                self.phone.send(method, call, to, to_tag="x", routes=[way])
            elif kind == 1:
                self.phone.send("INVITE", call, to, cli="+33612345678")
            elif kind == 2:
                self.phone.send("INVITE", call, phone(99999), routes=["<sip:127.0.0.1:9;lr>"])
            else:
                call = f"race-{self.tried}"
                self.phone.send("INVITE", call, to, branch=call)
                time.sleep(random.random() * 0.02)
                self.phone.send("CANCEL", call, to, branch=call)
            with suppress(TimeoutError):
                while True:
                    self.phone.socket.recv(65536)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.phone.socket.close()


def run_calls(folder: Path, calls: int, rate: int) -> OutboundRun:
    """Place calls of which a fifth is refused, while the gate suffers :data:`ACTS`."""
    SPAWN.set_forkserver_preload(PRELOADED)
    people = calls * 4 // 5
    with create_installation(folder) as environment:
        environment |= {"RELEVE_GATE_KEY": "5" * 64, "RELEVE_GATE_CALLERS": f"proxy={SECRET}:{CAMPAIGN}"}
        run_child(prepare, environment, people, seconds=1800)
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as releve gate serve

        def start_gate() -> Any:
            found = SPAWN.Process(target=serve, args=(environment, listening), daemon=True)
            found.start()
            return found

        gate = start_gate()
        done, acc = SPAWN.Event(), str(folder / "proxy" / "acc")
        reader = SPAWN.Process(target=follow_records, args=(environment, acc, done), daemon=True)
        relay = SlowRelay(listening.getsockname()[1])
        carrier, dialler = SipPhone(folder, "carrier"), SipPhone(folder, "dialler")
        proxy = ProxyProcess(folder / "proxy", outbound_operator(carrier), f"http://127.0.0.1:{relay.port}/gate")
        try:
            wait_until(lambda: ask(listening.getsockname()[1], "/health")[0] == 200)
            carrier.start("site.xml")
            proxy.start()
            numbers = folder / "numbers.csv"
            lines = "".join(f"{to};{CALLER}\n" for to in list_callees(calls))
            numbers.write_text(f"SEQUENTIAL\n{lines}", encoding="utf-8")
            reader.start()
            attacker = Attacker(proxy, people)
            dialler.start(str(DIALLER), "-inf", str(numbers), "-m", str(calls), "-r", str(rate),
                          "-l", "2000", proxy=proxy.outbound)  # fmt: skip
            for act in ACTS:
                time.sleep(calls / rate / (len(ACTS) + 3))
                if act == "freeze":
                    relay.delay = 0.0
                    os.kill(gate.pid, signal.SIGSTOP)
                    time.sleep(1.5)
                    os.kill(gate.pid, signal.SIGCONT)
                elif act == "kill":
                    gate.kill()
                    gate.join()
                    time.sleep(1.0)
                    gate = start_gate()
                else:
                    relay.delay = int(act) / 1000
            dialler.wait(calls / rate * 2 + 120)
            attacker.stop()
            time.sleep(0.5)
            done.set()
            reader.join()
            assert reader.exitcode == 0
            run_child(write_state, environment, str(folder / "found.json"))
        finally:
            proxy.kill()
            for one in (carrier, dialler):
                one.stop()
            for child in (gate, reader):
                if child.pid is not None:
                    child.kill()
                    child.join()
            relay.stop()
            listening.close()
    state = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return _judge(calls, answers_of(dialler.messages), carrier, state, attacker.tried)


def _judge(calls: int, answers: dict[str, str], carrier: SipPhone, state: dict[str, Any], attacks: int) -> OutboundRun:
    invites = carrier.new_calls
    called = {re.findall(r"sip:([^@]+)@", one.first_line)[0] for one in invites}
    allowed = {phone(n) for n in range(calls * 4 // 5)}
    carried = [f"{one.call}/1" for one in invites]
    dialled = [one.call for one in invites if one.call in answers]
    counted, attempts = state["counted"], state["attempts"]
    withdrawn = [name.rpartition("/")[0] for name in attempts.keys() - counted.keys()]
    of_attacks = [one.call for one in invites if one.call.startswith("attack")]
    checks = {
        "a call without an answer": calls - len(answers),
        "a refused number at the carrier": len(called - allowed),
        "an attack at the carrier": len(of_attacks),
        "a call twice at the carrier": len(carried) - len(set(carried)),
        "a call answered 200 that is not at the carrier, or the reverse": abs(
            len(dialled) - Counter(answers.values())["200"]
        ),
        "a call at the carrier that is not counted once": sum(counted.get(name) != 1 for name in carried),
        "an attempt counted of a call that is not at the carrier": len(counted.keys() - set(carried)),
        # 408 where a busy machine lets the proxy's own timer run out before the question's.
        "an attempt withdrawn of a call that was refused otherwise than for lateness": sum(
            answers.get(call, "503") not in {"503", "408"} for call in withdrawn
        ),
    }
    return OutboundRun(
        Counter(answers.values()),
        len(carried),
        len(withdrawn),
        attacks,
        [f"{text}: {count}" for text, count in checks.items() if count],
    )


SECONDS = 20
PROCESSES = 2
"""Of the gate, as in examples/deploy."""
ASKS = "    http_async_query("
"""The line of the configuration that asks the gate."""


def measure_times(folder: Path, gate: str, rate: int, *, asks: bool) -> dict[str, Any]:
    """Place calls for some seconds; return the quantiles of their time to a first answer, in ms."""
    folder.mkdir()
    carrier, dialler = SipPhone(folder, "carrier"), SipPhone(folder, "dialler")
    proxy = ProxyProcess(folder / "proxy", outbound_operator(carrier), gate)
    if not asks:
        path = proxy.folder / "kamailio.cfg"
        lines = path.read_text(encoding="utf-8").splitlines()
        place = next(n for n, line in enumerate(lines) if line.startswith(ASKS))
        lines[place] = "    route(LET_OUT);\n    exit;"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    count = rate * SECONDS
    numbers = folder / "numbers.csv"
    lines = [f"{phone(n)};{CALLER}" for n in range(count)]
    numbers.write_text("\n".join(["SEQUENTIAL", *lines, ""]), encoding="utf-8")
    try:
        carrier.start("site.xml")
        proxy.start()
        dialler.start(str(DIALLER), "-inf", str(numbers), "-m", str(count), "-r", str(rate),
                      "-l", "4000", proxy=proxy.outbound)  # fmt: skip
        dialler.wait(SECONDS * 3 + 60)
        time.sleep(0.5)
    finally:
        proxy.kill()
        carrier.stop()
        dialler.stop()
    begun: dict[str, float] = {}
    times: dict[str, float] = {}
    for row in dialler.messages:
        if row.cseq != "1 INVITE":
            continue
        if row.sent:
            begun.setdefault(row.call, row.at)
        elif not row.first_line.startswith("SIP/2.0 100") and row.call in begun:
            times.setdefault(row.call, 1000 * (row.at - begun[row.call]))
    answers = list(answers_of(dialler.messages).values())
    found = [round(float(np.quantile(list(times.values()), q)), 2) for q in (0.5, 0.99)]
    return {
        "calls_per_second": rate,
        "gate": asks,
        "calls": len(answers),
        "refused_late": answers.count("503"),
        "p50_p99_ms": found,
    }


@contextmanager
def running_gate(folder: Path, people: int) -> Iterator[str]:
    """Run a gate whose campaign may call some people; yield its address."""
    SPAWN.set_forkserver_preload(PRELOADED)
    folder.mkdir()
    with create_installation(folder) as environment:
        environment |= {"RELEVE_GATE_KEY": "5" * 64, "RELEVE_GATE_CALLERS": f"proxy={SECRET}:{CAMPAIGN}"}
        run_child(prepare, environment, people, seconds=1800)
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as releve gate serve
        port = listening.getsockname()[1]
        gates = [SPAWN.Process(target=serve, args=(environment, listening), daemon=True) for _ in range(PROCESSES)]
        for gate in gates:
            gate.start()
        try:
            wait_until(lambda: ask(port, "/health")[0] == 200)
            yield f"http://127.0.0.1:{port}/gate"
        finally:
            for gate in gates:
                gate.kill()
                gate.join()
            listening.close()
