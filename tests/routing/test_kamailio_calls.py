"""Calls through a real proxy, and a publisher killed at any instant."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from releve.routing import Generation, Route, Stale, compute_shares, list_addresses, list_dialled
from releve.routing.kamailio import compute_configuration_digest
from tests.processes import ROOT
from tests.routing.generations import NOON, small_operator
from tests.routing.killed_publisher import OPERATOR, numbered
from tests.routing.sip_bench import ProxyProcess, SipPhone, needs_sip, telephony, wait_until

pytestmark = [pytest.mark.slow, needs_sip]

PLACES = ("casa-1", "rabat-1", "home")


def publish(proxy: ProxyProcess, number: int, people: dict[str, float], closed: str = "") -> float:
    """Publish shares; return when the publication began."""
    shut = frozenset({closed} - {""})
    routes: dict[str, tuple[Route, ...]] = {"azur": compute_shares(people, shut)}
    generation = Generation("live", number, NOON, routes, list_addresses(proxy.operator), list_dialled(proxy.operator))
    began = time.time()
    plan = proxy.adapter.plan(generation, proxy.adapter.observe())
    done = proxy.adapter.apply(plan, key=f"k{number}")
    seen = proxy.adapter.observe()
    assert seen is not None
    assert (seen.number, seen.digest, seen.whole) == (number, done.digest, True)
    return began


def call(proxy: ProxyProcess, folder: Path, count: int, rate: int, talk_ms: int) -> SipPhone:
    """Begin calls to the first programme's number."""
    caller = SipPhone(folder, "caller")
    caller.start(
        "caller.xml", "-s", proxy.operator.programmes[0].numbers[0], "-m", str(count),
        "-r", str(rate), "-d", str(talk_ms), proxy=proxy.inbound,
    )  # fmt: skip
    return caller


def counted(phones: dict[str, SipPhone]) -> Counter[str]:
    return Counter({place: len(phone.new_calls) for place, phone in phones.items()})


def test_calls_go_to_each_place_by_its_share_to_the_last_one_in_a_hundred(tmp_path: Path) -> None:
    with telephony(tmp_path, small_operator(), PLACES) as (proxy, phones):
        assert proxy.adapter.read_configuration() == compute_configuration_digest(proxy.operator)
        publish(proxy, 1, {"casa-1": 5.0, "rabat-1": 3.0, "home": 2.0})
        assert call(proxy, tmp_path, 300, 150, 200).wait() == 0
        assert counted(phones) == {"casa-1": 150, "rabat-1": 90, "home": 60}


def test_a_closed_site_gets_no_new_call_and_keeps_those_in_talk(tmp_path: Path) -> None:
    people = {"casa-1": 5.0, "rabat-1": 3.0, "home": 2.0}
    with telephony(tmp_path, small_operator(), PLACES) as (proxy, phones):
        publish(proxy, 1, people)
        caller = call(proxy, tmp_path, 400, 100, 700)
        wait_until(lambda: len(phones["casa-1"].new_calls) > 60)
        began = publish(proxy, 2, people, closed="casa-1")
        ended = time.time()
        wait_until(lambda: sum(counted(phones).values()) > 250)
        publish(proxy, 3, people)
        assert caller.wait() == 0, "a call was lost"
        late = [one.at for one in phones["casa-1"].new_calls if ended < one.at < ended + 0.5]
        assert not late, "a call came to the closed site after the publication"
        within = [m for m in phones["casa-1"].messages if m.cseq == "2 INVITE" and m.at > began]
        assert within, "calls in talk at the closed site went on"
        assert sum(counted(phones).values()) == 400
        assert phones["casa-1"].new_calls[-1].at > ended + 0.5, "it takes calls again"


def test_a_site_that_dies_is_out_of_rotation_within_two_seconds(tmp_path: Path) -> None:
    people = {"casa-1": 5.0, "rabat-1": 3.0, "home": 2.0}
    with telephony(tmp_path, small_operator(), PLACES) as (proxy, phones):
        publish(proxy, 1, people)
        caller = SipPhone(tmp_path, "short")
        caller.start(
            "caller.xml", "-s", proxy.operator.programmes[0].numbers[0], "-m", "500", "-r", "80",
            "-d", "1", proxy=proxy.inbound,
        )  # fmt: skip
        wait_until(lambda: len(phones["rabat-1"].new_calls) > 20)
        phones["rabat-1"].signal(signal.SIGSTOP)
        died = time.time()

        def found_dead() -> bool:
            seen = proxy.adapter.observe()
            return seen is not None and seen.dead_places == ("rabat-1",)

        wait_until(found_dead, 5)
        assert time.time() - died < 2
        publish(proxy, 2, {**people, "home": 3.0})
        assert found_dead(), "the proxy's own finding was lost by a publication"
        phones["rabat-1"].signal(signal.SIGCONT)
        wait_until(lambda: not found_dead(), 10)
        caller.wait()
        answers = [m for m in caller.messages if not m.sent and m.cseq == "1 INVITE"]
        assert sum(m.first_line.startswith("SIP/2.0 200") for m in answers) >= 500
        assert not [m for m in answers if m.first_line[8:9] in "456"], "a new call was lost"


def test_the_calls_of_a_dead_site_go_to_the_others_by_their_shares(tmp_path: Path) -> None:
    with telephony(tmp_path, small_operator(), PLACES) as (proxy, phones):
        publish(proxy, 1, {"casa-1": 6.0, "rabat-1": 3.0, "home": 1.0})
        phones["casa-1"].signal(signal.SIGSTOP)

        def found_dead() -> bool:
            seen = proxy.adapter.observe()
            return seen is not None and seen.dead_places == ("casa-1",)

        wait_until(found_dead, 10)
        # as many turns of a hundred as give each of the two a whole number of calls
        assert call(proxy, tmp_path, 200, 100, 200).wait() == 0
        assert counted(phones)["casa-1"] == 0
        assert counted(phones) == {"casa-1": 0, "rabat-1": 150, "home": 50}
        phones["casa-1"].signal(signal.SIGCONT)


KILLS = 50


def test_fifty_kills_leave_a_whole_generation_and_the_next_one_converges(tmp_path: Path) -> None:
    proxy = ProxyProcess(tmp_path, OPERATOR)
    try:
        proxy.start()
        done = subprocess.run(
            [sys.executable, "-m", "tests.routing.killed_publisher", proxy.url,
             str(proxy.adapter.path), str(KILLS)],
            cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        number = int(done.stdout.split()[0])
        assert number >= 2 * KILLS
        proxy.kill()
        proxy.start()
        seen = proxy.adapter.observe()
        assert seen is not None
        assert (seen.number, seen.whole) == (number, True), "its list survives its own death"
        with pytest.raises(Stale, match=f"holds generation {number} already"):
            proxy.adapter.apply(proxy.adapter.plan(numbered(number - 1), None), key="old")
    finally:
        proxy.kill()
