"""``releve sector contribute``, ``clerk``, ``bulletin`` and ``contract``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releve.cli.database import read_clock
from releve.cli.live import by_option, on_the_database

if TYPE_CHECKING:
    from releve.plugins.sector.association.contracts import StoredContract


_DAY = click.DateTime(["%Y-%m-%d"])
_FILE = click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_OUT = click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder.")
_LANGUAGE = click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", help="Language of the pages.")


def _choose_day(day: datetime | None) -> date:
    """Return the day asked for; without one, the day that is due."""
    from releve.plugins.sector.association.membership import find_due_day

    found = day.date() if day else find_due_day(read_clock())
    if found is None:
        raise click.ClickException("no day is due: name one with --day, or fetch the design first")
    return found


@click.group()
def contribute() -> None:
    """Contribute to the bulletin of the association, as a member of it."""


@contribute.command("keys")
@on_the_database
def keys_() -> None:
    """Print the public keys that the clerk registers; they are made on first use."""
    from releve.plugins.sector.association.keys import public_keys

    key, mask_key = public_keys()
    click.echo(f"key {key}\nmask key {mask_key}")


@contribute.command()
@click.argument("association")
@click.argument("member")
@click.option("--clerk-key", required=True, help="The clerk's public key, from the clerk itself.")
@click.option("--url", default="", help="The clerk's address; without it all goes by file.")
@on_the_database
def join(association: str, member: str, clerk_key: str, url: str) -> None:
    """Store which ASSOCIATION this operator is a MEMBER of; nothing is sent."""
    from releve.plugins.sector.association.membership import join_association

    join_association(association, member, clerk_key, url, read_clock())
    click.echo(f"{member} of {association}; nothing is sent before: releve sector contribute on")


@contribute.command("state")
@click.option("--spare", multiple=True, metavar="MA=30", help="Agents that could help others.")
@click.option("--wanted", multiple=True, metavar="TN=10", help="Agents asked of others.")
@on_the_database
def state_(spare: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """State relief spare and wanted by destination, until stated again."""
    from releve.plugins.sector.association.membership import state_relief

    state_relief({"relief_spare": _read_counts(spare), "relief_wanted": _read_counts(wanted)})


@contribute.command()
@click.option("--day", type=_DAY, help="Day; the one that is due.")
@on_the_database
def preview(day: datetime | None) -> None:
    """Print exactly the bytes that go out for a day, and send nothing."""
    from releve.plugins.sector.association.membership import prepare_contribution, wrap_contribution

    row = prepare_contribution(_choose_day(day), read_clock())
    click.echo(wrap_contribution(row).content, nl=False)


@contribute.command()
@click.option("--day", type=_DAY, help="Day; the one that is due.")
@click.option("--correct", is_flag=True, help="Correct the one that was sent, with today's figures.")
@click.option("--file", "path", type=click.Path(dir_okay=False, path_type=Path),
              help="Write it for the clerk instead of sending it.")  # fmt: skip
@on_the_database
def send(day: datetime | None, correct: bool, path: Path | None) -> None:
    """Send the contribution of a day as it was shown."""
    from releve.files.atomic import write_file
    from releve.plugins.sector.association.exchange import send_contribution
    from releve.plugins.sector.association.membership import (
        correct_contribution,
        note_sent,
        prepare_contribution,
        wrap_contribution,
    )

    chosen = _choose_day(day)
    row = correct_contribution(chosen, read_clock()) if correct else prepare_contribution(chosen, read_clock())
    if path is None:
        send_contribution(row, read_clock())
    else:
        write_file(path, wrap_contribution(row).content)
        note_sent(row, "by file", read_clock())
    click.echo(f"{row.day} {row.digest}")


@contribute.command()
@by_option
@on_the_database
def on(by: str) -> None:
    """Switch the daily contribution on."""
    from releve.plugins.sector.association.membership import switch_sending

    switch_sending(True, by, read_clock())


@contribute.command()
@by_option
@on_the_database
def off(by: str) -> None:
    """Switch the daily contribution off."""
    from releve.plugins.sector.association.membership import switch_sending

    switch_sending(False, by, read_clock())


@contribute.command("fetch")
@click.argument("month")
@on_the_database
def fetch_(month: str) -> None:
    """Fetch the design of a MONTH, such as 2026-12, from the clerk."""
    from releve.plugins.sector.association.exchange import fetch_design

    fetch_design(month, read_clock())


@contribute.command()
@_FILE
@on_the_database
def check(path: Path) -> None:
    """Take a design or a bulletin of the clerk from FILE, and check it."""
    from releve.plugins.sector.association.keys import open_envelope
    from releve.plugins.sector.association.membership import keep_bulletin, keep_design, list_contributions

    found = open_envelope(path.read_bytes())
    if found.what == "design":
        design = keep_design(found, read_clock())
        click.echo(f"design of {design.month}: {len(design.members)} members, {design.mode}")
        return
    row = keep_bulletin(found, read_clock())
    own = next((one.found for one in list_contributions() if one.day == row.day), "")
    click.echo(f"bulletin of {row.day}: own contribution {own or 'not sent'}")


@click.group()
def clerk() -> None:
    """Keep the bulletin of an association (RELEVE_CLERK_OF)."""


@clerk.command("keys")
@on_the_database
def clerk_keys() -> None:
    """Print the public key by which members know the clerk."""
    from releve.plugins.sector.association.keys import public_keys

    click.echo(public_keys()[0])


@clerk.command()
@click.argument("member")
@click.option("--key", required=True, help="Public key of its signature.")
@click.option("--mask-key", required=True, help="Public key of its masks.")
@on_the_database
def register(member: str, key: str, mask_key: str) -> None:
    """Register a MEMBER with its public keys; print the secret that its software shows, once."""
    from releve.plugins.sector.association.clerk import register_member

    click.echo(register_member(member, key, mask_key, read_clock()))


@clerk.command()
@click.argument("member")
@on_the_database
def revoke(member: str) -> None:
    """Revoke the keys of a MEMBER."""
    from releve.plugins.sector.association.clerk import revoke_member

    revoke_member(member, read_clock())


@clerk.command("design")
@click.argument("month")
@click.option(
    "--mode", type=click.Choice(["plain", "masked"]), default="plain", show_default=True,
    help="Masked: the clerk sees sums alone.",
)  # fmt: skip
@click.option("--group", "groups", multiple=True, metavar="other=SN,MG", help="Destinations.")
@_OUT
@on_the_database
def design_(month: str, mode: str, groups: tuple[str, ...], out: Path) -> None:
    """Publish the design of a MONTH, such as 2026-12, and write its file for members."""
    from releve.files.atomic import write_file
    from releve.plugins.sector.association.clerk import publish_design, wrap_design
    from releve.plugins.sector.association.models import MonthlyDesign

    chosen = {name: tuple(places.split(",")) for name, places in _split(groups)}
    made = publish_design(month, mode, read_clock(), chosen or None)
    path = out / f"design-{month}.json"
    write_file(path, wrap_design(MonthlyDesign.objects.get(month=month)).content)
    click.echo(f"{path}: {len(made.members)} members, {len(made.groups)} groups, {made.digest}")


@clerk.command()
@_FILE
@on_the_database
def take(path: Path) -> None:
    """Take a member's contribution from FILE."""
    from releve.plugins.sector.association.clerk import take_contribution
    from releve.plugins.sector.association.keys import open_envelope

    row = take_contribution(open_envelope(path.read_bytes()), read_clock(), by_file=True)
    click.echo(f"{row.member} {row.day} {row.digest}")


