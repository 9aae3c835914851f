"""A real proxy and a real dialler in front of the command: Kamailio as we configure it, SIPp."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gate.sample_campaign import CALLER, CAMPAIGN, phone
from tests.gate.test_processes import served
from tests.processes import ROOT
from tests.routing.generations import small_operator
from tests.routing.sip_bench import SECRET, ProxyProcess, SipPhone, free_port, needs_sip

pytestmark = [pytest.mark.slow]

DIALLER = ROOT / "tests" / "gate" / "sip" / "dialler.xml"


class Proxy:
    """Kamailio and a carrier behind it, which answers every call; and a dialler before it."""

    def __init__(self, folder: Path, gate: int, secret: str = SECRET) -> None:
        self.folder = folder
        self.carrier = SipPhone(folder, "carrier")
        operator = small_operator(kind="outbound", numbers=(CALLER,), trunk=self.carrier.address, campaigns=(CAMPAIGN,))
        url = f"http://127.0.0.1:{gate}/gate"
        self.kamailio = ProxyProcess(folder, operator, url, secret=secret)
        self.acc = folder / "acc"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both, until the end of the block."""
        try:
            self.carrier.start("site.xml")
            self.kamailio.start()
            yield
        finally:
            self.kamailio.kill()
            self.carrier.stop()

    def dial(self, *calls: tuple[str, str]) -> list[str]:
        """Place calls one after the other; return each answer, with the gate's reason if any."""
        numbers, log = self.folder / "numbers.csv", self.folder / "dialler.log"
        numbers.write_text("SEQUENTIAL\n" + "".join(f"{to};{cli}\n" for to, cli in calls))
        subprocess.run(
            ["sipp", self.kamailio.outbound, "-sf", str(DIALLER), "-inf", str(numbers),
             "-i", "127.0.0.1", "-p", str(free_port()), "-m", str(len(calls)), "-l", "1",
             "-timeout", "60", "-nostdin", "-trace_msg", "-message_file", str(log),
             "-message_overwrite", "true"],
            cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=90,
        )  # fmt: skip
        answers: dict[str, str] = {}
        for message in re.split(r"(?m)^-{10,}.*$", log.read_text(encoding="latin-1")):
            status = re.search(r"^SIP/2.0 ([2-6]\d\d)", message, re.M)
            call = re.search(r"^Call-ID: *(\S+)", message, re.M)
            if status and call and re.search(r"^CSeq: *1 INVITE", message, re.M):
                reason = re.search(r"^X-Gate-Reason: *refuse (.+?)\s*$", message, re.M)
                answers[call[1]] = status[1] + (f" {reason[1]}" if reason else "")
        return list(answers.values())

    def carried(self) -> Counter[str]:
        """Return how many requests of each kind have come to the carrier."""
        lines = [one.first_line for one in self.carrier.messages if not one.sent]
        return Counter(line.split()[0] for line in lines if " sip:" in line)


def within_dialog(proxy: ProxyProcess, key: str) -> str:
    """Send an INVITE that says it is of a dialog let out with a key; return the first answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.settimeout(10)
        me = f"127.0.0.1:{here.getsockname()[1]}"
        lines = [
            f"INVITE sip:{phone(1)}@{proxy.outbound} SIP/2.0",
            f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{key}", f"From: <sip:{CALLER}@{me}>;tag=a",
            f"To: <sip:{phone(1)}@127.0.0.1>;tag=made-up", "Call-ID: made-up", "CSeq: 1 INVITE",
            f"Route: <sip:{proxy.outbound};lr;gk={key}>", f"Contact: <sip:a@{me}>",
            "Max-Forwards: 70", "Content-Length: 0", "", "",
        ]  # fmt: skip
        host, _, port = proxy.outbound.partition(":")
        here.sendto("\r\n".join(lines).encode(), (host, int(port)))
        return here.recv(4096).decode().split()[1]


@needs_sip
def test_a_sip_proxy_lets_out_what_the_gate_allows_and_nothing_else(tmp_path: Path) -> None:
    callers = f"proxy={SECRET}:{CAMPAIGN}"
    with served(tmp_path / "gate", 1, callers) as (process, gate, environment):
        proxy = Proxy(tmp_path / "proxy", gate)
        with proxy.running():
            answers = proxy.dial(*[(phone(1), CALLER)] * 5, (phone(0), "+33612345678"))
            assert answers[:5] == ["200"] * 4 + ["603 FR-FREQ-1"]
            assert answers[5] == "603 PROXY-CLI", "the proxy knows whose numbers may be shown"
            assert proxy.carried() == {"INVITE": 4, "ACK": 4, "BYE": 4}
            process.kill()
            assert proxy.dial((phone(0), CALLER)) == ["503"], "no gate is there to allow it"
            assert proxy.carried()["INVITE"] == 4
            named = f"{SECRET}made-up/a".encode()
            key = hashlib.md5(named, usedforsecurity=False).hexdigest()
            assert within_dialog(proxy.kamailio, key) == "403", "even with the key of its Call-ID"
        outcomes = subprocess.run(
            [sys.executable, "-m", "releve", "outbound", "outcomes", str(proxy.acc)],
            cwd=ROOT, env=environment, capture_output=True, text=True,
        )  # fmt: skip
    assert outcomes.stdout.startswith("4 filed, 2 refused, 0 withdrawn, 0 without an attempt, 0 broken lines")


@needs_sip
def test_the_proxy_does_not_start_without_a_secret(tmp_path: Path) -> None:
    Proxy(tmp_path / "proxy", 9)
    environment = {name: value for name, value in os.environ.items() if name != "PROXY_SECRET"}
    found = subprocess.run(
        ["kamailio", "-c", "-f", str(tmp_path / "proxy" / "kamailio.cfg")],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode != 0
    assert "env variable not defined [PROXY_SECRET]" in found.stderr


@needs_sip
def test_a_proxy_with_a_secret_that_is_none_lets_nothing_out(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path / "proxy", 9, secret="")
    with proxy.running():
        key = hashlib.md5(b"made-up/a", usedforsecurity=False).hexdigest()
        assert within_dialog(proxy.kamailio, key) == "503"
    log = (proxy.folder / "kamailio.log").read_text()
    assert "PROXY_SECRET has less than 16 characters" in log
