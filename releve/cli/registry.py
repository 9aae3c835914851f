"""``releve registry``: the operator in the database, imported, shown, undone, exported."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releve.cli.database import open_database
from releve.cli.main import load_gettext
from releve.cli.options import LANGUAGES, replace_unprintable
from releve.files.atomic import write_file
from releve.files.operator_folder import FolderError, read_operator_files, write_operator_files
from releve.network import Operator, OperatorFaults, describe_faults, read_operator, sample_operator, write_operator
from releve.network.workbook import SheetOverflow, write_workbook

if TYPE_CHECKING:
    from releve.registry.changes import Changes, RowChange, TableChanges
    from releve.registry.models import Version


_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def change_lines(tables: Mapping[str, TableChanges], most: int) -> Iterator[str]:
    """Yield a line a table and, under it, ``most`` of its rows."""
    for table, changes in tables.items():
        counts = changes.counts()
        yield f"{table}: {_counts(counts)}"
        total = sum(counts.values()) - counts.get("moved", 0)
        for _, change in zip(range(most), changes.rows(), strict=False):
            yield f"  {_SIGNS[change.kind]} {change.key}{_fields(change)}"
        if total > most > 0:
            yield f"  ... and {total - most} more"


def _fields(change: RowChange) -> str:
    if change.kind != "changed":
        return ""
    parts = (f"{f.column} {_show_value(f.before)} → {_show_value(f.after)}" for f in change.fields())
    return f": {', '.join(parts)}"


def _show_value(value: object) -> str:
    if value is None or value in ("", ()):
        return "(empty)"
    return "|".join(value) if isinstance(value, tuple) else str(value)


def _counts(counts: Mapping[str, int]) -> str:
    words = [f"{count} {kind}" for kind, count in counts.items() if kind != "moved"]
    return ", ".join(words) or "the same rows in another order"


def counts_text(summary: Mapping[str, Mapping[str, int]]) -> str:
    """Return what a version changed, in one line."""
    return "; ".join(f"{table} {_counts(counts)}" for table, counts in summary.items())


def version_line(version: Version) -> str:
    """Return a version in one line."""
    said = f" “{version.comment}”" if version.comment else ""
    undoes = f" (undoes {version.undoes})" if version.undoes else ""
    return (
        f"{version.number:>4}  {version.made_at:%Y-%m-%d %H:%M} UTC  {version.made_by}"
        f"{undoes}{said}  {counts_text(version.summary)}"
    )


def version_values(version: Version) -> dict[str, Any]:
    """Return a version as plain values by name."""
    return {
        "version": version.number,
        "made_at": version.made_at.isoformat(timespec="seconds"),
        "made_by": version.made_by,
        "comment": version.comment,
        "source": version.source,
        "undoes": version.undoes,
        "digest": version.digest,
        "changes": version.summary,
    }


_QUIET_SECONDS = 2.0
_MOST_FAULTS = 1000


def _current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


_by = click.option("--by", default=_current_user, help="Who makes the change [default: the system's user].")
_comment = click.option("--comment", default="", help="Why, for those who read the versions.")
_yes = click.option("--yes", is_flag=True, help="Apply without asking.")
_rows = click.option("--rows", default=10, show_default=True, help="Rows printed for each table.", type=int)


@click.group()
def registry() -> None:
    """The operator's reference data in the database: versions, with undo."""


@registry.command("import")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print what would change and stop.")
@_yes
@_rows
@_by
@_comment
def import_(folder: Path, dry_run: bool, yes: bool, rows: int, by: str, comment: str) -> None:
    """Import an operator FOLDER (or XLSX workbook): what changes is printed, then asked.

    Every fault of the files is named and nothing is stored when there is one. Exit status 1 then,
    and when the answer is no.
    """
    open_database()
    progress = SlowProgress()
    try:
        operator = read_operator(read_operator_files(folder), progress)
    except FolderError as error:
        raise click.UsageError(str(error)) from error
    except OperatorFaults as error:
        raise _print_faults(error) from None
    _offer_changes(operator, folder.name, progress, dry_run, yes, rows, by, comment)


