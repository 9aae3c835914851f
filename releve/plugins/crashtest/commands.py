"""``releve crashtest``: many simulated quarters against a plan and its reliefs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from releve.files.plan_folder import read_packs
from releve.network import Operator
from releve.plugins.crashtest.crash_test_job import CrashTestReport, find_best_mixes, list_changes, run_crash_test
from releve.plugins.crashtest.decision import CalmTarget, Choice, list_choices
from releve.plugins.crashtest.engine.comparison import Difference, encode_difference
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.outbreak.curves import load_shipped_curves
from releve.plugins.crashtest.engine.outbreak.population import (
    ASSUMED_AIR_CHANGES,
    ASSUMED_M3_PER_SEAT,
    ASSUMED_PITCH_M,
    count_assumed_places,
)
from releve.plugins.crashtest.engine.policies import MEASURES_MOST, POLICIES, Mix, ReplayedDay, replay_worst
from releve.plugins.crashtest.engine.result import CrashResult, result_to_json
from releve.plugins.crashtest.engine.settings import Settings
from releve.plugins.crashtest.execution import CaseProgress, Execution, read_run
from releve.plugins.crashtest.importation import CurveOutbreak
from releve.plugins.crashtest.request import (
    ABLATION_QUARTERS,
    ILLNESSES,
    CrashTestRequest,
    IncidenceFile,
    count_ablation_quarters,
)
from releve.situation import ChosenPack

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _format_share(one: Estimate) -> str:
    return f"{one.value:.1%} ({max(0.0, one.low):.1%} to {min(1.0, one.high):.1%})"


def _format_figure(value: float, sign: str = "") -> str:
    """Write a number for people: thousands apart, three figures or so, never an exponent."""
    if not math.isfinite(value):
        return "not known"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    rounded = round(value, digits) + 0.0
    return f"{rounded:{sign},.{digits}f}" if rounded else "0"


def _format_number(one: Estimate) -> str:
    """Write a quantity that is never below zero."""
    value, low, high = map(_format_figure, (one.value, max(0.0, one.low), one.high))
    return f"{value} ({low} to {high})"


def _format_change(one: Estimate) -> str:
    value, low, high = (_format_figure(number, "+") for number in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})"


def _format_harm(harm: Estimate, seen: Estimate) -> str:
    """Write the harm of a cause; of one that no quarter met there is nothing to measure."""
    return _format_change(harm) if seen.value else "never happened"


def _build_table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table that breaks lines between words, never inside a number."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        words = [word for cell in (name, *column) for word in cell.split()]
        table.add_column(name, min_width=max(map(len, words)))
    for row in rows:
        table.add_row(*row)
    return table


def build_client_table(result: CrashResult) -> Table:
    names = ("client", "calls served", "calm", "days served", "worst day lost",
             "breaks its target", "calm", "penalty, EUR a quarter")  # fmt: skip
    rows = [
        (
            row.name,
            _format_share(row.calls_served),
            f"{row.calm_served.value:.1%}",
            f"{row.days_served.value:.1%}",
            f"{row.worst_day.median:.1%} ({row.worst_day.low:.1%} to {row.worst_day.high:.1%})",
            _format_share(row.breaks_target),
            f"{row.calm_breaks_target.value:.1%}",
            _format_number(row.penalty),
        )
        for row in result.clients
    ]
    title = f"{result.label}: {result.quarters:,} quarters of {result.days} days"
    return _build_table(title, names, rows)


def build_site_table(result: CrashResult) -> Table:
    rows = []
    for row in result.sites:
        causes = sorted(row.days_lost_by.items(), key=lambda item: -item[1].value)[:2]
        worst = ", ".join(f"{name} {_format_figure(days.value)}" for name, days in causes if days.value > 0)
        rows.append(
            (row.name, _format_number(row.closures), _format_share(row.closes), _format_number(row.days_lost), worst)
        )
    names = ("site", "closures", "P(closes)", "days lost", "worst causes")
    return _build_table("Sites: closures by the rule and days lost a quarter", names, rows)


def build_cause_tables(result: CrashResult) -> Iterator[Table]:
    """Return what did the harm: what a quarter loses less without each cause, where that was
    simulated, and what was lost shared among those at work at the time."""
    if result.removed:
        rows = [
            (
                row.name,
                _format_harm(row.lost, row.changes),
                _format_harm(row.penalty, row.changes),
                _format_share(row.changes),
            )
            for row in result.removed
        ]
        names = ("without", "calls lost less", "penalty less, EUR", "quarters it changes")
        title = (
            f"Calls a quarter saves without a cause: {result.removed_quarters:,} quarters rerun"
            " with it removed, all else the same"
        )
        yield _build_table(title, names, rows)
    rows = [
        (row.name, _format_harm(row.lost, row.occurs), _format_share(row.occurs), _format_number(row.place_days))
        for row in result.causes
    ]
    names = ("cause", "calls lost", "P(occurs)", "days of places lost")
    title = "Calls lost a quarter beyond a calm one, shared by the people each cause took that day"
    yield _build_table(title, names, rows)


def describe_outbreak(result: CrashResult, operator: Operator) -> Iterator[str]:
    """Say how outbreaks went, what was assumed, and what was left out."""
    ill = result.outbreak
    assumed = count_assumed_places(operator)
    if assumed.zones:
        yield (
            f"Assumed, where {assumed.zones} zones have no air volume or air changes:"
            f" {ASSUMED_M3_PER_SEAT:g} m3 a seat, {ASSUMED_AIR_CHANGES:g} air change an hour."
        )
    if assumed.seats:
        yield (f"Assumed, where {assumed.seats} seats have no x and y: rows of seats {ASSUMED_PITCH_M:g} m apart.")
    yield (
        f"Outbreaks: no agent infected in {ill.none.value:.0%} of quarters, a tenth of the agents"
        f" or more in {ill.major.value:.0%}; the middle nine tenths have"
        f" {ill.infected_band.low:.0f} to {ill.infected_band.high:.0f} infected,"
        f" {ill.away_band.low:.0f} to {ill.away_band.high:.0f} agent-days away."
    )
    yield "No study of a closure of 48 hours after two positives was found; this is the model's."
    if result.unplanned:
        names = ", ".join(WEEKDAYS[day] for day in result.unplanned)
        yield f"Left out, having no plan: {names} (plan them, or --nearest)."
    for name in result.unknown:
        yield f"{name}: its volume is not known on a planned day and counts as no calls."


def describe_day_spreads(result: CrashResult) -> Iterator[str]:
    """Say how busy and quiet days were drawn: what they share, and from what that is known."""
    rows = result.day_spreads
    if not rows:
        return
    busy, quarter, week, client, measured = (
        _format_range([getattr(row, name) for row in rows])
        for name in ("busyness", "quarter", "week", "client", "measured")
    )
    known = f"history measures {measured} of these shares, the rest is the default"
    if not any(row.measured for row in rows):
        known = "no history measures these shares: they are the default"
    yield (
        f"Days are busier or quieter than forecast by {busy}; of that variance {quarter} is common to a quarter,"
        f" {week} to each week and the rest to a day, and of every part {client} is common to a client's programmes"
        f" ({known})."
    )


def _format_range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.0%}", f"{max(values):.0%}"
    return low if low == high else f"{low} to {high}"


def build_importation_table(found: Sequence[CurveOutbreak]) -> Table:
    """Return what the outbreak would be on each named curve, beside the run's own importation."""
    rows = [
        (
            f"{row.curve} at {row.reported:.0%} reported" if row.curve else "as run",
            f"{row.outside:.2%}",
            _format_number(row.infected),
            _format_share(row.closes),
            _format_number(row.site_days_closed),
        )
        for row in found
    ]
    first = found[0]
    names = ("infections outside", "of agents", "agents infected", f"P({first.site} closes)", "site-days closed")
    title = f"The outbreak by its importation, a quarter: {first.quarters:,} quarters, the same luck"
    return _build_table(title, names, rows)


