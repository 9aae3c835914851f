"""Bars of ``releve plan``: the days are solved, and what is missing worked out, in sight."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from releve.cli.catalogue import Speech
from releve.cli.plan_text import format_short_day
from releve.cli.two_processes import two_processes
from releve.demand import Requirement
from releve.errors import Phrase
from releve.network import Operator
from releve.plan import Plan, PlanError, PlanSettings, SolvedDay, solve_day
from releve.plan.week import add_missing, solve_days

__all__ = ["add_missing_shown", "solve_days_shown"]

_ERR = Console(stderr=True)
_STAGES = {
    "usable seats": Phrase("usable seats"),
    "floors": Phrase("best of each client"),
    "n-1 programme": Phrase("if one place closes"),
    "whole people": Phrase("whole people"),
    "reliefs": Phrase("reliefs"),
    "bound": Phrase("proof"),
}
"""The stages of the planner, as the bars name them."""


def _build_bars(*more: ProgressColumn) -> Progress:
    columns = (
        SpinnerColumn(), TextColumn("{task.description:<27}"), BarColumn(), TimeElapsedColumn(),
        *more,
    )  # fmt: skip
    return Progress(*columns, console=_ERR, transient=False)


def add_missing_shown(
    operator: Operator, solved: Sequence[SolvedDay], plans: Sequence[Plan], speech: Speech
) -> list[Plan]:
    """Return the plans with what is missing, worked out day by day."""
    with _build_bars(TextColumn("{task.fields[words]}")) as bar, two_processes() as run:
        tasks: dict[date, TaskID] = {}

        def show(day: date, share: float, words: str) -> None:
            if day not in tasks:
                name = Phrase("what is missing, {0}", format_short_day(day, speech.language))
                tasks[day] = bar.add_task(speech.say(name), total=1.0, words="")
            bar.update(tasks[day], completed=share, words=words)

        return add_missing(operator, solved, plans, progress=show, run=run)


def solve_days_shown(
    operator: Operator,
    needs: Sequence[Requirement],
    settings: PlanSettings,
    protect: bool,
    speech: Speech,
) -> list[SolvedDay]:
    """Solve the days, side by side when there are several."""
    with _build_bars() as bar, two_processes() as run:
        try:
            if len(needs) == 1:
                return [_solve_shown(operator, needs[0], settings, protect, bar, speech)]
            names = (
                Phrase("plan of {0}", format_short_day(one.day, speech.language)) for one in needs
            )
            tasks = [bar.add_task(speech.say(name), total=1.0) for name in names]
            return solve_days(
                operator, needs, settings, protect=protect, now=time.perf_counter, run=run,
                done=lambda count: bar.update(tasks[count - 1], completed=1.0),
            )  # fmt: skip
        except PlanError as error:
            raise click.ClickException(str(error)) from None


def _solve_shown(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings,
    protect: bool,
    bar: Progress,
    speech: Speech,
) -> SolvedDay:
    tasks = {
        stage: bar.add_task(speech.say(name), total=1.0, start=False)
        for stage, name in _STAGES.items()
    }

    def show(stage: str, share: float) -> None:
        bar.start_task(tasks[stage])
        bar.update(tasks[stage], completed=share)

    return solve_day(
        operator, need, settings, progress=show, now=time.perf_counter, protect=protect
    )
