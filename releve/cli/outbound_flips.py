"""``releve outbound flips``: which calls that wait a change of the rules would flip."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click
import polars as pl

from releve.cli.instant_option import INSTANT
from releve.cli.outbound_facts import (
    FACTS,
    FactsRefused,
    describe_refusal,
    read_facts,
    strict_option,
    zone_option,
)
from releve.cli.outbound_gate import on_the_gate
from releve.cli.outbound_screen import Progress
from releve.outbound import Call, OutboundError, built_in_rules, built_in_texts, load_rules
from releve.outbound.fact_tables import build_facts_on
from releve.outbound.legal_rows import to_legal_day
from releve.outbound.rule_impact import Flip, count_directions, flip_to_json, read_calls
from releve.outbound.rule_impact import find_flips as flips_of

__all__ = ["flips"]

_SHOWN = 50
_WORDS = {
    "fr": {"refused": "devient refusé", "allowed": "devient permis", "moved": "autres règles"},
    "en": {"refused": "becomes refused", "allowed": "becomes allowed", "moved": "other rows"},
}


@click.command()
@click.argument("calls", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "rows", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--facts", type=FACTS,
              help="Folder or workbook of the tables of facts (docs/outbound.md).")  # fmt: skip
@strict_option
@zone_option
@click.option("--recorded-by", default="", metavar="NAME", help="Judge on what is recorded in the "
              "database now, instead of a folder; your name is written down.")  # fmt: skip
@click.option("--known-at", type=INSTANT, help="Judge with what was known at this instant "
              "[default: the last call's].")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print every flip as JSON.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True,
              help="Language.")  # fmt: skip
def flips(
    calls: Path, rows: tuple[Path, ...], facts: Path | None, strict: bool, zone: str,
    recorded_by: str, known_at: datetime | None, as_json: bool, lang: str,
) -> None:  # fmt: skip
    """Show which of CALLS (CSV) would flip if ROWS (YAML files that add, close or amend) held.

    Nothing is loaded. Exit status 0 when no call flips, 1 when some do, 2 when a file cannot be
    read.
    """
    if recorded_by and (facts or known_at):
        raise click.UsageError("--recorded-by goes with neither --facts nor --known-at; drop them")
    try:
        asked = read_calls(calls.read_bytes())
        texts = {f"~{row.name}": row.read_text(encoding="utf-8") for row in rows}
        if not asked:
            raise click.UsageError(f"{calls} holds no call; add a line")
        if recorded_by:
            found = _find_recorded(asked, texts, recorded_by)
        else:
            frames, _ = read_facts(facts, strict=strict, zone=zone)
            found = _find_in_frames(asked, texts, frames, known_at)
    except (OutboundError, ValueError) as error:
        raise FactsRefused(describe_refusal(error, lang)) from error
    click.echo(
        _render_json(found) if as_json else "\n".join(_render_lines(found, len(asked), lang))
    )
    if any(flip.direction != "moved" for flip in found):
        raise SystemExit(1)


def _find_in_frames(
    asked: tuple[Call, ...],
    texts: dict[str, str],
    frames: dict[str, pl.DataFrame],
    known_at: datetime | None,
) -> tuple[Flip, ...]:
    """Return the flips on tables of facts."""
    before, after = built_in_rules(), load_rules({**built_in_texts(), **texts})
    known = known_at or max(call.at for call in asked)
    return flips_of(
        asked, build_facts_on(frames, before.numbers, to_legal_day(known)), before, after, known
    )


@on_the_gate
def _find_recorded(asked: tuple[Call, ...], texts: dict[str, str], by: str) -> tuple[Flip, ...]:
    """Return the flips on what the database holds, under the installation's own table."""
    from releve.campaign.rule_trial import try_rules
    from releve.gate.current_rules import load_current_table
    from releve.gate.db_clock import read_clock

    before, own = load_current_table()
    said = Progress()
    return try_rules(
        asked, before, load_rules({**own, **texts}), read_clock(), by=by,
        progress=lambda done, calls: said(done / calls, done),
    )  # fmt: skip


def _render_lines(found: tuple[Flip, ...], asked: int, lang: str) -> list[str]:
    words, count = _WORDS[lang], count_directions(found)
    colon = "\u00a0: " if lang == "fr" else ": "
    lines = [f"{'appels' if lang == 'fr' else 'calls'}{colon}{asked}"]
    lines += [f"{word}{colon}{count[name]}" for name, word in words.items()]
    for flip in found[:_SHOWN]:
        rows = [f"+{row}" for row in flip.gained] + [f"-{row}" for row in flip.lost]
        name = flip.call.id or flip.before.number
        lines.append(
            f"- {name} {flip.call.at.isoformat()} {words[flip.direction]} {' '.join(rows)}"
        )
    if len(found) > _SHOWN:
        lines.append(f"… {len(found) - _SHOWN}")
    return lines


def _render_json(found: tuple[Flip, ...]) -> str:
    return json.dumps([flip_to_json(flip) for flip in found], ensure_ascii=False, indent=2)
