"""A list screened chunk by chunk into a folder, resumed where it was interrupted.

A chunk is a folder, named once it is complete, with its files, its counts and where the next one
starts; so none is done twice or found half written. At the end they are joined and removed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import polars as pl

from releve.files.atomic import replace_file, replace_folder, write_file
from releve.plugins.outbound.engine import LegalRules
from releve.plugins.outbound.engine.errors import ListFault
from releve.plugins.outbound.engine.fact_files import escape_cell, escape_column
from releve.plugins.outbound.engine.list_rows import BROKEN, ListHeader, read_header, read_rows
from releve.plugins.outbound.engine.screening import COLUMNS, Screener

LISTS = ("callable", "refused", "broken")
"""Parts of a screened list, a CSV file each."""
BLANK = "blank"
"""What the summary counts blank lines as: with them each line below the first is in one part."""
_WHEN = "%Y-%m-%dT%H:%M:%S%:z"
_LONGEST_LINE = 1_000_000

Progress = Callable[[float, int], None]
"""Takes the share of the list that is done and its rows so far."""


@dataclass(frozen=True, slots=True)
class ScreeningRun:
    """A screening: its list, its output folder, its screener, and what identifies it."""

    path: Path
    out: Path
    screener: Screener
    rules: LegalRules
    identity: dict[str, Any]
    chunk: int


def compute_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def screen_list(run: ScreeningRun, progress: Progress) -> dict[str, Any]:
    """Screen a list into its folder and return the summary; go on where a killed run stood.

    ListFault when the folder holds another screening or the list has no column of numbers.
    """
    _claim_folder(run)
    done = run.out / "summary.json"
    if not done.exists():
        with run.path.open("rb") as stream:
            head = read_header(stream.readline(_LONGEST_LINE), ("line", *COLUMNS))
            _screen_chunks(run, head, stream, progress)
        _merge_chunks(run, head)
    shutil.rmtree(run.out / "chunks", ignore_errors=True)
    found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
    return found


def _claim_folder(run: ScreeningRun) -> None:
    """Take an empty folder for this screening, or find that it is the one begun there."""
    run.out.mkdir(parents=True, exist_ok=True)
    mark = run.out / "screening.json"
    identity = json.dumps(run.identity, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if mark.exists():
        if mark.read_text(encoding="utf-8") != identity:
            raise ListFault(f"{run.out} holds the screening of another list, call or facts; name a new folder")
    elif any(not file.name.startswith(f".{mark.name}.") for file in run.out.iterdir()):
        raise ListFault(f"{run.out} is not empty and holds no screening; name a new folder")
    else:
        write_file(mark, identity)


def _screen_chunks(run: ScreeningRun, head: ListHeader, stream: IO[bytes], progress: Progress) -> None:
    chunks = run.out / "chunks"
    chunks.mkdir(exist_ok=True)
    size, number, line, rows = max(run.path.stat().st_size, 1), 0, 2, 0
    while (chunks / f"{number:06}").exists():
        counts = _read_counts(chunks / f"{number:06}")
        stream.seek(counts["ends_at"])
        number, line, rows = number + 1, counts["next_line"], rows + sum(counts["rows"].values())
    while lines := _read_lines(stream, run.chunk):
        counts = {"ends_at": stream.tell(), "next_line": line + len(lines)}
        _screen_chunk(run, head, lines, line, chunks / f"{number:06}", counts)
        number, line, rows = number + 1, counts["next_line"], rows + len(lines)
        progress(counts["ends_at"] / size, rows)


def _read_lines(stream: IO[bytes], most: int) -> list[bytes]:
    """Return the next lines; one that is too long comes in pieces, none of which is a row."""
    return list(islice(iter(lambda: stream.readline(_LONGEST_LINE), b""), most))


def _screen_chunk(
    run: ScreeningRun, head: ListHeader, lines: list[bytes], first: int, folder: Path, counts: dict[str, Any]
) -> None:
    """Write one chunk's files and counts, and name its folder when they are whole."""
    rows, broken, blank = read_rows(head, lines, first)
    asked = rows.select(pl.col(written).alias(name) for name, written in head.read.items())
    screened = run.screener.screen(asked.with_columns(pl.all().str.strip_chars()))
    whole = pl.concat([rows, screened.select(COLUMNS)], how="horizontal")
    parts = (whole.filter("allowed"), whole.filter(~pl.col("allowed")), broken)
    reasons = whole["rules"].str.split("|").explode().drop_nulls()
    counts |= {
        "rows": {name: part.height for name, part in zip(LISTS, parts, strict=True)} | {BLANK: blank},
        "by_policy_only": whole.filter(pl.col("legal") & ~pl.col("allowed")).height,
        "by_rule": Counter(reasons.filter(reasons != "").to_list()),
        "by_fault": Counter(broken["reason"].to_list()),
    }
    with replace_folder(folder) as draft:
        for name, part in zip(LISTS, parts, strict=True):
            texts = [name for name, kind in part.schema.items() if kind == pl.String]
            told_as = part.with_columns(map(escape_column, texts))
            with replace_file(draft / f"{name}.csv") as stream:
                told_as.with_columns(pl.col(pl.String).replace("", None)).write_csv(
                    stream, include_header=False, separator=head.separator, datetime_format=_WHEN
                )
        write_file(draft / "counts.json", json.dumps(counts, ensure_ascii=False))


def _merge_chunks(run: ScreeningRun, head: ListHeader) -> None:
    """Make the three lists of the chunks, then the summary."""
    folders = sorted(f for f in (run.out / "chunks").iterdir() if not f.name.startswith("."))
    verdict = ["line", *head.columns, *COLUMNS]
    for name in LISTS:
        _join_files(run.out / f"{name}.csv", list(BROKEN) if name == "broken" else verdict,
              head.separator, (folder / f"{name}.csv" for folder in folders))  # fmt: skip
    summary = _build_summary(run.rules, [_read_counts(folder) for folder in folders])
    write_file(run.out / "summary.json", json.dumps(summary, ensure_ascii=False, indent=2) + "\n")


def _join_files(path: Path, header: list[str], separator: str, parts: Iterable[Path]) -> None:
    names = io.StringIO()
    csv.writer(names, delimiter=separator, lineterminator="\n").writerow(map(escape_cell, header))
    with replace_file(path) as whole:
        whole.write(names.getvalue().encode())
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, whole)


def _build_summary(rules: LegalRules, counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of all chunks, with the sentences of the rows of every id that refuses."""

    def total(key: str) -> Counter[str]:
        return sum((Counter(one[key]) for one in counts), Counter[str]())

    by_rule = total("by_rule")
    refusing = [row.rule for row in rules.rows if row.refuses is not None]
    named = [row.id for row in rules.rows if row.refuses is not None]

    def says(rule: str, lang: str) -> str:
        texts = [text.of(lang) for name, text in zip(named, refusing, strict=True) if name == rule]
        return " / ".join(dict.fromkeys(texts))

    return {
        "rows": {name: total("rows")[name] for name in (*LISTS, BLANK)},
        "by_policy_only": sum(one["by_policy_only"] for one in counts),
        "by_rule": {
            rule: {"rows": count, "fr": says(rule, "fr"), "en": says(rule, "en")}
            for rule, count in by_rule.most_common()
        },
        "by_fault": dict(total("by_fault").most_common()),
    }


def _read_counts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    return found
