"""Calls out through a real proxy: none that is refused reaches the carrier, come what may."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from releve.plugins.outbound.gate.attempt_outcomes import COLUMNS
from tests.gate.sample_campaign import phone
from tests.local_server import serve_locally
from tests.routing.outbound_run import Softphone, outbound_operator, run_calls
from tests.routing.sip_bench import ProxyProcess, SipPhone, needs_sip, wait_until

pytestmark = [pytest.mark.slow, needs_sip]

CALLS = int(os.environ.get("RELEVE_TEST_OUTBOUND_CALLS", "2000"))
RATE = 100


def test_no_refused_call_reaches_the_carrier_while_the_gate_is_slow_frozen_and_killed(tmp_path: Path) -> None:
    found = run_calls(tmp_path, CALLS, RATE)
    assert found.faults == []
    # Of a gate that is slow, frozen and killed; a busy machine makes it slower still.
    assert min(found.statuses["603"], found.carried) > CALLS / 50
    assert {"200", "603", "503"} <= set(found.statuses) <= {"200", "603", "503", "408"}
    assert found.attacks > 0
    assert found.withdrawn > 0, "calls given up by the proxy that the gate had counted"


class Stub:
    """A gate that allows every call, after ``delay`` seconds; ``asked`` are its questions."""

    def __init__(self) -> None:
        self.delay, self.asked = 0.0, []  # type: ignore[var-annotated]


@contextmanager
def stub_gate() -> Iterator[tuple[Stub, str]]:
    kept = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append(self.path)
            time.sleep(kept.delay)
            with suppress(BrokenPipeError):  # the proxy has given the call up
                self.send_response(200)
                self.send_header("Content-Length", "12")
                self.end_headers()
                self.wfile.write(b"allow call/1")

    with serve_locally(Handler) as address:
        yield kept, f"http://{address}/gate"


def test_made_up_tags_routes_transfers_and_numbers_get_no_call_out(tmp_path: Path) -> None:
    carrier = SipPhone(tmp_path, "carrier")
    with stub_gate() as (gate, url):
        proxy = ProxyProcess(tmp_path / "proxy", outbound_operator(carrier), url)
        me = Softphone(proxy)
        try:
            carrier.start("site.xml")
            proxy.start()
            way = f"<sip:{proxy.outbound};lr;gk=0123>"
            for number, method in enumerate(("INVITE", "UPDATE", "REFER", "MESSAGE", "BYE")):
                me.send(method, f"made-{number}", phone(9), to_tag="x", routes=[way])
                assert me.status() == "403", method
            me.send("INVITE", "display", phone(9), shown='"+33 1234" ')
            assert me.status() == "603"
            for number, cli in enumerate(("+33612345678", "0612345678", "anonymous")):
                me.send("INVITE", f"cli-{number}", phone(9), cli=cli)
                found = me.answer()
                assert found.split()[1] == "603"
                assert "X-Gate-Reason: refuse PROXY-CLI" in found
            me.send("INVITE", "camp", phone(9), more=["X-Releve-Campaign: other"])
            assert me.status() == "603", "the number is not mandated for that campaign"
            assert gate.asked == []
            assert carrier.new_calls == []

            me.send("INVITE", "good", phone(1), routes=["<sip:127.0.0.1:9;lr>"],
                    more=["P-Asserted-Identity: <sip:+33699999999@x>", "Privacy: id"])  # fmt: skip
            good = me.answer("1 INVITE")
            assert good.split()[1] == "200"
            tag = re.search(r"^To: .*;tag=(\S+)", good, re.M)[1].strip()  # type: ignore[index]
            contact = re.search(r"^Contact: *<([^>]+)>", good, re.M)[1]  # type: ignore[index]
            route = re.findall(r"^Record-Route: *(\S+)", good, re.M)
            assert ";gk=" in route[0]
            me.send("ACK", "good", phone(1), uri=contact, to_tag=tag, routes=route)
            within = {"to_tag": tag, "routes": route}
            other_number = f"sip:{phone(9)}@{carrier.address}"
            me.send("INVITE", "good", phone(1), cseq=2, uri=other_number, **within)  # type: ignore[arg-type]
            assert me.status("2 INVITE") == "403", "another number within a call let out"
            me.send("REFER", "good", phone(1), cseq=3, uri=contact, **within)  # type: ignore[arg-type]
            assert me.status("3 REFER") == "403", "a transfer would call without the gate"
            other = [*route, "<sip:127.0.0.1:9;lr>"]
            me.send("INVITE", "good", phone(1), cseq=4, uri=contact, to_tag=tag, routes=other)
            assert me.status("4 INVITE") == "403", "another carrier within a call"
            me.send("INVITE", "stolen", phone(9), cseq=5, to_tag=tag, routes=route)
            assert me.status("5 INVITE") == "403", "the key of another call"
            me.send("INVITE", "good", phone(1), cseq=6, uri=contact, **within)  # type: ignore[arg-type]
            assert me.status("6 INVITE") == "200", "the call itself may change"
            assert len(carrier.new_calls) == 1

            gate.delay = 0.3
            me.send("INVITE", "gone", phone(2), branch="gone")
            time.sleep(0.1)
            me.send("CANCEL", "gone", phone(2), branch="gone")
            assert me.status("1 INVITE") == "487"
            time.sleep(0.6)
            assert len(carrier.new_calls) == 1, "a call given up reached the carrier"
        finally:
            proxy.kill()
            carrier.stop()
            me.socket.close()


def read_records(proxy: ProxyProcess) -> list[dict[str, str]]:
    """Return the proxy's records of INVITEs."""
    lines = [
        line
        for path in (proxy.folder / "acc").iterdir()
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
    ]
    rows = [dict(zip(COLUMNS, line.rstrip("\n").split("|"), strict=True)) for line in lines if line.endswith("\n")]
    return [row for row in rows if row["method"] == "INVITE"]


