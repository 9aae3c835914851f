"""``releve outbound replay`` and ``flips``: a list judged on other days or under other rules."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any

import click
import polars as pl

from releve.cli.options import INSTANT
from releve.network.moments import zone
from releve.plugins.outbound.commands.facts import (
    FACTS,
    CallOptions,
    FactsRefused,
    Progress,
    call_options,
    describe_refusal,
    read_facts,
    scan_facts,
    strict_option,
    zone_option,
)
from releve.plugins.outbound.commands.gate import on_the_gate
from releve.plugins.outbound.engine.errors import OutboundError
from releve.plugins.outbound.engine.fact_tables import build_facts_on
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRules, to_legal_day
from releve.plugins.outbound.engine.list_rows import ListHeader, read_header, read_rows
from releve.plugins.outbound.engine.rule_files import built_in_rules, built_in_texts, load_rules
from releve.plugins.outbound.engine.rule_impact import Flip, count_directions, flip_to_json, read_calls
from releve.plugins.outbound.engine.rule_impact import find_flips as flips_of
from releve.plugins.outbound.engine.screening import COLUMNS, Screener

_CHUNK = 500_000
_LONGEST_LINE = 1_000_000


@dataclass
class _ReplayedDay:
    """A day of the replay: its instant, and what is counted as the list goes by."""

    at: datetime
    screener: Screener
    allowed: int = 0
    policy_only: int = 0
    refused: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)


@click.command()
@click.argument("list_", metavar="LIST", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--on", "days", multiple=True, required=True, type=click.DateTime(["%Y-%m-%d"]),
              help="A day to judge it on; several times for several.")  # fmt: skip
@click.option("--time", "clock", default="10:30", show_default=True, help="Time of these days, in Europe/Paris.")
@call_options
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def replay(list_: Path, days: tuple[datetime, ...], clock: str, as_json: bool, **options: Any) -> None:
    """Judge LIST (CSV) as it would have been judged on each day, by the rules in force then.

    Each verdict rests on the facts known at its own instant. Exit status 0, or 2 when the list or
    the facts cannot be read.
    """
    given = CallOptions(**options)
    try:
        at = time.fromisoformat(clock)
        instants = [datetime.combine(day.date(), at, zone(LEGAL_ZONE)) for day in days]
        rules = built_in_rules()
        frames, _ = scan_facts(given.facts, strict=given.strict, zone=given.zone)
        judged = [_build_day(given.call(instant), frames, rules) for instant in instants]
        left, moves = _replay_list(list_, judged)
    except (OutboundError, ValueError) as error:
        raise FactsRefused(describe_refusal(error, given.lang)) from error
    lang = given.lang
    click.echo(_render_json(judged, left, moves) if as_json else _render_text(judged, left, moves, lang))


def _build_day(call: Call, frames: dict[str, pl.DataFrame | pl.LazyFrame], rules: LegalRules) -> _ReplayedDay:
    return _ReplayedDay(call.at, Screener(call, frames, rules, call.at, following=False))


def _replay_list(path: Path, days: list[_ReplayedDay]) -> tuple[dict[str, int], Counter[tuple[bool, ...]]]:
    """Judge the whole list on each day; return its other lines, and the rows by their verdicts."""
    left, moves, progress = {"broken": 0, "blank": 0}, Counter[tuple[bool, ...]](), Progress()
    size, line = max(path.stat().st_size, 1), 2
    with path.open("rb") as stream:
        head: ListHeader = read_header(stream.readline(_LONGEST_LINE), COLUMNS)
        while lines := stream.readlines(_CHUNK * 40):
            rows, bad, blank = read_rows(head, lines, line)
            line += len(lines)
            left["broken"] += bad.height
            left["blank"] += blank
            asked = rows.select(pl.col(written).alias(name) for name, written in head.read.items())
            asked = asked.with_columns(pl.all().str.strip_chars())
            found = [_count_moves(day, day.screener.screen(asked)) for day in days]
            moves.update(zip(*(one.to_list() for one in found), strict=True))
            progress(stream.tell() / size, line - 2)
    return left, moves


def _count_moves(day: _ReplayedDay, screened: pl.DataFrame) -> pl.Series:
    day.allowed += screened.filter("allowed").height
    day.policy_only += screened.filter(pl.col("legal") & ~pl.col("allowed")).height
    day.refused += screened.filter(~pl.col("allowed")).height
    rules = screened["rules"].str.split("|").explode()
    day.by_rule.update(rules.filter(rules != "").to_list())
    return screened["allowed"]


def _render_json(days: list[_ReplayedDay], left: dict[str, int], moves: Counter[tuple[bool, ...]]) -> str:
    document = {
        **left,
        "days": [
            {
                "at": day.at.isoformat(),
                "callable": day.allowed,
                "refused": day.refused,
                "by_policy_only": day.policy_only,
                "by_rule": dict(sorted(day.by_rule.items())),
            }
            for day in days
        ],
        "moves": [{"callable": list(key), "rows": moves[key]} for key in sorted(moves)],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _render_text(days: list[_ReplayedDay], left: dict[str, int], moves: Counter[tuple[bool, ...]], lang: str) -> str:
    """Return the counts as a table: what was counted down, the days across."""
    french = lang == "fr"
    names = ("permis", "refusés", "dont par politique seulement") if french else (
        "callable", "refused", "of these by policy only")  # fmt: skip
    counted = [[d.allowed for d in days], [d.refused for d in days], [d.policy_only for d in days]]
    ids = sorted(set().union(*(day.by_rule for day in days)))
    lines = [("", [day.at.date().isoformat() for day in days])]
    lines += [(name, list(map(str, row))) for name, row in zip(names, counted, strict=True)]
    lines += [(name, [str(day.by_rule[name]) for day in days]) for name in ids]
    shown = [f"{name:<30}" + "".join(f"{cell:>12}" for cell in cells) for name, cells in lines]
    for key in sorted(moves):
        word = [("permis" if french else "callable") if yes else ("refusé" if french else "refused") for yes in key]
        shown.append(f"{' -> '.join(word)}{_write_colon(lang)}{moves[key]}")
    parts = ("lignes illisibles", "lignes vides") if french else ("broken rows", "blank rows")
    for part, count in zip(parts, left.values(), strict=True):
        shown.append(f"{part}{_write_colon(lang)}{count}")
    return "\n".join(shown)


def _write_colon(lang: str) -> str:
    return "\u00a0: " if lang == "fr" else ": "


_SHOWN = 50
_WORDS = {
    "fr": {"refused": "devient refusé", "allowed": "devient permis", "moved": "autres règles"},
    "en": {"refused": "becomes refused", "allowed": "becomes allowed", "moved": "other rows"},
}


@click.command()
@click.argument("calls", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("rows", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--facts", type=FACTS, help="Folder or workbook of the tables of facts (docs/outbound.md).")
@strict_option
@zone_option
@click.option("--recorded-by", default="", metavar="NAME", help="Judge on what is recorded in the "
              "database now, instead of a folder; your name is written down.")  # fmt: skip
@click.option("--known-at", type=INSTANT, help="Judge with what was known at this instant [default: the last call's].")
@click.option("--json", "as_json", is_flag=True, help="Print every flip as JSON.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language.")
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
            before, after = built_in_rules(), load_rules({**built_in_texts(), **texts})
            known = known_at or max(call.at for call in asked)
            found = flips_of(asked, build_facts_on(frames, before.numbers, to_legal_day(known)), before, after, known)
    except (OutboundError, ValueError) as error:
        raise FactsRefused(describe_refusal(error, lang)) from error
    click.echo(_render_flips(found) if as_json else "\n".join(_render_lines(found, len(asked), lang)))
    if any(flip.direction != "moved" for flip in found):
        raise SystemExit(1)


@on_the_gate
def _find_recorded(asked: tuple[Call, ...], texts: dict[str, str], by: str) -> tuple[Flip, ...]:
    """Return the flips on what the database holds, under the installation's own table."""
    from releve.live.clock import read_clock
    from releve.plugins.outbound.campaign.rule_trial import try_rules
    from releve.plugins.outbound.gate.current_rules import load_current_table

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
        lines.append(f"- {name} {flip.call.at.isoformat()} {words[flip.direction]} {' '.join(rows)}")
    if len(found) > _SHOWN:
        lines.append(f"… {len(found) - _SHOWN}")
    return lines


def _render_flips(found: tuple[Flip, ...]) -> str:
    return json.dumps([flip_to_json(flip) for flip in found], ensure_ascii=False, indent=2)
