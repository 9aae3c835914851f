"""Moves measured: people notified per person at a lost place, beside the coverage of each client.

    python -m bench.moves [--only AGENTS,SITES,SEED,VEHICLES ...] [--json]

Six sample operators, and of each every single loss of a place that anyone works at: the sites, and the
carriers of home lines. For each loss: the people at the place; those whose work differs in anything (all
of whom were notified once); those who are asked for an answer, and whose break alone moves, by
:func:`releve.plan.work_changes.describe_change`; the same where the loss happens at half past ten of the
running day, by the look-up of the live chain; and what the relief covers of each client's day.

Then, by what a relief aims at: the reliefs that the live chain makes where the loss happens as the day begins, and at
half past ten, counted in whole people as they are carried out (:func:`releve.live.relief_handler.compare_aims`).
The plan of each operator is in force in an installation of its own in a temporary folder; nothing is recorded as lost.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.live import ProgressPrinter, say
from releve.cli.database import open_new_database
from releve.network import HOME, Operator, sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Contingency, Plan, list_contingencies, plan_day
from releve.plan.result import SINGLE, read_agent
from releve.plan.week import require_day
from releve.plan.work_changes import KindCount, WorkKind, count_asked, count_kinds, describe_change
from tests.homes import make_test_home

if TYPE_CHECKING:
    from releve.live.lost_places import Loss
    from releve.live.stream_state import Scene

__all__ = ["main"]

SAMPLES = ("120,3,2,12", "200,4,1,0", "250,6,5,20", "300,5,7,0", "400,6,3,0", "500,4,1,0")
"""Agents, sites, seed and vehicles; 400 agents on 6 sites are the operator of ``scripts/demo``."""
RUNNING = timedelta(hours=10, minutes=30)
INSTANTS = {"as the day begins": timedelta(), "at 10:30": RUNNING}


@dataclass(frozen=True)
class AimRow:
    """What the relief that an aim takes does where a loss happens ``at`` an instant, in whole people: ``moved`` from
    the plan, the ``worst`` share that a client misses of the rest of its day, the same of the clients ``in_reach``
    (with every agent to itself it would meet its target), and the agent half hours ``missing`` from then on, weighted
    by the price of a missed call."""

    at: str
    aim: str
    moved: int
    worst: float
    in_reach: float
    missing: float


@dataclass(frozen=True)
class LossRow:
    """One loss: people ``at`` the place, ``different`` in anything, ``asked`` for an answer, with the ``break``
    alone moved; ``asked_running`` and ``breaks_running`` at half past ten; ``covered[client]`` of its day;
    ``aims``: a row for each aim and instant."""

    operator: str
    loss: str
    at: int
    different: int
    asked: int
    breaks: int
    asked_running: int
    breaks_running: int
    covered: dict[str, float]
    aims: tuple[AimRow, ...]


def measure_losses(name: str, operator: Operator, plan: Plan) -> Iterator[LossRow]:
    """Yield a row for each loss of a place at which people work."""
    scene = put_in_force(operator, plan)
    counted = {lost: _count_people_at(operator, plan, lost) for lost in plan.contingencies}
    worked = {lost: people for lost, people in counted.items() if people}
    for number, (lost, people) in enumerate(worked.items(), 1):
        began = time.perf_counter()
        moves = plan.scenarios[lost.id].moves
        kinds = count_kinds((m.agent, describe_change(m.before, m.after, lost=lost.sites).kind) for m in moves)
        running = _look_up_running(operator, plan, lost)
        yield LossRow(
            name, lost.id, people, len({move.agent for move in moves}), count_asked(kinds), _count_breaks(kinds),
            count_asked(running), _count_breaks(running),
            {client: round(1.0 - plan.cell[client, lost.id].shortfall, 4) for client, _ in plan.clients},
            tuple(_measure_aims(scene, plan, lost)),
        )  # fmt: skip
        say(f"{name}: {number}/{len(worked)} {lost.id} in {time.perf_counter() - began:.1f} s")


def put_in_force(operator: Operator, plan: Plan) -> Scene:
    """Put a plan in force in the database of the run; return the scene of a drill of its day."""
    from releve.live import api as live
    from releve.registry.service import apply_changes, preview_changes

    apply_changes(preview_changes(operator), "bench")
    live.put_in_force([plan], by="bench")
    drill = live.start_drill("bench", by="bench", at=plan.starts[0])
    scene = live.load_scene(drill.name)
    live.stop_drill(drill.name, by="bench")
    assert scene is not None
    assert scene.days == (plan.day,)
    return scene


def _measure_aims(scene: Scene, plan: Plan, lost: Contingency) -> Iterator[AimRow]:
    """Yield what the relief of each aim does where a loss happens at each of the instants."""
    from releve.live.plans import read_settings
    from releve.live.relief_handler import compare_aims

    target = read_settings(plan).target
    in_reach = {client for client, _ in plan.clients if plan.cell[client, lost.id].floor <= target}
    for name, since in INSTANTS.items():
        supposed = replace(scene, at=plan.starts[0] + since, wanted={plan.day: _build_loss(lost)})
        for aim, row in compare_aims(supposed).items():
            held = max((share for (_, client), share in row.missing.items() if client in in_reach), default=0.0)
            yield AimRow(name, aim, row.moved, row.worst, held, row.penalty)


def _build_loss(lost: Contingency) -> Loss:
    from releve.live.lost_places import Loss

    return Loss(lost.sites, lost.carriers, lost.sites if lost.exposed else frozenset())


def _count_people_at(operator: Operator, plan: Plan, lost: Contingency) -> int:
    return len(
        {
            row.agent
            for row in plan.placements
            if row.place in lost.sites or (row.place == HOME and operator.agent[row.agent].carrier in lost.carriers)
        }
    )


def _count_breaks(kinds: Iterable[KindCount]) -> int:
    return sum(row.people for row in kinds if row.kind is WorkKind.BREAK)


def _look_up_running(operator: Operator, plan: Plan, lost: Contingency) -> tuple[KindCount, ...]:
    """Return whose work changes by kind where the loss happens in the running day."""
    from releve.live.plans import DayPlan
    from releve.live.relief_solver import look_up_relief
    from releve.live.stream_state import read_placement

    at = plan.starts[0] + RUNNING
    found = DayPlan("bench", plan, operator, require_day(operator, plan.day))
    before = {row.key: row for row in plan.placements}
    changes = look_up_relief(found, _build_loss(lost), at) or {}
    rows = ((key, None if row is None else read_placement(key, row)) for key, (_, row) in changes.items())
    return count_kinds(
        (read_agent(key), describe_change(before.get(key), row, at, lost=lost.sites).kind) for key, row in rows
    )


def plan_sample(name: str) -> tuple[Operator, Plan]:
    """Return a sample operator and its plan against every single loss."""
    agents, sites, seed, vehicles = map(int, name.split(","))
    operator = sample_operator(agents, sites, seed, weeks_of_history=4, vehicles=vehicles)
    losses = [row for row in list_contingencies(operator) if row.kind in SINGLE]
    return operator, plan_day(
        operator, require_day(operator, FIRST_DAY), contingencies=losses, progress=ProgressPrinter()
    )


def format_rows(rows: list[LossRow]) -> Iterator[str]:
    """Yield the table, and what each operator has in sum per person at the lost places."""
    head = f"{'operator':<12} {'loss':<26} {'at it':>5} {'differ':>6} {'asked':>5} {'break':>5}"
    yield f"{head} | 10:30 asked break | covered"
    for row in rows:
        covered = " ".join(f"{share:.1%}" for share in row.covered.values())
        yield (
            f"{row.operator:<12} {row.loss:<26} {row.at:>5} {row.different:>6} {row.asked:>5} {row.breaks:>5}"
            f" | {row.asked_running:>11} {row.breaks_running:>5} | {covered}"
        )
    for name in dict.fromkeys(row.operator for row in rows):
        mine = [row for row in rows if row.operator == name]
        at = sum(row.at for row in mine)
        yield (
            f"{name}: per person at a lost place {sum(row.different for row in mine) / at:.2f} differ in anything,"
            f" {sum(row.asked for row in mine) / at:.2f} are asked; at 10:30"
            f" {sum(row.asked_running for row in mine) / at:.2f}"
        )
    yield from _format_aims(rows)


def _format_aims(rows: list[LossRow]) -> Iterator[str]:
    """Yield what each aim does to each operator over all of its losses: sums, moves for each person at
    the lost places, and what the client in reach that is served worst in any of them misses."""
    yield f"{'':<22}" + "".join(f" | {name:<33}" for name in INSTANTS)
    yield f"{'operator':<12} {'aim':<9}" + f" | {'moved':>6} {'each':>6} {'worst':>7} {'missing':>11}" * len(INSTANTS)
    for name, aim in dict.fromkeys((row.operator, one.aim) for row in rows for one in row.aims):
        mine = [row for row in rows if row.operator == name]
        line = f"{name:<12} {aim:<9}"
        for instant in INSTANTS:
            found = [one for row in mine for one in row.aims if (one.at, one.aim) == (instant, aim)]
            moved, missing = sum(one.moved for one in found), sum(one.missing for one in found)
            worst = max(one.in_reach for one in found)
            each = moved / sum(row.at for row in mine)
            line += f" | {moved:>6} {each:>6.2f} {worst:>7.1%} {missing:>11,.1f}"
        yield line


@click.command()
@click.option("--only", multiple=True, help="A sample instead of the six: agents,sites,seed,vehicles.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON alone.")
def main(only: tuple[str, ...], as_json: bool) -> None:
    """Measure the moves of every single loss."""
    rows: list[LossRow] = []
    with tempfile.TemporaryDirectory(prefix="releve-moves-") as home:
        os.environ["RELEVE_HOME"] = str(make_test_home(Path(home)))
        open_new_database()
        for name in only or SAMPLES:
            began = time.perf_counter()
            rows += measure_losses(name, *plan_sample(name))
            say(f"{name}: planned and measured in {time.perf_counter() - began:.0f} s")
    click.echo(json.dumps([asdict(row) for row in rows]) if as_json else "\n".join(format_rows(rows)))


if __name__ == "__main__":
    main()
