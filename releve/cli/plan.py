"""``releve plan``: from an operator folder to a checked plan, its verdict and its matrix."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import click
import polars as pl
from rich.console import Console

from releve import __version__
from releve.cli.demand import assumption_lines
from releve.cli.desk import two_processes
from releve.cli.main import Speech
from releve.cli.options import LANGUAGES
from releve.cli.plan_text import (
    PlanBars,
    build_matrix_tables,
    build_sudden_tables,
    build_verdict_table,
    build_week_table,
    format_day,
    format_short_day,
    list_explanation_lines,
    list_harmless_lines,
    list_kit_lines,
    list_missing_lines,
    list_proof_lines,
    list_week_lines,
)
from releve.cli.plan_verify import build_verification_json, list_verification_rows, print_verification
from releve.cli.transport import load_operator
from releve.demand import Forecast, Requirement
from releve.demand.log_table import read_log
from releve.errors import NumberPhrase, Phrase
from releve.files.plan_folder import check_overwritable, write_plans
from releve.network import Operator
from releve.plan import BASE, Plan, PlanSettings, list_contingencies
from releve.plan.explain import explain_shortfall, refuse_unknown
from releve.plan.kits import give_kits
from releve.plan.plan_json import plan_to_json
from releve.plan.settings import RELIEF_AIMS
from releve.plan.week import PlannedDays, PlanRequest, VerifiedDay, list_roster_days, plan_days
from releve.plan.week.hybrid import HybridPlan
from releve.plan.week.hybrid_week import HybridWeek, read_week_table, write_week_table
from releve.plan.week.request import Step
from releve.situation import ChosenPack
from releve.situation.rule_kinds import SituationRules
from releve.situation.shipped import load_rules_with, load_shipped_rules


class Stopwatch:
    """Seconds by stage; a stage ends when the next begins, and may come again."""

    def __init__(self, stage: str, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._seconds: dict[str, float] = {stage: 0.0}
        self._stage, self._since = stage, now()

    def start(self, stage: str) -> None:
        """End the stage that runs and begin ``stage``."""
        moment = self._now()
        self._seconds[self._stage] += moment - self._since
        self._seconds.setdefault(stage, 0.0)
        self._stage, self._since = stage, moment

    def line(self, speech: Speech) -> str:
        """Return the whole time until now and its parts, as a sentence; stages are phrases."""
        self.start(self._stage)
        parts = [
            speech.say(Phrase("{0} {1} s", stage, NumberPhrase(spent, 1))) for stage, spent in self._seconds.items()
        ]
        whole = NumberPhrase(sum(self._seconds.values()), 1)
        return speech.say(Phrase("Time: {0} s ({1}).", whole, ", ".join(parts)))


_DAY = click.DateTime(["%Y-%m-%d"])
_ERR = Console(stderr=True)
_DEFAULTS = PlanSettings()


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--day", type=_DAY, help="First day to plan [default: the first of the roster].")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, 14), help="Days to plan.")
@click.option("--out", type=click.Path(path_type=Path), help="Plan folder to write (JSON, CSV, Parquet, ics).")
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
@click.option(
    "--pack",
    "packs",
    multiple=True,
    help="Pack of rules chosen, like health-2020, for the fill of vehicles and for a crash test of"
    " the plan folder; may be repeated.",
)
@click.option("--quantile", type=float, help="Staff at this quantile of the volume [mean].")
@click.option(
    "--forecast",
    "forecast_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Plan for this forecast (CSV, Parquet, XLSX: start, programme, calls, aht_s).",
)
@click.option(
    "--target",
    default=_DEFAULTS.target,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Largest share of a client's day that may be missing.",
)
@click.option(
    "--aim",
    type=click.Choice(RELIEF_AIMS),
    default="plan",
    show_default=True,
    help="Reliefs hold every client within the plan's worst regret, or within the target that is promised, mostly"
    " for fewer moves.",
)
@click.option("--missing/--no-missing", default=True, help="Work out what is missing, if any.")
@click.option(
    "--hire-price",
    type=click.FloatRange(min=0),
    help="EUR for one more agent, hired and trained; with it, what is missing may hire. Without it no hire is"
    " proposed: its price is a wage that goes on, and it takes weeks.",
)
@click.option("--calendars/--no-calendars", default=False, help="Write a calendar per agent.")
@click.option(
    "--explain",
    "explained",
    multiple=True,
    metavar="CLIENT[@CONTINGENCY]",
    help="Say why a client misses what it misses, like azur@site:casa-1 [its worst].",
)
@click.option("--unprotected", is_flag=True, help="Plan as if nothing could be lost (to compare).")
@click.option(
    "--verify", "verified", is_flag=True, help="Simulate the calls; where they miss, ask for more and plan again."
)
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(0, 20),
    help="With --verify: how often to plan again at most; 0 = only simulate.",
)
@click.option(
    "--replications",
    default=200,
    show_default=True,
    type=click.IntRange(20, 10_000),
    help="With --verify: days simulated each time.",
)
@click.option("--hybrid", is_flag=True, help="Plan the days as one week: days at home by contract, teams that meet.")
@click.option(
    "--last-week",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --hybrid: a hybrid-week.csv to stay close to, edited or not; its days"
    " before the first one planned count as they stand.",
)
@click.option(
    "--absent",
    "absences",
    multiple=True,
    metavar="AGENT@FIRST..LAST",
    help="With --hybrid: an agent who is not there on days; may be repeated.",
)
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="Language of the verdict, the matrix, the proof and what is missing.",
)
def plan(folder: Path, lang: str, **options: Any) -> None:
    """Plan an operator FOLDER: who works where, and who takes over if any one place is lost."""
    given, speech = _Options(**options), Speech(lang)
    given.refuse_early()  # before the plan, which may take minutes
    report = _Report(given, speech, _choose_packs(given.packs))
    operator = given.remove_absent(load_operator(folder))
    last = given.read_last(operator)
    for text in given.explained:
        _refuse_unknown(operator, text)
    report.clock.start(Phrase("forecast"))
    request = given.build_request(operator, last, load_rules_with(chosen=report.packs))
    with two_processes() as run:
        found = plan_days(operator, request, report, run)
    report.finish(found)
    if found.broken or any(one.violations for one in found.plans):
        raise click.ClickException("the independent checker found violations: see above")


@dataclass(frozen=True)
class _Options:
    """What a plan was asked for with."""

    day: datetime | None
    days: int
    out: Path | None
    as_json: bool
    packs: tuple[str, ...]
    quantile: float | None
    forecast_file: Path | None
    target: float
    aim: Literal["plan", "promise"]
    missing: bool
    hire_price: float | None
    calendars: bool
    explained: tuple[str, ...]
    unprotected: bool
    verified: bool
    rounds: int
    replications: int
    hybrid: bool
    last_week: Path | None
    absences: tuple[str, ...]

    def refuse_early(self) -> None:
        """Refuse a folder of other files, and options that make no sense together."""
        if self.out is not None:
            check_overwritable(self.out)
        if (self.last_week or self.absences) and not self.hybrid:
            raise click.UsageError("--last-week and --absent need --hybrid")
        if self.hybrid and (self.verified or self.unprotected):
            raise click.UsageError("--verify and --unprotected plan days alone: leave out --hybrid")

    def build_request(self, operator: Operator, last: HybridWeek | None, rules: SituationRules) -> PlanRequest:
        """Return the request; ClickException says why the forecast's file cannot be read."""
        first, table = self.day.date() if self.day else None, None
        try:
            days = list_roster_days(operator, self.days, first)
            if self.forecast_file is not None:
                table = _read_table(self.forecast_file)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        return PlanRequest(
            days,
            PlanSettings(target=self.target, hire_price=self.hire_price, relief_aim=self.aim),
            quantile=self.quantile,
            table=table,
            rules=rules,
            protect=not self.unprotected,
            rounds=self.rounds if self.verified else None,
            replications=self.replications,
            threads=os.cpu_count() or 1,
            hybrid=self.hybrid,
            last=last,
            missing=self.missing,
            version=__version__,
        )

    def read_last(self, operator: Operator) -> HybridWeek | None:
        """Return the week before; ClickException names the row that cannot be read."""
        if self.last_week is None:
            return None
        try:
            return read_week_table(operator, _read_table(self.last_week))
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
        kept = tuple(
            shift
            for shift in operator.shifts
            if not any(first <= operator.find_day(shift.start) <= last for first, last in gone.get(shift.agent, ()))
        )
        return replace(operator, shifts=kept)


