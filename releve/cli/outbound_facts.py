"""The folder of facts, read from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl

from releve.cli.catalogue import Speech, find_locale_language
from releve.cli.instant_option import ZONE
from releve.cli.terminal_text import replace_unprintable
from releve.errors import NumberPhrase, Phrase
from releve.network import describe_faults
from releve.outbound.errors import FactFaults
from releve.outbound.fact_files import build_layout, get_forms
from releve.outbound.fact_references import normalize_said_numbers
from releve.outbound.fact_tables import (
    FactFolder,
    build_empty_frames,
    read_folder,
)
from releve.outbound.lazy_tables import SCANNED, scan_table
from releve.outbound.legal_rows import LEGAL_ZONE

if TYPE_CHECKING:
    from releve.gate.registers import RegisterState

__all__ = [
    "FACTS", "FactsRefused", "describe_refusal", "read_fact_folder", "read_facts", "report_taken",
    "scan_facts", "strict_option", "write_feeds", "zone_option",
]  # fmt: skip

strict_option = click.option(
    "--strict/--no-strict", default=True, show_default=True,
    help="Refuse a folder with a file that is no table, or without a table that can forbid calls; "
    "else leave out the first and take the second as empty.",
)  # fmt: skip


zone_option = click.option(
    "--zone", type=ZONE, default=LEGAL_ZONE, show_default=True,
    help="Clock of dates and times that carry no offset, like those of a spreadsheet.",
)  # fmt: skip
FACTS = click.Path(exists=True, path_type=Path)
"""A folder of the tables of facts, or a workbook of them."""


class FactsRefused(click.ClickException):
    """The tables of facts or the call cannot be used; printed without the usage of the command."""

    exit_code = 2


def describe_refusal(error: Exception, lang: str | None = None) -> str:
    """Return what an error says; of faults of tables a sentence a cause, all of them.

    In ``lang``, else in that of the user's locale, else in that of the files.
    """
    if not isinstance(error, FactFaults) or not error.faults:
        return str(error)
    speech = Speech(lang or find_locale_language() or error.language)
    causes = describe_faults(
        error.faults, speech.gettext, speech.language, get_forms(), error.sources
    )
    count = Phrase("1 fault; nothing was loaded")
    if len(error.faults) > 1:
        count = Phrase("{0} faults; nothing was loaded", NumberPhrase(len(error.faults)))
    return "\n".join((*map(replace_unprintable, causes), speech.say(count)))


def read_facts(
    path: Path | None, *, whole: bool = True, strict: bool = True, zone: str = LEGAL_ZONE
) -> tuple[dict[str, pl.DataFrame], str]:
    """Return the tables of facts, empty without a folder or workbook, and a digest of its files.

    ``whole``: it is all that is known. What was taken and left out is said on the error output.
    """
    if path is None:
        return build_empty_frames(), ""
    found, digest = read_fact_folder(path, whole=whole, strict=strict, zone=zone)
    found.refuse()
    report_taken(found)
    return (normalize_said_numbers(found.frames) if whole else found.frames), digest


def read_fact_folder(
    path: Path, *, whole: bool, strict: bool, zone: str, campaigns: bool = False
) -> tuple[FactFolder, str]:
    """Return what the files of a folder, or a workbook, hold, with all faults, and their digest.

    The digest is of the files and the clock they are read on. ``campaigns``: a table of campaigns
    may be among them.
    """
    files = {file.name: file.read_bytes() for file in _list_files(path, strict)}
    digest = hashlib.sha256(f"{zone}:".encode())
    for name, data in files.items():
        digest.update(f"{name}:{len(data)}:".encode() + data)
    found = read_folder(files, whole=whole, strict=strict, zone=zone, campaigns=campaigns)
    return found, digest.hexdigest()


def scan_facts(
    path: Path | None, *, strict: bool = True, zone: str = LEGAL_ZONE
) -> tuple[dict[str, pl.DataFrame | pl.LazyFrame], str]:
    """Return the tables of facts, those about people only scanned where they can be; a digest.

    The digest is of the files and the clock they are read on.
    """
    if path is None:
        return {**build_empty_frames()}, ""
    files, whole = _list_files(path, strict), dict[str, bytes]()
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_digest_files, files, zone)
        scans = dict[str, pl.LazyFrame]()
        for file in files:
            scan = None
            if file.suffix == ".parquet" and file.stem in SCANNED:
                scan = scan_table(file.stem, pl.scan_parquet(file))
            if scan is None:
                whole[file.name] = file.read_bytes()
            else:
                scans[file.stem] = scan
        read = read_folder(whole, whole=True, strict=strict, zone=zone, scanned=scans)
        read.refuse()
        report_taken(read, scans)
        return normalize_said_numbers({**read.frames, **scans}), digest.result()


def _digest_files(files: Sequence[Path], zone: str) -> str:
    digest = hashlib.sha256(f"{zone}:".encode())
    for file in files:
        digest.update(f"{file.name}:{file.stat().st_size}:".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _list_files(path: Path, strict: bool) -> list[Path]:
    """Return the files of a folder, hidden ones and Excel's locks left out, or the workbook.

    Without ``strict``, those of tables.
    """
    if path.is_file():
        return [path]
    found = [file for file in sorted(path.iterdir()) if not file.name.startswith((".", "~$"))]
    if strict:
        inside = [file.name for file in found if not file.is_file()]
        if inside:
            raise FactFaults(f"{path} holds the folder {inside[0]}; move it away")
        return found
    layout, taken = build_layout(False), list[Path]()
    for file in found:
        suffix = file.suffix.lower()
        named = suffix in (".csv", ".parquet") and layout.find_table(file.stem) is not None
        if file.is_file() and (named or suffix == ".xlsx"):
            taken.append(file)
        else:
            click.echo(f"{file.name}: not named like a table of facts, left out", err=True)
    return taken


def report_taken(found: FactFolder, scans: Mapping[str, pl.LazyFrame] | None = None) -> None:
    """Say on the error output how many rows of each table were taken, and on which clock."""
    frames: dict[str, pl.DataFrame | pl.LazyFrame] = {**found.frames, **(scans or {})}
    for name, reason in found.left_out.items():
        click.echo(replace_unprintable(f"{name}: {reason}, left out"), err=True)
    counts = [f"{name} {_count_rows(frames[name])}" for name in frames if name in found.sources]
    click.echo(f"facts taken: {', '.join(counts) or 'none'}", err=True)
    if found.local:
        click.echo(f"times without offset: {found.local}, read in {found.zone} (--zone)", err=True)


def _count_rows(frame: pl.DataFrame | pl.LazyFrame) -> int:
    return int(frame.lazy().select(pl.len()).collect(engine="streaming").item())


def write_feeds(
    folder: Path, feeds: pl.DataFrame, states: Sequence[RegisterState], now: datetime
) -> None:
    """Write feeds.csv: registers read now, the others as they were."""
    read = {state.feed for state in states}
    rows = [row for row in feeds.iter_rows() if row[0] not in read]
    rows += [(state.feed, now, state.last_event_at) for state in states]
    lines = ["feed,read_at,last_event_at"]
    lines += [",".join(cell.isoformat() if isinstance(cell, datetime) else cell or ""
                       for cell in row) for row in rows]  # fmt: skip
    (folder / "feeds.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
