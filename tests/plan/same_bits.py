"""Plan operators wholly and print one digest of all that comes out: for a child process.

``python -m tests.plan.same_bits [--noise SEED] [--no-grid] SAMPLE...``: a sample is
``agents,sites,seed,vehicles``, the same after ``kits:`` where home-ready agents share kits for half
of them, a folder with an operator, or ``hybrid`` for a hybrid week of three days. Digested are each
plan as JSON, with its reliefs and what is missing, the runs of the vehicles and every file of the
plan folder. ``--noise`` changes the last bits of whatever goes onto the decimal grid, as another
machine does; ``--no-grid`` takes the grid out.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.cli.transport import load_operator
from releve.files.plan_folder import write_plans
from releve.network import Operator, zone
from releve.network.history_grid import GRID_DECIMALS, round_to_grid
from releve.network.sample import sample_operator
from releve.plan import Plan, PlanSettings, name_plan, solve_day
from releve.plan.day_fleet import build_day_fleet, route_plan
from releve.plan.kits import choose_holders, give_kits
from releve.plan.plan_json import plan_to_json
from releve.plan.purchases.search import find_what_is_missing
from releve.plan.week import require_day
from releve.plan.week.hybrid_week import write_week_table
from tests.plan.week.hybrid_case import build_hybrid_case

STAMP = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
NOISE = 1e-13


def disturb_grid(seed: int | None, grid: bool) -> None:
    """Replace ``round_to_grid`` wherever it was imported: with noise before it, or without it."""
    rng = np.random.default_rng(seed)

    def other(values: ArrayLike, decimals: int = GRID_DECIMALS) -> NDArray[np.float64]:
        exact = np.asarray(values, dtype=np.float64)
        if seed is not None:
            exact = exact * (1.0 + rng.uniform(-NOISE, NOISE, exact.shape))
        return round_to_grid(exact, decimals) if grid else exact

    for name, module in list(sys.modules.items()):
        if name.startswith("releve.") and getattr(module, "round_to_grid", None) is round_to_grid:
            module.round_to_grid = other  # type: ignore[attr-defined]


def operator_named(sample: str) -> Operator:
    if "," in sample:
        agents, sites, seed, vehicles = map(int, sample.removeprefix("kits:").split(","))
        operator = sample_operator(agents, sites, seed, vehicles=vehicles, weeks_of_history=4)
        return share_half(operator) if sample.startswith("kits:") else operator
    return load_operator(Path(sample))


def share_half(operator: Operator) -> Operator:
    """Return an operator whose home-ready agents share a kit for each two of their site."""
    pools = Counter(row.home_site for row in operator.agents if row.home_ready)
    return replace(
        operator,
        agents=tuple(replace(row, home_ready=False, home_kit=row.home_ready) for row in operator.agents),
        sites=tuple(replace(row, home_kits=pools[row.id] // 2) for row in operator.sites),
    )


def plan_first_day(operator: Operator) -> Plan:
    first = min(shift.start for shift in operator.shifts)
    day = first.astimezone(zone(operator.row.time_zone)).date()
    need = require_day(operator, day)
    operator = give_kits(operator, choose_holders(operator, [need], PlanSettings()))
    solved = solve_day(operator, need)
    plan = name_plan(operator, solved, version="test")
    return replace(plan, missing=find_what_is_missing(operator, solved))


def compute_digest(plans: Sequence[Plan], week: Sequence[Sequence[str]] = ()) -> str:
    digest = hashlib.sha256("\n".join(plan_to_json(plan) for plan in plans).encode())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "plan"
        write_plans(folder, plans, stamp=STAMP, calendars=True, hybrid_week=week)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def digest_runs(operator: Operator, plan: Plan) -> str:
    fleet = build_day_fleet(operator, plan.day, PlanSettings())
    if fleet is None:
        return "no vehicles"
    runs = [route_plan(operator, plan, name, fleet)[1] for name in plan.scenarios]
    assert any(found.runs for found in runs)
    return hashlib.sha256(repr(runs).encode()).hexdigest()


def digest_sample(sample: str) -> str:
    if sample != "hybrid":
        operator = operator_named(sample)
        plan = plan_first_day(operator)
        return f"{compute_digest([plan])} {digest_runs(operator, plan)}"
    case = build_hybrid_case()
    return compute_digest(case.plans, write_week_table(case.operator, case.found.week))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--noise", type=int)
    parser.add_argument("--no-grid", action="store_true")
    parser.add_argument("samples", nargs="+")
    given = parser.parse_args()
    if given.noise is not None or given.no_grid:
        disturb_grid(given.noise, not given.no_grid)
    for sample in given.samples:
        print(sample.rpartition("/")[2], digest_sample(sample), flush=True)


if __name__ == "__main__":
    main()