@clerk.command("state")
@click.option("--day", type=_DAY, required=True, help="Day.")
@on_the_database
def clerk_state(day: datetime) -> None:
    """Print the state of each member's contribution for a day."""
    from releve.plugins.sector.association.clerk import list_states

    for row in list_states(day.date()):
        at = "" if row.received_at is None else f" {row.received_at:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{row.member} {row.state}{at}")


@clerk.command()
@click.option("--day", type=_DAY, required=True, help="Day.")
@_OUT
@_LANGUAGE
@on_the_database
def publish(day: datetime, out: Path, lang: str) -> None:
    """Publish the bulletin of a day and write its files."""
    from releve.plugins.sector.association.bulletin import write_bulletin_files
    from releve.plugins.sector.association.clerk import publish_bulletin

    for path in write_bulletin_files(publish_bulletin(day.date(), read_clock()), out, lang):
        click.echo(path)


@click.group()
def bulletin() -> None:
    """Read the bulletins of the association, and make one again."""


@bulletin.command("show")
@click.argument("day", type=_DAY)
@on_the_database
def show_(day: datetime) -> None:
    """Print the bulletin of a DAY as CSV."""
    from releve.plugins.sector.association.models import DayBulletin
    from releve.plugins.sector.engine.bulletin import parse_bulletin, write_bulletin_csv

    row = DayBulletin.objects.filter(day=day.date()).first()
    if row is None:
        raise click.ClickException(f"there is no bulletin of {day:%Y-%m-%d} here")
    click.echo(write_bulletin_csv(parse_bulletin(row.text)), nl=False)