def _read_table(path: Path) -> pl.DataFrame:
    return read_log(path.name, path.read_bytes()).whole_frame()


class _Report(PlanBars):
    """Prints and writes what is planned as soon as it is known."""

    def __init__(self, given: _Options, speech: Speech, packs: Sequence[ChosenPack]) -> None:
        super().__init__(speech, given.hybrid)
        self.given, self.speech, self.packs = given, speech, packs
        self.clock = Stopwatch(Phrase("reading"))
        self.several = self.started = False

    def forecast(self, demands: Sequence[tuple[Forecast, Requirement]], left_out: Sequence[date]) -> None:
        self.several = len(demands) > 1
        for day in left_out:
            self._warn(Phrase("{0}: nothing is required that day; left out", self._day(day)))
        for expected, need in demands:
            for line in assumption_lines(expected):
                _ERR.print(f"[yellow]{line}[/]", highlight=False)
            for name, reason in need.unknown.items():
                day_words = self._day(need.day)
                self._warn(Phrase("{0}: no requirement on {1}: {2}", name, day_words, reason))
        self.clock.start(Phrase("planning"))

    def _day(self, day: date) -> str:
        return format_short_day(day, self.speech.language)

    def _warn(self, text: Phrase) -> None:
        _ERR.print(f"[yellow]{self.speech.say(text)}[/]")

    @contextmanager
    def step(self, step: Step, needs: Sequence[Requirement]) -> Iterator[None]:
        if step == "missing":
            self.clock.start(Phrase("what is missing"))
        elif step == "simulation":
            self.clock.start(Phrase("simulation"))
        with super().step(step, needs):
            yield
        if step == "simulation":
            self.clock.start(Phrase("planning"))

    def receive_plan(self, plan: Plan) -> None:
        out = self.given.out
        if out is None or not self.several or self.started or self.given.verified:
            return
        self.started = True  # a page that waits for the plan has it now
        self._write(out, [plan])
        text = Phrase("{0} is planned and written to {1}", self._day(plan.day), out)
        _ERR.print(self.speech.say(text))

    def receive_plans(self, found: PlannedDays) -> None:
        self._write_found(found)
        if not self.given.as_json:
            self._print_plans(found.plans)
            if found.hybrid is not None:
                self._print_week(found, found.hybrid)

    def finish(self, found: PlannedDays) -> None:
        """Write and print the plans with what is missing, and all that was asked for besides."""
        if any(plan.missing is not None for plan in found.plans):
            self._write_found(found)
        if self.given.as_json:
            click.echo(_render_json(found))
            return
        self._print_missing(found.plans)
        for one in found.verified:
            print_verification(one, Console())
        for text in self.given.explained:
            self.clock.start(Phrase("explaining"))
            _print_explanation(found, text)
        if self.given.out is not None:
            text = Phrase("Written to {0}; look at it with: releve desk serve {0} --open", self.given.out)
            Console().print(self.speech.say(text), highlight=False)
        Console().print(self.clock.line(self.speech), highlight=False)

    def _write_found(self, found: PlannedDays) -> None:
        if self.given.out is not None:
            week = found.hybrid
            table = write_week_table(found.operator, week.week) if week else ()
            self._write(self.given.out, found.plans, found.verified, table)

    def _write(
        self,
        out: Path,
        plans: Sequence[Plan],
        verified: Sequence[VerifiedDay] = (),
        hybrid_week: Sequence[Sequence[str]] = (),
    ) -> None:
        rows = [row for one in verified for row in list_verification_rows(one)]
        write_plans(
            out, plans, stamp=datetime.now(UTC), calendars=self.given.calendars,
            verification=rows, packs=self.packs, hybrid_week=hybrid_week,
        )  # fmt: skip

    def _print_plans(self, plans: Sequence[Plan]) -> None:
        console = Console()
        for one in plans:
            console.print(build_verdict_table(one, self.speech))
            for table in (*build_matrix_tables(one, self.speech), *build_sudden_tables(one, self.speech)):
                console.print(table)
            for line in (*list_harmless_lines(one), *list_kit_lines(one), *list_proof_lines(one)):
                console.print(self.speech.say(line), highlight=False)

    def _print_week(self, found: PlannedDays, week: HybridPlan) -> None:
        console = Console()
        console.print(build_week_table(found.operator, week.week, found.plans, self.speech))
        for line in list_week_lines(week):
            console.print(self.speech.say(line), highlight=False)
        for sentence in found.broken:
            console.print(f"[bold red]{self.speech.say(sentence)}[/]", highlight=False)

    def _print_missing(self, plans: Sequence[Plan]) -> None:
        """Print what is missing, with the day where there are several."""
        console = Console()
        for one in plans:
            lines = list_missing_lines(one)
            if lines and len(plans) > 1:
                console.print(format_day(one.day, self.speech.language), highlight=False)
            for line in lines:
                console.print(self.speech.say(line), highlight=False)


