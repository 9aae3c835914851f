"""``releve sector contract``: contracts of relief, step by step, between two operators."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from releve.cli.database import open_database, read_clock
from releve.errors import ReleveError

if TYPE_CHECKING:
    from releve.association.contracts import StoredContract

__all__ = ["contract"]

_R = TypeVar("_R")
_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_DRILL = click.option("--drill", is_flag=True, help="A contract of a drill, apart from real ones.")


@click.group()
def contract() -> None:
    """Contracts of relief: asked, offered, matched, agreed, signed, started, ended, settled."""


@contract.command("ask")
@click.argument("terms", type=_READ)
@click.option("--clerk", required=True, help="Who matches: the association.")
@_DRILL
def ask_(terms: Path, clerk: str, drill: bool) -> None:
    """Record that this operator asks for the TERMS of a JSON file (docs/sector.md)."""

    def work() -> StoredContract:
        from releve.association.contracts import read_terms_text, start_contract

        found = read_terms_text(terms.read_text(encoding="utf-8"))
        return start_contract(found, clerk, read_clock(), stream=_choose_stream(drill))

    _print(_run(work))


@contract.command("step")
@click.argument("name")
@click.argument("kind")
@click.option("--as", "party", required=True, help="This installation's name: operator or clerk.")
@click.option("--reason", default="", help="Of a recall: loss or notice.")
@click.option("--reference", default="", help="Of the client's agreement, or of a payment.")
@click.option("--cents", type=click.IntRange(0), help="With settle: what was paid.")
@_DRILL
def step_(
    name: str, kind: str, party: str, reason: str, reference: str, cents: int | None, drill: bool
) -> None:
    """Take a step: offer, match, agree, decline, sign, start, end, settle or recall."""

    def work() -> StoredContract:
        from releve.association.contracts import take_step

        return take_step(
            name, kind, party, read_clock(), reason=reason, reference=reference, cents=cents,
            stream=_choose_stream(drill),
        )  # fmt: skip

    _print(_run(work))


@contract.command("export")
@click.argument("name")
@click.argument("file", type=_FILE)
@_DRILL
def export_(name: str, file: Path, drill: bool) -> None:
    """Write the message for the partner: terms, steps and signatures."""

    def work() -> str:
        from releve.association.contracts import export_contract

        return export_contract(name, stream=_choose_stream(drill))

    file.write_text(_run(work), encoding="utf-8", newline="")
    click.echo(file)


@contract.command("receive")
@click.argument("file", type=_READ)
@click.option("--as", "party", required=True, help="This installation's name: operator or clerk.")
@click.option(
    "--key", "keys", multiple=True, metavar="PARTY=HEX", help="Public key of a party; repeat it."
)
@_DRILL
def receive_(file: Path, party: str, keys: tuple[str, ...], drill: bool) -> None:
    """Take over a partner's steps and countersign them."""

    def work() -> StoredContract:
        from releve.association.contracts import receive_contract

        return receive_contract(
            file.read_text(encoding="utf-8"), party,
            {name: key for name, _, key in (one.partition("=") for one in keys)},
            read_clock(), stream=_choose_stream(drill),
        )  # fmt: skip

    _print(_run(work))


@contract.command("draft")
@click.argument("gate")
@click.option("--annex", required=True, help="Annex on data protection.")
@click.option("--law", default="Droit français", show_default=True, help="Law that applies.")
@click.option("--notice", type=click.IntRange(0), help="Hours of notice of a recall; else firm.")
@click.option("--quality", type=click.IntRange(0, 100), default=80, show_default=True,
              help="Calls answered, of 100.")  # fmt: skip
@click.option("--cap", type=click.IntRange(0), required=True,
              help="Cap of the liability, in cents, as agreed; 0: none is paid.")  # fmt: skip
@click.option("--sip-address", default="", help="Where the giver takes the calls.")
@click.option("--mandate", default="", help="Of the client, for outbound calls.")
@_DRILL
def draft_(
    gate: str,
    annex: str,
    law: str,
    notice: int | None,
    quality: int,
    cap: int,
    sip_address: str,
    mandate: str,
    drill: bool,
) -> None:
    """Ask for a contract per match of the own requests at a GATE."""

    def work() -> list[StoredContract]:
        from releve.association.contract_exchange import TermsBeside, draft_contracts

        beside = TermsBeside(annex, law, notice, quality, cap, sip_address, mandate)
        return draft_contracts(gate, beside, read_clock(), drill=drill)

    for one in _run(work):
        _print(one)


@contract.command("sync")
@_DRILL
def sync_(drill: bool) -> None:
    """Exchange contracts from clearings with the partners, through the clerk."""

    def work() -> int:
        from releve.association.exchange import sync_contracts

        return sync_contracts(read_clock(), drill=drill)

    click.echo(f"{_run(work)} contracts at the clerk")


@contract.command("lend")
@click.argument("name")
@_DRILL
def lend_(name: str, drill: bool) -> None:
    """Name the agents who work under a contract, from those that the plan in force can spare.

    They count as absent here while the contract is in force.
    """

    def work() -> tuple[str, ...]:
        from releve.association.lent_agents import lend_from_plan

        return lend_from_plan(name, read_clock(), stream=_choose_stream(drill))

    click.echo(f"{len(_run(work))} agents work under {name}; they count as absent while it lasts")


@contract.command("list")
@_DRILL
def list_(drill: bool) -> None:
    """List the contracts and their states."""

    def work() -> list[StoredContract]:
        from releve.association.contracts import list_contracts

        return list(list_contracts(_choose_stream(drill)).values())

    for one in _run(work):
        _print(one)


@contract.command("text")
@click.argument("name")
@click.argument("file", type=_FILE)
@click.option(
    "--time-zone", default="Europe/Paris", show_default=True, help="Of the times in the text."
)
@_DRILL
def text_(name: str, file: Path, time_zone: str, drill: bool) -> None:
    """Write the drafted French text as PDF, for a lawyer and two signatures."""

    def work() -> bytes:
        from releve.association.contract_text import typeset_contract
        from releve.association.contracts import load_contract

        stored = load_contract(name, _choose_stream(drill))
        return typeset_contract(stored.contract, time_zone)

    file.write_bytes(_run(work))
    click.echo(file)


def _choose_stream(drill: bool) -> str:
    from releve.association.contracts import DRILL, RELIEF

    return DRILL if drill else RELIEF


def _run(work: Callable[[], _R]) -> _R:
    """Open the database and work; an error of the product is one line."""
    open_database()
    try:
        return work()
    except ReleveError as error:
        raise click.ClickException(str(error)) from error


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
