"""``releve network``: check an operator folder, make a sample one, describe its tables."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from releve.cli.main import Speech, load_gettext
from releve.cli.options import LANGUAGES, replace_unprintable
from releve.errors import NumberPhrase, Phrase
from releve.files.operator_folder import FolderError, read_operator_files, write_operator_files
from releve.network import (
    TABLES,
    Fault,
    Operator,
    check_files,
    describe_faults,
    list_columns,
    render_tables_markdown,
    write_operator,
)
from releve.network.sample import FIRST_DAY, sample_operator
from releve.network.workbook import write_template
from releve.network.worktime import RowFinding, WorkingTime


@click.command()
@click.option("--agents", type=int, default=600, show_default=True, help="50 to 70,000.")
@click.option("--sites", type=int, default=6, show_default=True, help="1 to 200.")
@click.option("--programmes", type=int, help="Programmes [default: by size; 8 for 600 agents].")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=FIRST_DAY.isoformat(),
    show_default=True,
    help="First of the seven days of the roster; the history ends the day before.",
)
@click.option("--weeks", type=int, default=10, show_default=True, help="Weeks of history.")
@click.option("--vehicles", type=int, default=0, show_default=True, help="Minibuses of 16 seats.")
@click.option("--force", is_flag=True, help="Replace an operator folder that is there.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def sample(
    agents: int,
    sites: int,
    programmes: int | None,
    seed: int,
    start: datetime,
    weeks: int,
    vehicles: int,
    force: bool,
    folder: Path,
) -> None:
    """Write a made-up operator, marked synthetic, into FOLDER as CSV tables.

    Cities, distances, carriers and time zones are real; clients and people are not.
    """
    try:
        operator = sample_operator(
            agents, sites, seed, start=start.date(), weeks_of_history=weeks, programmes=programmes, vehicles=vehicles
        )
        write_operator_files(folder, write_operator(operator), replace=force)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FolderError as error:
        raise click.UsageError(f"{error} (--force replaces an operator folder)") from error
    click.echo(
        f"{folder}: {len(operator.agents)} agents, {len(operator.sites)} sites,"
        f" {len(operator.programmes)} programmes, {len(operator.all_seats)} seats,"
        f" {len(operator.history)} rows of history (synthetic, seed {seed})"
    )


_MOST_PRINTED = 1000
_FEW = 3


@click.group()
def network() -> None:
    """Who and where: the operator's tables."""


@network.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print faults or summary as JSON.")
@click.option("--limit", default=_MOST_PRINTED, show_default=True, help="Most faults printed; 0 = all.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the report [default: that of the files].")
def check(folder: Path, as_json: bool, limit: int, lang: str | None) -> None:
    """Name every fault of an operator FOLDER (or XLSX workbook), all in one go.

    What its roster breaks of working time is named too; the roster can be planned all the same.
    Exit status 0 without faults, 1 with faults, 2 when FOLDER holds no operator's files.
    """
    try:
        checked = check_files(read_operator_files(folder))
    except FolderError as error:
        raise click.UsageError(str(error)) from error
    operator, faults = checked.operator, checked.faults
    summary = {} if operator is None else build_summary(operator)
    findings = () if operator is None else WorkingTime(operator).check_roster()
    if as_json:
        rows = [dataclasses.asdict(fault) for fault in faults]
        document = {"faults": rows, "summary": summary, "working_time": build_findings_json(findings)}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif faults:
        _print_faults(faults, limit or len(faults), Speech(lang or checked.language))
    else:
        speech = Speech(lang or checked.language)
        click.echo(speech.say(Phrase("{0}: no fault", folder)))
        for name, value in summary.items():
            click.echo(f"  {speech.say(_SUMMARY_NAMES[name]):<32} {_say_value(value, speech)}")
        if operator is not None and operator.shifts:
            print_findings(findings, speech, limit)
    if faults:
        raise SystemExit(1)


@network.command()
@click.option("--markdown", is_flag=True, help="Print the whole reference as Markdown.")
def tables(markdown: bool) -> None:
    """Print the tables and columns of an operator folder."""
    if markdown:
        click.echo(render_tables_markdown(), nl=False)
        return
    for kind in TABLES:
        click.echo(f"{kind.table}: {', '.join(column.name for column in list_columns(kind))}")