@bulletin.command()
@click.argument("day", type=_DAY)
@on_the_database
def remake(day: datetime) -> None:
    """Make the bulletin of a DAY again from what the clerk has stored, and compare."""
    from releve.plugins.sector.association.clerk import remake_bulletin
    from releve.plugins.sector.association.models import DayBulletin

    again = remake_bulletin(day.date())
    if again.text != DayBulletin.objects.get(day=day.date()).text:
        raise click.ClickException("made again, the bulletin is another one")
    click.echo(f"the same bytes: {again.digest}")


def _split(items: Iterable[str]) -> list[tuple[str, str]]:
    pairs = [item.partition("=") for item in items]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise click.UsageError(f"expected NAME=VALUE, got {name}{equals}{value}")
    return [(name, value) for name, _, value in pairs]


def _read_counts(items: Iterable[str]) -> dict[str, int]:
    try:
        return {name: int(value) for name, value in _split(items)}
    except ValueError as error:
        raise click.UsageError("a count is a whole number, as in MA=30") from error


_CONTRACT_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_DRILL = click.option("--drill", is_flag=True, help="A contract of a drill, apart from real ones.")


@click.group()
def contract() -> None:
    """Contracts of relief: asked, offered, matched, agreed, signed, started, ended, settled."""


@contract.command("ask")
@click.argument("terms", type=_READ)
@click.option("--clerk", required=True, help="Who matches: the association.")
@_DRILL
@on_the_database
def ask_(terms: Path, clerk: str, drill: bool) -> None:
    """Record that this operator asks for the TERMS of a JSON file (docs/sector.md)."""
    from releve.plugins.sector.association.contracts import read_terms_text, start_contract

    found = read_terms_text(terms.read_text(encoding="utf-8"))
    _print(start_contract(found, clerk, read_clock(), stream=_choose_stream(drill)))


@contract.command("step")
@click.argument("name")
@click.argument("kind")
@click.option("--as", "party", required=True, help="This installation's name: operator or clerk.")
@click.option("--reason", default="", help="Of a recall: loss or notice.")
@click.option("--reference", default="", help="Of the client's agreement, or of a payment.")
@click.option("--cents", type=click.IntRange(0), help="With settle: what was paid.")
@_DRILL
@on_the_database
def step_(name: str, kind: str, party: str, drill: bool, **said: Any) -> None:
    """Take a step: offer, match, agree, decline, sign, start, end, settle or recall."""
    from releve.plugins.sector.association.contracts import take_step

    _print(take_step(name, kind, party, read_clock(), stream=_choose_stream(drill), **said))


@contract.command("export")
@click.argument("name")
@click.argument("file", type=_CONTRACT_FILE)
@_DRILL
@on_the_database
def export_(name: str, file: Path, drill: bool) -> None:
    """Write the message for the partner: terms, steps and signatures."""
    from releve.plugins.sector.association.contracts import export_contract

    file.write_text(export_contract(name, stream=_choose_stream(drill)), encoding="utf-8", newline="")
    click.echo(file)


