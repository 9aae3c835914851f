"""Requirements per second of Erlang C and Erlang A, beside pyworkforce, in one run.

``python -m bench.erlang [--json] [--seconds S] [--cases N]``, from the top of the checkout.

The question is the same for both: the least agents that serve 80 % of the offered calls within 20
seconds. Loads are within 10 % of 10, 50 and 200 Erlang, handling times between 180 and 420 s,
patience between 30 and 600 s, half hours, all drawn once from a fixed seed. pyworkforce answers the
first of the cases, as many as fit in the time, in a Python of its own (>= 3.12); ours answers all,
before and after, and the median counts. Rates are per second of CPU of one core. Where the two
differ, 60-digit arithmetic (``tests/demand/oracle.py``) says who is right: the least number holds
the target and one fewer does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from releve.demand import required_agents, warm_up
from tests.demand.oracle import holds
from tests.demand.test_erlang import queues, worst_error

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-pyworkforce"
PINS = ROOT / "requirements" / "pyworkforce.txt"
WORKER = ROOT / "bench" / "pyworkforce_worker.py"

INTERVAL_S, THRESHOLD_S, TARGET = 1800.0, 20.0, 0.8
LOADS = (10, 50, 200)
MUST = {("C", 50): 1_000, ("A", 50): 300_000}
"""Least times as many requirements per second as pyworkforce."""


@dataclass
class Difference:
    """A case on which the two disagree, and who the oracle says is right."""

    calls: float
    aht_s: float
    patience_s: float | None
    ours: int
    theirs: int
    ours_right: bool
    theirs_right: bool


@dataclass
class Line:
    """One model at one load."""

    model: str
    load: int
    ours_per_s: float = 0.0
    below_load: float = 0.0
    theirs_per_s: float | None = None
    ratio: float | None = None
    must: float | None = None
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass
class Cases:
    """Calls per half hour, handling time and patience (None: Erlang C), one row a case."""

    calls: np.ndarray
    aht_s: np.ndarray
    patience_s: np.ndarray | None

    def answer(self) -> np.ndarray:
        """Return our answers."""
        patience = np.inf if self.patience_s is None else self.patience_s
        return required_agents(self.calls, INTERVAL_S, self.aht_s, patience, THRESHOLD_S, TARGET)

    def row(self, i: int) -> tuple[float, float, float | None]:
        """Return one case."""
        patience = None if self.patience_s is None else float(self.patience_s[i])
        return float(self.calls[i]), float(self.aht_s[i]), patience


def drawn(model: str, load: int, number: int) -> Cases:
    """Return the cases of a model at a load."""
    draw = np.random.default_rng([load, ord(model)])
    erlang = draw.uniform(0.9 * load, 1.1 * load, number)
    aht = draw.uniform(180, 420, number)
    patience = draw.uniform(30, 600, number)
    return Cases(erlang * INTERVAL_S / aht, aht, None if model == "C" else patience)


def rate(cases: Cases, runs: int = 5) -> float:
    """Return our requirements per second of CPU, the median over the runs."""
    found = []
    for _ in range(runs):
        start = time.process_time()
        cases.answer()
        found.append(cases.calls.size / (time.process_time() - start))
    return statistics.median(found)


def interpreter() -> str | None:
    """Return a Python >= 3.12 that runs, or None."""
    for name in ("python3.14", "python3.13", "python3.12", sys.executable):
        path = shutil.which(name)
        if path is None:
            continue
        asked = [path, "-c", "import sys; print(sys.version_info >= (3, 12))"]
        if subprocess.run(asked, capture_output=True, text=True).stdout.strip() == "True":
            return path
    return None


def environment() -> tuple[Path | None, str]:
    """Return the Python of pyworkforce's environment, made if need be, or why there is none."""
    python = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    check = [str(python), "-c", "import pyworkforce"]
    if python.exists() and subprocess.run(check, capture_output=True).returncode == 0:
        return python, ""
    base = interpreter()
    if base is None:
        return None, "no Python 3.12 or later on the PATH"
    note(f"making {ENVIRONMENT.name} with {base}")
    made = subprocess.run([base, "-m", "venv", "--clear", str(ENVIRONMENT)], capture_output=True)
    if made.returncode != 0:
        return None, f"{base} -m venv failed"
    install = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(PINS)]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode != 0:
        return None, "pip could not install " + (done.stderr.strip().splitlines() or ["it"])[-1]
    return python, ""


def peer(python: Path, cases: Cases, seconds: float) -> dict[str, object]:
    """Return what pyworkforce answers and how long it took."""
    number = min(cases.calls.size, 20_000 if cases.patience_s is None else 500)
    asked = {"seconds": seconds, "cases": [cases.row(i) for i in range(number)]}
    # -P: beside the worker stands a queue.py, which is not Python's own
    command = [str(python), "-P", str(WORKER)]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"pyworkforce failed: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout))


