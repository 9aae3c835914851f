"""Simulated calls per second, beside Ciw and textbook SimPy, in one run.

``python -m bench.queue [--json] [--calls N]``, from the top of the checkout.

Two cases: M/M/50+M (load 1, calls of 180 s, patience of 120 s) and three programmes with two own
groups and one for all. Ours and each peer take turns, the median of each counts; rates are per
second of CPU of one core, so a busy machine slows both. SimPy's is the textbook form (a Resource
with a request raced against a timeout; a FilterStore of agents for the skills, which cannot let a
group prefer one programme). Ciw has no skill groups and is measured on the first case only. Each
peer's abandonment is printed beside ours: they simulate the same thing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import ciw
import simpy

from releve.demand.queue import Centre, CentreSpec, simulate, warm_up

AGENTS, AHT_S, PATIENCE_S, LOAD = 50, 180.0, 120.0, 1.0
RATE = AGENTS * LOAD / AHT_S
PROGRAMMES = ((20 / 240, 240.0, 120.0), (20 / 300, 300.0, 90.0), (10 / 360, 360.0, 180.0))
"""Calls per second, handling time, patience."""
GROUPS = ((18, (0,)), (18, (1,)), (16, (0, 1, 2)))
"""Agents, and the programmes they answer."""
MUST = {"single, Ciw": 300.0, "single, SimPy": 150.0, "skills, SimPy": 100.0}
"""Least times as many calls per second."""
BIG_MUST_MS = 20.0

Measured = tuple[float, float]
"""Calls per second of CPU, share abandoned."""


@dataclass
class Line:
    """One comparison."""

    case: str
    ours_per_s: float
    theirs_per_s: float
    ratio: float
    must: float
    ours_abandoned: float
    theirs_abandoned: float


def single(calls: int) -> Centre:
    """Return M/M/50+M over so many calls."""
    seconds = calls / RATE
    return CentreSpec(["p"], [0, seconds], calls, AHT_S, AGENTS, patience_s=PATIENCE_S).build()


def skills(calls: int) -> Centre:
    """Return the three programmes over so many calls."""
    total = sum(row[0] for row in PROGRAMMES)
    may = [[0 if p in served else -1 for _, served in GROUPS] for p in range(len(PROGRAMMES))]
    prefers = [[0, -1, 1], [-1, 0, 1], [-1, -1, 0]]
    return CentreSpec(
        ["a", "b", "c"],
        [0, calls / total],
        [[row[0] * calls / total for row in PROGRAMMES]],
        [row[1] for row in PROGRAMMES],
        [row[0] for row in GROUPS],
        groups=["first", "second", "all"],
        patience_s=[row[2] for row in PROGRAMMES],
        call_rank=may,
        agent_rank=prefers,
    ).build()


def big_day() -> Centre:
    """Return twenty programmes, thirty groups, about 1000 agents, 32 half hours, 119,000 calls."""
    draw = random.Random(20)
    programmes = [f"p{i}" for i in range(20)]
    calls = [[draw.uniform(0.6, 1.4) * 119_000 / 640 for _ in programmes] for _ in range(32)]
    rank = [[0 if g == p or (g >= 20 and p % 10 == g - 20) else -1 for g in range(30)] for p in range(20)]
    groups = [f"g{i}" for i in range(30)]
    agents = [33] * 29 + [34]
    return CentreSpec(
        programmes,
        [1800 * i for i in range(33)],
        calls,
        450,
        agents,
        groups=groups,
        call_rank=rank,
        patience_s=120,
        day_factor_cv=0.1,
    ).build()


def ours(make: Callable[[int], Centre], calls: int, seed: int) -> Measured:
    """Return our speed on one long replication."""
    centre = make(calls)
    start = time.process_time()
    found = simulate(centre, 1, seed)
    seconds = time.process_time() - start
    offered = int(found.offered.sum())
    return offered / seconds, float(found.abandoned.sum()) / offered


def simpy_single(calls: int, seed: int) -> Measured:
    """Return textbook SimPy's speed on M/M/50+M."""
    env, draw, lost = simpy.Environment(), random.Random(seed), [0]
    team = simpy.Resource(env, AGENTS)

    def caller() -> Iterator[Any]:
        with team.request() as turn:
            got = yield turn | env.timeout(draw.expovariate(1 / PATIENCE_S))
            if turn in got:
                yield env.timeout(draw.expovariate(1 / AHT_S))
            else:
                lost[0] += 1

    def source() -> Iterator[Any]:
        for _ in range(calls):
            yield env.timeout(draw.expovariate(RATE))
            env.process(caller())

    env.process(source())
    start = time.process_time()
    env.run()
    return calls / (time.process_time() - start), lost[0] / calls