def _choose_packs(names: Sequence[str]) -> list[ChosenPack]:
    known = [pack.id for pack in load_shipped_rules().packs]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r}: choose one of {', '.join(known)}", param_hint="--pack")
    return [ChosenPack(name, date.min) for name in dict.fromkeys(names)]


def _render_json(found: PlannedDays) -> str:
    """Return the plan of one day, or a list of several; with what was verified, if it was."""
    documents = [json.loads(plan_to_json(one)) for one in found.plans]
    for document, one in zip(documents, found.verified, strict=bool(found.verified)):
        document["verification"] = build_verification_json(one)
    return json.dumps(documents if len(documents) > 1 else documents[0], ensure_ascii=False)


def _refuse_unknown(operator: Operator, text: str) -> None:
    """Refuse what cannot be explained before the plan, which may take minutes."""
    client, _, contingency = text.partition("@")
    clients = [row.id for row in operator.clients]
    contingencies = [one.id for one in list_contingencies(give_kits(operator, operator.agent))]
    try:
        refuse_unknown(client, contingency or BASE, clients, contingencies)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--explain") from None


def _print_explanation(found: PlannedDays, text: str) -> None:
    """Say why a client misses on the first day, under the loss named, else under its worst."""
    plan, (client, _, contingency) = found.plans[0], text.partition("@")
    worst = {verdict.client: verdict.worst for verdict in plan.verdicts}
    loss = contingency or worst.get(client, BASE)
    solved = found.solved[plan.day]
    for line in list_explanation_lines(plan, explain_shortfall(found.operator, solved, client, loss)):
        click.echo(line)
