"""The folder of facts, read from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl

from releve.outbound.errors import FactFaults
from releve.outbound.fact_files import find_missing_tables, match_file_names
from releve.outbound.fact_tables import build_empty_frames, read_tables, resolve_references
from releve.outbound.lazy_tables import SCANNED, scan_table

if TYPE_CHECKING:
    from releve.gate.registers import RegisterState

__all__ = ["FactsRefused", "read_facts", "scan_facts", "strict_option", "write_feeds"]

strict_option = click.option(
    "--strict/--no-strict", default=True, show_default=True,
    help="Refuse a folder with a file that is no table, or without a table that can forbid calls; "
    "else leave out the first and take the second as empty.",
)  # fmt: skip


class FactsRefused(click.ClickException):
    """The tables of facts or the call cannot be used; printed without the usage of the command."""

    exit_code = 2


def read_facts(
    folder: Path | None, *, whole: bool = True, strict: bool = True
) -> tuple[dict[str, pl.DataFrame], str]:
    """Return the tables of facts, empty without a folder, and a digest of their files.

    ``whole``: the folder is all that is known. What was taken and left out is said on the error
    output.
    """
    if folder is None:
        return build_empty_frames(), ""
    files = {file.name: file.read_bytes() for file in _list_files(folder, strict)}
    digest = hashlib.sha256()
    for name, data in files.items():
        digest.update(f"{name}:{len(data)}:".encode() + data)
    frames = read_tables(files, whole=whole, strict=strict)
    _report_taken(frames, files)
    return frames, digest.hexdigest()


def scan_facts(
    folder: Path | None, *, strict: bool = True
) -> tuple[dict[str, pl.DataFrame | pl.LazyFrame], str]:
    """Return the tables of facts, those about people only scanned where they can be; a digest."""
    found: dict[str, pl.DataFrame | pl.LazyFrame] = {**build_empty_frames()}
    whole: dict[str, bytes] = {}
    if folder is None:
        return found, ""
    files = _list_files(folder, strict)
    faults, tables = match_file_names(file.name for file in files)
    if strict:
        faults += find_missing_tables(set(tables.values()))
    if faults:
        raise FactFaults("\n".join(map(str, faults)))
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_digest_files, files)
        for file in files:
            scan = None
            if file.suffix == ".parquet" and file.stem in SCANNED:
                scan = scan_table(file.stem, pl.scan_parquet(file))
            if scan is None:
                whole[file.name] = file.read_bytes()
            else:
                found[file.stem] = scan
        read = read_tables(whole)
        found |= {table: read[table] for name, table in tables.items() if name in whole}
        found = resolve_references(found, whole=True)
        _report_taken(found, [file.name for file in files])
        return found, digest.result()


def _digest_files(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}:{file.stat().st_size}:".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _list_files(folder: Path, strict: bool) -> list[Path]:
    """Return the files of a folder, hidden ones left out; without ``strict``, those of tables."""
    found = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
    if strict:
        inside = [file.name for file in found if not file.is_file()]
        if inside:
            raise FactFaults(f"{folder} holds the folder {inside[0]}; move it away")
        return found
    tables = match_file_names(file.name for file in found)[1]
    for file in found:
        if file.name not in tables:
            click.echo(f"{file.name}: not named like a table of facts, left out", err=True)
    return [file for file in found if file.name in tables]


def _report_taken(
    frames: Mapping[str, pl.DataFrame | pl.LazyFrame], files: Collection[str]
) -> None:
    """Say on the error output how many rows of each table were taken."""
    tables = match_file_names(files)[1].values()
    counts = [f"{name} {_count_rows(frames[name])}" for name in frames if name in tables]
    click.echo(f"facts taken: {', '.join(counts) or 'none'}", err=True)


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
