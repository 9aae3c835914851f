"""What an exchange is answered that asks for each call, and what it does where it is not: a stand-in, as no package
of Asterisk or FreeSWITCH can be installed beside these tests."""

from __future__ import annotations

import base64
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from releve.routing import Rejected, build_adapters, compute_shares
from releve.routing.lookup import Lookup, order_addresses
from tests.local_server import serve_locally
from tests.routing.generations import NOON, publish
from tests.routing.receivers import SECRET
from tests.routing.systems import addressed

CASA, RABAT, HOME = "10.0.0.1:5060", "10.0.0.2:5060;transport=tcp", "10.0.0.3:5060"
NUMBER = "33162000001"


@dataclass
class Exchange:
    """Does what the dial plans of docs/telephony.md do: the first answer's addresses, ``default`` without one."""

    shows: str
    web: Client

    def ask(self, key: str) -> tuple[int, str]:
        shown = {"Authorization": self.shows} if self.shows else {}
        answer = self.web.get(f"/routing/{quote(key)}", headers=shown)
        return answer.status_code, answer.content.decode()

    def place_call(self, key: str) -> list[str]:
        """Return the addresses that are tried, one after another."""
        status, text = self.ask(key)
        if status != 200 or not text.startswith(("route|", "none")):
            return ["default"]
        return text.split("|")[1:]


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lookup:
    monkeypatch.setenv("RELEVE_ROUTING", "file_csv,lookup")
    monkeypatch.setenv("RELEVE_LOOKUP_SECRET", SECRET)
    monkeypatch.setenv("RELEVE_LOOKUP_FILE", str(tmp_path / "lookup.csv"))
    return Lookup(tmp_path / "lookup.csv", SECRET)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(f"Bearer {SECRET}", Client())


def test_a_closure_moves_the_calls_from_the_next_one_on(adapter: Lookup, exchange: Exchange) -> None:
    assert exchange.place_call(NUMBER) == ["default"], "nothing is published yet"
    publish(adapter, addressed(1), key="1")
    asked = [exchange.place_call(key) for key in ("+" + NUMBER, NUMBER, "33162000002", "azur-sinistres")]
    assert [set(row) for row in asked] == [{CASA, RABAT, HOME}] * 4
    publish(adapter, addressed(2, closed="casa-1"), key="2")
    for _ in range(20):
        assert set(exchange.place_call(NUMBER)) == {RABAT, HOME}
    publish(adapter, addressed(3), key="3")
    assert set(exchange.place_call(NUMBER)) == {CASA, RABAT, HOME}


def test_the_answer_names_its_generation_and_is_stored_nowhere(adapter: Lookup, exchange: Exchange) -> None:
    publish(adapter, addressed(7), key="7")
    answer = exchange.web.get(f"/routing/{NUMBER}", headers={"Authorization": exchange.shows})
    assert answer["X-Releve-Generation"] == "7"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_each_place_is_tried_first_as_often_as_its_share_says() -> None:
    places = [(0.6, CASA), (0.3, RABAT), (0.1, HOME)]
    steps = [(n + 0.5) / 100 for n in range(100)]
    orders = Counter(
        tuple(order_addresses(places, cycle((one, two, three)).__next__))
        for one in steps for two in steps[::2] for three in steps[::2]
    )  # fmt: skip
    total = sum(orders.values())
    first, second = Counter[str](), Counter[str]()
    for order, count in orders.items():
        first[order[0]] += count
        second[order[1]] += count if order[0] == CASA else 0
    for weight, address in places:
        assert first[address] / total == pytest.approx(weight, abs=0.01)
    assert second[RABAT] / first[CASA] == pytest.approx(0.3 / 0.4, abs=0.01)


def test_a_programme_that_no_place_serves_is_said_so_and_does_not_go_by_the_default(
    adapter: Lookup, exchange: Exchange
) -> None:
    made = addressed(1)
    shut = {**made.routes, "azur-sinistres": compute_shares({}, frozenset({"casa-1", "rabat-1", "home"}))}
    publish(adapter, replace(made, routes=shut, addresses={**made.addresses}), key="1")
    assert exchange.ask(NUMBER) == (200, "none")
    assert exchange.place_call(NUMBER) == []


@pytest.mark.parametrize("shows", ["", "Bearer ", "Bearer x", f"Basic {SECRET}", "Basic eDp5", "Bearer é"])
def test_without_the_secret_no_route_is_said(adapter: Lookup, exchange: Exchange, shows: str) -> None:
    publish(adapter, addressed(1), key="1")
    exchange.shows = shows
    assert exchange.ask(NUMBER) == (401, "")


def test_the_secret_may_be_the_password_in_the_address(adapter: Lookup, exchange: Exchange) -> None:
    publish(adapter, addressed(1), key="1")
    exchange.shows = f"Basic {base64.b64encode(f'exchange:{SECRET}'.encode()).decode()}"
    assert exchange.ask(NUMBER)[0] == 200


