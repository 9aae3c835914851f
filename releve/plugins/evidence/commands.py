"""``releve evidence``: make packs, and make one again to compare."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from releve.cli.database import open_database

_DAY = click.DateTime(formats=["%Y-%m-%d"])
_KINDS = ("client", "inspection", "incident", "audit", "crashtest", "association")


@click.group()
def evidence() -> None:
    """Make evidence packs, which a stranger verifies."""


@evidence.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--for", "recipient", default="", help="Client, site, incident or crash test by its id.")
@click.option("--from", "first", type=_DAY, help="First day; an incident has its own.")
@click.option("--to", "last", type=_DAY, help="Last day; of one that goes on, what is under the root.")
@click.option("--seal", is_flag=True, help="Seal what is recorded so far first.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", help="Language of the pages.")
@click.option("--root", type=click.IntRange(1), default=None, help="Root it is under; the last.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File; a name of its own here.")
def pack(
    kind: str,
    recipient: str,
    first: datetime | None,
    last: datetime | None,
    seal: bool,
    lang: str,
    root: int | None,
    out: Path | None,
) -> None:
    """Make a pack: a PDF/A-3 whose figures are computed from the entries inside.

    Nothing of the moment of making goes in: the same call under the same root gives the same
    bytes. The pack is recorded in the ledger, and its file kept in `packs` of RELEVE_HOME. Beside
    the file stands its note, FILE.note: signed with the ledger's key, it says which bytes were
    issued. Hand over both.
    """
    open_database()
    from releve.accounts.two_people import COMMAND_LINE
    from releve.files.atomic import write_file
    from releve.live.api import seal_now
    from releve.plugins.evidence.incident_pack import find_incident
    from releve.plugins.evidence.sources import PackRequest
    from releve.plugins.evidence.store import issue_pack, load_pack_file

    if seal and root:
        raise click.UsageError("--seal makes a new root: leave out --root")
    found = find_incident(recipient) if kind == "incident" else None
    if found is not None:
        days = found.list_days()
    elif first is None or last is None:
        raise click.UsageError("give the first and the last day: --from and --to")
    else:
        days = first.date(), last.date()
    if seal:
        seal_now(datetime.now(UTC))
    request = PackRequest(kind, recipient, *days, lang, root or 0)
    issued = issue_pack(request, COMMAND_LINE, datetime.now(UTC))
    path = out or Path(issued.file_name)
    write_file(path, load_pack_file(issued) or b"")
    write_file(path.with_name(f"{path.name}.note"), issued.note)
    click.echo(f"{path}: {issued.length} bytes, SHA-256 {issued.sha256}")
    click.echo(f"{path}.note: keep it beside the pack, which is verified with it")


@evidence.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def remake(path: Path) -> None:
    """Make the pack in FILE again from the ledger, and compare.

    A signature behind the pack's bytes is left aside. Exit status 1 where they differ; the
    reason is named: another version of typst, values erased since, or a changed file.
    """
    open_database(reads=True)
    from releve.plugins.evidence.store import compare_remade

    same, sentence = compare_remade(path.read_bytes())
    click.echo(sentence)
    raise SystemExit(0 if same else 1)
