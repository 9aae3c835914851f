"""``releve plan --verify``: simulate the plan, ask for more where it misses, plan again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from releve.demand import Forecast, Requirement
from releve.demand.queue import warm_up
from releve.network import Operator, zone
from releve.plan import SolvedDay, named_plan
from releve.plan.simulation_check import (
    ERRS,
    ClientFigures,
    ReliefError,
    Simulated,
    alike,
    client_figures,
    relief_error,
    simulated,
    tightened,
)

__all__ = ["Verified", "verification_json", "verification_rows", "verification_text", "verify_days"]

_ERR = Console(stderr=True)
_RELIEF_SHARE = 4
"""A relief is simulated on one day for so many of the base plan's: there are many reliefs."""

_WHY = {
    "held": "every half hour holds its targets",
    "rounds": "no more rounds were allowed",
    "no better": "planned once more it was no better",
    "no people": "asking for more brings nobody: the people are not there",
}


@dataclass(frozen=True)
class Verified:
    """A verified day: the plan kept, what was simulated of the first plan and of the kept one,
    in which round it was planned (0 = the first), why it ended there, and the reliefs in which
    Erlang errs. ``asked`` is the requirement to plan next, if it goes on."""

    solved: SolvedDay
    before: Simulated
    after: Simulated
    round: int
    why: str
    replications: int
    asked: Requirement | None = None
    reliefs: tuple[ReliefError, ...] = ()


def verify_days(
    operator: Operator,
    forecasts: Sequence[Forecast],
    solved: Sequence[SolvedDay],
    solve: Callable[[Sequence[Requirement]], list[SolvedDay]],
    *,
    rounds: int,
    replications: int,
) -> list[Verified]:
    """Simulate the solved days; plan those that miss again, ``rounds`` times at most.

    Of each day the plan with the fewest half hours missed is kept. ``solve`` plans requirements.
    """
    with _bars() as bar:
        warm_up(lambda step: _note(bar, f"{step}: loading (the first time, compiling)"))
        found = [
            _first(operator, forecast, one, replications, bar)
            for forecast, one in zip(forecasts, solved, strict=True)
        ]
    for number in range(1, rounds + 1):
        going = {i: one.asked for i, one in enumerate(found) if one.asked is not None}
        if not going:
            break
        again = solve(list(going.values()))
        with _bars() as bar:
            for i, one in zip(going, again, strict=True):
                found[i] = _next(operator, forecasts[i], one, found[i], number, bar)
    with _bars() as bar:
        return [
            _with_reliefs(operator, forecast, one, bar)
            for forecast, one in zip(forecasts, found, strict=True)
        ]


def _bars() -> Progress:
    columns = (TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_ERR, transient=False)


def _note(bar: Progress, text: str) -> None:
    bar.console.print(text)


def _first(
    operator: Operator, forecast: Forecast, solved: SolvedDay, replications: int, bar: Progress
) -> Verified:
    day = _simulated(operator, forecast, solved, replications, 0, bar)
    why, asked = _ending(day)
    return Verified(solved, day, day, 0, why, replications, asked)


def _next(
    operator: Operator,
    forecast: Forecast,
    solved: SolvedDay,
    last: Verified,
    number: int,
    bar: Progress,
) -> Verified:
    """Return the better of the last plan and the next one, and whether to go on from it."""
    day = _simulated(operator, forecast, solved, last.replications, number, bar)
    if day.badness >= last.after.badness:
        return replace(last, why="no better", asked=None)
    why, asked = _ending(day)
    return replace(last, solved=solved, after=day, round=number, why=why, asked=asked)


def _ending(day: Simulated) -> tuple[str, Requirement | None]:
    """Return why a day is done if it is not planned again, and what to ask of it if it is."""
    if not day.misses().any():
        return "held", None
    asked = tightened(day)
    return "no people" if asked is None else "rounds", asked


def _simulated(
    operator: Operator,
    forecast: Forecast,
    solved: SolvedDay,
    replications: int,
    number: int,
    bar: Progress,
) -> Simulated:
    task = bar.add_task(f"{solved.need.day}, round {number}: calls", total=replications)
    plan = named_plan(operator, solved)
    day = simulated(
        operator, plan, solved.need, forecast,
        replications=replications, threads=os.cpu_count() or 1,
        progress=lambda done, _: bar.update(task, completed=done),
    )  # fmt: skip
    half_hours, late = day.badness
    _note(bar, f"{plan.day}, round {number}: {half_hours} half hours miss, {late:,.0f} calls late")
    return day