def test_what_is_not_known_or_altered_goes_by_the_default(
    adapter: Lookup, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(adapter, addressed(1), key="1")
    assert exchange.ask("33199000000") == (404, "")
    assert exchange.ask("brise-ventes")[0] == 200
    assert exchange.web.post(f"/routing/{NUMBER}").status_code in (403, 405)
    text = adapter.path.read_text(encoding="utf-8")
    alterations: tuple[Callable[[str], str], ...] = (
        lambda text: text.replace("10.0.0.2", "10.9.9.9"),
        lambda text: text.replace("33162000001", "33162000003"),
        lambda text: text[: len(text) // 2],
        lambda text: "",
    )
    for alter in alterations:
        adapter.path.write_text(alter(text), encoding="utf-8")
        assert exchange.ask(NUMBER) == (503, "")
        snapshot = adapter.observe()
        assert snapshot is not None
        assert not snapshot.whole
    publish(adapter, addressed(1), key="1:after-1")
    assert exchange.ask(NUMBER)[0] == 200
    monkeypatch.setenv("RELEVE_ROUTING", "file_csv")
    assert exchange.ask(NUMBER) == (404, ""), "this installation has no such adapter"


def test_a_place_with_agents_that_no_call_can_reach_is_refused(adapter: Lookup) -> None:
    made = addressed(1)
    with pytest.raises(Rejected, match="casa-1 has agents of azur-sinistres and no SIP address"):
        publish(adapter, replace(made, addresses={"rabat-1": made.addresses["rabat-1"]}), key="1")
    assert not adapter.path.exists()


def test_a_programme_without_numbers_is_not_half_routed(adapter: Lookup, exchange: Exchange) -> None:
    made = addressed(1)
    publish(adapter, replace(made, dialled={}, addresses={"casa-1": "sip:10.0.0.1:5060"}), key="1")
    assert exchange.ask("azur-sinistres") == (404, "")
    assert exchange.ask(NUMBER) == (404, "")


def test_the_answer_comes_within_milliseconds_without_the_database(adapter: Lookup, exchange: Exchange) -> None:
    """No database mark stands above: a query would fail the test."""
    routes = {f"programme-{n}": compute_shares({"casa-1": 3.0 + n, "rabat-1": 6.0, "home": 2.0}, frozenset())
              for n in range(400)}  # fmt: skip
    dialled = {name: (f"+331620{n:05}",) for n, name in enumerate(routes)}
    publish(adapter, replace(addressed(1), valid_from=NOON, routes=routes, dialled=dialled), key="1")
    exchange.ask("33162000399")
    times = []
    for _ in range(50):
        began = time.perf_counter()
        assert exchange.ask("33162000399")[0] == 200
        times.append(time.perf_counter() - began)
    assert sorted(times)[25] < 0.05


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_library_of_both_exchanges_gets_a_route_or_gives_up_within_its_second(
    adapter: Lookup, exchange: Exchange
) -> None:
    """func_curl and mod_curl are libcurl: the options are those of the dial plans of docs/telephony.md."""
    publish(adapter, addressed(1), key="1")
    exchange.ask(NUMBER)
    hangs = threading.Event()

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hangs.wait(0 if not slow else 5)
            given = Client().get(self.path, headers={"Authorization": self.headers["Authorization"] or ""})
            self.send_response(given.status_code)
            self.send_header("Content-Length", str(len(given.content)))
            self.end_headers()
            self.wfile.write(given.content)

    def curl(*options: str) -> str:
        limits = ("-sS", "--connect-timeout", "1", "--max-time", "1")
        return subprocess.run(["curl", *limits, *options], capture_output=True, text=True, check=False).stdout

    bearer, slow = ("-H", f"Authorization: Bearer {SECRET}"), False
    with serve_locally(Desk) as address:
        texts = [
            curl(*bearer, f"http://{address}/routing/+{NUMBER}"),
            curl(f"http://exchange:{SECRET}@{address}/routing/{NUMBER}"),
        ]
        for text in texts:
            first, *rest = text.split("|")
            assert first == "route"
            assert set(rest) == {CASA, RABAT, HOME}
        assert curl(f"http://{address}/routing/{NUMBER}") == ""
        slow = True
        began = time.perf_counter()
        assert curl(*bearer, f"http://{address}/routing/{NUMBER}") == ""
        assert time.perf_counter() - began < 4
        hangs.set()
    assert curl(*bearer, f"http://{address}/routing/{NUMBER}") == ""


def test_the_secret_is_needed_and_the_file_may_be_named(tmp_path: Path) -> None:
    named = {"RELEVE_ROUTING": "lookup", "RELEVE_LOOKUP_SECRET": SECRET}
    (found,) = build_adapters(named, tmp_path)
    assert isinstance(found, Lookup)
    assert found.path == tmp_path / "routing" / "lookup.csv"
    with pytest.raises(ImproperlyConfigured, match="RELEVE_LOOKUP_SECRET is needed"):
        build_adapters({**named, "RELEVE_LOOKUP_SECRET": ""}, tmp_path)
    with pytest.raises(ImproperlyConfigured, match="at least 32"):
        build_adapters({**named, "RELEVE_LOOKUP_SECRET": "short"}, tmp_path)
