"""``releve outbound consents``, ``sheet``, ``papers`` and ``copy``: a client's proofs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from releve.plugins.outbound.commands.facts import Progress
from releve.plugins.outbound.commands.gate import by_option, on_the_gate
from releve.plugins.outbound.engine.fact_files import escape_cell

if TYPE_CHECKING:
    from releve.plugins.outbound.gate.proofs import FactProver


_DAY = click.DateTime(["%Y-%m-%d"])
_OUT = click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
                    help="An empty or new folder.")  # fmt: skip


@click.command()
@click.argument("client")
@click.option("--object", "object_", default="", help="Only consents to this object.")
@click.option("--person", default="", help="Only those of this person.")
@_OUT
@on_the_gate
def consents(client: str, object_: str, person: str, out: Path) -> None:
    """Write what a CLIENT is owed of each consent to its calls: wording, items, act, proof.

    consents.csv is for people; `releve outbound reprove` checks the proofs of consents.jsonl.
    Persons are pseudonyms. Rows are proved against the last signed root of the ledger: close and
    seal first.
    """
    from releve.plugins.outbound.campaign.packs import CONSENT_COLUMNS, facts_header, iter_consents
    from releve.plugins.outbound.gate.connections import ensure_gate_key
    from releve.plugins.outbound.gate.current_rules import load_current_rules
    from releve.plugins.outbound.gate.pseudonyms import person_pseudonym

    ensure_gate_key()
    _make_folder(out)
    rules, name = load_current_rules(), person_pseudonym(person)
    rows = iter_consents(client, rules, _last_prover(), person=name, object_=object_)
    count = proved = 0
    progress = Progress()
    with (
        (out / "consents.csv").open("w", encoding="utf-8", newline="") as table,
        (out / "consents.jsonl").open("w", encoding="utf-8") as file,
    ):
        writer = _csv_writer(table, CONSENT_COLUMNS)
        file.write(f"{facts_header(client, datetime.now(UTC))}\n")
        for row in rows:
            writer.writerow({key: escape_cell(value) for key, value in row.columns.items()})
            file.write(f"{row.line()}\n")
            count, proved = count + 1, proved + (row.proof is not None)
            progress(0.0, count)
    click.echo(f"{count} consents, {proved} proved against the ledger")


@click.command()
@click.argument("campaign")
@click.option("--from", "first", required=True, type=_DAY, help="First legal day.")
@click.option("--to", "last", required=True, type=_DAY, help="Last legal day, included.")
@_OUT
@on_the_gate
def sheet(campaign: str, first: datetime, last: datetime, out: Path) -> None:
    """Write a CAMPAIGN on one sheet: papers, refusals, abandoned calls, mandates, retention.

    sheet.csv has a row for each figure, sheet.json the same; facts.jsonl holds the facts as they
    were sealed, with their proofs (`releve outbound reprove`).
    """
    from releve.plugins.outbound.campaign.packs import facts_header
    from releve.plugins.outbound.campaign.reports import build_report, flatten_report
    from releve.plugins.outbound.gate.campaigns import load_campaigns
    from releve.plugins.outbound.gate.current_rules import load_current_rules

    row = load_campaigns().get(campaign)
    if row is None:
        raise click.UsageError(f"there is no campaign {campaign!r}")
    _make_folder(out)
    found = build_report(row, first.date(), last.date(), load_current_rules(), datetime.now(UTC), _last_prover())
    (out / "sheet.json").write_text(found.document() + "\n", encoding="utf-8")
    lines = [facts_header(campaign, datetime.now(UTC)), *(fact.line() for fact in found.facts)]
    (out / "facts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (out / "sheet.csv").open("w", encoding="utf-8", newline="") as table:
        writer = _csv_writer(table, ("what", "value"))
        for what, value in flatten_report(found.content):
            writer.writerow({"what": escape_cell(what), "value": escape_cell(value)})
    proved = sum(fact.proof is not None for fact in found.facts)
    recorded = found.content["papers"] is not None
    papers = "" if recorded else "; its papers are not recorded: releve outbound papers"
    click.echo(f"{len(found.facts)} facts, {proved} proved against the ledger{papers}")


@click.command()
@click.argument("campaign")
@click.option("--contract", required=True, help="Reference of the contract with the client.")
@click.option("--audit/--no-audit", required=True, help="Whether it holds an audit clause.")
@click.option("--list-origin", required=True, help="Where the list of people comes from.")
@by_option
@on_the_gate
def papers(campaign: str, contract: str, audit: bool, list_origin: str, by: str) -> None:
    """Record what the gate cannot see of a CAMPAIGN, for its sheet; the last word counts."""
    from releve.plugins.outbound.campaign.packs import ContractDetails, record_contract_details

    details = ContractDetails(contract, audit, list_origin)
    entry = record_contract_details(campaign, details, by=by, now=datetime.now(UTC))
    click.echo(f"recorded in entry {entry} of the ledger")


@click.command()
@click.argument("client")
@click.argument("person")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A new file (JSON).")
@by_option
@on_the_gate
def copy(client: str, person: str, out: Path, by: str) -> None:
    """Write a PERSON a copy of their consents to calls for a CLIENT, and record that it was given.

    Free of charge, on a durable medium, without an account (R223-2).
    """
    from releve.plugins.outbound.campaign.packs import iter_consents, record_copy
    from releve.plugins.outbound.gate.current_rules import load_current_rules
    from releve.plugins.outbound.gate.pseudonyms import person_pseudonym

    if out.exists():
        raise click.UsageError(f"{out} is there already; name a new file")
    given = record_copy(client, person, by=by, now=datetime.now(UTC))
    rows = iter_consents(client, load_current_rules(), None, person=person_pseudonym(person))
    copies = [dict(row.columns) for row in rows]
    out.write_text(json.dumps(copies, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{len(given)} consents; recorded")


def _make_folder(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty; name a new folder")
    out.mkdir(parents=True, exist_ok=True)


def _last_prover() -> FactProver | None:
    """Return what proves against the last signed root, None while there is none."""
    from releve.ledger.roots import load_last_root
    from releve.plugins.outbound.gate.proofs import FactProver

    root = load_last_root()
    return None if root is None else FactProver(root)


def _csv_writer(table: IO[str], columns: Iterable[str]) -> csv.DictWriter[str]:
    writer = csv.DictWriter(table, tuple(columns), lineterminator="\n")
    writer.writeheader()
    return writer