def _with_reliefs(operator: Operator, forecast: Forecast, one: Verified, bar: Progress) -> Verified:
    """Simulate each relief of the plan that is kept, and note where Erlang errs."""
    plan = one.after.plan
    groups = alike(plan)
    title = f"{plan.day}: calls under {len(plan.scenarios) - 1} reliefs"
    task = bar.add_task(title, total=len(groups))
    errors = []
    for names in groups:
        day = simulated(
            operator, plan, one.solved.need, forecast, scenario=names[0],
            replications=max(20, one.replications // _RELIEF_SHARE), threads=os.cpu_count() or 1,
        )  # fmt: skip
        errors.append(relief_error(day, names))
        bar.advance(task)
    return replace(one, reliefs=tuple(error for error in errors if error is not None))


def verification_json(one: Verified) -> dict[str, Any]:
    """Return a verified day as JSON values; shares, hours, and half hours by their start in UTC."""
    pairs = zip(client_figures(one.before), client_figures(one.after), strict=True)
    return {
        "round": one.round,
        "ended": one.why,
        "replications": one.replications,
        "tolerance": one.after.tolerance,
        "unknown": one.solved.need.unknown,
        "clients": [
            {
                "client": after.client,
                "before": _figures_json(one.before, before),
                "after": _figures_json(one.after, after),
            }
            for before, after in pairs
        ],
        "erlang_errs": [
            {**asdict(error), "interval": _start(one.after, error.interval)}
            for error in one.reliefs
        ],
    }


def _figures_json(day: Simulated, figures: ClientFigures) -> dict[str, Any]:
    values = asdict(figures)
    del values["client"]
    return {**values, "worst_interval": _start(day, figures.worst_interval)}


def _start(day: Simulated, interval: int) -> str | None:
    if interval < 0:
        return None
    return day.plan.starts[interval].isoformat().replace("+00:00", "Z")


def verification_rows(
    one: Verified,
) -> list[tuple[str | float | int | date | datetime | None, ...]]:
    """Return a row per client for the plan folder, see VERIFICATION_COLUMNS there."""
    plan = one.after.plan
    pairs = zip(client_figures(one.before), client_figures(one.after), strict=True)
    return [
        (
            *(plan.day, after.client, before.promised, before.found, after.found),
            *(before.missed, after.missed, after.short),
            *(after.worst, after.worst_answered),
            plan.starts[after.worst_interval] if after.missed else None,
            *(before.required_hours, after.required_hours),
            *(before.placed_hours, after.placed_hours),
        )
        for before, after in pairs
    ]


def verification_text(one: Verified, console: Console) -> None:
    """Print a verified day: the clients, what it costs, what is still missed, the reliefs."""
    console.print(_table(one))
    lines = (*_unknown_lines(one), *_cost_lines(one), *_missed_lines(one), *_relief_lines(one))
    for line in lines:
        console.print(line, highlight=False, markup=False, emoji=False)


def _table(one: Verified) -> Table:
    title = (
        f"Calls simulated, {one.after.plan.day:%A %d %B %Y}: {one.replications} days;"
        f" {one.round} times planned again\nwithin the threshold, of the client's calls"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("client")
    for name in ("Erlang says", "found", "after", "half hours missed", "hours required"):
        table.add_column(name, justify="right")
    names = dict(one.after.plan.clients)
    for before, after in zip(client_figures(one.before), client_figures(one.after), strict=True):
        table.add_row(
            names[after.client],
            f"{before.promised:.1%}",
            f"{before.found:.1%}",
            f"{after.found:.1%}",
            f"{before.missed} -> {after.missed}",
            f"{before.required_hours:,.1f} -> {after.required_hours:,.1f}",
        )
    return table


def _unknown_lines(one: Verified) -> Iterator[str]:
    for name, reason in one.solved.need.unknown.items():
        yield f"{name} is not simulated: {reason}"


def _cost_lines(one: Verified) -> Iterator[str]:
    before, after = client_figures(one.before), client_figures(one.after)
    asked = [sum(row.required_hours for row in rows) for rows in (before, after)]
    placed = [sum(row.placed_hours for row in rows) for rows in (before, after)]
    if one.round:
        more = asked[1] - asked[0]
        yield (
            f"It takes {more:,.1f} agent hours more to be required ({more / asked[0]:+.1%});"
            f" {placed[1] - placed[0]:+,.1f} hours are placed."
        )


def _missed_lines(one: Verified) -> Iterator[str]:
    points = 100 * one.after.tolerance
    if one.why == "held":
        yield f"Every half hour simulated holds its targets, within {points:g} point of them."
        return
    yield f"NOT met, and it ends here because {_WHY[one.why]}:"
    names = dict(one.after.plan.clients)
    for row in client_figures(one.after):
        if row.missed:
            people = f"; in {row.short} of them fewer people than required" if row.short else ""
            yield (
                f"  {names[row.client]}: {row.missed} half hours, at worst {row.worst:.0%} in time"
                f" and {row.worst_answered:.0%} answered at"
                f" {_clock(one.after, row.worst_interval)}{people}"
            )


def _relief_lines(one: Verified) -> Iterator[str]:
    points = 100 * ERRS
    if not one.reliefs:
        yield f"In no relief does Erlang err by more than {points:g} points."
        return
    yield f"Where Erlang errs by more than {points:g} points (no relief is planned again):"
    for error in one.reliefs:
        first, *others = error.scenarios
        same = f" and {len(others)} that place the same" if others else ""
        yield (
            f"  {first}{same}: {error.half_hours} half hours, the worst {error.programme} at"
            f" {_clock(one.after, error.interval)}: {error.promised:.0%} by Erlang,"
            f" {error.found:.0%} found"
        )


def _clock(day: Simulated, interval: int) -> str:
    return f"{day.plan.starts[interval].astimezone(zone(day.plan.time_zone)):%H:%M}"
