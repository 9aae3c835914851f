"""The time that a gate adds to the set-up of a call out, through a real proxy."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.gate.gate_processes import PRELOADED, prepare, serve
from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.gate.test_killed_gates import SPAWN, ask, run_child
from tests.ledger.ledger_processes import create_installation
from tests.routing.outbound_run import DIALLER, answers_of, outbound_operator
from tests.routing.sip_bench import SECRET, ProxyProcess, SipPhone, wait_until

__all__ = ["SECONDS", "measure_times", "running_gate"]

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
