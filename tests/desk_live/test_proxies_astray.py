"""Real proxies that stop, freeze, or are changed by hand: each is seen on a page, and mended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from releve.live.models import RoutingState
from releve.live.routes import watch_routing
from releve.routing import Generation, RoutingError, compute_shares
from releve.routing.kamailio import KamailioProxy, adapter
from tests.desk_live.conftest import Browsers
from tests.live.test_calls_follow import give_numbers, route_by
from tests.routing.generations import NOON, small_operator
from tests.routing.sip_bench import ProxyProcess, SipPhone, needs_sip, with_telephony

pytestmark = [pytest.mark.django_db, pytest.mark.slow, needs_sip]


@pytest.fixture
def proxies(browsers: Browsers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ProxyProcess]]:
    """Two proxies to which a drill publishes; alarms come at once, answers within 0.5 s."""
    monkeypatch.setattr(KamailioProxy, "capabilities", replace(KamailioProxy.capabilities, deadline_seconds=0.0))
    monkeypatch.setattr(adapter, "TIMEOUT", httpx.Timeout(0.5))
    operator = browsers.scenario.operator
    places = [*(row.id for row in operator.sites), "home"]
    phones = {place: SipPhone(tmp_path, place) for place in places}
    found = [ProxyProcess(tmp_path / name, with_telephony(operator, phones)) for name in ("a", "b")]
    found[1].adapter = KamailioProxy("lyon", found[1].url, found[1].secret, found[1].adapter.path)
    try:
        for proxy in found:
            proxy.start()
        give_numbers(found[0])
        route_by(monkeypatch, *(proxy.adapter for proxy in found))
        yield found
    finally:
        for proxy in found:
            proxy.kill()


def read_states(browsers: Browsers) -> dict[str, str]:
    """Observe both proxies, and return the state of each."""
    stream = browsers.scenario.stream
    watch_routing(stream)
    return dict(RoutingState.objects.filter(stream=stream).values_list("adapter", "state"))


def test_of_two_proxies_the_one_astray_is_named_until_it_holds_the_routes(
    browsers: Browsers, proxies: list[ProxyProcess]
) -> None:
    scenario, (paris, lyon) = browsers.scenario, proxies
    web = browsers.sign_in()

    def read_banners() -> list[tuple[str, str]]:
        rows = web.get("/now?format=json").json()["routing"]
        return [(row["adapter"], row["state"]) for row in rows]

    scenario.work()
    assert read_states(browsers) == {"kamailio:paris": "confirmed", "kamailio:lyon": "confirmed"}
    assert read_banners() == []

    lyon.kill()
    scenario.close()
    scenario.work()
    read_states(browsers)
    assert read_states(browsers)["kamailio:paris"] == "confirmed"
    assert [adapter for adapter, _ in read_banners()] == ["kamailio:lyon"]
    lyon.start()  # with the list that was written while it was away
    read_states(browsers)
    scenario.work()
    assert read_states(browsers)["kamailio:lyon"] == "confirmed"
    assert read_banners() == []

    assert paris.process is not None
    frozen = paris.process
    signal_group(frozen.pid, signal.SIGSTOP)
    try:
        read_states(browsers)
        assert read_states(browsers)["kamailio:paris"] == "silent"
        assert read_banners() == [("kamailio:paris", "silent")]
        assert "kamailio:paris ne répond pas" in web.get("/now").content.decode()
    finally:
        signal_group(frozen.pid, signal.SIGCONT)
    assert read_states(browsers)["kamailio:paris"] == "confirmed"

    text = paris.adapter.path.read_text(encoding="utf-8")
    rows = text.splitlines(keepends=True)
    paris.adapter.path.write_text("".join(rows[1:]), encoding="utf-8")
    paris.adapter._rpc.call("dispatcher.reload")
    assert read_states(browsers)["kamailio:paris"] == "diverged"
    read_states(browsers)
    assert [adapter for adapter, _ in read_banners()] == ["kamailio:paris"]
    scenario.work()
    assert read_states(browsers)["kamailio:paris"] == "confirmed"
    assert len(paris.adapter.path.read_text(encoding="utf-8").splitlines()) == len(rows)


def signal_group(pid: int, number: signal.Signals) -> None:
    os.killpg(pid, number)


def test_five_hundred_sets_converge_while_others_reload(tmp_path: Path) -> None:
    """Reloads wait for one another: the proxy died of two at once. One may overtake ours, which is
    then tried again."""
    names = [f"p{number}" for number in range(500)]
    addresses = {f"s{number}": f"sip:127.0.0.{number + 1}:5060" for number in range(10)}
    people = {place: float(number + 1) for number, place in enumerate(addresses)}

    def build(number: int, closed: str) -> Generation:
        shares = compute_shares(people, frozenset({closed}))
        routes = dict.fromkeys(names, shares)
        return Generation("live", number, NOON, routes, addresses, frozenset(names))

    proxy = ProxyProcess(tmp_path, small_operator(address="127.0.0.1:5060"))
    stop = threading.Event()

    def reload() -> None:
        while not stop.wait(0.2):
            with suppress(RoutingError):
                proxy.adapter._rpc.call("dispatcher.reload")

    threads = [threading.Thread(target=reload) for _ in range(2)]
    try:
        proxy.start()
        for thread in threads:
            thread.start()
        until = time.monotonic() + 240  # a bound for a busy machine; a proxy that died ends it
        for number in range(1, 6):
            generation = build(number, f"s{number}")
            while True:
                assert time.monotonic() < until, "it does not converge"
                assert proxy.process is not None
                assert proxy.process.poll() is None, "the proxy died"
                with suppress(RoutingError):
                    done = proxy.adapter.apply(proxy.adapter.plan(generation, None), key="k")
                    seen = proxy.adapter.observe()
                    # a reload that read the list before may end after ours: then once more
                    if seen is not None and seen.number == number:
                        break
            assert (seen.digest, seen.whole) == (done.digest, True)
            assert seen.routes is not None
            assert len(seen.routes) == 5000
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        proxy.kill()