def least(case: tuple[float, float, float | None], agents: int) -> bool:
    """Return whether ``agents`` is the least number, by the oracle."""
    calls, aht, patience = case
    queue = (calls, INTERVAL_S, aht, np.inf if patience is None else patience)
    enough, fewer = (holds(*queue, n, THRESHOLD_S, TARGET) for n in (agents, agents - 1))
    return enough and not fewer


def compare(cases: Cases, theirs: list[int]) -> list[Difference]:
    """Return every case answered differently, judged."""
    ours = cases.answer()[: len(theirs)]
    found = []
    for i in np.flatnonzero(ours != np.array(theirs)):
        case, a, b = cases.row(int(i)), int(ours[i]), theirs[i]
        found.append(Difference(*case, a, b, least(case, a), least(case, b)))
    return found


def measure(model: str, load: int, number: int, python: Path | None, seconds: float) -> Line:
    """Return one line of the table."""
    note(f"Erlang {model}, about {load} Erlang")
    cases = drawn(model, load, number)
    line = Line(model, load, must=MUST.get((model, load)))
    line.below_load = float(np.mean(cases.answer() < cases.calls * cases.aht_s / INTERVAL_S))
    before = rate(cases)
    if python is None:
        line.ours_per_s = before
        return line
    found = peer(python, cases, seconds)
    line.ours_per_s = statistics.median([before, rate(cases)])
    theirs = [int(n) for n in found["agents"]]  # type: ignore[attr-defined]
    line.theirs_per_s = len(theirs) / float(found["cpu_s"])  # type: ignore[arg-type]
    line.ratio = line.ours_per_s / line.theirs_per_s
    line.compared = len(theirs)
    line.differences = compare(cases, theirs)
    return line


def note(text: str) -> None:
    """Say what is being done, beside the result."""
    print(text, file=sys.stderr, flush=True)


def table(lines: list[Line], skipped: str) -> str:
    """Return the result for people."""
    out = [
        "requirements per second of CPU, 80 % of the offered calls within 20 s",
        f"{'model':9}{'Erlang':>7}{'ours/s':>13}{'pyworkforce/s':>15}{'ratio':>11}"
        f"{'must':>9}  {'compared':>8}{'differ':>8}  ours right / theirs right",
    ]
    for line in lines:
        head = f"Erlang {line.model:2}{line.load:>7}{line.ours_per_s:>13,.0f}"
        if line.ratio is None or line.theirs_per_s is None:
            out.append(f"{head}{'skipped':>15}")
            continue
        must = "" if line.must is None else f"{line.must:,.0f}"
        right = [sum(d.ours_right for d in line.differences)]
        right.append(sum(d.theirs_right for d in line.differences))
        out.append(
            f"{head}{line.theirs_per_s:>15,.1f}{line.ratio:>11,.0f}{must:>9}"
            f"  {line.compared:>8,}{len(line.differences):>8}  {right[0]} / {right[1]}"
        )
    if skipped:
        out.append(f"pyworkforce was SKIPPED: {skipped}")
    for line in lines:
        for d in line.differences:
            patience = "endless" if d.patience_s is None else f"{d.patience_s:.1f} s"
            out.append(
                f"differs, {d.calls:.3f} calls of {d.aht_s:.1f} s, patience {patience}:"
                f" ours {d.ours} ({'right' if d.ours_right else 'WRONG'}),"
                f" theirs {d.theirs} ({'right' if d.theirs_right else 'wrong'})"
            )
    return "\n".join(out)


def main() -> int:
    """Measure and print; 1 when one of our answers is wrong or a required figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.erlang", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seconds", type=float, default=10.0, help="for pyworkforce, a line")
    parser.add_argument("--cases", type=int, default=200_000, help="for ours, a line")
    options = parser.parse_args()
    warm_up(note)
    python, skipped = environment()
    lines = [measure(model, load, options.cases, python, options.seconds) for model in ("C", "A") for load in LOADS]
    note("errors against 60 digits")
    errors = {"C": worst_error(queues(6, 150, patient=True))}
    errors["A"] = worst_error(queues(6, 40, patient=False))
    wrong = sum(not d.ours_right for line in lines for d in line.differences)
    missed = [
        f"Erlang {line.model} at {line.load}"
        for line in lines
        if line.must is not None and line.ratio is not None and line.ratio < line.must
    ]
    result = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "skipped": skipped,
        "lines": [asdict(line) for line in lines],
        "worst_error_against_60_digits": errors,
        "wrong": wrong,
        "missed": missed,
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(table(lines, skipped))
        print(f"worst error against 60 digits: C {errors['C']:.1e}, A {errors['A']:.1e}")
        print("musts: " + (f"missed: {', '.join(missed)}" if missed else "met"))
    return 1 if wrong or missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
