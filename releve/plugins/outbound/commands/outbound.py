"""``releve outbound``: may this call be placed, why not, the rules in force, and a first folder."""

from __future__ import annotations

import json
import shlex
import time
from datetime import date, datetime
from pathlib import Path

import click

from releve.cli.options import INSTANT
from releve.network import moments
from releve.network.moments import UTC, zone
from releve.plugins.outbound.commands.facts import (
    FACTS,
    MODE,
    OBJECT,
    PURPOSE,
    SECTOR,
    FactsRefused,
    WordType,
    describe_refusal,
    read_facts,
    screen,
    strict_option,
    zone_option,
)
from releve.plugins.outbound.commands.gate import (
    by_option,
    campaign,
    close,
    facts,
    forget,
    on_the_gate,
    outcomes,
    proof,
    reprove,
    serve,
)
from releve.plugins.outbound.commands.packs import consents, copy, papers, sheet
from releve.plugins.outbound.commands.replay import flips, replay
from releve.plugins.outbound.engine.errors import OutboundError
from releve.plugins.outbound.engine.fact_tables import build_facts_on
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, Words, to_legal_day
from releve.plugins.outbound.engine.phrases import (
    format_basis,
    render_rules,
    render_vocabularies,
    render_vocabulary,
    word_label,
)
from releve.plugins.outbound.engine.row_text import format_instant
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.starter import build_starter
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.engine.vocabulary import get_vocabulary as vocabulary_named


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--at", type=INSTANT, help="Instant of the example's call, or before it [default: now].")
def start(folder: Path, at: datetime | None) -> None:
    """Write every table of facts into a new FOLDER, with one person who may be called.

    The dates are such that the call is allowed now, or at the next hour at which calls may be
    placed. Prints the check to run next; replace the rows by your own.
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty; name a new folder")
    now = (at or datetime.now(zone(LEGAL_ZONE))).replace(microsecond=0)
    found = build_starter(now, built_in_rules())
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in found.files.items():
        (folder / name).write_bytes(data)
    click.echo(f"{len(found.files)} tables in {folder}, with one person who may be called. Next:")
    click.echo(f"  {build_check_command(found.call, folder)}")
    click.echo("It answers Permis (Allowed with --lang en). The example holds for this instant;")
    click.echo("for another, change --at, and the read_at of feeds to at most 15 minutes before it.")
    click.echo("Then replace the rows by your own: the")
    click.echo("client stands in clients, consents and mandates, a person in people and consents;")
    click.echo("docs/outbound.md names the columns, `releve outbound words` the words.")
    click.echo("The gate's database takes the folder without feeds.csv: docs/gate.md, In short.")


def build_check_command(call: Call, folder: Path) -> str:
    """Return the command that checks a call on a folder of facts."""
    words = ["releve", "outbound", "check", call.number, "--client", call.client,
             "--campaign", call.campaign, "--object", call.object, "--sector", call.sector,
             "--caller", call.caller, "--at", call.at.isoformat(),
             "--facts", str(folder)]  # fmt: skip
    return shlex.join(words)


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--every", type=click.FloatRange(0.1), help="Read again after so many seconds.")
@click.option("--settle", type=click.FloatRange(0), default=2.0, show_default=True,
              help="Seconds for which a file must not have changed.")  # fmt: skip
@click.option("--delete", is_flag=True, help="Delete files that were read, instead of keeping them in `done`.")
@click.option("--reads", "registers", type=WordType("feed"), multiple=True,
              help="A register that this feed is the whole of: each pass reads it.")  # fmt: skip
@by_option
@on_the_gate
def feed(folder: Path, every: float | None, settle: float, delete: bool, registers: tuple[str, ...], by: str) -> None:
    """Record what people said, from the CSV files dropped in FOLDER: once, or on and on.

    Write a file under a name that does not end in .csv and rename it. Columns: id, number, said
    (stop, refusal, not-interested, not-now, outcome), client (* for every client), at, channel,
    outcome, call. Faulty rows are set aside in FOLDER/set-aside, and not tried again.
    """
    from releve.plugins.outbound.gate.request_feeds import record_reading, take_files

    while True:
        found = take_files(folder, by=by, settle=settle, delete=delete)
        record_reading(registers, by=by)
        if every is None or found.recorded or found.before or found.faults:
            click.echo(f"{found.recorded} recorded, {found.before} before, {found.set_aside} set aside")
        if every is None:
            return
        time.sleep(every)


_LANGUAGE = click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language.")
_FIRST_STEP = Words(
    "aucun fait n'a été donné ; suite : releve outbound start DOSSIER écrit toutes les tables, avec un exemple permis",
    "no facts were given; next: releve outbound start FOLDER writes all tables, with an example that is allowed",
)


_UNKNOWN_CLIENT = Words(
    "aucun donneur d'ordre n'est connu sous le nom {!r} ; la table clients contient : ",
    "no client is known as {!r}; the table clients holds: ",
)


_ALLOWED, _REFUSED = Words("Permis", "Allowed"), Words("Refusé", "Refused")
_REFUSED_BY_POLICY = Words("Refusé par politique seulement", "Refused by policy only")
_BASIS, _UNTIL = Words("fondement", "basis"), Words("vaut jusqu'à", "stands until")
_NEXT = Words("prochain instant permis", "next allowed")
_RULES = Words("version des règles", "version of the rules")


@click.group()
def outbound() -> None:
    """May this call be placed? The law as dated rows (not legal advice)."""


@outbound.command()
@click.argument("number")
@click.option("--client", required=True, help="Who orders the call.")
@click.option("--campaign", default="", help="Campaign of the client.")
@click.option("--at", type=INSTANT, help="Instant, like 2026-11-24T10:30:00+01:00 [default: now].")
@click.option("--object", "object_", required=True, type=OBJECT, help="What is offered, like electricity.")
@click.option("--sector", required=True, type=SECTOR, help="Trade of the campaign, like energy-supply.")
@click.option("--caller", default="", help="Number shown; none is a hidden one.")
@click.option("--person", default="", help="Person called, when several hold the number.")
@click.option("--address", default="", help="Territory code or French postcode of the person.")
@click.option("--mode", type=MODE, default="manual", show_default=True, help="How it is dialled.")
@click.option("--purpose", type=PURPOSE, default="prospecting", show_default=True, help="What the call is for.")
@click.option("--known-at", type=INSTANT, help="Judge with what was known at this instant [default: --at].")
@click.option("--facts", type=FACTS, help="Folder or workbook of the tables of facts (docs/outbound.md).")
@strict_option
@zone_option
@click.option("--recorded-by", default="", metavar="NAME", help="Judge on what is recorded in the "
              "database now, instead of a folder; your name is written down.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@_LANGUAGE
def check(
    number: str,
    client: str,
    campaign: str,
    at: datetime | None,
    object_: str,
    sector: str,
    caller: str,
    person: str,
    address: str,
    mode: str,
    purpose: str,
    known_at: datetime | None,
    facts: Path | None,
    strict: bool,
    zone: str,
    recorded_by: str,
    as_json: bool,
    lang: str,
) -> None:
    """Say whether NUMBER may be called, on which ground, and every row that refuses.

    Facts come from a folder (`releve outbound start` writes a first one) or from the database.
    After the id of a row that refuses stands [H] where the call is not known to be lawful, [P]
    where our own policy refuses it. Exit status 0 when it may be called, 1 when it may not, 2 when
    the call or the facts cannot be read.
    """
    if recorded_by and (facts or known_at):
        raise click.UsageError("--recorded-by goes with neither --facts nor --known-at; drop them")
    at = at or datetime.now(moments.zone(LEGAL_ZONE))
    try:
        call = Call(
            client, number, at, object_, caller, campaign, person, address, mode=mode, purpose=purpose, sector=sector
        )
        if recorded_by:
            found = _judge_recorded(call, recorded_by)
        else:
            known_at = known_at or at
            found = _judge_on_folder(call, facts, known_at, lang, strict=strict, zone=zone)
    except (OutboundError, ValueError) as error:
        raise FactsRefused(describe_refusal(error, lang)) from error
    if as_json:
        click.echo(_render_json(found, lang))
    else:
        first_step = [] if facts or recorded_by else [_FIRST_STEP.of(lang)]
        click.echo("\n".join([*_render_lines(found, lang), *first_step]))
    if not found.allowed:
        raise SystemExit(1)


@on_the_gate
def _judge_recorded(call: Call, by: str) -> CallVerdict:
    """Return the verdict on what the database holds now, under the installation's own table."""
    from releve.live.clock import read_clock
    from releve.plugins.outbound.campaign.rule_trial import try_call
    from releve.plugins.outbound.gate.current_rules import load_current_rules

    return try_call(call, load_current_rules(), read_clock(), by=by)