def test_a_call_that_ends_while_the_gate_answers_went_out_or_its_record_has_no_target(tmp_path: Path) -> None:
    carrier, calls = SipPhone(tmp_path, "carrier"), [f"race-{n}" for n in range(200)]
    swift = [f"swift-{n}" for n in range(2000)]
    with stub_gate() as (gate, url):
        proxy = ProxyProcess(tmp_path / "proxy", outbound_operator(carrier), url)
        me = Softphone(proxy)
        try:
            carrier.start("site.xml")
            proxy.start()
            for call in calls:
                me.send("INVITE", call, phone(2), branch=call)
                until = time.monotonic() + 0.05
                while f"&ci={call}&" not in "".join(gate.asked[-1:]) and time.monotonic() < until:
                    time.sleep(0.0001)
                time.sleep(random.random() ** 3 * 0.02)  # the answer is under way
                me.send("CANCEL", call, phone(2), branch=call)
            for call in swift:  # a CANCEL at the heels of its INVITE
                me.send("INVITE", call, phone(2), branch=call)
                time.sleep(random.random() ** 2 * 0.004)
                me.send("CANCEL", call, phone(2), branch=call)
            gate.delay = 1.2
            while not any("&ci=late&" in asked for asked in gate.asked):
                me.send("INVITE", "late", phone(2), branch="late")  # again, as telephones do
                time.sleep(0.5)
            # All that a busy machine has not lost on the way to the proxy.
            asked_of = {re.search(r"&ci=([^&]+)", path)[1] for path in gate.asked}  # type: ignore[index]
            wait_until(lambda: {row["callid"] for row in read_records(proxy)} >= asked_of)
            records = {row["callid"]: row for row in read_records(proxy)}
            carried = {message.call for message in carrier.new_calls}
        finally:
            proxy.kill()
            carrier.stop()
            me.socket.close()
    assert {call for call, row in records.items() if row["target"]} == carried
    assert 0 < len(carried) < len(asked_of)
    assert len(asked_of) > len(calls)  # most of the swift ones a busy machine loses, or cancels before they are asked
    late, (asked,) = records["late"], [path for path in gate.asked if "&ci=late&" in path]
    # 408 where a busy machine lets the proxy's own timer run out before the question's.
    assert late["sip_code"] in {"503", "408"}
    assert (late["target"], late["to_tag"]) == ("", "")
    assert asked.endswith(f"&began={late['began']}"), "the question names the transaction"