IMPORTATION_WORDS = (
    "The importation is a choice and decides what rests on the outbreak: infections, closures by the rule, agents"
    " away and, with them, calls served, broken targets and penalties. Outages and calm quarters do not depend on it."
    " Repeat the test on a curve: --curve NAME."
)


def describe_calm_targets(found: Iterable[CalmTarget]) -> Iterator[str]:
    """Say why quarters without any disaster miss a client's target."""
    for one in found:
        why = "the plan lacks people before any disaster" if one.by_plan else (
            f"days are busier or quieter by {one.busyness:.0%}, and a busy day loses more than a quiet one gives back"
        )  # fmt: skip
        yield (
            f"{one.client}: {one.missed:.1%} of calm quarters miss {one.target:.1%} {one.what} of {one.programme}:"
            f" {one.average_day:.1%} on days of average volume, {one.mean:.1%} over a calm quarter"
            f" ({one.low:.1%} to {one.high:.1%}); {why} (more people, or releve plan --quantile 0.8)."
        )


def describe_choices(choices: Iterable[Choice], first: CrashResult) -> Iterator[str]:
    """Say what each policy is worth beside the first, the cheapest first."""
    words = {"better": "cheaper", "worse": "dearer", "open": "cheaper or dearer is not shown"}
    for one in choices:
        yield (
            f"{one.label} beside {first.label}: {one.lost.value:+,.0f} calls lost a quarter,"
            f" {one.penalty.value:+,.0f} EUR of penalties, {one.site_days_closed.value:+,.1f} days of closed sites,"
            f" {one.price:,.0f} EUR for the measure (assumed): {words[one.verdict]},"
            f" {one.net.value:+,.0f} EUR ({one.net.low:+,.0f} to {one.net.high:+,.0f})."
        )


