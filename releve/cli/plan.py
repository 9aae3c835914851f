"""``releve plan``: from an operator folder to a checked plan, its verdict and its matrix."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console

from releve import __version__
from releve.cli.demand import assumption_lines
from releve.cli.main import Speech
from releve.cli.plan_text import (
    add_missing_shown,
    build_matrix_tables,
    build_verdict_table,
    format_day,
    format_short_day,
    list_explanation_lines,
    list_harmless_lines,
    list_missing_lines,
    list_proof_lines,
    solve_days_shown,
)
from releve.cli.plan_verify import (
    build_verification_json,
    list_verification_rows,
    print_verification,
    verify_with_bars,
)
from releve.cli.transport import load_operator
from releve.demand import Forecast, Requirement
from releve.demand.call_log_file import read_log
from releve.errors import NumberPhrase, Phrase
from releve.files.plan_folder import PlanFolderError, check_overwritable, write_plans
from releve.network import Operator
from releve.network.table_words import LANGUAGES
from releve.plan import BASE, Plan, PlanSettings, SolvedDay, list_contingencies
from releve.plan.day_fleet import cap_vehicles
from releve.plan.explain import explain_shortfall, refuse_unknown
from releve.plan.plan_json import plan_to_json
from releve.plan.week import (
    VerifiedDay,
    forecast_day,
    list_roster_days,
    name_days,
    select_open_days,
)
from releve.plan.week.hybrid import name_hybrid_days
from releve.plan.week.hybrid_week import select_past_days, write_week_table
from releve.plugins.telework.commands import (
    HybridOrder,
    hybrid_options,
    plan_hybrid_shown,
    print_hybrid_week,
)
from releve.situation import ChosenPack
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
            speech.say(Phrase("{0} {1} s", stage, NumberPhrase(spent, 1)))
            for stage, spent in self._seconds.items()
        ]
        whole = NumberPhrase(sum(self._seconds.values()), 1)
        return speech.say(Phrase("Time: {0} s ({1}).", whole, ", ".join(parts)))


_DAY = click.DateTime(["%Y-%m-%d"])
_ERR = Console(stderr=True)
_DEFAULTS = PlanSettings()


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--day", type=_DAY, help="First day to plan [default: the first of the roster].")
@click.option(
    "--days", default=1, show_default=True, type=click.IntRange(1, 14), help="Days to plan."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Plan folder to write (JSON, CSV, Parquet, ics)."
)
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
@click.option("--missing/--no-missing", default=True, help="Work out what is missing, if any.")
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
    "--verify",
    "verified",
    is_flag=True,
    help="Simulate the calls; where they miss, ask for more and plan again.",
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
@hybrid_options
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="Language of the verdict, the matrix, the proof and what is missing.",
)
def plan(
    folder: Path,
    day: datetime | None,
    days: int,
    out: Path | None,
    as_json: bool,
    packs: tuple[str, ...],
    quantile: float | None,
    forecast_file: Path | None,
    target: float,
    missing: bool,
    calendars: bool,
    explained: tuple[str, ...],
    unprotected: bool,
    verified: bool,
    rounds: int,
    replications: int,
    hybrid: bool,
    last_week: Path | None,
    absences: tuple[str, ...],
    lang: str,
) -> None:
    """Plan an operator FOLDER: who works where, and who takes over if any one place is lost."""
    if out is not None:  # before the plan, which may take minutes
        _report_refusal(lambda: check_overwritable(out))
    _refuse_mixed(hybrid, last_week or absences, verified or unprotected)
    chosen = _choose_packs(packs)
    clock = Stopwatch(Phrase("reading"))
    speech = Speech(lang)
    operator = load_operator(folder)
    order = HybridOrder(last_week, absences)
    operator, last = order.remove_absent(operator), order.read_last(operator)
    for text in explained:
        _refuse_unknown(operator, text)
    settings = PlanSettings(target=target)
    clock.start(Phrase("forecast"))
    demands = _forecast_open_days(
        operator, day.date() if day else None, days, quantile, forecast_file, speech
    )
    rules = load_rules_with(chosen=chosen)
    operator = cap_vehicles(operator, demands[0][1].day, rules)
    for expected, need in demands:
        for line in assumption_lines(expected):
            _ERR.print(f"[yellow]{line}[/]", highlight=False)
        for name, reason in need.unknown.items():
            day_words = format_short_day(need.day, lang)
            text = Phrase("{0}: no requirement on {1}: {2}", name, day_words, reason)
            _ERR.print(f"[yellow]{speech.say(text)}[/]")
    found: list[VerifiedDay] = []

    def solve(needs: Sequence[Requirement]) -> list[SolvedDay]:
        return solve_days_shown(operator, needs, settings, not unprotected, speech)

    clock.start(Phrase("planning"))
    needs = [need for _, need in demands]
    week = plan_hybrid_shown(operator, needs, settings, last, speech) if hybrid else None
    solved = list(week.solved) if week else solve(needs[:1])
    if len(needs) > 1 and not week:
        if out is not None and not verified:  # a page that waits for the plan has it now
            _write_folder(out, name_days(operator, solved, __version__), [], calendars, chosen)
            day_words = format_short_day(needs[0].day, lang)
            _ERR.print(speech.say(Phrase("{0} is planned and written to {1}", day_words, out)))
        solved += solve(needs[1:])
    if verified:
        clock.start(Phrase("simulation"))
        forecasts = [forecast for forecast, _ in demands]
        found = verify_with_bars(
            operator, forecasts, solved, solve, rounds=rounds, replications=replications
        )
        solved = [one.solved for one in found]
        clock.start(Phrase("planning"))
    kept = True
    if week:
        plans = name_hybrid_days(operator, week, __version__)
        table = write_week_table(operator, week.week)
    else:
        plans, table = name_days(operator, solved, __version__), ()
    if out is not None:
        _write_folder(out, plans, found, calendars, chosen, table)
    if not as_json:
        _print_plans(plans, speech)
    if week and not as_json:
        past = select_past_days(last, needs[0].day)
        kept = print_hybrid_week(operator, week, plans, past, speech)
    if missing and not unprotected:
        clock.start(Phrase("what is missing"))
        plans = add_missing_shown(operator, solved, plans, speech)
        if out is not None:
            _write_folder(out, plans, found, calendars, chosen, table)
    if as_json:
        click.echo(_render_json(plans, found))
    else:
        _print_missing(plans, speech)
        for one in found:
            print_verification(one, Console())
        for text in explained:
            clock.start(Phrase("explaining"))
            _print_explanation(operator, solved[0], plans[0], text)
        if out is not None:
            written = Phrase("Written to {0}; look at it with: releve desk serve {0} --open", out)
            Console().print(speech.say(written), highlight=False)
        Console().print(clock.line(speech), highlight=False)
    if not kept or any(one.violations for one in plans):
        raise click.ClickException("the independent checker found violations: see above")


def _forecast_open_days(
    operator: Operator,
    first: date | None,
    count: int,
    quantile: float | None,
    file: Path | None,
    speech: Speech,
) -> list[tuple[Forecast, Requirement]]:
    """Forecast the days to plan; name those that are left out because nothing is required."""
    try:
        days = list_roster_days(operator, count, first)
        table = None if file is None else read_log(file.name, file.read_bytes()).whole_frame()
        demands = [forecast_day(operator, day, quantile, table) for day in days]
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    kept = select_open_days(demands)
    for _, need in demands:
        if all(need is not other for _, other in kept):
            text = Phrase(
                "{0}: nothing is required that day; left out",
                format_short_day(need.day, speech.language),
            )
            _ERR.print(f"[yellow]{speech.say(text)}[/]")
    return kept


def _refuse_mixed(hybrid: bool, of_week: object, of_days: object) -> None:
    if of_week and not hybrid:
        raise click.UsageError("--last-week and --absent need --hybrid")
    if hybrid and of_days:
        raise click.UsageError("--verify and --unprotected plan days alone: leave out --hybrid")


def _choose_packs(names: Sequence[str]) -> list[ChosenPack]:
    known = [pack.id for pack in load_shipped_rules().packs]
    for name in names:
        if name not in known:
            raise click.BadParameter(
                f"{name!r}: choose one of {', '.join(known)}", param_hint="--pack"
            )
    return [ChosenPack(name, date.min) for name in dict.fromkeys(names)]


def _write_folder(
    out: Path,
    plans: Sequence[Plan],
    found: Sequence[VerifiedDay],
    calendars: bool,
    packs: Sequence[ChosenPack],
    hybrid_week: Sequence[Sequence[str]] = (),
) -> None:
    rows = [row for one in found for row in list_verification_rows(one)]
    stamp = datetime.now(UTC)
    _report_refusal(
        lambda: write_plans(
            out,
            plans,
            stamp=stamp,
            calendars=calendars,
            verification=rows,
            packs=packs,
            hybrid_week=hybrid_week,
        )
    )


def _report_refusal(work: Callable[[], None]) -> None:
    try:
        work()
    except PlanFolderError as error:
        raise click.ClickException(str(error)) from None


def _render_json(plans: Sequence[Plan], found: Sequence[VerifiedDay]) -> str:
    """Return the plan of one day, or a list of several; with what was verified, if it was."""
    documents = [json.loads(plan_to_json(one)) for one in plans]
    for document, one in zip(documents, found, strict=bool(found)):
        document["verification"] = build_verification_json(one)
    return json.dumps(documents if len(plans) > 1 else documents[0], ensure_ascii=False)


def _print_plans(plans: Sequence[Plan], speech: Speech) -> None:
    console = Console()
    for one in plans:
        console.print(build_verdict_table(one, speech))
        for table in build_matrix_tables(one, speech):
            console.print(table)
        for line in (*list_harmless_lines(one), *list_proof_lines(one)):
            console.print(speech.say(line), highlight=False)


def _print_missing(plans: Sequence[Plan], speech: Speech) -> None:
    """Print what is missing, with the day where there are several."""
    console = Console()
    for one in plans:
        lines = list_missing_lines(one)
        if lines and len(plans) > 1:
            console.print(format_day(one.day, speech.language), highlight=False)
        for line in lines:
            console.print(speech.say(line), highlight=False)


def _refuse_unknown(operator: Operator, text: str) -> None:
    """Refuse what cannot be explained before the plan, which may take minutes."""
    client, _, contingency = text.partition("@")
    clients = [row.id for row in operator.clients]
    contingencies = [one.id for one in list_contingencies(operator)]
    try:
        refuse_unknown(client, contingency or BASE, clients, contingencies)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--explain") from None


def _print_explanation(operator: Operator, solved: SolvedDay, plan: Plan, text: str) -> None:
    client, _, contingency = text.partition("@")
    worst = {verdict.client: verdict.worst for verdict in plan.verdicts}
    found = explain_shortfall(operator, solved, client, contingency or worst.get(client, BASE))
    for line in list_explanation_lines(plan, found):
        click.echo(line)
