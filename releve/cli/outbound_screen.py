"""``releve outbound screen``: a list split into who may be called, who may not, and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from releve.cli.instant_option import INSTANT
from releve.cli.outbound_facts import (
    FACTS,
    FactsRefused,
    describe_refusal,
    scan_facts,
    strict_option,
    zone_option,
)
from releve.cli.outbound_run import ScreeningRun, compute_digest, screen_list
from releve.cli.word_options import MODE, OBJECT, PURPOSE, SECTOR
from releve.outbound import Call, OutboundError, built_in_rules
from releve.outbound.screening import Screener

__all__ = ["CallOptions", "Progress", "call_options", "screen"]

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
        click.option("--object", "object_", required=True, type=OBJECT,
                     help="What is offered, like electricity."),
        click.option("--sector", required=True, type=SECTOR,
                     help="Trade of the campaign, like energy-supply."),
        click.option("--caller", default="", help="Number shown; none is a hidden one."),
        click.option("--mode", type=MODE, default="manual", show_default=True,
                     help="How it is dialled."),
        click.option("--purpose", type=PURPOSE, default="prospecting",
                     show_default=True, help="What the calls are for."),
        click.option("--facts", type=FACTS,
                     help="Folder or workbook of the tables of facts (docs/outbound.md)."),
        strict_option,
        zone_option,
        click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True,
                     help="Language."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument(
    "list_", metavar="LIST", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the lists; one that a killed run left goes on.")  # fmt: skip
@click.option(
    "--at", required=True, type=INSTANT, help="Instant with its offset: 2026-11-24T10:30:00+01:00."
)
@click.option(
    "--known-at", type=INSTANT, help="Judge with what was known at this instant [default: --at]."
)
@call_options
@click.option("--chunk", type=click.IntRange(1), default=1_000_000, show_default=True,
              help="Rows screened together; what a kill can lose.")  # fmt: skip
def screen(
    list_: Path, out: Path, at: datetime, known_at: datetime | None, chunk: int, **options: Any
) -> None:
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


def _build_run(
    path: Path, out: Path, call: Call, known_at: datetime, told_of: CallOptions, chunk: int
) -> ScreeningRun:
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