def describe_outlook(result: CrashResult) -> Iterator[str]:
    """Say what the coming days bring: each site's chance to close, each client's to miss."""
    yield "Assumed: each known case has infected one colleague of the zones they worked in."
    for site in result.sites:
        yield f"{site.name}: closes within {result.days} days with {_format_share(site.closes)}"
    for client in result.clients:
        yield (
            f"{client.name}: P(a day is missed) {1 - client.survival[-1]:.1%},"
            f" P(breaks its target) {_format_share(client.breaks_target)}"
        )


def build_difference_table(differences: Sequence[Difference]) -> Table:
    """Return cases beside the first, under the same disasters."""
    rows = [
        (
            row.label,
            _format_change(row.lost),
            _format_change(row.penalty),
            _format_change(row.site_days_closed),
            _format_change(row.infected),
        )
        for row in differences
    ]
    title = f"Against {differences[0].against}, under the same disasters, a quarter"
    names = ("case", "calls lost", "penalty, EUR", "site-days closed", "infected")
    return _build_table(title, names, rows)


def describe_mixes(mixes: Sequence[Mix], budget: float) -> Iterator[str]:
    """Say which mix of measures that a budget buys leaves the least to pay, and whether it pays."""
    nothing = next(mix for mix in mixes if not mix.measures)
    best = mixes[0]
    names = ", ".join(POLICIES[name].text for name in best.measures) or "nothing"
    yield (
        f"Least penalties for {budget:,.0f} EUR a quarter: {names}: costs {best.cost:,.0f},"
        f" penalties {best.penalty:,.0f} instead of {nothing.penalty:,.0f}."
    )
    cheapest = min(mixes, key=lambda mix: mix.cost + mix.penalty)
    if cheapest != best:
        yield (
            f"That costs more than it saves: {', '.join(cheapest.measures) or 'nothing'} has the"
            f" least of both together, {cheapest.cost + cheapest.penalty:,.0f} against"
            f" {best.cost + best.penalty:,.0f}."
        )
    for mix in mixes[1:4]:
        yield f"  then {', '.join(mix.measures) or 'nothing'}: {mix.cost:,.0f}, {mix.penalty:,.0f}"


def describe_replays(redone: Sequence[ReplayedDay]) -> Iterator[str]:
    """Say what the simulator makes of the worst days."""
    for row in redone:
        yield (
            f"{row.client}, quarter {row.replication}, day {row.day}: lost {row.formula:.1%} by"
            f" formula, {_format_share(row.simulated)} call by call"
            f" ({100 * (row.simulated.value - row.formula):+.1f} points)"
        )


OUTLOOK_DAYS = 14


