"""The options of ``releve plan --hybrid`` and what a hybrid week says on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from releve.cli.catalogue import Speech
from releve.cli.two_processes import two_processes
from releve.demand import Requirement
from releve.demand.call_log_file import read_log
from releve.errors import NumberPhrase, Phrase
from releve.network import Operator, zone
from releve.plan import PlanError, PlanSettings
from releve.plan.result import Plan
from releve.plan.week.hybrid import HybridPlan, plan_hybrid_week
from releve.plan.week.hybrid_check import check_hybrid_week
from releve.plan.week.hybrid_table import read_week_table
from releve.plan.week.hybrid_week import HybridWeek, select_past_days

__all__ = ["HybridOrder", "hybrid_options", "plan_hybrid_shown", "print_hybrid_week"]

_DAY = click.DateTime(["%Y-%m-%d"])


@dataclass(frozen=True)
class HybridOrder:
    """What a hybrid week was asked for with: the week before, and agents absent on days."""

    last_week: Path | None = None
    absences: tuple[str, ...] = ()

    def read_last(self, operator: Operator) -> HybridWeek | None:
        """Return the week before; ClickException names the row that cannot be read."""
        if self.last_week is None:
            return None
        try:
            frame = read_log(self.last_week.name, self.last_week.read_bytes()).whole_frame()
            return read_week_table(operator, frame)
        except ValueError as error:
            raise click.ClickException(f"{self.last_week}: {error}") from None

    def remove_absent(self, operator: Operator) -> Operator:
        """Return the operator without the shifts of absent agents."""
        gone: dict[str, list[tuple[date, date]]] = {}
        for text in self.absences:
            agent, _, days = text.partition("@")
            first, _, last = days.partition("..")
            if agent not in operator.agent:
                raise click.BadParameter(f"{agent!r} is not an agent", param_hint="--absent")
            try:
                span = date.fromisoformat(first), date.fromisoformat(last or first)
            except ValueError:
                raise click.BadParameter(
                    f"{text!r}: write a00042@2026-12-02..2026-12-04", param_hint="--absent"
                ) from None
            gone.setdefault(agent, []).append(span)
        tz = zone(operator.row.time_zone)
        kept = tuple(
            shift
            for shift in operator.shifts
            if not any(
                first <= shift.start.astimezone(tz).date() <= last
                for first, last in gone.get(shift.agent, ())
            )
        )
        return replace(operator, shifts=kept)


def hybrid_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a hybrid week to a command."""
    options = (
        click.option(
            "--hybrid",
            is_flag=True,
            help="Plan the days as one week: days at home by contract, teams that meet.",
        ),
        click.option(
            "--last-week",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="With --hybrid: a hybrid-week.csv to stay close to, edited or not; its days"
            " before the first one planned count as they stand.",
        ),
        click.option(
            "--absent",
            "absences",
            multiple=True,
            metavar="AGENT@FIRST..LAST",
            help="With --hybrid: an agent who is not there on days; may be repeated.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def plan_hybrid_shown(
    operator: Operator,
    needs: Sequence[Requirement],
    settings: PlanSettings,
    last: HybridWeek | None,
    speech: Speech,
) -> HybridPlan:
    """Plan a hybrid week; the days of ``last`` before the first one planned stand."""
    console = Console(stderr=True)
    past = select_past_days(last, needs[0].day)
    with two_processes() as run, console.status(speech.say(Phrase("planning the hybrid week"))):
        try:
            return plan_hybrid_week(operator, needs, settings, last=last, past=past, run=run)
        except PlanError as error:
            raise click.ClickException(str(error)) from None


def print_hybrid_week(
    operator: Operator,
    found: HybridPlan,
    plans: Sequence[Plan],
    past: HybridWeek | None,
    speech: Speech,
) -> bool:
    """Print the week, team by day, and what it costs; return whether every rule is kept."""
    console = Console()
    console.print(build_week_table(operator, found.week, plans, speech))
    for line in list_week_lines(found):
        console.print(speech.say(line), highlight=False)
    broken = check_hybrid_week(operator, found.week, plans, past)
    for sentence in broken:
        console.print(f"[bold red]{speech.say(sentence)}[/]", highlight=False)
    return not broken


def build_week_table(
    operator: Operator, week: HybridWeek, plans: Sequence[Plan], speech: Speech
) -> Table:
    """Return the members of each team on site and at home, by day; ``*`` where it meets."""
    title = Phrase("Hybrid week: on site + at home, * the team meets")
    table = Table(title=speech.say(title), title_justify="left")
    table.add_column(speech.say(Phrase("team")))
    for day in week.days:
        table.add_column(f"{day:%d/%m}", justify="right")
    at_work = {plan.day: {*(row.agent for row in plan.placements), *plan.reserve} for plan in plans}
    for team in operator.teams:
        members = [row.id for row in operator.agents if row.team == team.id]
        row = [team.id]
        for day in week.days:
            here = [agent for agent in members if agent in at_work.get(day, ())]
            home = sum(day in week.home.get(agent, ()) for agent in here)
            mark = "*" if day in week.meetings.get(team.id, ()) else ""
            row.append(f"{mark}{len(here) - home}+{home}" if here else "")
        table.add_row(*row)
    return table


def list_week_lines(found: HybridPlan) -> list[str]:
    """Return how near the week is to the best, and what its meetings cost."""
    lines: list[str] = [
        Phrase(
            "The week is {0}% above a bound that no week is below ({1} against {2} weighted"
            " agent-intervals).",
            NumberPhrase(100 * found.gap, 2),
            NumberPhrase(found.objective, 1),
            NumberPhrase(found.bound, 1),
        )
    ]
    if found.kept:
        lines.append(Phrase("The last week stands: no other is better by 0.5%."))
    if found.meeting_calls is not None:
        lines.append(
            Phrase(
                "While nothing is lost the meetings cost {0} missed calls in the week.",
                NumberPhrase(found.meeting_calls, 1),
            )
        )
    return lines
