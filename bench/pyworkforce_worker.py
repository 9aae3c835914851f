"""Run pyworkforce on cases and time it; for a Python of its own, with the standard library only.

Reads JSON from stdin: ``{"seconds": s, "cases": [[calls, aht_s, patience_s or null], ...]}``, and
writes ``{"version", "python", "agents", "cpu_s", "wall_s"}``: the answers to as many cases, in
order, as fit in the time.
"""

import json
import sys
import time
from importlib.metadata import version

from pyworkforce.queuing import ErlangA, ErlangC

INTERVAL_MINUTES, THRESHOLD_MINUTES, TARGET = 30, 20 / 60, 0.8


def required(calls: float, aht_s: float, patience_s: float | None) -> int:
    """Return pyworkforce's positions for 80 % within 20 seconds, before shrinkage."""
    queue = {"transactions": calls, "aht": aht_s / 60, "asa": THRESHOLD_MINUTES, "interval": INTERVAL_MINUTES}
    model = ErlangC(**queue) if patience_s is None else ErlangA(**queue, patience=patience_s / 60)
    return int(model.required_positions(service_level=TARGET)["raw_positions"])


def main() -> None:
    """Answer the cases on stdin."""
    asked = json.load(sys.stdin)
    agents = []
    required(*asked["cases"][0])
    cpu, wall = time.process_time(), time.perf_counter()
    for case in asked["cases"]:
        agents.append(required(*case))
        if time.perf_counter() - wall > asked["seconds"]:
            break
    found = {
        "version": version("pyworkforce"),
        "python": sys.version.split()[0],
        "agents": agents,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