@network.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default="fr",
    show_default=True,
    help="Language of sheets, headers and words.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def template(file: Path, lang: str, force: bool) -> None:
    """Write an empty workbook to fill in: FILE.xlsx, with lists to choose from and examples."""
    if file.suffix.lower() != ".xlsx":
        raise click.UsageError(f"{file} is not named like a workbook: end it with .xlsx")
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already (--force replaces it)")
    file.write_bytes(write_template(lang, load_gettext(lang)))
    click.echo(f"{file}: fill it in, then releve network check {file}")


def build_summary(operator: Operator) -> dict[str, object]:
    """Return what an operator holds, as plain values by name."""
    shifts, history = operator.shifts, operator.history
    return {
        "operator": operator.row.name,
        "synthetic": operator.row.synthetic,
        "sites": len(operator.sites),
        "seats": len(operator.all_seats),
        "clients": len(operator.clients),
        "programmes": len(operator.programmes),
        "agents": len(operator.agents),
        "home_ready_agents": sum(agent.home_ready for agent in operator.agents),
        "shifts": len(shifts),
        "roster_days": len({shift.start.date() for shift in shifts}),
        "roster_from": _format_instant(min((shift.start for shift in shifts), default=None)),
        "roster_to": _format_instant(max((shift.end for shift in shifts), default=None)),
        "history_rows": len(history),
        "programmes_with_history": len({row.programme for row in history}),
        "history_from": _format_instant(min((row.start for row in history), default=None)),
        "history_to": _format_instant(max((row.start for row in history), default=None)),
    }


_SUMMARY_NAMES = {
    "operator": Phrase("operator"),
    "synthetic": Phrase("synthetic data"),
    "sites": Phrase("sites"),
    "seats": Phrase("seats"),
    "clients": Phrase("clients"),
    "programmes": Phrase("programmes"),
    "agents": Phrase("agents"),
    "home_ready_agents": Phrase("agents ready to work at home"),
    "shifts": Phrase("shifts"),
    "roster_days": Phrase("days of the roster"),
    "roster_from": Phrase("roster from"),
    "roster_to": Phrase("roster to"),
    "history_rows": Phrase("half hours of call history"),
    "programmes_with_history": Phrase("programmes with history"),
    "history_from": Phrase("history from"),
    "history_to": Phrase("history to"),
}


def _say_value(value: object, speech: Speech) -> str:
    if isinstance(value, bool):
        return speech.say(Phrase("yes") if value else Phrase("no"))
    return speech.say(NumberPhrase(value)) if isinstance(value, int) else str(value)


def _format_instant(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="minutes")


def _print_faults(faults: tuple[Fault, ...], limit: int, speech: Speech) -> None:
    """Print one sentence a cause, and how many faults there are in all."""
    causes = describe_faults(faults, speech.gettext, speech.language)
    for cause in causes[:limit]:
        click.echo(replace_unprintable(cause))
    if (more := len(causes) - limit) > 0:
        text = Phrase("... and {0} more (--limit 0 prints all, --json too)", NumberPhrase(more))
        click.echo(speech.say(text), err=True)
    text = Phrase("1 fault; nothing was loaded")
    if len(faults) > 1:
        text = Phrase("{0} faults; nothing was loaded", NumberPhrase(len(faults)))
    click.echo(speech.say(text), err=True)


def print_findings(found: tuple[RowFinding, ...], speech: Speech, limit: int) -> None:
    """Print what a roster breaks, row by row: of a row that forbids at most ``limit`` breaches (0: all), of
    others a few."""
    if not found:
        click.echo(speech.say(Phrase("Working time: the roster breaks no row.")))
    for one in found:
        most = (limit or len(one.breaches)) if one.row.strength == "forbid" else _FEW
        click.echo(speech.say(one.sentence))
        for breach in one.breaches[:most]:
            click.echo(f"  {speech.say(one.describe(breach))}")
        if (more := len(one.breaches) - most) > 0:
            click.echo(f"  {speech.say(Phrase('... and {0} more', NumberPhrase(more)))}")


def build_findings_json(found: tuple[RowFinding, ...]) -> list[dict[str, Any]]:
    """Return what a roster breaks as plain values, a breach a row."""
    return [
        {
            "row": one.row.id,
            "strength": one.row.strength,
            "confidence": one.row.confidence,
            "source": one.row.source,
            "limit": one.row.value,
            "agent": breach.agent,
            "day": breach.day.isoformat(),
            "found": round(breach.found, 4),
        }
        for one in found
        for breach in one.breaches
    ]


network.add_command(sample)
