"""The folder of facts, read from disk, and ``releve outbound screen`` of a list; words as options."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from releve.cli.main import Speech, find_locale_language
from releve.cli.options import INSTANT, ZONE, replace_unprintable
from releve.errors import NumberPhrase, Phrase
from releve.network import describe_faults
from releve.plugins.outbound.commands.run import ScreeningRun, compute_digest, screen_list
from releve.plugins.outbound.engine import Call, OutboundError, built_in_rules
from releve.plugins.outbound.engine.errors import FactFaults, WordFault
from releve.plugins.outbound.engine.fact_files import build_layout, get_forms
from releve.plugins.outbound.engine.fact_references import normalize_said_numbers
from releve.plugins.outbound.engine.fact_tables import FactFolder, build_empty_frames, read_folder
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE
from releve.plugins.outbound.engine.list_rows import SCANNED, scan_table
from releve.plugins.outbound.engine.screening import Screener
from releve.plugins.outbound.engine.vocabulary import get_vocabulary, parse_word

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
    """Says on the error output how far the list is, once it takes longer than people wait."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, share: float, rows: int) -> None:
        if time.monotonic() - self._said > _QUIET_SECONDS:
            self._said = time.monotonic()
            click.echo(f"{share:>4.0%}  {rows:,} rows", err=True)


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