@contract.command("receive")
@click.argument("file", type=_READ)
@click.option("--as", "party", required=True, help="This installation's name: operator or clerk.")
@click.option("--key", "keys", multiple=True, metavar="PARTY=HEX", help="Public key of a party; repeat it.")
@_DRILL
@on_the_database
def receive_(file: Path, party: str, keys: tuple[str, ...], drill: bool) -> None:
    """Take over a partner's steps and countersign them."""
    from releve.plugins.sector.association.contracts import receive_contract

    known = {name: key for name, _, key in (one.partition("=") for one in keys)}
    text = file.read_text(encoding="utf-8")
    _print(receive_contract(text, party, known, read_clock(), stream=_choose_stream(drill)))


@contract.command("draft")
@click.argument("gate")
@click.option("--annex", required=True, help="Annex on data protection.")
@click.option("--law", default="Droit français", show_default=True, help="Law that applies.")
@click.option("--notice", "notice_hours", type=click.IntRange(0), help="Hours of notice of a recall; else firm.")
@click.option(
    "--quality",
    "quality_percent",
    type=click.IntRange(0, 100),
    default=80,
    show_default=True,
    help="Calls answered, of 100.",
)
@click.option("--cap", "liability_cap_cents", type=click.IntRange(0), required=True,
              help="Cap of the liability, in cents, as agreed; 0: none is paid.")  # fmt: skip
@click.option("--sip-address", default="", help="Where the giver takes the calls.")
@click.option("--mandate", "outbound_mandate", default="", help="Of the client, for outbound calls.")
@_DRILL
@on_the_database
def draft_(gate: str, drill: bool, **clauses: Any) -> None:
    """Ask for a contract per match of the own requests at a GATE."""
    from releve.plugins.sector.association.contract_exchange import TermsBeside, draft_contracts

    for one in draft_contracts(gate, TermsBeside(**clauses), read_clock(), drill=drill):
        _print(one)


@contract.command("sync")
@_DRILL
@on_the_database
def sync_(drill: bool) -> None:
    """Exchange contracts from clearings with the partners, through the clerk."""
    from releve.plugins.sector.association.exchange import sync_contracts

    click.echo(f"{sync_contracts(read_clock(), drill=drill)} contracts at the clerk")


@contract.command("lend")
@click.argument("name")
@_DRILL
@on_the_database
def lend_(name: str, drill: bool) -> None:
    """Name the agents who work under a contract, from those that the plan in force can spare.

    They count as absent here while the contract is in force.
    """
    from releve.plugins.sector.association.agents import lend_from_plan

    lent = lend_from_plan(name, read_clock(), stream=_choose_stream(drill))
    click.echo(f"{len(lent)} agents work under {name}; they count as absent while it lasts")


@contract.command("list")
@_DRILL
@on_the_database
def list_(drill: bool) -> None:
    """List the contracts and their states."""
    from releve.plugins.sector.association.contracts import list_contracts

    for one in list_contracts(_choose_stream(drill)).values():
        _print(one)


@contract.command("text")
@click.argument("name")
@click.argument("file", type=_CONTRACT_FILE)
@click.option("--time-zone", default="Europe/Paris", show_default=True, help="Of the times in the text.")
@_DRILL
@on_the_database
def text_(name: str, file: Path, time_zone: str, drill: bool) -> None:
    """Write the drafted French text as PDF, for a lawyer and two signatures."""
    from releve.plugins.sector.association.contracts import load_contract, typeset_contract

    stored = load_contract(name, _choose_stream(drill))
    file.write_bytes(typeset_contract(stored.contract, time_zone))
    click.echo(file)


def _choose_stream(drill: bool) -> str:
    from releve.plugins.sector.association.contracts import DRILL, RELIEF

    return DRILL if drill else RELIEF


def _print(stored: StoredContract) -> None:
    terms = stored.contract.terms
    click.echo(
        json.dumps(
            {
                "contract": terms.contract,
                "asker": terms.asker,
                "giver": terms.giver,
                "state": stored.contract.state,
                "digest": stored.contract.digest,
                "countersigned": stored.is_countersigned,
            },
            ensure_ascii=False,
        )
    )
