"""Calls leaving a closed site, measured: from the second declaration to the last call there.

    python -m bench.routing [--closures N] [--rates 50,200] [--json]

A Kamailio as ``releve routing kamailio config`` makes it, a SIPp for each place and one that calls
without a pause, on loopback addresses. Each closure is a drill of its own on a sample operator of
60 agents on three sites: a worker runs, two agents of a site are declared, the rule closes it, the
relief is looked up and its routes go to the proxy; the next drill opens the site again. ``last`` is
the last new call at the closed site after the second declaration (0: none came after it),
``published`` when the relief was published; beside them stands the proxy's own reload of the same
list under the same calls. ``slowest`` is the closure with the latest call: when the declaration
was recorded, the relief made and published, and the most attempts that an effect took. ``lost`` are
calls that did not go as they should, the re-INVITE and the end within the call included.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from releve.cli.database import open_new_database
from tests.homes import make_test_home
from tests.live.scenario import three_days

if TYPE_CHECKING:
    from releve.routing import Generation, PublishReceipt, RoutingCapabilities, RoutingPlan, RoutingSnapshot
    from releve.routing.kamailio import KamailioProxy
    from tests.live.scenario import Scenario
    from tests.routing.sip_bench import ProxyProcess, SipPhone

__all__ = ["main"]

TALK_MS = 2000
FLOW_SECONDS = 2.0
LONGEST_SECONDS = 30.0


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


class ManyDrills:
    """A proxy for one drill after the other: each counts its generations from 1, the proxy on."""

    def __init__(self, proxy: KamailioProxy) -> None:
        self.proxy, self.base = proxy, 0

    @property
    def name(self) -> str:
        return self.proxy.name

    @property
    def capabilities(self) -> RoutingCapabilities:
        return self.proxy.capabilities

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        return self.proxy.plan(replace(generation, number=self.base + generation.number), snapshot)

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        done = self.proxy.apply(plan, key=key)
        return replace(done, number=done.number - self.base)

    def observe(self) -> RoutingSnapshot | None:
        seen = self.proxy.observe()
        return None if seen is None else replace(seen, number=seen.number - self.base)

    def follow(self) -> None:
        """Let the next drill begin after what the proxy holds."""
        seen = self.proxy.observe()
        self.base = 0 if seen is None else seen.number


def wait_until_published(stream: str, source: str = "") -> float:
    """Wait until the newest routes of a stream are published; return when its relief was."""
    from releve.live import api as live
    from releve.live.models import Effect

    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        rows = [row for row in live.list_reliefs(stream) if row.source == source]
        published = rows[0].published_at if rows else None
        done = Effect.objects.filter(stream=stream, kind="publish", state=Effect.DONE).exists()
        if (not source and done) or published is not None:
            return published.timestamp() if published else 0.0
        time.sleep(0.02)
    raise RuntimeError(f"{stream}: nothing was published in {LONGEST_SECONDS} s")


def close(scenario: Scenario, site: str, phones: Mapping[str, SipPhone]) -> dict[str, float]:
    """Declare two agents of a site; return ms to the last new call there and to the publication."""
    from releve.live import api as live
    from releve.live.models import Effect

    first, second, *_ = scenario.agents_at(site)
    scenario.positive(first, site)
    declared = time.time()
    scenario.positive(second, site)
    recorded = time.time()
    published = wait_until_published(scenario.stream, "planned")
    made = next(r for r in live.list_reliefs(scenario.stream) if r.source == "planned").made_at
    effects = Effect.objects.filter(stream=scenario.stream, kind__in=("relief", "publish"))
    time.sleep(FLOW_SECONDS / 2)
    late = [message.at for message in phones[site].read_more() if message.begins_call and message.at > declared]
    return {
        "last_ms": 1000 * (max(late, default=declared) - declared),
        "recorded_ms": 1000 * (recorded - declared),
        "made_ms": 1000 * (made.timestamp() - declared),
        "published_ms": 1000 * (published - declared),
        "attempts": max(effects.values_list("attempts", flat=True)),
    }


def measure(rate: int, closures: int, folder: Path) -> dict[str, Any]:
    """Close sites one after the other under calls; return the figures of one rate."""
    from releve.live import api as live
    from releve.live import routes
    from releve.network import to_utc
    from releve.registry.service import apply_changes, preview_changes
    from tests.live.scenario import Scenario, choose_pack
    from tests.routing.sip_bench import SipPhone, telephony

    operator, plans = three_days()
    places = [*(row.id for row in operator.sites), "home"]
    with telephony(folder, operator, places) as (proxy, phones):
        apply_changes(preview_changes(proxy.operator), "bench")
        drills = ManyDrills(proxy.adapter)
        for module in (routes, routes):
            module.list_adapters = lambda stream: (drills,) if live.is_drill(stream) else ()
        if live.load_activation() is None:
            live.put_in_force(plans, by="bench")
            choose_pack()
        day = f"{plans[0].day}T10:40"
        at = to_utc(click.DateTime(["%Y-%m-%dT%H:%M"]).convert(day, None, None), "Europe/Paris")
        caller = SipPhone(folder, "caller")
        found: list[dict[str, float]] = []
        with worker():
            for number in range(closures):
                site = operator.sites[number % len(operator.sites)].id
                drills.follow()
                stream = live.start_drill("bench", by="bench", at=at).name
                wait_until_published(stream)
                scenario = Scenario(operator, plans, stream)
                if caller.process is None:
                    dial(caller, proxy, scenario, rate)
                time.sleep(FLOW_SECONDS)
                for phone in phones.values():
                    phone.read_more()
                found.append(close(scenario, site, phones))
                live.stop_drill(stream, by="bench")
                say(f"{rate}/s {number + 1}/{closures} {site}: {found[-1]}")
        reloads = [time_reload(proxy.adapter) for _ in range(closures)]
        caller.signal(signal.SIGUSR1)
        status = caller.wait()
        calls = sum(len(phone.new_calls) for phone in phones.values())
        lost = count_failed(folder / "caller.out") if status else 0
    return {
        "calls_per_second": rate,
        "closures": closures,
        "calls": calls,
        "lost": lost,
        "last_p50_p95_max_ms": quantiles([row["last_ms"] for row in found]),
        "published_p50_p95_max_ms": quantiles([row["published_ms"] for row in found]),
        "slowest": max(found, key=lambda row: row["last_ms"]),
        "reload_p50_p95_max_ms": quantiles(reloads),
    }


def dial(caller: SipPhone, proxy: ProxyProcess, scenario: Scenario, rate: int) -> None:
    """Begin to call the programme that is spread over most places, without an end."""
    shares = scenario.shares
    dialled = [row for row in proxy.operator.programmes if row.numbers]
    widest = max(dialled, key=lambda row: sum(shares.get((row.id, s.id), 0) > 0 for s in proxy.operator.sites))
    caller.start(
        "caller.xml", "-s", widest.numbers[0], "-m", "10000000", "-r", str(rate), "-d",
        str(TALK_MS // 2), "-l", str(rate * 60), proxy=proxy.inbound,
    )  # fmt: skip


@contextmanager
def worker() -> Iterator[None]:
    """Run a worker until the end of the block."""
    from releve.live.worker import Worker

    running = Worker(2)
    running.start()
    try:
        yield
    finally:
        running.stop()


def time_reload(adapter: KamailioProxy) -> float:
    """Return the ms of a reload of the list as it is."""
    began = time.perf_counter()
    adapter._rpc.call("dispatcher.reload")
    return 1000 * (time.perf_counter() - began)


def count_failed(path: Path) -> int:
    """Return how many calls SIPp counts as failed, by the last table that it printed."""
    rows = [line for line in path.read_text(errors="replace").splitlines() if "Failed call" in line]
    return int(rows[-1].split("|")[-1]) if rows else -1


def quantiles(values: list[float]) -> list[float]:
    return [round(float(np.quantile(values, q)), 1) for q in (0.5, 0.95, 1)] if values else []


@click.command()
@click.option("--closures", default=50, show_default=True, type=click.IntRange(1))
@click.option("--rates", default="50,200", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(closures: int, rates: str, as_json: bool) -> None:
    """Close sites under calls, and print how long calls went on there."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["RELEVE_HOME"] = str(make_test_home(Path(home)))
        open_new_database()
        for rate in map(int, rates.split(",")):
            result = measure(rate, closures, Path(home) / f"sip-{rate}")
            print(json.dumps(result) if as_json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
