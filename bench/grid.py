"""The grid of people and days at several sizes: opening it, scrolling, and a swap with its effect.

    python -m bench.grid [--agents N ...] [--requests R] [--json]

Each size has a home of its own with the sample operator, its first day's roster on 14 days from today, and a plan
made for the purpose for each: everyone at the own site, each loss of a site answered by those who may work at home.
Every request goes through the desk in this process, signed in as a planner. Printed are the first request, which
reads the plans, then the 95th percentile of the others beside its limit, as a ratio: 200 ms, 100 ms and 1 s.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.desk import plan_of, say
from releve.cli.database import keep_secret, open_new_database
from releve.network import HOME, Operator, day_bounds, sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies
from releve.plan.checker.rules import DayRules
from releve.plan.coverage import Timeline, count_placed
from releve.plan.relief_matrix import build_verdict, measure_cell
from releve.plan.result import BASE, Contingency, Move, Placement, PlannedScenario, ReliefCell

__all__ = ["main"]

DAYS = 14
LIMITS_MS = {"opening": 200.0, "scrolling": 100.0, "swap": 1000.0}
"""What a reader notices; ``./scripts/bench grid`` prints how much of it is used."""


def repeat_first_day(operator: Operator, first: date) -> Operator:
    """Return an operator with the roster of the sample's first day on each of 14 days."""
    zone = operator.row.time_zone
    begin, end = day_bounds(FIRST_DAY, zone)
    rows = [row for row in operator.shifts if begin <= row.start < end]
    shifts = []
    for n in range(DAYS):
        by = day_bounds(first + timedelta(days=n), zone)[0] - begin
        shifts += [replace(row, start=row.start + by, end=row.end + by) for row in rows]
    return replace(operator, shifts=tuple(shifts))


def plan_with_reliefs(operator: Operator, day: date) -> Plan:
    """Return a plan made for the purpose, with a relief of each loss of a site."""
    source = replace(operator, shifts=tuple(sample_operator_shifts(operator)))
    bare, settings = plan_of(source, day), PlanSettings()
    placements = tuple(sorted(bare.placements, key=lambda row: row.key))
    lost = tuple(row for row in list_contingencies(operator) if row.kind == "site")
    rules, timeline = DayRules(operator, day, settings), Timeline(bare.starts)
    scenarios = {BASE: bare.scenarios[BASE]}
    for one in lost:
        moves = tuple(_send_home(rules, row, one) for row in placements if row.place in one.sites)
        left = [row for row in placements if row.place not in one.sites]
        placed = count_placed(operator, timeline, [*left, *(move.after for move in moves if move.after)])
        scenarios[one.id] = PlannedScenario(one.id, placed, moves, 0.0, 0.0)
    cells = tuple(
        _measure(bare, client, name, scenario.placed, settings)
        for client, _ in bare.clients
        for name, scenario in scenarios.items()
    )
    return replace(
        bare,
        placements=placements,
        contingencies=lost,
        scenarios=scenarios,
        cells=cells,
        verdicts=tuple(
            build_verdict(client, [cell for cell in cells if cell.client == client], ()) for client, _ in bare.clients
        ),
        settings=settings.list_values(),
    )


def sample_operator_shifts(operator: Operator) -> list[Any]:
    """Return the roster of the sample's first day, from one of the days that repeat it."""
    zone = operator.row.time_zone
    first = min(row.start for row in operator.shifts)
    begin, end = day_bounds(operator.find_day(first), zone)
    by = day_bounds(FIRST_DAY, zone)[0] - begin
    return [replace(row, start=row.start + by, end=row.end + by) for row in operator.shifts if begin <= row.start < end]


def _send_home(rules: DayRules, row: Placement, lost: Contingency) -> Move:
    agent = rules.operator.agent[row.agent]
    if rules.explain_refusal(agent, HOME, row.programme) is None:
        return Move(row.agent, row, replace(row, place=HOME), "relief")
    return Move(row.agent, row, None, "stranded")


def _measure(plan: Plan, client: str, name: str, placed: Any, settings: PlanSettings) -> ReliefCell:
    mine = plan.find_columns(client)
    return measure_cell(
        client, name, agents=plan.required[:, mine], calls=plan.calls[:, mine], placed=placed[:, mine], floor=0.0,
        settings=settings,
    )  # fmt: skip