def build_request(
    folder: Path, plan: Path, options: Mapping[str, Any], certificate: Mapping[str, Any]
) -> CrashTestRequest:
    """Return the request of the options, else of the certificate, else of the defaults."""
    given = {
        "quarters": options["quarters"],
        "days": options["days"],
        "seed": options["seed"],
        "reaction_intervals": options["reaction"],
        "target": options["target"],
        "nearest": options["nearest"] or None,
    }
    settings = Settings(
        **{
            **({"days": OUTLOOK_DAYS} if options["outlook"] else {}),
            **certificate.get("settings", {}),
            **{name: value for name, value in given.items() if value is not None},
        }
    )
    chosen: dict[str, Any] = {
        name: certificate[name] if options[name] is None else options[name]
        for name in ("per_people", "reported", "outside", "illness", "reproduction")
        if options[name] is not None or name in certificate
    }
    policies = options["policies"].split(",") if options["policies"] else None
    ablation = certificate.get("without") if options["without"] is None else options["without"]
    start: datetime | None = options["start"]
    if start is None and certificate.get("start"):
        start = datetime.fromisoformat(certificate["start"])
    return CrashTestRequest(
        operator=folder,
        plan=plan,
        compare=options["compare_with"],
        with_hazards=not options["no_hazards"],
        hazards=options["hazards"],
        rules=options["rules"],
        packs=_choose_packs(plan, options["packs"], certificate),
        incidence=_parse_incidence(options["incidence"]),
        curves=_parse_curves(options["curves"], certificate),
        settings=settings,
        policies=tuple(policies or certificate.get("policies", ["as-given"])),
        ablation_quarters=count_ablation_quarters(ablation, settings.quarters),
        start=start.date() if start else None,
        outlook=options["outlook"],
        **chosen,
    )


def _choose_packs(plan: Path, named: Sequence[str], certificate: Mapping[str, Any]) -> tuple[ChosenPack, ...]:
    """Return the packs named, else those of the certificate, else those of the plan folder."""
    if named:
        return tuple(ChosenPack(name, date.min) for name in dict.fromkeys(named))
    if "packs" not in certificate:
        return read_packs(plan)
    return tuple(
        ChosenPack(name, date.fromisoformat(first), last and date.fromisoformat(last))
        for name, first, last in certificate["packs"]
    )


def _parse_incidence(text: str | None) -> IncidenceFile | None:
    if text is None:
        return None
    path, _, column = text.rpartition(":")
    if not path:
        raise click.BadParameter("write FILE:COLUMN", param_hint="--incidence")
    return IncidenceFile(Path(path), column)


