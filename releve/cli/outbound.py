"""``releve outbound``: may this call be placed, why not, and the rules in force."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import click

from releve.cli.instants import INSTANT
from releve.cli.outbound_facts import read_facts
from releve.cli.outbound_feed import feed
from releve.cli.outbound_flips import flips
from releve.cli.outbound_gate import campaign, close, facts, forget, outcomes, serve
from releve.cli.outbound_packs import consents, copy, papers, sheet
from releve.cli.outbound_proof import proof, reprove
from releve.cli.outbound_replay import replay
from releve.cli.outbound_screen import screen
from releve.network.clock import UTC
from releve.outbound import MODES, PURPOSES, Call, OutboundError, Verdict, built_in_rules, verdict
from releve.outbound.number_frames import facts_on
from releve.outbound.rows import legal_day
from releve.outbound.tables_text import rules_markdown
from releve.outbound.wording import moment_text

__all__ = ["outbound"]

_LANGUAGE = click.option(
    "--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language."
)


@click.group()
def outbound() -> None:
    """May this call be placed? The law as dated rows (not legal advice)."""


@outbound.command()
@click.argument("number")
@click.option("--client", required=True, help="Who orders the call.")
@click.option("--campaign", default="", help="Campaign of the client.")
@click.option(
    "--at", required=True, type=INSTANT, help="Instant with its offset: 2026-11-24T10:30:00+01:00."
)
@click.option("--object", "object_", required=True, help="What is offered, like electricity.")
@click.option("--caller", default="", help="Number shown; none is a hidden one.")
@click.option("--person", default="", help="Person called, when the number does not tell.")
@click.option("--address", default="", help="Territory code or French postcode of the person.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="manual",
    show_default=True,
    help="How it is dialled.",
)
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    default="prospecting",
    show_default=True,
    help="What the call is for.",
)
@click.option(
    "--known-at", type=INSTANT, help="Judge with what was known at this instant [default: --at]."
)
@click.option(
    "--facts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the tables of facts (docs/outbound.md).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@_LANGUAGE
def check(
    number: str,
    client: str,
    campaign: str,
    at: datetime,
    object_: str,
    caller: str,
    person: str,
    address: str,
    mode: str,
    purpose: str,
    known_at: datetime | None,
    facts: Path | None,
    as_json: bool,
    lang: str,
) -> None:
    """Say whether NUMBER may be called, on which ground, and every row that refuses.

    Exit status 0 when it may, 1 when it may not, 2 when the call or the facts cannot be read.
    """
    try:
        call = Call(
            client, number, at, object_, caller, campaign, person,
            address, mode=mode, purpose=purpose,
        )  # fmt: skip
        found = _verdict(call, facts, known_at or at)
    except (OutboundError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(_json(found, lang) if as_json else "\n".join(_lines(found, lang)))
    if not found.allowed:
        raise SystemExit(1)


def _verdict(call: Call, folder: Path | None, known_at: datetime) -> Verdict:
    rules = built_in_rules()
    frames, _ = read_facts(folder)
    facts = facts_on(frames, rules.numbers, legal_day(call.at))
    return verdict(call, facts, rules, known_at)


def _lines(found: Verdict, lang: str) -> list[str]:
    french = lang == "fr"
    answer = (
        ("Permis" if french else "Allowed")
        if found.allowed
        else (
            ("Refusé par politique seulement" if french else "Refused by policy only")
            if found.legal
            else ("Refusé" if french else "Refused")
        )
    )
    lines = [f"{answer} : {found.number}" if french else f"{answer}: {found.number}"]
    lines += [f"  {place.territory}: {moment_text(place.local, lang)}" for place in found.places]
    for finding in found.findings:
        row = finding.row
        doubt = f" ({row.doubt.of(lang)})" if row.doubt else ""
        lines.append(f"- {row.version} [{row.gate}] {finding.says(lang)} {row.reference}{doubt}")
    lines.append(f"{'fondement' if french else 'basis'}: {found.basis or '—'}")
    lines += [f"{mark.feed}: {mark.read_at.isoformat()}" for mark in found.watermarks]
    until = "—" if found.until is None else moment_text(found.until, lang)
    following = "—" if found.next_allowed is None else moment_text(found.next_allowed, lang)
    lines.append(f"{'vaut jusqu’à' if french else 'stands until'}: {until}")
    lines.append(f"{'prochain instant permis' if french else 'next allowed'}: {following}")
    lines.append(f"{'table' if french else 'rules'}: {found.rules_version[:12]}")
    return lines


def _json(found: Verdict, lang: str) -> str:
    def iso(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(UTC).isoformat()

    document = {
        "number": found.number,
        "person": found.person,
        "legal": found.legal,
        "allowed": found.allowed,
        "findings": [
            {"row": f.row.version, "gate": f.row.gate, "says": f.says(lang),
             "text": f.row.reference, "facts": f.facts}
            for f in found.findings
        ],
        "basis": found.basis,
        "attempts": found.attempts,
        "until": iso(found.until),
        "next_allowed": iso(found.next_allowed),
        "known_at": iso(found.known_at),
        "registers": {mark.feed: iso(mark.read_at) for mark in found.watermarks},
        "rules_version": found.rules_version,
        "zones_version": found.zones_version,
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=2)


@outbound.command()
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Legal day [default: all rows].")
@_LANGUAGE
def rules(on: datetime | None, lang: str) -> None:
    """Print the rule table as Markdown, with its sources and doubts."""
    day: date | None = None if on is None else on.date()
    click.echo(rules_markdown(built_in_rules(), lang, day), nl=False)


for _command in (screen, flips, replay, proof, reprove):
    outbound.add_command(_command)
for _command in (consents, sheet, papers, copy):
    outbound.add_command(_command)
for _command in (serve, facts, campaign, outcomes, feed, close, forget):
    outbound.add_command(_command)
