"""A real SIP proxy and a real dialler in front of the command: Kamailio by the example, SIPp."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gate.sample_campaign import CALLER, phone
from tests.gate.test_serve_command import served, until_it_is
from tests.ledger.ledger_processes import ROOT

pytestmark = [pytest.mark.slow]

EXAMPLE = ROOT / "examples" / "kamailio" / "kamailio.cfg"
DIALLER = ROOT / "tests" / "gate" / "sip" / "dialler.xml"
SECRET = "a secret of this test"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Proxy:
    """Kamailio and a carrier behind it, which answers every call; and a dialler before it."""

    def __init__(self, folder: Path, gate: int) -> None:
        self.folder, self.acc = folder, folder / "acc"
        self.acc.mkdir(parents=True)
        self.port, self.carrier = free_port(), free_port()
        text = EXAMPLE.read_text(encoding="utf-8")
        for old, new in (
            ("127.0.0.1:5090", f"127.0.0.1:{self.port}"),
            ("127.0.0.1:8070", f"127.0.0.1:{gate}"),
            ("127.0.0.1:5080", f"127.0.0.1:{self.carrier}"),
            ("/var/lib/kamailio/acc", str(self.acc)),
        ):
            assert text.count(old) == 1
            text = text.replace(old, new)
        self.configuration = folder / "kamailio.cfg"
        self.configuration.write_text(text, encoding="utf-8")

    @contextmanager
    def running(self, secret: str = SECRET) -> Iterator[None]:
        """Both, until the end of the block."""
        commands: list[Sequence[str]] = [
            ["kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(self.folder), "-f",
             str(self.configuration)],
            ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(self.carrier), "-nostdin",
             "-trace_msg", "-message_file", str(self.folder / "carrier.log")],
        ]  # fmt: skip
        running: list[subprocess.Popen[str]] = []
        try:
            with (self.folder / "output.log").open("w") as output:
                running.extend(
                    subprocess.Popen(
                        command, cwd=self.folder, stdout=output, stderr=output,
                        start_new_session=True, env={**os.environ, "PROXY_SECRET": secret},
                    )
                    for command in commands
                )  # fmt: skip
            until_it_is(lambda: bound(self.port) and bound(self.carrier))
            yield
        finally:
            for process in running:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def dial(self, *calls: tuple[str, str]) -> list[str]:
        """Place calls one after the other; return each answer, with the gate's reason if any."""
        numbers, log = self.folder / "numbers.csv", self.folder / "dialler.log"
        numbers.write_text("SEQUENTIAL\n" + "".join(f"{to};{cli}\n" for to, cli in calls))
        subprocess.run(
            ["sipp", f"127.0.0.1:{self.port}", "-sf", str(DIALLER), "-inf", str(numbers),
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
        log = self.folder / "carrier.log"
        text = log.read_text(encoding="latin-1") if log.exists() else ""
        return Counter(re.findall(r"^([A-Z]+) sip:\S+ SIP/2.0", text, re.M))


def bound(port: int) -> bool:
    """Return whether a program listens on a UDP port of this machine."""
    return f":{port:04X} " in Path("/proc/net/udp").read_text()


def within_dialog(port: int, key: str) -> str:
    """Send an INVITE that says it is of a dialog let out with a key; return the first answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.settimeout(10)
        me = f"127.0.0.1:{here.getsockname()[1]}"
        lines = [
            f"INVITE sip:{phone(1)}@127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{key}", f"From: <sip:{CALLER}@{me}>;tag=a",
            f"To: <sip:{phone(1)}@127.0.0.1>;tag=made-up", "Call-ID: made-up", "CSeq: 1 INVITE",
            f"Route: <sip:127.0.0.1:{port};lr;gk={key}>", f"Contact: <sip:a@{me}>",
            "Max-Forwards: 70", "Content-Length: 0", "", "",
        ]  # fmt: skip
        here.sendto("\r\n".join(lines).encode(), ("127.0.0.1", port))
        return here.recv(4096).decode().split()[1]


@pytest.mark.skipif(
    not (shutil.which("kamailio") and shutil.which("sipp")),
    reason="no Kamailio or no SIPp: apt-get install kamailio kamailio-extra-modules sip-tester",
)
def test_a_sip_proxy_lets_out_what_the_gate_allows_and_nothing_else(tmp_path: Path) -> None:
    with served(tmp_path / "gate", 1) as (process, gate, environment):
        proxy = Proxy(tmp_path / "proxy", gate)
        with proxy.running():
            answers = proxy.dial(*[(phone(1), CALLER)] * 5, (phone(0), "+33612345678"))
            assert answers[:5] == ["200"] * 4 + ["603 FR-FREQ-1"]
            assert answers[5].startswith("603 ")
            assert "FR-CLI-1" in answers[5]
            assert within_dialog(proxy.port, "0123") == "403", "a To tag can be made up"
            assert proxy.carried() == {"INVITE": 4, "ACK": 4, "BYE": 4}
            process.kill()
            assert proxy.dial((phone(0), CALLER)) == ["503"], "no gate is there to allow it"
            assert proxy.carried()["INVITE"] == 4
            key = hashlib.md5(f"{SECRET}made-up".encode(), usedforsecurity=False).hexdigest()
            assert within_dialog(proxy.port, key) == "100"
        outcomes = subprocess.run(
            [sys.executable, "-m", "releve", "outbound", "outcomes", str(proxy.acc)],
            cwd=ROOT, env=environment, capture_output=True, text=True,
        )  # fmt: skip
    assert outcomes.stdout.startswith("4 filed, 3 refused, 0 without an attempt, 0 broken lines")


@pytest.mark.skipif(not shutil.which("kamailio"), reason="no Kamailio: apt-get install kamailio")
def test_the_proxy_does_not_start_without_a_secret() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PROXY_SECRET"}
    found = subprocess.run(["kamailio", "-c", "-f", str(EXAMPLE)], env=environment,
                           capture_output=True, text=True)  # fmt: skip
    assert found.returncode != 0
    assert "env variable not defined [PROXY_SECRET]" in found.stderr


@pytest.mark.skipif(
    not (shutil.which("kamailio") and shutil.which("sipp")),
    reason="no Kamailio or no SIPp: apt-get install kamailio kamailio-extra-modules sip-tester",
)
def test_a_proxy_with_a_secret_that_is_none_lets_nothing_out(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path / "proxy", 9)
    with proxy.running(secret=""):
        key = hashlib.md5(b"made-up", usedforsecurity=False).hexdigest()
        assert within_dialog(proxy.port, key) == "503"
    assert "PROXY_SECRET has less than 16 characters" in (proxy.folder / "output.log").read_text()
