"""``releve outbound proof`` and ``reprove``: a campaign's evidence, and its check by a stranger."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from releve.cli.outbound_gate import on_the_gate
from releve.cli.outbound_screen import Progress
from releve.evidence import verify
from releve.outbound import OutboundError
from releve.outbound.reverify import reverify_evidence
from releve.outbound.spreadsheet_escape import escape_cell

if TYPE_CHECKING:
    from releve.campaign.call_proof import ProvedCall

__all__ = ["proof", "reprove"]

_DAY = click.DateTime(["%Y-%m-%d"])
_SHOWN = 20
FACTS = "releve outbound facts 1"
"""The format of a file of consents or of a sheet's facts (``releve.campaign.proved_facts``)."""
_ROW_TAG = b"releve gate row 1\n"


@click.command()
@click.argument("campaign")
@click.option("--from", "first", required=True, type=_DAY, help="First legal day.")
@click.option("--to", "last", required=True, type=_DAY, help="Last legal day, included.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="An empty or new folder.")  # fmt: skip
@on_the_gate
def proof(campaign: str, first: datetime, last: datetime, out: Path) -> None:
    """Write what a client is owed of a CAMPAIGN: each call, why it was allowed, and its proof.

    calls.csv and calls.parquet are for people; proof.jsonl can be judged again by anybody
    (`releve outbound reprove`). Persons and numbers are pseudonyms. Rows are proved against the
    last signed root of the ledger: close and seal first.
    """
    from releve.campaign.call_proof import COLUMNS, iter_proved_calls, proof_header
    from releve.ledger.roots import load_last_root

    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty; name a new folder")
    out.mkdir(parents=True, exist_ok=True)
    root, days = load_last_root(), (first.date(), last.date())
    calls = iter_proved_calls(campaign, *days, None if root is None else root.number)
    head = proof_header(campaign, *days, datetime.now(UTC))
    count, proved, intact = _write(out, head, COLUMNS, calls)
    if root is not None:
        (out / "root.json").write_text(root.text, encoding="utf-8")
    click.echo(f"{count} calls, {proved} proved against the ledger, {intact} with their evidence")


def _write(
    out: Path, head: str, columns: tuple[str, ...], calls: Iterator[ProvedCall]
) -> tuple[int, int, int]:
    """Write the table and the file; return how many calls, proved ones, intact ones."""
    count = proved = intact = 0
    progress = Progress()
    with (
        (out / "calls.csv").open("w", encoding="utf-8", newline="") as table,
        (out / "proof.jsonl").open("w", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(table, columns, lineterminator="\n")
        writer.writeheader()
        file.write(f"{head}\n")
        for call in calls:
            writer.writerow({key: escape_cell(value) for key, value in call.columns.items()})
            file.write(f"{call.line()}\n")
            count, proved = count + 1, proved + (call.proof is not None)
            intact += bool(call.columns["evidence_intact"])
            progress(0.0, count)
    texts = dict.fromkeys(columns, pl.String)
    pl.read_csv(out / "calls.csv", schema=texts).write_parquet(out / "calls.parquet")
    return count, proved, intact


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", "keys", multiple=True, help="Public key of the ledger, got another way than "
              "this file: checks the signed roots too.")  # fmt: skip
@click.option("--rotation", "rotations", multiple=True, help="Rotation of the ledger's key.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
def reprove(file: Path, keys: tuple[str, ...], rotations: tuple[Path, ...]) -> None:
    """Judge every call of a FILE of evidence again, from that file alone.

    Also checks that each sealed row is under the root that its proof names. Of a file of facts (of
    `releve outbound consents` or `sheet`): that its columns are those of the sealed text, and its
    proof. Exit status 0 when every answer follows and every proof holds, 1 when one does not, 2
    when it is not a proof file.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            faults = _judge_lines(lines)
        with file.open(encoding="utf-8") as lines:
            trusted = verify.Keys([verify.read_key(key) for key in keys])
            for path in rotations:
                verify.read_rotation(str(path), trusted)
            proved, more = _check_proofs(lines, trusted)
    except (OutboundError, ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{file}: {error}") from error
    faults += more
    click.echo(f"{proved} proved under a root of the ledger" + ("" if keys else " (no key given: "
               "its signature was not checked)"))  # fmt: skip
    for fault in faults[:_SHOWN]:
        click.echo(f"! {fault}")
    if faults:
        raise SystemExit(1)


def _judge_lines(lines: Iterable[str]) -> list[str]:
    """Say what follows from the evidence of a file, and return what does not."""
    whole = iter(lines)
    first = next(whole, "")
    if json.loads(first or "{}").get("format") == FACTS:
        return _compare_sealed(whole)
    found = reverify_evidence(chain([first], whole))
    click.echo(f"{found.lines} calls of {found.campaign}, {found.allowed} allowed")
    click.echo(f"{found.same} judged again with the same answer, {len(found.differences)} not")
    return [f"line {d.line}, {d.call}: {d.reason}" for d in found.differences]


def _compare_sealed(lines: Iterable[str]) -> list[str]:
    """Print how many facts agree with their sealed text, and return those that do not."""
    count, faults = 0, []
    for number, line in enumerate(lines, 2):
        row = json.loads(line)
        sealed, shown = json.loads(row["text"]), row["stated"]
        wrong = [name for name in shown.keys() & sealed.keys() if shown[name] != sealed[name]]
        if wrong:
            names = ", ".join(sorted(wrong))
            faults.append(f"line {number}: {names} differs from the sealed text")
        count += 1
    click.echo(f"{count} facts, {count - len(faults)} in agreement with their sealed text")
    return faults


def _check_proofs(lines: Any, keys: verify.Keys) -> tuple[int, list[str]]:
    """Return how many rows are proved, and what is wrong with the proofs of others."""
    proved, faults = 0, []
    for number, line in enumerate(lines, 1):
        document = json.loads(line)
        if number == 1 or document["proof"] is None:
            continue
        fault = _find_fault(document, keys)
        faults += [f"line {number}: {fault}"] if fault else []
        proved += not fault
    return proved, faults


def _find_fault(document: dict[str, Any], keys: verify.Keys) -> str:
    given = document["proof"]
    if given["text"] != document["text"]:
        return "the proof is that of another row"
    row = hashlib.sha256(_ROW_TAG + document["text"].encode()).hexdigest()
    root = given["entry"]["entry"]["body"]["root"]
    if not verify.is_included(row, given["place"] + 1, given["size"], given["path"], root):
        return "the row is not under the root that the ledger holds"
    if keys.known:
        try:
            verify.check_proof(given["entry"], keys, [])
        except verify.VerifyError as error:
            return str(error)
    return ""
