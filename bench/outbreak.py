"""The outbreak kernel measured: CPU per infection, replications per CPU second, beside peers.

    python -m bench.outbreak [--size small|full] [--no-peers]

Peers (covasim 3.1.8 and 4.0.1, epiworldpy) run in environments of their own, uniform mixing, the
same agents and days; contact structures and natural histories differ, so attack rates stand beside
every ratio, and epiworldpy, which has no importation, starts with what twenty days would bring.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

from releve.plugins.crashtest.engine.outbreak import (
    ClosurePolicy,
    Contacts,
    Controls,
    Population,
    Quarantine,
    Scenario,
    Visits,
    build_population,
    covid,
    simulate,
    warm_up,
)
from tests.crashtest.outbreak.populations import build_operator, one_room

ROOT = Path(__file__).resolve().parent.parent
WORKER = ROOT / "bench" / "outbreak_worker.py"
PEERS = (
    ("covasim", ".venv-covasim", "outbreak-peers.txt"),
    ("covasim", ".venv-covasim4", "outbreak-covasim4.txt"),
    ("epiworldpy", ".venv-covasim", "outbreak-peers.txt"),
)
SIZES = {"small": (5_000,), "full": (5_000, 70_000)}
DAYS, IMPORTATION = 90, 1e-4
CONTROL = Controls(stay_home=0.5, symptom_test=0.7, quarantine=Quarantine(), visits=Visits(), closure=ClosurePolicy())
AIR_ONLY = {"zone": 1.0, "seat": 0.0, "floor": 0.0, "site": 0.0, "shuttle": 0.0}


def scenario(population: Population, reproduction: float, *, uniform: bool) -> Scenario:
    """Return 90 days with importation."""
    contacts = Contacts(reproduction, household_attack=0.0, **AIR_ONLY) if uniform else Contacts(reproduction)
    outside = np.full((len(population.sites), DAYS), IMPORTATION)
    return Scenario(population, covid(), contacts, DAYS, outside)


def measure(case: Scenario, controls: Controls, seconds: float) -> tuple[float, float, float]:
    """Return CPU seconds and infections per replication, and the attack rate among agents."""
    warm_up(case)
    once = time.process_time()
    simulate(case, controls, replications=4)
    once = (time.process_time() - once) / 4
    replications = max(4, min(20_000, int(seconds / once)))
    since = time.process_time()
    found = simulate(case, controls, replications=replications, seed=1)
    cpu = (time.process_time() - since) / replications
    infected = found.mean("infected").value
    total = infected + found.mean("household").value
    return cpu, total, infected / case.population.size


def environment(name: str, pins: str) -> tuple[Path | None, str]:
    """Return the Python of a peer's environment, made if need be, or why there is none."""
    python = ROOT / name / "bin" / "python"
    check = [str(python), "-c", "import covasim"]
    if python.exists() and subprocess.run(check, capture_output=True).returncode == 0:
        return python, ""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(ROOT / name)], capture_output=True)
    if made.returncode != 0:
        return None, f"{sys.executable} -m venv failed"
    install = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(ROOT / "requirements" / pins)]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode != 0:
        return None, "pip could not install " + (done.stderr.strip().splitlines() or ["it"])[-1]
    return python, ""


def peer(name: str, python: Path, agents: int, reproduction: float) -> dict[str, float]:
    """Return what a peer takes per replication, and its attack rate."""
    asked = {
        "peer": name, "agents": agents, "reproduction": reproduction, "days": DAYS,
        "importation": IMPORTATION, "replications": 3 if name == "covasim" else 10,
    }  # fmt: skip
    done = subprocess.run(
        [str(python), "-P", str(WORKER)],  # -P: bench/queue.py is not the standard queue
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def features(sizes: tuple[int, ...], seconds: float) -> None:
    """Print the kernel on operators of sites of 350 agents, without and with every control."""
    print(f"{'agents':>7} {'R':>4} {'control':<8} {'attack':>7} {'us/infection':>13} {'runs/CPU s':>11}")
    for agents in sizes:
        sites = {f"s{at:03}": [90, 90, 90, 80] for at in range(agents // 350)}
        population = build_population(build_operator(sites))
        for reproduction in (0.8, 1.2, 3.0):
            case = scenario(population, reproduction, uniform=False)
            for label, controls in (("none", Controls()), ("all", CONTROL)):
                cpu, total, attack = measure(case, controls, seconds)
                print(
                    f"{population.size:>7} {reproduction:>4} {label:<8} {attack:>7.1%}"
                    f" {cpu / total * 1e6:>13.2f} {1 / cpu:>11,.0f}",
                    flush=True,
                )


def beside_peers(sizes: tuple[int, ...], seconds: float) -> None:
    """Print the kernel and every peer on uniform mixing."""
    print(f"\n{'agents':>7} {'R':>4} {'tool':<18} {'attack':>7} {'CPU ms/run':>11} {'ratio':>8}")
    for agents in sizes:
        room = one_room(agents)
        for reproduction in (1.2, 3.0):
            cpu, _, attack = measure(scenario(room, reproduction, uniform=True), Controls(), seconds)
            head = f"{agents:>7} {reproduction:>4}"
            print(f"{head} {'this':<18} {attack:>7.1%} {cpu * 1e3:>11.3f}", flush=True)
            for name, where, pins in PEERS:
                python, why = environment(where, pins)
                if python is None:
                    print(f"{head} {name} was SKIPPED: {why}")
                    continue
                found = peer(name, python, agents, reproduction)
                print(
                    f"{head} {name + ' ' + str(found['version']):<18} {found['attack']:>7.1%}"
                    f" {found['cpu_s'] * 1e3:>11.1f} {found['cpu_s'] / cpu:>7,.0f}x",
                    flush=True,
                )


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="full", show_default=True)
@click.option("--peers/--no-peers", default=True, help="Run the peers too.")
@click.option("--seconds", default=5.0, show_default=True, help="Of the kernel, a line.")
def main(size: str, peers: bool, seconds: float) -> None:
    """Measure the outbreak kernel."""
    features(SIZES[size], seconds)
    if peers:
        beside_peers(SIZES[size], seconds)


if __name__ == "__main__":
    main()
