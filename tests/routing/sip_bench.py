"""Real SIP on loopback addresses: a Kamailio as we configure it, sites and callers by SIPp."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from releve.network import Operator, Programme, parse_sip_address
from releve.routing.generation import RoutingError
from releve.routing.kamailio import KamailioProxy, ProxySettings, build_proxy_files

__all__ = ["ProxyProcess", "SipMessage", "SipPhone", "free_port", "needs_sip", "wait_until"]

SCENARIOS = Path(__file__).with_name("sip")
SECRET = "a-secret-of-the-tests-of-routing-32"
NUMBER = "+33162000001"

needs_sip = pytest.mark.skipif(
    not (shutil.which("kamailio") and shutil.which("sipp")),
    reason="no Kamailio or no SIPp: apt-get install kamailio kamailio-extra-modules sip-tester",
)


def random_host() -> str:
    """Return a loopback address that another test hardly uses."""
    return f"127.{random.randrange(2, 250)}.{random.randrange(250)}.{random.randrange(2, 250)}"


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Return a port that is free at an address."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind((host, 0))
        return int(found.getsockname()[1])


def wait_until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something; an assertion fails where it does not come about."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.02)


def listens(host: str, port: int) -> bool:
    """Return whether a program of this machine holds a UDP address."""
    packed = socket.inet_aton(host)[::-1].hex().upper()
    return f"{packed}:{port:04X} " in Path("/proc/net/udp").read_text()


@dataclass(frozen=True)
class SipMessage:
    """A message that SIPp saw: seconds since the epoch, and whether it was sent or received."""

    at: float
    sent: bool
    call: str
    cseq: str
    first_line: str

    @property
    def begins_call(self) -> bool:
        return not self.sent and self.first_line.startswith("INVITE") and self.cseq == "1 INVITE"


class SipPhone:
    """One SIPp: a site, a carrier, or callers."""

    def __init__(self, folder: Path, name: str, host: str = "") -> None:
        self.folder, self.name = folder, name
        self.host = host or random_host()
        self.port = free_port(self.host)
        self.log = folder / f"{name}.csv"
        self.process: subprocess.Popen[bytes] | None = None
        self._offset = 0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self, scenario: str, *more: str, proxy: str = "") -> None:
        """Start it; a scenario without ``proxy`` waits for calls."""
        command = [
            "sipp", *([proxy] if proxy else []), "-sf", str(SCENARIOS / scenario), "-i", self.host,
            "-p", str(self.port), "-nostdin", "-trace_shortmsg", "-shortmessage_file",
            str(self.log), "-shortmessage_overwrite", "false", "-aa", "-rtcheck", "loose",
            "-deadcall_wait", "0", "-trace_err", "-error_file",
            str(self.folder / f"{self.name}.err"), *more,
        ]  # fmt: skip
        with (self.folder / f"{self.name}.out").open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, "TERM": "dumb"},
            )  # fmt: skip
        if not proxy:
            wait_until(lambda: listens(self.host, self.port))

    def wait(self, seconds: float = 120.0) -> int:
        """Wait until every call is over; return SIPp's exit status: 0, no call failed."""
        assert self.process is not None
        return self.process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    @property
    def messages(self) -> list[SipMessage]:
        """Return what it saw so far, in order."""
        return _parse_log(self.log.read_text(encoding="latin-1")) if self.log.exists() else []

    def read_more(self) -> list[SipMessage]:
        """Return what it saw since the last time this was called."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as stream:
            stream.seek(self._offset)
            text = stream.read()
        text = text[: text.rfind(b"\n") + 1]
        self._offset += len(text)
        return _parse_log(text.decode("latin-1"))

    @property
    def new_calls(self) -> list[SipMessage]:
        """Return the first INVITE of each call that came here."""
        seen: dict[str, SipMessage] = {}
        for message in self.messages:
            if message.begins_call:
                seen.setdefault(message.call, message)
        return list(seen.values())


def _parse_log(text: str) -> list[SipMessage]:
    rows = (line.split("\t") for line in text.splitlines())
    return [_parse_message(cells) for cells in rows if len(cells) >= 6]


def _parse_message(cells: Sequence[str]) -> SipMessage:
    stamp = next(cell for cell in cells if re.fullmatch(r"\d{10}\.\d+", cell))
    place = cells.index(stamp)
    direction, call, cseq, first = cells[place + 1 : place + 5]
    return SipMessage(float(stamp), direction == "S", call, cseq.removeprefix("CSeq:").strip(), first.strip())


@dataclass
class ProxyProcess:
    """A Kamailio with our configuration, and the adapter that publishes to it."""

    folder: Path
    operator: Operator
    gate: str = "http://127.0.0.1:9/gate"
    ring_seconds: float = 10.0
    host: str = field(default_factory=random_host)
    process: subprocess.Popen[bytes] | None = None
    secret: str = SECRET
    tls: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        for name in ("run", "acc"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        rpc = free_port(self.host, socket.SOCK_STREAM)
        named = {rpc}
        while len(named) < 3:  # the machine may give a port again once it is free
            named.add(free_port(self.host))
        inbound, outbound = sorted(named - {rpc})
        self.inbound, self.outbound = f"{self.host}:{inbound}", f"{self.host}:{outbound}"
        self.settings = ProxySettings(
            parse_sip_address(f"{self.inbound};transport={'tls' if self.tls else 'udp'}"),
            parse_sip_address(f"{self.outbound};transport={'tls' if self.tls else 'udp'}"),
            parse_sip_address(f"{self.host}:{rpc}"),
            gate=self.gate,
            diallers=("127.0.0.0/8",),
            callers=("127.0.0.0/8",),
            folder=str(self.folder),
            acc_folder=str(self.folder / "acc"),
            list_file=str(self.folder / "dispatcher.list"),
            tls=self.tls,
            children=2,
            ring_seconds=self.ring_seconds,
        )
        for name, text in build_proxy_files(self.operator, self.settings).items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.url = f"http://{self.host}:{rpc}/rpc"
        self.adapter = KamailioProxy("paris", self.url, SECRET, self.folder / "dispatcher.list")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        secrets = {"PROXY_SECRET": self.secret, "GATE_SECRET": SECRET, "RPC_SECRET": SECRET}
        with (self.folder / "kamailio.log").open("ab") as output:
            self.process = subprocess.Popen(
                ["kamailio", "-DD", "-E", "-Y", str(self.folder / "run"), "-m", "128", "-M", "8",
                 "-f", str(self.folder / "kamailio.cfg")],
                stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **secrets},
            )  # fmt: skip
        wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "kamailio.log").read_text()[-2000:]
        try:
            self.adapter.observe()
        except RoutingError:
            return False
        return True

    def kill(self) -> None:
        """Kill it with all its processes: an orphan would keep the ports."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def telephony(
    folder: Path, operator: Operator, places: Sequence[str], **settings: object
) -> Iterator[tuple[ProxyProcess, dict[str, SipPhone]]]:
    """Run a proxy and a SIPp for each place of an operator, whose tables get their addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    phones = {place: SipPhone(folder, place) for place in places}
    proxy = ProxyProcess(folder / "proxy", with_telephony(operator, phones), **settings)  # type: ignore[arg-type]
    try:
        for phone in phones.values():
            phone.start("site.xml")
        proxy.start()
        yield proxy, phones
    finally:
        proxy.kill()
        for phone in phones.values():
            phone.stop()


def with_telephony(operator: Operator, phones: dict[str, SipPhone]) -> Operator:
    """Return an operator whose places have addresses, and whose inbound programmes have numbers."""
    addresses = {place: phone.address for place, phone in phones.items()}

    def dialled(number: int, row: Programme) -> Programme:
        if row.kind != "inbound":
            return row
        return replace(row, numbers=(f"+3316200{number + 1:04}",))

    return replace(
        operator,
        row=replace(operator.row, home_sip_address=addresses.get("home", "")),
        sites=tuple(replace(row, sip_address=addresses.get(row.id, "")) for row in operator.sites),
        programmes=tuple(dialled(n, row) for n, row in enumerate(operator.programmes)),
    )
