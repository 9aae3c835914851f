"""``releve demand``: import a call log, forecast it, and compute the agents required."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from releve.cli.main import Speech
from releve.cli.options import LANGUAGES
from releve.cli.transport import load_operator
from releve.demand import (
    INTERVAL,
    Forecast,
    History,
    ImportReport,
    ModelChoice,
    Requirement,
    build_forecast,
    build_histories,
    choose_model,
    library_models,
    list_history_rows,
    parse_mapping,
    rate_at,
)
from releve.demand.call_log_file import import_table, render_mapping
from releve.demand.forecast import MODELS, count_quantile
from releve.demand.import_report import describe_import_fault, group_import_faults
from releve.demand.log_table import LogTable, read_log
from releve.demand.report_recognition import UnrecognizedReportError, recognize_report
from releve.demand.report_words import guess_language
from releve.demand.requirement import compute_requirement as required
from releve.errors import NumberPhrase, Phrase
from releve.network import HistoryRow, Operator, Programme, day_bounds, find_open_instants, is_known_zone, zone
from releve.network.folder_reader import write_table


def _local_days(starts: Sequence[datetime], time_zone: str) -> list[date]:
    tz = zone(time_zone)
    return [start.astimezone(tz).date() for start in starts]


def forecast_lines(found: Forecast, time_zone: str, half_hours: bool) -> Iterator[str]:
    """Yield a line a programme and day, or a programme and open half hour."""
    days = np.array(_local_days(found.starts, time_zone))
    yield (
        f"{'programme':<24} {'day':<10} {'calls':>8} {'10 %':>7} {'90 %':>7} {'peak':>6}"
        f" {'at':<5} {'AHT s':>6} {'day cv':>6}"
    )
    for p, name in enumerate(found.programmes):
        for day in dict.fromkeys(days.tolist()):
            rows = (days == day) & found.open[:, p]
            if not rows.any():
                yield f"{name:<24} {day} {'closed':>8}"
            elif np.isnan(found.mean[rows, p]).any():
                yield f"{name:<24} {day} not known: {found.unknown.get(name, '')}"
            else:
                yield _day_line(found, p, name, day, rows, time_zone)
    yield from assumption_lines(found)
    if half_hours:
        yield from _half_hours(found, time_zone)


def assumption_lines(found: Forecast) -> Iterator[str]:
    """Yield a line for each assumption a forecast rests on, naming each once."""
    programmes: dict[str, list[str]] = {}
    for name, lines in found.assumed.items():
        for line in lines:
            programmes.setdefault(line, []).append(name)
    for line, names in programmes.items():
        yield f"assumption: {line} ({', '.join(names)})"


def _day_line(found: Forecast, p: int, name: str, day: date, rows: NDArray[np.bool_], time_zone: str) -> str:
    mean = found.mean[:, p]
    total = np.array([mean[rows].sum()])
    variance = np.array([found.day_factor_cv[p] ** 2])
    low, high = (count_quantile(level, total, variance)[0] for level in (0.1, 0.9))
    peak = int(np.argmax(np.where(rows, mean, -1.0)))
    clock = found.starts[peak].astimezone(zone(time_zone)).strftime("%H:%M")
    weight = mean[rows] + 1e-12
    aht = float(np.average(found.aht_s[rows, p], weights=weight))
    return (
        f"{name:<24} {day} {total[0]:8.1f} {low:7.0f} {high:7.0f} {mean[peak]:6.1f} {clock:<5}"
        f" {aht:6.0f} {found.day_factor_cv[p]:6.3f}"
    )


def _half_hours(found: Forecast, time_zone: str) -> Iterator[str]:
    tz = zone(time_zone)
    levels = sorted(found.quantiles)
    yield ""
    heads = " ".join(f"{100 * level:6.0f}%" for level in levels)
    yield f"{'programme':<24} {'half hour':<16} {'calls':>8} {heads} {'AHT s':>6}"
    for p, name in enumerate(found.programmes):
        for i in np.flatnonzero(found.open[:, p]).tolist():
            cells = " ".join(f"{found.quantiles[level][i, p]:7.0f}" for level in levels)
            clock = f"{found.starts[i].astimezone(tz):%Y-%m-%d %H:%M}"
            yield (f"{name:<24} {clock:<16} {found.mean[i, p]:8.2f} {cells} {found.aht_s[i, p]:6.0f}")


def requirement_lines(need: Requirement, time_zone: str, half_hours: bool) -> Iterator[str]:
    """Yield a line a programme, or a programme and half hour with calls."""
    tz = zone(time_zone)
    yield f"{need.day}: agents to roster, shrinkage in"
    yield f"{'programme':<24} {'calls':>8} {'AHT s':>6} {'agent hours':>11} {'peak':>7} at"
    for p, name in enumerate(need.programmes):
        if name in need.unknown:
            yield f"{name:<24} not known: {need.unknown[name]}"
            continue
        agents, calls = need.agents[:, p], need.calls[:, p]
        weight = calls + 1e-12
        aht = float(np.average(np.nan_to_num(need.aht_s[:, p]), weights=weight))
        peak = int(np.argmax(agents))
        yield (
            f"{name:<24} {calls.sum():8.1f} {aht:6.0f} {agents.sum() / 2:11.1f}"
            f" {agents[peak]:7.1f} {need.starts[peak].astimezone(tz):%H:%M}"
        )
    if half_hours:
        yield ""
        for i, start in enumerate(need.starts):
            cells = [
                f"{name} {need.agents[i, p]:.1f}" for p, name in enumerate(need.programmes) if need.agents[i, p] > 0
            ]
            if cells:
                yield f"{start.astimezone(tz):%H:%M}  " + "  ".join(cells)


def forecast_json(found: Forecast) -> str:
    """Return a forecast as JSON; what is not known is null."""
    document = {
        "programmes": list(found.programmes),
        "starts": [start.isoformat() for start in found.starts],
        "open": found.open.tolist(),
        "mean": _null_counts(found.mean),
        "quantiles": {f"{level:g}": _null_counts(table) for level, table in found.quantiles.items()},
        "aht_s": _null_counts(found.aht_s),
        "day_factor_cv": _null_counts(found.day_factor_cv),
        "unknown": found.unknown,
        "assumed": {name: list(lines) for name, lines in found.assumed.items()},
    }
    return json.dumps(document, ensure_ascii=False)


def requirement_json(need: Requirement) -> str:
    """Return a requirement as JSON; what is not known is null."""
    document = {
        "day": need.day.isoformat(),
        "programmes": list(need.programmes),
        "starts": [start.isoformat() for start in need.starts],
        "agents": _null_counts(need.agents),
        "on_phone": _null_counts(need.on_phone),
        "calls": _null_counts(need.calls),
        "aht_s": _null_counts(need.aht_s),
        "unknown": need.unknown,
    }
    return json.dumps(document, ensure_ascii=False)


def _null_counts(table: NDArray[np.float64]) -> Any:
    if table.ndim > 1:
        return [_null_counts(row) for row in table]
    return [None if value != value else round(value, 6) for value in table.tolist()]


_MOST_PRINTED = 50
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def demand() -> None:
    """Call history, forecast, and the agents it takes."""


@demand.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or JSON that says what the columns mean [default: by the headers, then asked].",
)
@click.option(
    "--operator",
    "folder",
    type=click.Path(exists=True, path_type=Path),
    help="Operator whose programmes the queues are, where the headers are recognised.",
)
@click.option("--yes", is_flag=True, help="Use the recognised mapping without asking.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the cells leave open: aht_unit=s, ms, min, day, m:s or h:m; aht_kind=aht_s (a mean) or handle_s (a"
    " total); date_order=d/m or m/d; time_format of strptime; counts=offered or answered; nature=history or forecast."
    " Or the column of a meaning, as in offered=Volume: start, day, clock, end, programme, offered, answered,"
    " abandoned, handle, talk, hold, wrap, outcome, wait, call.",
)
@click.option("--sheet", default="", help="Sheet of a workbook [default: the only one with data].")
@click.option("--time-zone", help="Zone of times without offset [default: the mapping's].")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV to write, like history.csv.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--limit", default=_MOST_PRINTED, show_default=True, help="Most faults; 0 = all.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language of the report and of --out [default: that of the headers]."
)
def import_(
    file: Path,
    mapping: Path | None,
    folder: Path | None,
    yes: bool,
    answers: tuple[str, ...],
    sheet: str,
    time_zone: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    limit: int,
    lang: str | None,
) -> None:
    """Import a call log or interval statistics: FILE (CSV, Parquet, XLSX) to half-hourly history.

    Every row is accounted for and every fault named with its row. Exit status 1 when nothing
    could be imported, 2 when the file or the mapping cannot be used.
    """
    if out is not None and out.exists() and not force:
        raise click.UsageError(f"{out} is there already (--force replaces it)")
    if out is not None and not out.parent.is_dir():
        raise click.UsageError(f"there is no folder {out.parent}; make it, or name another")
    speech = Speech(lang or "en")
    operator = None if folder is None else load_operator(folder)
    try:
        log = read_log(file.name, file.read_bytes(), sheet, report=True)
        speech = Speech(lang or guess_language(log.frame.columns))
        table = _recognize(log, operator, yes, answers, speech) if mapping is None else _read_document(mapping)
        zone_name = time_zone or str(table.get("time_zone", ""))
        table.pop("time_zone", None)
        if not is_known_zone(zone_name):
            raise ValueError(Phrase("no time zone {0!r}: give --time-zone, like Europe/Paris", zone_name))
        report = import_table(log, parse_mapping(table), zone_name)
    except (ValueError, TypeError) as error:
        raise click.UsageError(speech.say_error(error)) from error
    rows, left_out = list_history_rows(report.histories, zone_name)
    lines: list[str] = [*_left_out(left_out)]
    if out is not None and rows:
        out.write_bytes(_write_history(rows, operator, speech.language))
        lines.append(Phrase("{0} half hours written to {1}", NumberPhrase(len(rows)), out))
    if as_json:
        click.echo(_report_json(report, lines))
    else:
        _print_report(report, lines, limit, speech)
    if not rows:
        raise SystemExit(1)


def _recognize(
    log: LogTable, operator: Operator | None, yes: bool, answers: Sequence[str], speech: Speech
) -> dict[str, Any]:
    """Show the mapping that headers and cells suggest, ask what they leave open and whether it is right."""
    frame = log.whole_frame()
    given = dict(answer.partition("=")[::2] for answer in answers)
    while True:
        try:
            read = recognize_report(frame, operator, given, title=f"{log.sheet} {log.title}", now=datetime.now(UTC))
        except UnrecognizedReportError as error:
            raise ValueError(Phrase("{0}, or give --mapping", error.args[0])) from error
        asked = [question for question in read.questions if given.get(question.key) not in question.choices]
        if not asked:
            break
        if yes:
            choices = ", ".join(f"--answer {asked[0].key}={choice}" for choice in asked[0].choices)
            raise ValueError(Phrase("the file does not say {0}: give one of {1}", asked[0].describe(), choices))
        words = speech.say(asked[0].describe())
        given[asked[0].key] = click.prompt(words, type=click.Choice(asked[0].choices), err=True)
    found = read.mapping
    click.echo(render_mapping(found), err=True)
    if log.sheet:
        click.echo(speech.say(Phrase("Sheet: {0}", log.sheet)), err=True)
    for note in read.notes:
        click.echo(speech.say(note), err=True)
    for key in read.missing:
        click.echo(speech.say(Phrase("{0}: no column of the file is recognised for it", key)), err=True)
    if not yes:
        click.confirm(speech.say(Phrase("Import with this mapping?")), abort=True, err=True)
    return found


def _read_document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except UnicodeDecodeError:
        raise ValueError(Phrase("{0} is not in UTF-8; save the mapping as UTF-8", path)) from None
    except ValueError as error:
        raise ValueError(Phrase("{0} is not a mapping in TOML or JSON: {1}", path, error)) from None
    if not isinstance(found, dict):
        raise ValueError(Phrase("{0} holds no mapping", path))
    return found


def _write_history(rows: Sequence[HistoryRow], operator: Operator | None, language: str) -> bytes:
    """Return history.csv: local times where the operator is known, else with their offset."""
    known = {} if operator is None else operator.programme
    local = all(row.programme in known for row in rows)

    def find_zone(row: HistoryRow) -> str:
        return known[row.programme].time_zone if local and language == "fr" else "UTC"

    return write_table(HistoryRow, rows, find_zone, language, local)


def _left_out(days: Sequence[tuple[str, date]]) -> list[Phrase]:
    counts = Counter(programme for programme, _ in days)
    return [
        Phrase(
            "{0}: {1} half-open days left out of the file, the first {2}",
            programme,
            NumberPhrase(count),
            next(day for name, day in days if name == programme),
        )
        for programme, count in counts.items()
    ]


def _print_report(report: ImportReport, lines: Sequence[str], limit: int, speech: Speech) -> None:
    causes = group_import_faults(report.faults)
    faults = causes[: limit or len(causes)]
    for fault in faults:
        text = describe_import_fault(fault, speech.gettext, speech.language)
        click.echo(speech.say(Phrase("fault: {0}", text)))
    if more := len(causes) - len(faults):
        text = Phrase("... and {0} more faults (--limit 0 prints all)", NumberPhrase(more))
        click.echo(speech.say(text))
    click.echo(", ".join(map(speech.say, report.rows.phrases())))
    for line in (*report.notes[1:], *lines):
        click.echo(speech.say(line))
    for programme, served in report.served_20_s.items():
        patience = report.patience_s.get(programme)
        known = Phrase("no caller hung up: patience is not known")
        if patience is not None:
            known = Phrase("mean patience {0} s", NumberPhrase(patience))
        share = NumberPhrase(100 * served, 1)
        click.echo(speech.say(Phrase("{0}: {1}, {2} % served in 20 s", programme, known, share)))


def _report_json(report: ImportReport, lines: Sequence[str]) -> str:
    document = {
        "rows": asdict(report.rows),
        "faults": [asdict(fault) for fault in report.faults],
        "notes": [*report.notes, *lines],
        "patience_s": dict(report.patience_s),
        "served_20_s": dict(report.served_20_s),
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


@demand.command("forecast")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--day", type=_DAY, help="First day [default: the day after the history].")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, 92), help="Days to forecast.")
@click.option("--choose", is_flag=True, help="Choose each programme's model by back-test first.")
@click.option("--half-hours", is_flag=True, help="Print every half hour.")
@click.option("--json", "as_json", is_flag=True, help="Print the forecast as JSON.")
def forecast_(folder: Path, day: datetime | None, days: int, choose: bool, half_hours: bool, as_json: bool) -> None:
    """Forecast calls and handling time of an operator FOLDER per programme and half hour."""
    operator = load_operator(folder)
    histories = build_histories(operator)
    models = _choose_models(operator, histories) if choose else {}
    found = _forecast_days(operator, histories, _first_day(day, operator), days, models)
    if as_json:
        click.echo(forecast_json(found))
        return
    for line in forecast_lines(found, operator.row.time_zone, half_hours):
        click.echo(line)


@demand.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--horizon", default=14, show_default=True, type=click.IntRange(1, 92), help="Days that each trial forecasts ahead."
)
@click.option("--library", is_flag=True, help="Also try statsforecast, where it is installed.")
def backtest(folder: Path, horizon: int, library: bool) -> None:
    """Judge the models on the past weeks of each programme of FOLDER, and choose."""
    operator = load_operator(folder)
    models = {**MODELS, **library_models()} if library else dict(MODELS)
    for programme, history in _with_history(operator, build_histories(operator)):
        choice = choose_model(history, programme, horizon=horizon, models=models)
        _print_choice(choice)


def _print_choice(choice: ModelChoice) -> None:
    click.echo(f"{choice.programme}: {choice.model} ({choice.reason})")
    for score in choice.scores:
        click.echo(
            f"  {score.model:<24} loss {score.loss:.4f}, WAPE {score.wape:.4f} (median"
            f" {score.median_wape:.4f}), by day {score.day_wape:.4f},"
            f" bias {score.bias:+.3f}, 80 % interval holds {100 * score.coverage_80:.1f} %"
        )


@demand.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--day", type=_DAY, help="Planning day [default: the day after the history].")
@click.option(
    "--quantile",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Staff for this quantile of the uncertain volume of the day [default: its mean].",
)
@click.option("--half-hours", is_flag=True, help="Print every half hour.")
@click.option("--json", "as_json", is_flag=True, help="Print the requirement as JSON.")
def require(folder: Path, day: datetime | None, quantile: float | None, half_hours: bool, as_json: bool) -> None:
    """Print the agents each programme of FOLDER needs in each half hour of a day."""
    operator = load_operator(folder)
    zone_name, first = operator.row.time_zone, _first_day(day, operator)
    found = _forecast_days(operator, build_histories(operator), first, 1, {})
    if quantile is not None:
        found = replace(found, quantiles={quantile: rate_at(found, quantile)})
    need = required(found, operator.programmes, first, zone_name, quantile=quantile)
    if as_json:
        click.echo(requirement_json(need))
        return
    for line in (*requirement_lines(need, zone_name, half_hours), *assumption_lines(found)):
        click.echo(line)


def _first_day(day: datetime | None, operator: Operator) -> date:
    """Return the day asked for, or the first day after the history with an open programme."""
    if day is not None:
        return day.date()
    if not operator.history:
        raise click.UsageError("the operator has no history: give --day")
    zone_name = operator.row.time_zone
    last = max(row.start for row in operator.history).astimezone(zone(zone_name)).date()
    for number in range(1, 15):
        start, end = day_bounds(last + timedelta(days=number), zone_name)
        half_hours = [start + i * INTERVAL for i in range(int((end - start) / INTERVAL))]
        if any(find_open_instants(programme, half_hours).any() for programme in operator.programmes):
            return last + timedelta(days=number)
    return last + timedelta(days=1)


def _forecast_days(
    operator: Operator, histories: dict[str, History], first: date, days: int, models: dict[str, str]
) -> Forecast:
    span = [first + timedelta(days=number) for number in np.arange(days).tolist()]
    zone_name = operator.row.time_zone
    return build_forecast(histories, operator.programmes, span, zone_name, models=models, uplifts=operator.uplifts)


def _choose_models(operator: Operator, histories: dict[str, History]) -> dict[str, str]:
    pairs = _with_history(operator, histories)
    return {p.id: choose_model(history, p).model for p, history in pairs}


def _with_history(operator: Operator, histories: dict[str, History]) -> list[tuple[Programme, History]]:
    return [(p, histories[p.id]) for p in operator.programmes if p.id in histories]
