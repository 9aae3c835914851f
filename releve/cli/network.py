"""``releve network``: check an operator folder, and the reference of its tables."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from releve.cli.sample import sample
from releve.files.operator_folder import FolderError, read_operator_files
from releve.network import (
    TABLES,
    Fault,
    Operator,
    find_faults,
    list_columns,
    render_tables_markdown,
)

__all__ = ["network"]

_MOST_PRINTED = 1000


@click.group()
def network() -> None:
    """Who and where: the operator's tables."""


@network.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print faults or summary as JSON.")
@click.option(
    "--limit", default=_MOST_PRINTED, show_default=True, help="Most faults printed; 0 = all."
)
def check(folder: Path, as_json: bool, limit: int) -> None:
    """Name every fault of an operator FOLDER (or XLSX workbook), all in one go.

    Exit status 0 without faults, 1 with faults, 2 when FOLDER holds no operator's files.
    """
    try:
        operator, faults = find_faults(read_operator_files(folder))
    except FolderError as error:
        raise click.UsageError(str(error)) from error
    summary = {} if operator is None else build_summary(operator)
    if as_json:
        rows = [dataclasses.asdict(fault) for fault in faults]
        click.echo(json.dumps({"faults": rows, "summary": summary}, ensure_ascii=False, indent=2))
    elif faults:
        _print_faults(faults, limit or len(faults))
    else:
        click.echo(f"{folder}: no fault")
        for name, value in summary.items():
            click.echo(f"  {name.replace('_', ' '):<20} {value}")
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


def build_summary(operator: Operator) -> dict[str, object]:
    """Return what an operator holds, as plain values by name."""
    shifts, history = operator.shifts, operator.history
    return {
        "operator": operator.row.name,
        "synthetic": operator.row.synthetic,
        "sites": len(operator.sites),
        "seats": len(operator.seats),
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


def _format_instant(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="minutes")


def _print_faults(faults: tuple[Fault, ...], limit: int) -> None:
    """Print a table where people look, and a sentence a line into a pipe or file."""
    shown = faults[:limit]
    console = Console()
    if console.is_terminal:
        console.print(_build_fault_table(shown))
    else:
        for fault in shown:
            click.echo(_replace_unprintable(str(fault)))
    count = len(faults)
    if count > limit:
        click.echo(f"... and {count - limit} more (--limit 0 prints all, --json too)", err=True)
    click.echo(f"{count} fault{'' if count == 1 else 's'}; nothing was loaded", err=True)


def _build_fault_table(faults: tuple[Fault, ...]) -> Table:
    table = Table()
    for heading in ("Table", "Row", "Column", "Value", "What is wrong", "How to mend it"):
        table.add_column(heading, justify="right" if heading == "Row" else "left")
    for fault in faults:
        row = str(fault.row) if fault.row else ""
        cells = (fault.table, row, fault.column, fault.value, fault.reason, fault.fix)
        table.add_row(*(Text(_replace_unprintable(cell)) for cell in cells))
    return table


def _replace_unprintable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


network.add_command(sample)