def _judge_on_folder(
    call: Call, folder: Path | None, known_at: datetime, lang: str, *, strict: bool, zone: str
) -> CallVerdict:
    rules = built_in_rules()
    frames, _ = read_facts(folder, strict=strict, zone=zone)
    facts = build_facts_on(frames, rules.numbers, to_legal_day(call.at))
    names = [name for name in frames["clients"]["client"].unique().sort() if name]
    aliases = frames["clients"]["alias"].to_list()
    if names and not any(facts.is_same_client(call.client, name) for name in (*names, *aliases)):
        known = f"{_UNKNOWN_CLIENT.of(lang).format(call.client)}{', '.join(names)}"
        click.echo(known, err=True)
    return judge_call(call, facts, rules, known_at)


def _render_lines(found: CallVerdict, lang: str) -> list[str]:
    def name(label: Words, value: object) -> str:
        return Words(f"{label.fr} : ", f"{label.en}: ").of(lang) + str(value)

    def show(moment: datetime | None) -> str:
        return "—" if moment is None else format_instant(moment, lang)

    refused = _REFUSED_BY_POLICY if found.legal else _REFUSED
    lines = [name(_ALLOWED if found.allowed else refused, found.number)]
    named = {code: place.name for code, place in built_in_rules().territories.items()}
    for place in found.places:
        label = named.get(place.territory, Words(place.territory, place.territory))
        lines.append("  " + name(label, show(place.local)))
    for finding in found.findings:
        row = finding.row
        doubt = f" ({row.doubt.of(lang)})" if row.doubt else ""
        lines.append(f"- {finding.says(lang)}")
        lines += [f"  {remedy}" for remedy in [finding.remedy(lang)] if remedy]
        lines.append(f"  {row.version} [{row.gate}] {row.reference}{doubt}")
    for lifted in found.lifted:
        lines.append(f"+ {lifted.by.rule.of(lang)}")
        lines.append(f"  {lifted.by.version} > {lifted.row.version} [{lifted.row.gate}]")
    lines.append(name(_BASIS, format_basis(found.basis, lang) if found.basis else "—"))
    for mark in found.watermarks:
        feed = word_label("feed", mark.feed, lang)
        read = Words(f"registre lu ({feed})", f"register read ({feed})")
        lines.append(name(read, show(mark.read_at)))
    lines.append(name(_UNTIL, show(found.until)))
    if not found.allowed:
        lines.append(name(_NEXT, show(found.next_allowed)))
    lines.append(name(_RULES, found.rules_version[:12]))
    return lines