def fill(agents: int, sites: int) -> Operator:
    """Import the operator and put a plan of each day in force."""
    from releve.live import api as live
    from releve.live.models import Activation, ActivationDay, PlanText
    from releve.live.plans import build_plan_row
    from releve.registry.service import apply_changes, preview_changes

    today = datetime.now().astimezone().date()
    operator = repeat_first_day(sample_operator(agents, sites, 1, weeks_of_history=1), today)
    made = apply_changes(preview_changes(operator), "bench")
    force = Activation.objects.create(at=live.real_now(), by="bench", version=made.number)
    for n in range(DAYS):
        plan = plan_with_reliefs(operator, today + timedelta(days=n))
        row = build_plan_row(plan, plan.required * 0 + 300.0)
        PlanText.objects.bulk_create([row])
        ActivationDay.objects.create(activation=force, day=plan.day, plan=row)
    say(f"{agents} agents on {sites} sites, {DAYS} days of {len(plan.placements)} people")
    return operator


def measure(agents: int, sites: int, requests: int) -> dict[str, Any]:
    """Return the first request and the 95th percentile of the others, in ms, by what is done."""
    from django.test import Client

    from releve.accounts import grants
    from releve.accounts.models import User

    operator = fill(agents, sites)
    grants.give_role("planner", grants.RoleRequest("planner"), by="bench")
    web = Client(headers={"accept-language": "fr"}, SERVER_NAME="localhost")
    web.force_login(User.objects.get(username="planner"))
    today, chance = datetime.now().astimezone().date(), random.Random(7)
    names = sorted({row.agent for row in operator.shifts})
    parts = max(1, -(-len(operator.agents) // 40))

    def swap() -> str:
        day = today + timedelta(days=chance.randrange(DAYS))
        one, other = chance.sample(names, 2)
        return f"/grid/edit?day={day}&key={one}&act=swap&with={other}"

    asked: dict[str, Callable[[], str]] = {
        "opening": lambda: f"/grid/?days={DAYS}&part={chance.randrange(parts)}",
        "scrolling": lambda: f"/grid/?days={DAYS}&rows=1&part={chance.randrange(parts)}",
        "swap": swap,
    }
    found: dict[str, Any] = {"agents": agents, "sites": sites}
    for name, make in asked.items():
        # each day is read once: what a planner's first look at it costs
        firsts = [_time(web, make()) for _ in range(DAYS if name == "swap" else 1)]
        times = [_time(web, make()) for _ in range(requests)]
        p95 = float(np.percentile(times, 95))
        found[name] = {
            "first_ms": round(max(firsts)),
            "p50_ms": round(float(np.median(times)), 1),
            "p95_ms": round(p95, 1),
            "of_limit": round(p95 / LIMITS_MS[name], 2),
        }
        say(f"  {name}: {json.dumps(found[name])}")
    return found


def _time(web: Any, path: str) -> float:
    headers = {"HX-Request": "true"} if "rows=1" in path or "/edit" in path else {}
    began = time.perf_counter()
    answer = web.get(path, headers=headers)
    taken = 1000 * (time.perf_counter() - began)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code} {answer.content[:200]!r}")
    return taken


@click.command()
@click.option("--agents", "sizes", type=int, multiple=True, default=(400, 2000, 5000), show_default=True)
@click.option("--requests", type=int, default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(sizes: tuple[int, ...], requests: int, *, as_json: bool) -> None:
    """Measure the grid at each size, in a process of its own each."""
    if len(sizes) > 1:
        rows = [_measure_apart(size, requests) for size in sizes]
    else:
        from tests.homes import make_test_home

        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"RELEVE_HOME": str(make_test_home(Path(folder))), "RELEVE_SECOND_FACTOR": "optional"}
            open_new_database()
            keep_secret()
            rows = [measure(sizes[0], max(3, sizes[0] // 350), requests)]
    if as_json:
        print(json.dumps({"limits_ms": LIMITS_MS, "sizes": rows}))
        return
    for row in rows:
        for name, limit in LIMITS_MS.items():
            one = row[name]
            print(
                f"{row['agents']:>6} agents  {name:<10} p95 {one['p95_ms']:>8.1f} ms of {limit:.0f}"
                f" ({one['of_limit']:.2f}), first {one['first_ms']} ms"
            )


def _measure_apart(size: int, requests: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.grid", "--agents", str(size), "--requests", str(requests), "--json"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(out)["sizes"][0]
    return found


if __name__ == "__main__":
    main()
