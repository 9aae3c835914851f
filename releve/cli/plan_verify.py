"""``releve plan --verify``: simulate the plan, ask for more where it misses, plan again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from releve.network import zone
from releve.plan import Plan
from releve.plan.simulation_check import ERLANG_TOLERANCE, ClientFigures, SimulatedDay, compute_client_figures
from releve.plan.week import PlanObserver, VerifiedDay

_ERR = Console(stderr=True)
_WHY = {
    "held": "every half hour holds its targets",
    "rounds": "no more rounds were allowed",
    "no better": "the plan of the last round was no better",
    "no people": "a higher requirement brings no more people: there are none to place",
}


class VerificationBars(PlanObserver):
    """Progress bars of a verification; closed while days are planned, which shows its own."""

    def __init__(self) -> None:
        self._shown: Progress | None = None
        self._titles: dict[str, TaskID] = {}

    def load(self, step: str) -> None:
        self._open().console.print(f"{step}: loading (the first time, compiling)")

    def simulate(self, day: date, number: int, done: int, of: int) -> None:
        self._move(f"{day}, round {number}: calls", done, of)

    def finish_round(self, number: int, day: SimulatedDay) -> None:
        half_hours, late = day.badness
        self._open().console.print(
            f"{day.plan.day}, round {number}: {half_hours} half hours miss, {late:,.0f} calls late"
        )

    def simulate_reliefs(self, plan: Plan, done: int, of: int) -> None:
        self._move(f"{plan.day}: calls under {len(plan.scenarios) - 1} reliefs", done, of)

    def close(self) -> None:
        """Leave the bars as they are; the next report opens new ones."""
        if self._shown is not None:
            self._shown.stop()
        self._shown, self._titles = None, {}

    def _open(self) -> Progress:
        if self._shown is None:
            columns = (TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn())
            self._shown = Progress(*columns, console=_ERR, transient=False)
            self._shown.start()
        return self._shown

    def _move(self, title: str, done: int, of: int) -> None:
        bars = self._open()
        if title not in self._titles:
            self._titles[title] = bars.add_task(title, total=of)
        bars.update(self._titles[title], completed=done)


def build_verification_json(one: VerifiedDay) -> dict[str, Any]:
    """Return a verified day as JSON values; shares, hours, and half hours by their start in UTC."""
    pairs = zip(compute_client_figures(one.before), compute_client_figures(one.after), strict=True)
    return {
        "round": one.round,
        "ended": one.why,
        "replications": one.replications,
        "tolerance": one.after.tolerance,
        "unknown": one.solved.need.unknown,
        "clients": [
            {
                "client": after.client,
                "before": _build_figures_json(one.before, before),
                "after": _build_figures_json(one.after, after),
            }
            for before, after in pairs
        ],
        "erlang_errs": [
            {**asdict(error), "interval": _format_start(one.after, error.interval)} for error in one.reliefs
        ],
    }


def _build_figures_json(day: SimulatedDay, figures: ClientFigures) -> dict[str, Any]:
    values = asdict(figures)
    del values["client"]
    return {**values, "worst_interval": _format_start(day, figures.worst_interval)}


def _format_start(day: SimulatedDay, interval: int) -> str | None:
    if interval < 0:
        return None
    return day.plan.starts[interval].isoformat().replace("+00:00", "Z")


def list_verification_rows(one: VerifiedDay) -> list[tuple[str | float | int | date | datetime | None, ...]]:
    """Return a row per client for the plan folder, see VERIFICATION_COLUMNS there."""
    plan = one.after.plan
    pairs = zip(compute_client_figures(one.before), compute_client_figures(one.after), strict=True)
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


def print_verification(one: VerifiedDay, console: Console) -> None:
    """Print a verified day: the clients, what it costs, what is still missed, the reliefs."""
    console.print(_build_table(one))
    unknown = [f"{name} is not simulated: {why}" for name, why in one.solved.need.unknown.items()]
    lines = (*unknown, *_cost_lines(one), *_missed_lines(one), *_relief_lines(one))
    for line in lines:
        console.print(line, highlight=False, markup=False, emoji=False)


def _build_table(one: VerifiedDay) -> Table:
    title = (
        f"Calls simulated, {one.after.plan.day:%A %d %B %Y}: {one.replications} days;"
        f" {one.round} times planned again\nwithin the threshold, of the client's calls"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("client")
    for name in ("Erlang says", "found", "after", "half hours missed", "hours required"):
        table.add_column(name, justify="right")
    names = dict(one.after.plan.clients)
    for before, after in zip(compute_client_figures(one.before), compute_client_figures(one.after), strict=True):
        table.add_row(
            names[after.client],
            f"{before.promised:.1%}",
            f"{before.found:.1%}",
            f"{after.found:.1%}",
            f"{before.missed} -> {after.missed}",
            f"{before.required_hours:,.1f} -> {after.required_hours:,.1f}",
        )
    return table


def _cost_lines(one: VerifiedDay) -> Iterator[str]:
    before, after = compute_client_figures(one.before), compute_client_figures(one.after)
    asked = [sum(row.required_hours for row in rows) for rows in (before, after)]
    placed = [sum(row.placed_hours for row in rows) for rows in (before, after)]
    if one.round:
        more = asked[1] - asked[0]
        yield (
            f"It takes {more:,.1f} agent hours more to be required ({more / asked[0]:+.1%});"
            f" {placed[1] - placed[0]:+,.1f} hours are placed."
        )


def _missed_lines(one: VerifiedDay) -> Iterator[str]:
    points = 100 * one.after.tolerance
    if one.why == "held":
        yield f"Every half hour simulated holds its targets, within {points:g} point of them."
        return
    yield f"NOT met, and it ends here because {_WHY[one.why]}:"
    names = dict(one.after.plan.clients)
    for row in compute_client_figures(one.after):
        if row.missed:
            people = f"; in {row.short} of them fewer people than required" if row.short else ""
            yield (
                f"  {names[row.client]}: {row.missed} half hours, at worst {row.worst:.0%} in time"
                f" and {row.worst_answered:.0%} answered at"
                f" {_format_time(one.after, row.worst_interval)}{people}"
            )


def _relief_lines(one: VerifiedDay) -> Iterator[str]:
    points = 100 * ERLANG_TOLERANCE
    if not one.reliefs:
        yield f"In no relief does Erlang err by more than {points:g} points."
        return
    yield f"Where Erlang errs by more than {points:g} points (no relief is planned again):"
    for error in one.reliefs:
        first, *others = error.scenarios
        same = f" and {len(others)} that place the same" if others else ""
        yield (
            f"  {first}{same}: {error.half_hours} half hours, the worst {error.programme} at"
            f" {_format_time(one.after, error.interval)}: {error.promised:.0%} by Erlang,"
            f" {error.found:.0%} found"
        )


def _format_time(day: SimulatedDay, interval: int) -> str:
    return f"{day.plan.starts[interval].astimezone(zone(day.plan.time_zone)):%H:%M}"