def _render_json(found: CallVerdict, lang: str) -> str:
    def iso(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(UTC).isoformat()

    document = {
        "number": found.number,
        "person": found.person,
        "legal": found.legal,
        "allowed": found.allowed,
        "findings": [
            {"row": f.row.version, "gate": f.row.gate, "says": f.says(lang),
             "remedy": f.remedy(lang), "text": f.row.reference, "facts": f.facts}
            for f in found.findings
        ],
        "lifted": [
            {"row": one.row.version, "by": one.by.version, "basis": one.basis,
             "says": one.by.rule.of(lang)}
            for one in found.lifted
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
    click.echo(render_rules(built_in_rules(), lang, day), nl=False)


@outbound.command()
@click.argument("vocabulary", required=False, metavar="[VOCABULARY]")
def words(vocabulary: str | None) -> None:
    """Print the words that the rules read as Markdown: all vocabularies, or one.

    Each word may be given by its id, its label in either language or another spelling.
    """
    try:
        text = render_vocabularies() if vocabulary is None else render_vocabulary(vocabulary_named(vocabulary))
    except OutboundError as error:
        raise click.UsageError(str(error)) from error
    click.echo(text, nl=False)


for _command in (start, screen, flips, replay, proof, reprove):
    outbound.add_command(_command)
for _command in (consents, sheet, papers, copy):
    outbound.add_command(_command)
for _command in (serve, facts, campaign, outcomes, feed, close, forget):
    outbound.add_command(_command)
