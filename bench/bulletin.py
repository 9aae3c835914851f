"""``python -m bench.bulletin``: attackers on 500 random tables over 31 days.

For each hidden figure: the interval of an outside linear programme, and of each member as an
insider that subtracts its own figures; and each pair of bulletins between which one member left or
came back. Beside it the tables as they would be published with every bulletin judged alone. The
peer is tau-Argus (``pytauargus``, HiGHS), which marks groups of the first day that its frequency,
dominance and p % rules find unsafe; it is skipped by name where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from concurrent.futures import ProcessPoolExecutor
from tempfile import TemporaryDirectory

from tests.sector.attackers import attack_by_leave, attack_from_inside, attack_from_outside, publish_days

DAYS = 31


def attack_table(seed: int) -> tuple[int, int, list[str], bool]:
    """Return figures shown and hidden, what attackers read, and whether a lone judge leaks."""
    tables = publish_days(seed, DAYS)
    faults = attack_by_leave(tables)
    for table in tables:
        faults += attack_from_outside(table)
        faults += attack_from_inside(table, sorted(table.figures))
    shown = sum(len(table.shown) for table in tables)
    cells = sum(len(table.groups) + 1 for table in tables)
    alone = bool(attack_by_leave(publish_days(seed, DAYS, history=False)))
    return shown, cells - shown, faults, alone


def find_unsafe_by_peer(seed: int, folder: str) -> list[str]:
    """Return the published groups of a table's first day that tau-Argus finds unsafe."""
    from pytauargus import protect  # type: ignore[import-not-found]

    table = publish_days(seed, 1)[0]
    rows = [
        {"Place": where, "Agents": float(count)}
        for row in table.figures.values()
        for where, count in row.items()
        if count
    ]
    rules = "P(10,2)|FREQ(5,0)|NK(1,50)"
    found = protect(rows, ["Place"], response="Agents", safety_rules=rules, workdir=folder)
    unsafe = {row["Place"] for row in found.tables[0].rows if row["status"] == "U"}
    return sorted(unsafe & table.publication.groups)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    began = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        found = list(pool.map(attack_table, range(options.tables), chunksize=5))
    shown, hidden = sum(one[0] for one in found), sum(one[1] for one in found)
    faults = [f"table {seed}: {fault}" for seed, one in enumerate(found) for fault in one[2]]
    print(f"tables {options.tables}, days {DAYS}, figures shown {shown}, hidden {hidden}")
    print(f"figures that an attacker knows within 10 %: {len(faults)}")
    for fault in faults[:20]:
        print(f"  {fault}")
    leaks = sum(one[3] for one in found)
    print(f"tables in which a leaver is read where each bulletin is judged alone: {leaks}")
    if importlib.util.find_spec("pytauargus") is None:
        print("skipped: pytauargus is not installed")
    else:
        with TemporaryDirectory() as folder:
            unsafe = [find_unsafe_by_peer(seed, folder) for seed in range(options.tables)]
        print(f"tables with a published group that tau-Argus finds unsafe: {sum(map(bool, unsafe))}")
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