def _parse_curves(texts: Sequence[str], certificate: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the curve of each destination, "" for every other: those named, else the certificate's."""
    if not texts:
        return tuple((where, name) for where, name in certificate.get("curves", ()))
    found = {where: name for where, _, name in (text.rpartition("=") for text in texts)}
    return tuple(sorted(found.items()))


def price_measures(measures: Sequence[str], given: Sequence[str], agents: int) -> dict[str, float]:
    """Return the price of each measure in EUR a quarter: given, or assumed by agent."""
    prices = {name: POLICIES[name].price * agents for name in measures if name in POLICIES}
    for text in given:
        name, _, price = text.partition("=")
        if name not in prices:
            reason = f"{text!r}: {name!r} is none of the measures tried: {', '.join(prices)}"
            raise click.BadParameter(reason, param_hint="--cost")
        prices[name] = _parse_price(text, price)
    return prices


def _parse_price(text: str, price: str) -> float:
    try:
        found = float(price)
    except ValueError:
        found = -1.0
    if not 0 <= found < np.inf:
        raise click.BadParameter(f"{text!r}: write POLICY=EUR, 0 or more", param_hint="--cost")
    return found


def check_options(policies: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse, before anything is run, options that make no sense together."""
    twice = [name for at, name in enumerate(policies) if name in policies[:at]]
    if twice:
        raise click.BadParameter(f"{twice[0]} stands there twice", param_hint="--policies")
    if options["resume"] and options["out"] is None:
        raise click.UsageError("--resume needs the folder of the run: --out RUN")
    if options["budget"] is None:
        if options["cost"]:
            raise click.UsageError("--cost is a price of a mix: give --budget EUR too")
        return
    if not 0 <= options["budget"] < np.inf:
        raise click.BadParameter("write EUR, 0 or more", param_hint="--budget")
    measures = policies[1:]
    if not measures:
        raise click.UsageError("--budget needs measures: --policies as-given,masks,air")
    if len(measures) > MEASURES_MOST:
        reason = f"{MEASURES_MOST} measures at most beside {policies[0]}, got {len(measures)}"
        raise click.BadParameter(reason, param_hint="--policies")
    price_measures(measures, options["cost"], 1)


_ERR = Console(stderr=True)
_DEFAULTS = Settings()
_PATH = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("folder", type=_PATH)
@click.option("--plan", "plan", required=True, type=_PATH, help="Plan folder to test.")
@click.option("--quarters", type=int, help=f"Quarters to simulate [{_DEFAULTS.quarters}].")
@click.option("--days", type=int, help="Days of a quarter [90; 14 with --outlook].")
@click.option("--seed", type=int, help="Same seed, same figures [0].")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="Day 0 [the first planned day].")
@click.option("--nearest", is_flag=True, help="A weekday without a plan takes the nearest one.")
@click.option("--reaction", type=int, help="Half hours until a loss is answered [1].")
@click.option("--target", type=float, help="Share a programme without calls may miss [the plan's].")
@click.option("--hazards", type=_PATH, help="YAML table of hazards [the one shipped].")
@click.option("--no-hazards", is_flag=True, help="Outbreak only.")
@click.option(
    "--rules", type=_PATH, multiple=True, help="YAML rows that add to or end the situation's rules; may be repeated."
)
@click.option(
    "--pack",
    "packs",
    multiple=True,
    help="Pack of rules in force, like health-2020; may be repeated [those of the plan folder].",
)
@click.option("--illness", type=click.Choice(sorted(ILLNESSES)), help="[covid]")
@click.option("--reproduction", type=float, help="Infections at work by one agent [2.5].")
@click.option("--incidence", help="FILE:COLUMN of daily cases outside (CSV with a column date).")
@click.option("--per-people", type=float, help="People the cases are of [1,000,000].")
@click.option("--reported", type=float, help="Share of infections that are reported [0.2].")
@click.option(
    "--curve",
    "curves",
    multiple=True,
    metavar="[DESTINATION=]NAME",
    help="Else: a named curve of infections outside, everywhere or at a destination; may be repeated: "
    + ", ".join(curve.name for curve in load_shipped_curves())
    + ".",
)
@click.option("--outside", type=float, help="Else: infections outside per agent and day [1e-4].")
@click.option(
    "--policies", help=f"Policies side by side, the first is compared with: {', '.join(POLICIES)} [as-given]."
)
@click.option("--compare", "compare_with", type=_PATH, help="Another plan folder, same disasters.")
@click.option("--budget", type=float, help="EUR a quarter: the best mix of the policies it buys.")
@click.option("--cost", multiple=True, metavar="POLICY=EUR", help="Price of a measure a quarter.")
@click.option(
    "--without",
    type=click.IntRange(0),
    help="Quarters to rerun with each cause removed, of the first case [a fifth, at least"
    f" {ABLATION_QUARTERS}; 0 = none].",
)
@click.option("--redo", type=int, help="Simulate so many worst days of each client call by call.")
@click.option("--outlook", type=_PATH, help="Events up to day 0, one JSON a line: 14 days ahead.")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads here.")
@click.option("--dask", help="Address of a Dask scheduler; spreads the quarters.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder to write.")
@click.option("--resume", is_flag=True, help="Go on with the run that --out holds.")
@click.option("--rerun", type=_PATH, help="Certificate (or run folder): run it again and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def crashtest(folder: Path, plan: Path, **options: Any) -> None:
    """Simulate many quarters of an operator FOLDER: what stays served when things go badly."""
    certificate = _read_certificate(options["rerun"])
    execution = Execution(options["threads"], options["dask"], options["out"])
    request = build_request(folder, plan, options, certificate)
    check_options(request.policies, options)
    with _CaseBars() if _ERR.is_terminal else _CaseLines(len(request.policies) + bool(request.compare)) as bars:
        found = run_crash_test(request, execution, resume=options["resume"], report=bars.show)
        mixes = _find_mixes(found, request.policies, execution, bars, options)
    redone: tuple[ReplayedDay, ...] = ()
    if options["redo"] is not None:
        first = found.cases[0]
        redone = replay_worst(first.test, first.ready, first.rows, days=options["redo"])
    changes = list_changes(found, certificate) if certificate else None
    if options["as_json"]:
        _print_json(found, mixes, redone, changes)
    else:
        _print_tables(found, mixes, redone, changes, options)
    if changes:
        raise click.ClickException("not the same figures: " + "; ".join(changes))


def _read_certificate(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    return read_run(path / "certificate.json" if path.is_dir() else path)


class _CaseLines:
    """What the bars say, as lines for a file or a pipe: at each tenth, with the time that is left."""

    def __init__(self, cases: int) -> None:
        self._cases, self._case = cases, 0
        self._key: tuple[str, str] | None = None
        self._began, self._tenth = 0.0, -1

    def __enter__(self) -> _CaseLines:
        return self

    def __exit__(self, *_raised: object) -> None:
        pass

    def show(self, progress: CaseProgress) -> None:
        """Print the start of a case, then a line a tenth; the first says how long all cases may take."""
        key, now = (progress.label, progress.step), monotonic()
        if key != self._key:
            self._case += progress.step == "running"
            self._key, self._began, self._tenth = key, now, -1
        tenth = 10 * progress.done // max(1, progress.total)
        if tenth == self._tenth:
            return
        self._tenth = tenth
        more = ", without each cause" if progress.step == "without" else ""
        line = f"{progress.label}{more}: {progress.done:,} of {progress.total:,} quarters"
        if progress.done:
            left = (now - self._began) / progress.done * (progress.total - progress.done)
            after = (now - self._began) / progress.done * progress.total * (self._cases - self._case)
            line += f", about {_say_minutes(left)} left of this case"
            line += f", {_say_minutes(left + after)} of all {self._cases}" if self._cases > 1 else ""
        click.echo(line, err=True)


def _say_minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class _CaseBars(Progress):
    """A bar for each case and step, with the share of calls served so far."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[early]}"),
            TimeElapsedColumn(), console=_ERR,
        )  # fmt: skip
        self._bars: dict[tuple[str, str], TaskID] = {}

    def show(self, progress: CaseProgress) -> None:
        """Move the bar of a case."""
        key = (progress.label, progress.step)
        if key not in self._bars:
            more = ", without each cause" if progress.step == "without" else ""
            label = f"{progress.label}{more}"
            self._bars[key] = self.add_task(label, total=progress.total, early="")
        early = ""
        if progress.served is not None:
            served = progress.served
            early = f"served {served.value:.2%} ({served.low:.2%} to {served.high:.2%})"
        self.update(self._bars[key], completed=progress.done, early=early)