@registry.command()
@click.option("--agents", type=int, default=600, show_default=True, help="50 to 70,000.")
@click.option("--sites", type=int, default=6, show_default=True, help="1 to 200.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same operator.")
@_yes
@_by
def sample(agents: int, sites: int, seed: int, yes: bool, by: str) -> None:
    """Import a made-up operator, marked synthetic; it is asked where there is one already."""
    open_database()
    from releve.registry.service import get_current_version

    try:
        operator = sample_operator(agents, sites, seed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    name = f"sample {agents}-{sites}-{seed}"
    _offer_changes(
        operator, name, SlowProgress(), False, yes or get_current_version() is None, 0, by, "sample operator"
    )


@registry.command()
@click.option("--json", "as_json", is_flag=True, help="Print the versions as JSON.")
def versions(as_json: bool) -> None:
    """List the versions, the current one first."""
    open_database(reads=True)
    from releve.registry.models import Version

    found = list(Version.objects.all())
    if as_json:
        click.echo(json.dumps([version_values(item) for item in found], indent=2))
        return
    for item in found:
        click.echo(version_line(item))
    if not found:
        click.echo("the registry is empty: releve registry import FOLDER, or registry sample")


@registry.command()
@click.argument("number", type=int)
@_rows
def show(number: int, rows: int) -> None:
    """Show version NUMBER: who made it, when, and what it changed."""
    open_database(reads=True)
    from releve.registry.service import get_version, load_changes

    found = get_version(number)
    click.echo(version_line(found).strip())
    if found.source:
        click.echo(f"from {found.source}")
    click.echo(f"digest {found.digest}")
    _print_lines(change_lines(load_changes(found), rows))


@registry.command()
@_yes
@_rows
@_by
@_comment
def undo(yes: bool, rows: int, by: str, comment: str) -> None:
    """Undo the current version: a new one, equal to the one before. It can be undone in turn."""
    open_database()
    from releve.registry import service

    now = service.get_current_version()
    if now is None:
        raise click.ClickException("the registry is empty: there is nothing to undo")
    before = service.get_before(now)
    _print_lines(change_lines(service.compare_versions(now, before), rows))
    _confirm(f"Undo version {now.number}?", yes)
    made = service.undo_version(now, by, comment)
    click.echo(f"version {made.number} undoes version {now.number}")


@registry.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--version", "number", type=int, help="Version [default: the current one].")
@click.option("--force", is_flag=True, help="Replace an operator folder that is there.")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="Language of names and words; in French, CSV that a French Excel opens.",
)
def export(folder: Path, number: int | None, force: bool, lang: str) -> None:
    """Write a version into FOLDER as CSV tables, or into FOLDER.xlsx as a workbook.

    Imported again, it changes nothing.
    """
    open_database(reads=True)
    from releve.registry.service import get_current_version, get_version, load_operator

    found = get_current_version() if number is None else get_version(number)
    if found is None:
        raise click.ClickException("the registry is empty: there is nothing to export")
    operator = load_operator(found)
    try:
        if folder.suffix.lower() == ".xlsx":
            _write_book(folder, operator, lang, force)
        else:
            write_operator_files(folder, write_operator(operator, lang), replace=force)
    except (FolderError, SheetOverflow) as error:
        raise click.UsageError(f"{error} (--force replaces what is there)") from error
    click.echo(f"{folder}: version {found.number}")


def _write_book(file: Path, operator: Operator, language: str, replace: bool) -> None:
    if file.exists() and not replace:
        raise FolderError(f"{file} is there already")
    write_file(file, write_workbook(operator, language))


class SlowProgress:
    """Says on the error output what is being done, once it takes longer than people wait."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._said = ""

    def __call__(self, what: str, share: float) -> None:
        if time.monotonic() - self._start > _QUIET_SECONDS and what != self._said:
            self._said = what
            click.echo(f"{share:>4.0%}  {what}", err=True)


def _offer_changes(
    operator: Operator, source: str, progress: SlowProgress, dry_run: bool, yes: bool, rows: int, by: str, comment: str
) -> None:
    """Print what an operator would change, ask, and apply it."""
    from releve.registry.service import apply_changes, preview_changes

    changes = preview_changes(operator, progress)
    if not changes:
        click.echo("nothing would change")
        return
    _print_changes(changes, rows)
    if dry_run:
        return
    _confirm("Apply these changes?", yes)
    made = apply_changes(changes, by, comment, source)
    click.echo(f"version {made.number}: {counts_text(made.summary)}")


def _print_changes(changes: Changes, rows: int) -> None:
    against = "an empty registry" if changes.base is None else f"version {changes.base}"
    click.echo(f"against {against}:")
    # Of a first import every row is new: the counts say it.
    _print_lines(change_lines(changes.tables, 0 if changes.base is None else rows))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(replace_unprintable(line))


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True)


def _print_faults(error: OperatorFaults) -> SystemExit:
    """Print every fault and return the exit."""
    causes = describe_faults(error.faults, load_gettext(error.language), error.language)
    for cause in causes[:_MOST_FAULTS]:
        click.echo(cause, err=True)
    if len(causes) > _MOST_FAULTS:
        click.echo("... and more: releve network check", err=True)
    count = len(error.faults)
    click.echo(f"{count} fault{'' if count == 1 else 's'}; nothing was stored", err=True)
    return SystemExit(1)