def simpy_skills(calls: int, seed: int) -> Measured:
    """Return textbook SimPy's speed on the three programmes: agents in a FilterStore."""
    env, draw, lost = simpy.Environment(), random.Random(seed), [0]
    store = simpy.FilterStore(env)
    store.items = [served for agents, served in GROUPS for _ in range(agents)]
    total = sum(row[0] for row in PROGRAMMES)

    def caller(p: int) -> Iterator[Any]:
        _, aht_s, patience_s = PROGRAMMES[p]
        turn = store.get(lambda served: p in served)
        got = yield turn | env.timeout(draw.expovariate(1 / patience_s))
        if turn in got:
            yield env.timeout(draw.expovariate(1 / aht_s))
            yield store.put(got[turn])
        else:
            turn.cancel()
            lost[0] += 1

    def source(p: int) -> Iterator[Any]:
        rate = PROGRAMMES[p][0]
        for _ in range(int(calls * rate / total)):
            yield env.timeout(draw.expovariate(rate))
            env.process(caller(p))

    for p in range(len(PROGRAMMES)):
        env.process(source(p))
    start = time.process_time()
    env.run()
    return calls / (time.process_time() - start), lost[0] / calls


def ciw_single(calls: int, seed: int) -> Measured:
    """Return Ciw's speed on M/M/50+M."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(RATE)],
        services=[ciw.dists.Exponential(1 / AHT_S)],
        number_of_servers=[AGENTS],
        reneging_time_distributions=[ciw.dists.Exponential(1 / PATIENCE_S)],
    )
    ciw.seed(seed)
    queue = ciw.Simulation(network)
    start = time.process_time()
    queue.simulate_until_max_time(calls / RATE)
    seconds = time.process_time() - start
    records = queue.get_all_records()
    lost = sum(record.record_type == "renege" for record in records)
    return len(records) / seconds, lost / len(records)


def compare(case: str, make: Callable[[int], Centre], peer: Callable[[int, int], Measured], calls: int) -> Line:
    """Measure ours and a peer in turns; the medians."""
    note(case)
    mine, theirs = [], []
    for seed in range(3):
        mine.append(ours(make, 50 * calls, seed))
        theirs.append(peer(calls, seed))
        mine.append(ours(make, 50 * calls, seed + 100))
    speeds = [statistics.median(speed for speed, _ in rows) for rows in (mine, theirs)]
    shares = [statistics.mean(share for _, share in rows) for rows in (mine, theirs)]
    return Line(case, *speeds, speeds[0] / speeds[1], MUST[case], *shares)


def day_ms(replications: int = 40) -> tuple[float, int]:
    """Return milliseconds of CPU per replication of the big day, and its calls."""
    centre = big_day()
    simulate(centre, 1)
    start = time.process_time()
    found = simulate(centre, replications)
    seconds = time.process_time() - start
    return 1000 * seconds / replications, int(found.offered.sum()) // replications


def note(text: str) -> None:
    """Say what is being done, beside the result."""
    print(text, file=sys.stderr, flush=True)


def table(lines: list[Line], day: tuple[float, int]) -> str:
    """Return the result for people."""
    out = [
        "simulated calls per second of CPU of one core",
        f"{'case':16}{'ours/s':>13}{'theirs/s':>11}{'ratio':>8}{'must':>7}   abandoned: ours, theirs",
    ]
    out += [
        f"{line.case:16}{line.ours_per_s:>13,.0f}{line.theirs_per_s:>11,.0f}{line.ratio:>8,.0f}"
        f"{line.must:>7,.0f}   {line.ours_abandoned:.4f}, {line.theirs_abandoned:.4f}"
        for line in lines
    ]
    out.append(f"a day of {day[1]:,} calls, 20 programmes, 30 groups: {day[0]:.1f} ms (goal {BIG_MUST_MS:g} ms)")
    return "\n".join(out)


def main() -> int:
    """Measure and print; 1 when a required figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, default=60_000, help="for a peer, a turn")
    options = parser.parse_args()
    warm_up(note)
    lines = [
        compare("single, Ciw", single, ciw_single, options.calls),
        compare("single, SimPy", single, simpy_single, options.calls),
        compare("skills, SimPy", skills, simpy_skills, options.calls),
    ]
    day = day_ms()
    missed = [line.case for line in lines if line.ratio < line.must]
    if options.json:
        result = {
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "lines": [asdict(line) for line in lines],
            "day_ms": day[0],
            "missed": missed,
        }
        print(json.dumps(result, indent=2))
    else:
        print(table(lines, day))
        print("musts: " + (f"missed: {', '.join(missed)}" if missed else "met"))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
