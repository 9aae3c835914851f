"""The folder of facts, read from disk, and ``releve outbound screen`` of a list; words as options.

A list is screened chunk by chunk into a folder, and resumed where it was interrupted. A chunk is a
folder, named once it is complete, with its files, its counts and where the next one starts; so none
is done twice or found half written. At the end they are joined and removed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import polars as pl

from releve.cli.main import Speech, find_locale_language
from releve.cli.options import INSTANT, ZONE, replace_unprintable
from releve.errors import NumberPhrase, Phrase
from releve.files.atomic import replace_file, replace_folder, write_file
from releve.network import describe_faults
from releve.plugins.outbound.engine.errors import FactFaults, ListFault, OutboundError, WordFault
from releve.plugins.outbound.engine.fact_files import build_layout, escape_cell, escape_column, get_forms
from releve.plugins.outbound.engine.fact_references import normalize_said_numbers
from releve.plugins.outbound.engine.fact_tables import FactFolder, build_empty_frames, read_folder
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRules
from releve.plugins.outbound.engine.list_rows import BROKEN, SCANNED, ListHeader, read_header, read_rows, scan_table
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.screening import COLUMNS, Screener
from releve.plugins.outbound.engine.vocabulary import get_vocabulary, parse_word

LISTS = ("callable", "refused", "broken")
"""Parts of a screened list, a CSV file each."""
BLANK = "blank"
"""What the summary counts blank lines as: with them each line below the first is in one part."""
_WHEN = "%Y-%m-%dT%H:%M:%S%:z"
_LONGEST_LINE = 1_000_000


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


def screen_list(run: ScreeningRun, progress: Callable[[float, int], None]) -> dict[str, Any]:
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


def _screen_chunks(
    run: ScreeningRun, head: ListHeader, stream: IO[bytes], progress: Callable[[float, int], None]
) -> None:
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


if TYPE_CHECKING:
    from releve.plugins.outbound.gate.campaigns import RegisterState


_MOST_SHOWN = 8


class WordType(click.ParamType[str]):
    """A word; converted to its id."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id of the word; BadParameter names the words that it resembles."""
        if value == "" and param is not None and not param.required:
            return ""
        try:
            return parse_word(self.name, str(value)).id
        except WordFault as error:
            self.fail(str(error), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the words where they are few, else the name of the vocabulary."""
        ids = get_vocabulary(self.name).ids
        return f"[{'|'.join(ids)}]" if len(ids) <= _MOST_SHOWN else self.name.upper()


MODE, OBJECT, ORIGIN = WordType("mode"), WordType("object"), WordType("origin")
PURPOSE, SECTOR = WordType("purpose"), WordType("sector")


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
    causes = describe_faults(error.faults, speech.gettext, speech.language, get_forms(), error.sources)
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


def write_feeds(folder: Path, feeds: pl.DataFrame, states: Sequence[RegisterState], now: datetime) -> None:
    """Write feeds.csv: registers read now, the others as they were."""
    read = {state.feed for state in states}
    rows = [row for row in feeds.iter_rows() if row[0] not in read]
    rows += [(state.feed, now, state.last_event_at) for state in states]
    lines = ["feed,read_at,last_event_at"]
    lines += [",".join(cell.isoformat() if isinstance(cell, datetime) else cell or "" for cell in row) for row in rows]
    (folder / "feeds.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


_Command = Callable[..., Any]

_QUIET_SECONDS = 2.0


class Progress:
    """Says on the error output how far a work is, once it takes longer than people wait."""

    def __init__(self, template: str = "{0:>4.0%}  {1:,} rows") -> None:
        self._template, self._said = template, time.monotonic()

    def __call__(self, *done: object) -> None:
        if time.monotonic() - self._said > _QUIET_SECONDS:
            self._said = time.monotonic()
            click.echo(self._template.format(*done), err=True)


@dataclass(frozen=True)
class CallOptions:
    """Options for the call, shared by the commands about a whole list."""

    client: str
    campaign: str
    object_: str
    sector: str
    caller: str
    mode: str
    purpose: str
    facts: Path | None
    strict: bool
    zone: str
    lang: str

    def call(self, at: datetime) -> Call:
        """Return the call at an instant, without a number."""
        return Call(self.client, "", at, self.object_, self.caller, self.campaign,
                    mode=self.mode, purpose=self.purpose, sector=self.sector)  # fmt: skip


def call_options(command: _Command) -> _Command:
    """Give a command the options of :class:`CallOptions`."""
    options = (
        click.option("--client", required=True, help="Who orders the calls."),
        click.option("--campaign", default="", help="Campaign of the client."),
        click.option("--object", "object_", required=True, type=OBJECT, help="What is offered, like electricity."),
        click.option("--sector", required=True, type=SECTOR, help="Trade of the campaign, like energy-supply."),
        click.option("--caller", default="", help="Number shown; none is a hidden one."),
        click.option("--mode", type=MODE, default="manual", show_default=True, help="How it is dialled."),
        click.option(
            "--purpose", type=PURPOSE, default="prospecting", show_default=True, help="What the calls are for."
        ),
        click.option("--facts", type=FACTS, help="Folder or workbook of the tables of facts (docs/outbound.md)."),
        strict_option,
        zone_option,
        click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("list_", metavar="LIST", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the lists; one that a killed run left goes on.")  # fmt: skip
@click.option("--at", required=True, type=INSTANT, help="Instant with its offset: 2026-11-24T10:30:00+01:00.")
@click.option("--known-at", type=INSTANT, help="Judge with what was known at this instant [default: --at].")
@call_options
@click.option("--chunk", type=click.IntRange(1), default=1_000_000, show_default=True,
              help="Rows screened together; what a kill can lose.")  # fmt: skip
def screen(list_: Path, out: Path, at: datetime, known_at: datetime | None, chunk: int, **options: Any) -> None:
    """Split LIST (CSV) into callable.csv, refused.csv with reasons, and broken.csv.

    The call is the same for every row. Exit status 0 when the list is screened, 2 when it cannot
    be read or judged, 1 when the folder cannot be written.
    """
    given = CallOptions(**options)
    try:
        call = given.call(at)
        run = _build_run(list_, out, call, known_at or at, given, chunk)
        summary = screen_list(run, Progress())
    except (OutboundError, ValueError) as error:
        raise FactsRefused(describe_refusal(error, given.lang)) from error
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror or error}") from error
    click.echo("\n".join(_render_lines(summary, given.lang)))


def _build_run(path: Path, out: Path, call: Call, known_at: datetime, told_of: CallOptions, chunk: int) -> ScreeningRun:
    rules = built_in_rules()
    frames, digest = scan_facts(told_of.facts, strict=told_of.strict, zone=told_of.zone)
    identity = {
        "list": compute_digest(path),
        "facts": digest,
        "rules": rules.version,
        "known_at": known_at.isoformat(),
        "chunk": chunk,
        "call": asdict(call) | {"at": call.at.isoformat()},
    }
    return ScreeningRun(path, out, Screener(call, frames, rules, known_at), rules, identity, chunk)


def _render_lines(summary: dict[str, Any], lang: str) -> list[str]:
    french, rows = lang == "fr", summary["rows"]
    words = (
        ("permis", "refusés", "dont par politique seulement", "lignes illisibles", "lignes vides")
        if french
        else ("callable", "refused", "of these by policy only", "broken rows", "blank rows")
    )
    parts = (rows["callable"], rows["refused"], summary["by_policy_only"])
    counts = (*parts, rows["broken"], rows["blank"])
    colon = "\u00a0: " if french else ": "
    lines = [f"{word}{colon}{count}" for word, count in zip(words, counts, strict=True)]
    lines += [f"- {row['rows']} {rule} {row[lang]}" for rule, row in summary["by_rule"].items()]
    lines += [f"! {count} {fault}" for fault, count in summary["by_fault"].items()]
    return lines
