"""``releve ledger``: seal, verify, export, prove and erase what was recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from releve.cli.database import open_database

if TYPE_CHECKING:
    from releve.ledger.roots import SignedRoot

__all__ = ["ledger"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def ledger() -> None:
    """Seal, verify, export and prove what was recorded; erase what is due."""


def _on_the_ledger(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Open the database first; say what goes wrong in a sentence."""

    @functools.wraps(command)
    def opened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        open_database()
        from django.db import DatabaseError

        from releve.ledger.errors import LedgerError

        try:
            return command(*args, **kwargs)
        except (LedgerError, DatabaseError, OSError) as error:
            raise click.ClickException(str(error)) from error

    return opened


@ledger.command()
@click.option("--out", type=_FOLDER, help="Folder for the root's file; `roots` in RELEVE_HOME.")
@_on_the_ledger
def seal(out: Path | None) -> None:
    """Sign a root over all entries so far and write its file.

    Send the file to another party each day, by e-mail or into a folder that they keep: with it they
    can detect a history that was cut or rewritten. Where nothing was added since
    the last root, that one is written again.
    """
    from django.conf import settings

    from releve.ledger.roots import publish_root, sign_root

    root = sign_root(datetime.now(UTC))
    path = publish_root(root, out or settings.HOME / "roots")
    click.echo(f"root {root.number} over {root.size} entries: {path}")


@ledger.command()
@click.option(
    "--replace", is_flag=True, help="The key is lost: take the one in place, or a new one."
)
@_on_the_ledger
def key(replace: bool) -> None:
    """Print the public key, which a verifier needs; the private key is made on first use."""
    from releve.ledger.keys import public_key, replace_key

    click.echo(replace_key() if replace else public_key())


@ledger.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--values", is_flag=True, help="Show personal values too: for who may see them all.")
@click.option("--verifier", type=_FILE, help="Write the verifier beside it, under this name.")
@_on_the_ledger
def export(path: Path, values: bool, verifier: Path | None) -> None:
    """Write the whole ledger into FILE, one entry or root a line.

    Without --values, personal values stay salted commitments, which tell nothing.
    """
    from releve.ledger.export import write_export

    write_export(path, values=values)
    click.echo(f"{path}: personal values {'shown' if values else 'not shown'}")
    if verifier is not None:
        verifier.write_text(_verifier().read_text(encoding="utf-8"), encoding="utf-8")
        click.echo(f"python {verifier} {path} --key {_key()}")


@ledger.command()
@click.option(
    "--root",
    "outside",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Root kept outside; may be given again.",
)
@_on_the_ledger
def verify(outside: tuple[Path, ...]) -> None:
    """Verify this installation's ledger, its personal values included.

    Exit status 1 where a fault is found; each is named. What is run is the stand-alone verifier
    that others are given.
    """
    from releve.evidence.verify import Export, read_root, report
    from releve.ledger.export import export_lines

    keys = [_key()]
    try:
        checked = Export(keys, [read_root(str(path), keys) for path in outside])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--root") from None
    checked.read(f"{line}\n".encode() for line in export_lines(values=True))
    raise SystemExit(report(checked.faults, checked.summary()))


@ledger.command()
@click.argument("seq", metavar="ENTRY", type=click.IntRange(1))
@click.option("--root", "number", type=click.IntRange(1), help="Root to prove it under; the last.")
@click.option("--show", multiple=True, help="Field whose personal value to show; may be repeated.")
@click.option("--health", is_flag=True, help="Even where the entry holds health data in clear.")
@click.option("--out", type=_FILE, help="File for the proof; standard output.")
@_on_the_ledger
def prove(
    seq: int, number: int | None, show: tuple[str, ...], health: bool, out: Path | None
) -> None:
    """Write the proof that ENTRY, a number, was recorded, without any other entry.

    The stand-alone verifier checks it with the public key. Personal values and what tells of
    health are commitments in it, unless they are shown. Entries from before health was committed
    to hold it in clear: their proof is refused without --health.
    """
    from releve.ledger.digests import canonical_json
    from releve.ledger.disclosure import holds_health_in_clear
    from releve.ledger.proofs import prove_entry

    if holds_health_in_clear(seq) and not health:
        raise click.ClickException(
            f"entry {seq} holds health data in clear, which no proof can leave out: do not give it"
            " to a client; --health writes it all the same"
        )
    _write(canonical_json(prove_entry(seq, _find_root(number), disclose=show)), out)


@ledger.command()
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1), required=False)
@click.option("--out", type=_FILE, help="File for the proof; standard output.")
@_on_the_ledger
def growth(first: int, second: int | None, out: Path | None) -> None:
    """Write the proof that the entries under root FIRST are the beginning of those under SECOND.

    Roots are given by number; without SECOND, the last one is taken.
    """
    from releve.ledger.digests import canonical_json
    from releve.ledger.proofs import prove_growth

    _write(canonical_json(prove_growth(_find_root(first), _find_root(second))), out)


@ledger.command()
@click.option("--subject", help="Person whose values to erase, whatever their day.")
@click.option("--on", help="Day up to which values are due, like 2026-12-31; today.")
@_on_the_ledger
def erase(subject: str | None, on: str | None) -> None:
    """Erase the personal values that are due, or all of one person.

    The entries and their proofs stand; the erasure is an entry of its own. Afterwards the
    database's files are rewritten where the values were: appends wait meanwhile.
    """
    from releve.ledger.erasure import erase_due, erase_subject, scrub_files

    now = datetime.now(UTC)
    if subject is not None and on is not None:
        raise click.UsageError("give --subject or --on, not both")
    if subject == "":
        raise click.BadParameter("is empty", param_hint="--subject")
    count = erase_subject(subject, now=now) if subject else erase_due(_parse_day(on, now), now=now)
    click.echo(f"{count} values erased")
    if not scrub_files():
        raise click.ClickException(
            "the values are erased, but another program may still see them: traces stay in the"
            " files of the database until this is run again"
        )


def _parse_day(text: str | None, now: datetime) -> date:
    """Return the day given, today without one; a day to come would erase what is not due."""
    try:
        day = date.fromisoformat(text) if text else now.date()
    except ValueError:
        fault = f"must be a day like 2026-12-31, got {text!r}"
        raise click.BadParameter(fault, param_hint="--on") from None
    if day > now.date():
        raise click.BadParameter(f"{day} is yet to come", param_hint="--on")
    return day


def _find_root(number: int | None) -> SignedRoot:
    """Return a root by number, or the last."""
    from releve.ledger.roots import load_last_root, load_root

    root = load_root(number) if number is not None else load_last_root()
    if root is None:
        raise click.ClickException("there is no root yet: `releve ledger seal` makes one")
    return root


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    click.echo(str(out))


def _key() -> str:
    from releve.ledger.keys import public_key

    return public_key()


def _verifier() -> Path:
    from releve.evidence import verify as module

    return Path(module.__file__)