def _find_mixes(
    found: CrashTestReport,
    policies: tuple[str, ...],
    execution: Execution,
    bars: _CaseBars | _CaseLines,
    options: Mapping[str, Any],
) -> tuple[Mix, ...]:
    """Try every mix of the policies after the first that the budget buys, if there is one."""
    if options["budget"] is None:
        return ()
    agents = len(found.cases[0].test.operator.agents)
    prices = price_measures(policies[1:], options["cost"], agents)
    return find_best_mixes(found, prices, options["budget"], execution, bars.show)


def _print_json(
    found: CrashTestReport, mixes: tuple[Mix, ...], redone: tuple[ReplayedDay, ...], changes: list[str] | None
) -> None:
    tree = {
        "results": [json.loads(result_to_json(one)) for one in found.results],
        "comparison": [encode_difference(one) for one in found.differences],
        "importation": [asdict(row) for row in found.importation],
        "mixes": [asdict(mix) for mix in mixes],
        "redone": [asdict(row) for row in redone],
        "certificate": found.certificate,
        "rerun": changes,
    }
    click.echo(json.dumps(tree, ensure_ascii=False))


def _print_tables(
    found: CrashTestReport,
    mixes: tuple[Mix, ...],
    redone: tuple[ReplayedDay, ...],
    changes: list[str] | None,
    options: Mapping[str, Any],
) -> None:
    console = Console()
    first = found.results[0]
    for table in (build_client_table(first), build_site_table(first), *build_cause_tables(first)):
        console.print(table)
    for line in (
        *(describe_outlook(first) if options["outlook"] else ()),
        *describe_outbreak(first, found.cases[0].test.operator),
        *describe_day_spreads(first),
    ):
        console.print(line, highlight=False)
    if len(found.importation) > 1:
        console.print(build_importation_table(found.importation))
        console.print(IMPORTATION_WORDS, highlight=False)
    for line in describe_replays(redone):
        console.print(line, highlight=False)
    if found.differences:
        console.print(build_difference_table(list(found.differences)))
    agents = len(found.cases[0].test.operator.agents)
    for line in (*describe_calm_targets(found.calm), *describe_choices(list_choices(found.differences, agents), first)):
        console.print(line, highlight=False)
    if mixes:
        for line in describe_mixes(mixes, options["budget"]):
            console.print(line, highlight=False)
    if changes == []:
        console.print("The same figures as the certificate's, every one.")
    if options["out"]:
        console.print(f"Written to {options['out']}")
