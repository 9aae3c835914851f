"""``releve ledger``: seal, verify, export, prove and erase."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from releve.cli.backup import print_after_restore
from releve.cli.database import open_database

if TYPE_CHECKING:
    from releve.ledger.roots import SignedRoot


_P = ParamSpec("_P")
_R = TypeVar("_R")
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_INPUT = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def ledger() -> None:
    """Seal, verify, export and prove what was recorded; erase what is due."""


def _on_the_ledger(command: Callable[_P, _R], *, reads: bool = False) -> Callable[_P, _R]:
    """Open the database first; say what goes wrong in a sentence."""

    @functools.wraps(command)
    def opened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        open_database(reads=reads)
        from django.db import DatabaseError

        from releve.ledger.guards import LedgerError

        try:
            return command(*args, **kwargs)
        except (LedgerError, DatabaseError, OSError) as error:
            raise click.ClickException(str(error)) from error

    return opened


_on_its_entries = functools.partial(_on_the_ledger, reads=True)
"""For a command that only reads: a ledger that is behind is shown, with a warning."""


@ledger.command()
@click.option("--out", type=_FOLDER, help="Folder for the root's file; `roots` in RELEVE_HOME.")
@_on_the_ledger
def seal(out: Path | None) -> None:
    """Sign a root over all entries so far and write its file.

    Send the file to another party each day, by e-mail or into a folder that they keep: with it they
    can detect a history that was cut or rewritten. Where nothing was added since
    the last root, that one is written again. A root that stands is never replaced by another.
    """
    from releve.ledger.rollback import roots_folder
    from releve.ledger.roots import publish_checkpoint, publish_root
    from releve.ledger.seal import seal_ledger

    root, folder = seal_ledger(datetime.now(UTC)), out or roots_folder()
    path = publish_root(root, folder)
    click.echo(f"root {root.number} over {root.size} entries: {path}")
    click.echo(f"checkpoint: {publish_checkpoint(root, folder)}")


@ledger.command()
@click.option("--root", "number", type=click.IntRange(1), help="Root; the last.")
@click.option("--verifier-key", is_flag=True, help="Print the key that tools of others take.")
@_on_its_entries
def checkpoint(number: int | None, verifier_key: bool) -> None:
    """Print the checkpoint of a root (C2SP), with the cosignatures of witnesses.

    Tools that were not written here verify it: see docs/ledger.md.
    """
    from releve.ledger.roots import build_checkpoint, format_verifier_key
    from releve.ledger.witnesses import list_cosignatures

    if verifier_key:
        click.echo(format_verifier_key())
        return
    root = _find_root(number)
    click.echo(build_checkpoint(root) + list_cosignatures(root), nl=False)


@ledger.command()
@click.argument("url")
@click.option("--key", "verifier_key", required=True, help="The witness's verifier key.")
@click.option("--root", "number", type=click.IntRange(1), help="Root; the last.")
@_on_the_ledger
def witness(url: str, verifier_key: str, number: int | None) -> None:
    """Have the witness at URL cosign a root's checkpoint, and keep its cosignature.

    A witness that refuses because the ledger did not grow from what it saw before raises an alarm:
    exit status 1, and an entry of kind `ledger.refused`.
    """
    from releve.ledger.witnesses import ask_witness

    done = ask_witness(url, _find_root(number), verifier_key)
    click.echo(f"{done.url} cosigned root {done.root} over {done.size} entries")


@ledger.command()
@_on_its_entries
def witnesses() -> None:
    """List the witnesses that were asked; exit status 1 where one refused."""
    from releve.ledger.witnesses import list_witnesses

    found = list_witnesses()
    for one in found:
        said = f"ALARM {one.alarm}" if one.alarm else f"root {one.root} over {one.size} entries"
        click.echo(f"{one.url} {one.at}: {said}")
    if any(one.alarm for one in found):
        raise SystemExit(1)


@ledger.command()
@click.option("--replace", is_flag=True, help="The key is lost: take the one in place, or a new one.")
@_on_the_ledger
def key(replace: bool) -> None:
    """Print the public key, which a verifier needs; the private key is made on first use.

    --replace is for a key that is lost: make the new one known as the first was. One that is not
    lost is rotated (`releve ledger rotate`).
    """
    from releve.ledger.keys import public_key
    from releve.ledger.seal import replace_key

    click.echo(replace_key(datetime.now(UTC)) if replace else public_key())


@ledger.command()
@click.option("--out", type=_FOLDER, help="Folder for the files; `roots` in RELEVE_HOME.")
@_on_the_ledger
def rotate(out: Path | None) -> None:
    """Rotate the key that signs roots: a new one, which the old one signs and which signs it back.

    Seals before and after, and writes both roots and the rotation: send them out as every root. A
    verifier that has either public key follows the rotation to the other. The old private key is
    destroyed where it stands in a file. Where it is RELEVE_LEDGER_KEY, set RELEVE_LEDGER_NEXT_KEY
    first, and RELEVE_LEDGER_KEY to the same afterwards: nothing is signed until then.
    """
    from django.conf import settings

    from releve.ledger.rollback import roots_folder
    from releve.ledger.roots import publish_root
    from releve.ledger.seal import rotate_key

    folder = out or roots_folder()
    rotation, roots = rotate_key(datetime.now(UTC))
    for path in [publish_root(root, folder) for root in roots] + [rotation.publish(folder)]:
        click.echo(str(path))
    click.echo(f"public key from now on: {rotation.key}")
    if settings.LEDGER_KEY:
        click.echo("now set RELEVE_LEDGER_KEY to what RELEVE_LEDGER_NEXT_KEY holds, and restart")


@ledger.command("catch-up")
@click.option("--outside", required=True, type=_INPUT, help="Folder with all documents sent out.")
@click.option("--identity", required=True, type=click.Path(exists=True, dir_okay=False,
              path_type=Path), help="File of `age-keygen`.")  # fmt: skip
@_on_its_entries
def catch_up(outside: Path, identity: Path) -> None:
    """Put into a database that was rolled back what was sent out since, from the journal.

    For a database that was put back by other means than `releve restore`, and is an older copy of
    itself. Stop the other processes first. What it lacks then, two administrators declare lost.
    """
    from releve.upkeep.archive import read_identities
    from releve.upkeep.replay import read_outside
    from releve.upkeep.restore import catch_up as put_back

    found = read_outside(outside, read_identities(identity))
    report = put_back(found, datetime.now(UTC))
    if report.entry:
        click.echo(f"from the journal: {report.entries} entries, {sum(report.acts.values())} acts")
    else:
        click.echo("nothing in that folder is missing from the database: nothing was changed")
    if report.acts:
        click.echo("acts in the journal are encrypted and not signed: they are as they were found")
    if report.lost_entries:
        click.echo(
            f"lost: {report.lost_entries} entries under the published root {report.lost_root};"
            " nothing is written until two administrators have declared it: `releve ledger"
            " declare-loss`"
        )
    if report.entry:
        print_after_restore(report.aside)


@ledger.command("declare-loss")
@click.argument("people", nargs=2, metavar="ADMINISTRATOR ADMINISTRATOR")
@click.option("--reason", required=True, help="What happened; it is written down.")
@_on_its_entries
def declare_loss(people: tuple[str, str], reason: str) -> None:
    """Have two ADMINISTRATORs declare lost what the database lacks of its ledger.

    Each gives the own password and, where one is set up, the code of the second factor. Neither may
    have had access to the other's account; where no two administrators count as two people yet,
    this declares that these two are. The ledger goes on after that, and says so for good; the
    numbers of the lost roots are not given again.
    """
    from releve.upkeep import restore

    now = datetime.now(UTC)
    restore.find_loss()
    found = [restore.find_person(name, now) for name in people]
    for person in found:
        name = person.get_username()
        password = click.prompt(f"Password of {name}", hide_input=True)
        asked = bool(restore.find_code_factors(person))
        code = click.prompt(f"Code of the second factor of {name}") if asked else ""
        restore.check_identity(person, password, code)
    done = restore.declare_loss(found, reason, now)
    click.echo(f"declared lost in entry {done.entry}: {done.mark}")
    print_after_restore(done.aside)
    click.echo("now make a backup: one from before cannot be brought past this loss")


@ledger.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--values", is_flag=True, help="Show personal values too: for who may see them all.")
@click.option("--verifier", type=_FILE, help="Write the verifier beside it, under this name.")
@_on_its_entries
def export(path: Path, values: bool, verifier: Path | None) -> None:
    """Write the whole ledger into FILE, one entry or root a line.

    Without --values, personal values stay salted commitments, which tell nothing.
    """
    from releve.ledger.export import write_export
    from releve.ledger.own_ledger import load_verifier

    write_export(path, values=values)
    click.echo(f"{path}: personal values {'shown' if values else 'not shown'}")
    if verifier is not None:
        verifier.write_bytes(load_verifier().content)
        click.echo(f"python {verifier} {path} --key {_key()}")


@ledger.command()
@click.option(
    "--root",
    "outside",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Root kept outside; may be given again.",
)
@_on_its_entries
def verify(outside: tuple[Path, ...]) -> None:
    """Verify this installation's ledger, its personal values included.

    It is compared with the newest root in `roots` of RELEVE_HOME and in the folder of
    RELEVE_OUTSIDE too. Exit status 1 where a fault is found; each is named. What is run is the
    stand-alone verifier that others are given.
    """
    from releve.ledger.own_ledger import verify_own_ledger
    from releve.ledger.rollback import compare_with_marks
    from releve.ledger.verify import Result, read_root, report

    try:
        checked = verify_own_ledger(lambda keys: (read_root(str(path), keys) for path in outside))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--root") from None
    problem = compare_with_marks().problem
    faults = [*checked.faults, *([problem] if problem else [])]
    raise SystemExit(report(Result(faults, checked.summary())))


@ledger.command()
@click.argument("seq", metavar="ENTRY", type=click.IntRange(1))
@click.option("--root", "number", type=click.IntRange(1), help="Root to prove it under; the last.")
@click.option("--show", multiple=True, help="Field whose personal value to show; may be repeated.")
@click.option("--health", is_flag=True, help="Even where the entry holds health data in clear.")
@click.option("--tlog", is_flag=True, help="As a tlog-proof (C2SP) of the entry's hash alone.")
@click.option("--cose", is_flag=True, help="As a COSE receipt (RFC 9942) of it; takes --out.")
@click.option("--out", type=_FILE, help="File for the proof; standard output.")
@_on_its_entries
def prove(
    seq: int, number: int | None, show: tuple[str, ...], health: bool, tlog: bool, cose: bool, out: Path | None
) -> None:
    """Write the proof that ENTRY, a number, was recorded, without any other entry.

    The stand-alone verifier checks it with the public key. Personal values and what tells of
    health are commitments in it, unless they are shown. Entries from before health was committed
    to hold it in clear: their proof is refused without --health.
    """
    from releve.ledger.digests import canonical_json
    from releve.ledger.disclosure import holds_health_in_clear, prove_entry
    from releve.ledger.roots import build_tlog_proof
    from releve.ledger.witnesses import build_receipt, list_cosignatures

    if cose:
        if out is None:
            raise click.UsageError("a receipt is bytes: give --out FILE")
        out.write_bytes(build_receipt(seq, _find_root(number)))
        click.echo(str(out))
        return
    if tlog:
        root = _find_root(number)
        _write(build_tlog_proof(seq, root, list_cosignatures(root)).removesuffix("\n"), out)
        return
    if holds_health_in_clear(seq) and not health:
        raise click.ClickException(
            f"entry {seq} holds health data in clear, which no proof can leave out: do not give it"
            " to a client; --health writes it all the same"
        )
    _write(canonical_json(prove_entry(seq, _find_root(number), disclose=show)), out)


@ledger.command()
@click.argument("folder", type=_FOLDER)
@click.option("--root", "number", type=click.IntRange(1), help="Root; the last.")
@_on_the_ledger
def tiles(folder: Path, number: int | None) -> None:
    """Write the tree as tiles (C2SP) into FOLDER, to be served as static files.

    They hold hashes alone and may be public. What is there stays; the checkpoint is written last.
    """
    from releve.ledger.disclosure import write_tiles

    root = _find_root(number)
    click.echo(f"{write_tiles(folder, root)} files written for root {root.number}: {folder}")


@ledger.command()
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1), required=False)
@click.option("--out", type=_FILE, help="File for the proof; standard output.")
@_on_its_entries
def growth(first: int, second: int | None, out: Path | None) -> None:
    """Write the proof that the entries under root FIRST are the beginning of those under SECOND.

    Roots are given by number; without SECOND, the last one is taken.
    """
    from releve.ledger.digests import canonical_json
    from releve.ledger.disclosure import prove_growth

    _write(canonical_json(prove_growth(_find_root(first), _find_root(second))), out)


@ledger.command()
@click.option("--subject", help="Person whose values in the ledger to erase, whatever their day.")
@_on_the_ledger
def erase(subject: str | None) -> None:
    """Erase the personal data that is due, as the daily jobs do, or one person's in the ledger.

    The entries and their proofs stand; the erasure is an entry of its own. Afterwards the
    database's files are rewritten where the values were: appends wait meanwhile. What else is held
    of the person is named; an administrator erases it on the desk's page People.
    """
    from releve.erasure import registered
    from releve.ledger.erasure import erase_subject, scrub_files
    from releve.live.api import erase_due_data

    now, elsewhere = datetime.now(UTC), []
    if subject is None:
        found = erase_due_data(now)
        count, scrubbed = found.erased, found.scrubbed
    elif subject:
        count = erase_subject(subject, now=now)
        scrubbed = scrub_files()
        elsewhere = [one.name for one in registered() if any(one.find(subject).erased.values())]
    else:
        raise click.BadParameter("is empty", param_hint="--subject")
    click.echo(f"{count} rows, values and files erased")
    if elsewhere:
        click.echo(
            f"still held of this person outside the ledger: {', '.join(elsewhere)}; an"
            " administrator erases a person everywhere on the desk's page People",
            err=True,
        )
    if not scrubbed:
        raise click.ClickException(
            "the values are erased, but another program may still see them: traces stay in the"
            " files of the database until this is run again"
        )


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
