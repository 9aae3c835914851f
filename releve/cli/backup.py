"""``releve backup`` and ``releve restore``: an installation in one encrypted file, and back."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from releve.cli.database import open_home
from releve.environment import find_home
from releve.plugin import list_plugins

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--check", is_flag=True, help="Check FILE instead of writing it.")
@click.option("--rehearsed", is_flag=True, help="Note that its restore was rehearsed on another machine.")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="Public key of age (age1…) that it is encrypted to; RELEVE_BACKUP_TO.",
)
@click.option("--identity", type=_FILE, help="With --check: file of `age-keygen`, to decrypt and count.")
def backup(path: Path, check: bool, rehearsed: bool, recipients: tuple[str, ...], identity: Path | None) -> None:
    """Write the database, the home's files and the keys into FILE, encrypted; or check FILE.

    Nothing has to stop for it. The file is signed with the ledger's key. The key of the names
    behind pseudonyms (RELEVE_IDENTITY_KEY) and the plan folder are not in it.
    """
    if not (check or rehearsed):
        open_home()
        save_backup(path, recipients)
        return
    from releve.errors import ReleveError
    from releve.upkeep.archive import check_members, read_identities, read_signer

    try:
        manifest, signer = check_members(path), read_signer(path)
        if identity is not None:
            _set_up()
            from releve.upkeep.backup import check_backup

            check_backup(path, read_identities(identity))
        if rehearsed:
            open_home()
            _note_rehearsal(find_home(os.environ))
    except (ReleveError, OSError) as error:
        raise click.ClickException(str(error)) from error
    read = "decrypted and followed" if identity else "whole; give --identity to decrypt it"
    click.echo(f"{path}: of {manifest['made_at']}, {manifest['entries']} entries, {read}")
    if signer:
        click.echo(f"signed by {signer}: compare it with the public key that was published")
    else:
        click.echo("NOT SIGNED: any holder of the recipient's public key could have made it")


def _set_up() -> None:
    """Set Django up for what reads no home: the machine that keeps the identity may have none."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django

    django.setup()


def save_backup(path: Path, recipients: tuple[str, ...]) -> None:
    """Write a backup and say so."""
    from django.db import DatabaseError

    from releve.errors import ReleveError
    from releve.upkeep.archive import read_signer
    from releve.upkeep.backup import write_backup

    try:
        manifest = write_backup(path, datetime.now(UTC), recipients)
    except (ReleveError, DatabaseError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{path}: {sum(manifest['rows'].values())} rows, {manifest['entries']} entries")
    if not read_signer(path):
        click.echo("warning: not signed, for want of the ledger's key: see `releve doctor`", err=True)


_FOLDER = click.Path(file_okay=False, path_type=Path)
_EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="FILE", type=_EXISTING_FILE)
@click.option("--home", type=_FOLDER, help="New folder of the installation.")
@click.option("--rehearse", is_flag=True, help="Into a throw-away folder, verified and removed, without --home.")
@click.option("--database", default="", help="postgres://… of an empty database; SQLite in --home.")
@click.option("--identity", required=True, type=_EXISTING_FILE, help="File of `age-keygen`.")
@click.option("--outside", type=_FOLDER, help="Folder with all documents sent out: *.age, *.json.")
@click.option("--without-outside", is_flag=True, help="No document that was sent out can be had.")
@click.option("--key", "keys", multiple=True, help="Public key of the ledger, as it was published "
              "[default: those of the roots in --outside].")  # fmt: skip
@click.option("--unsigned", is_flag=True, help="Take a backup that none of these keys signed.")
def restore(
    path: Path,
    home: Path | None,
    rehearse: bool,
    database: str,
    identity: Path,
    outside: Path | None,
    without_outside: bool,
    keys: tuple[str, ...],
    unsigned: bool,
) -> None:
    """Make an installation of the backup FILE, in a new home and an empty database.

    Erasures, withdrawals and ended access since the backup are repeated from --outside, and the
    ledger goes on where it stood; what it lacks then, two administrators declare lost. No message
    is sent a second time: what was queued is set aside. The gate refuses every call until the
    registers have been read again. The backup must be signed by the ledger's key, which is known
    from the roots in --outside or given by --key.

    With --rehearse all of this is done in a folder that is removed afterwards, and the ledger there
    is verified: exit status 1 where anything is wrong. A home of this machine notes that it was done.
    """
    if (home is None) is not rehearse:
        raise click.UsageError("give --home FOLDER, or --rehearse to try it in a throw-away one")
    if (outside is None) is not without_outside:
        raise click.UsageError(
            "give --outside FOLDER, or --without-outside: then people erased since the backup are"
            " back, and calls withdrawn since are not refused by it"
        )
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    from releve.errors import ReleveError

    given = _Given(path, identity, outside, keys, unsigned)
    was_there = home is not None and _holds_files(home)
    try:
        if home is None:
            _rehearse(given, database)
            return
        _use_home(home.absolute(), database)
        _restore(given, home.absolute())
    except (ReleveError, ImproperlyConfigured, DatabaseError, OSError) as error:
        said = " ".join(str(error).split())
        if home is not None and _holds_files(home) and not was_there:  # never tell to remove what was there before
            said += f"; {home} is not an installation: remove it before the next attempt"
        raise click.ClickException(said) from error


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _use_home(home: Path, database: str) -> None:
    os.environ |= {"RELEVE_HOME": str(home), "RELEVE_DATABASE_URL": database}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")


@dataclass(frozen=True, slots=True)
class _Given:
    """A backup with what opens it and comes on top of it, and whose signature is taken.

    ``keys`` are the public keys that were given; ``unsigned``: a backup of none of them is taken.
    """

    path: Path
    identity: Path
    outside: Path | None
    keys: tuple[str, ...]
    unsigned: bool


def _rehearse(given: _Given, database: str) -> None:
    """Restore into a folder that is removed, and verify the ledger there with the roots that left."""
    from releve.files.home import HomeError, is_home

    own, began = find_home(os.environ), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="releve-rehearsal-") as folder:
        home = Path(folder) / "home"
        _use_home(home, database)
        lost = _restore(given, home)
        from releve.ledger.own_ledger import verify_own_ledger
        from releve.ledger.verify import read_root

        roots = sorted(given.outside.glob("root-*.json")) if given.outside else []
        checked = verify_own_ledger(lambda keys: (read_root(str(root), keys) for root in roots[-1:]))
    for fault in checked.faults:
        click.echo(f"FAULT {fault}", err=True)
    if checked.faults or lost:
        raise click.ClickException("the rehearsal failed: a restore of this backup would lack what is named above")
    click.echo(f"REHEARSED {given.path} in {time.monotonic() - began:.0f} s: {checked.summary()}; nothing is left")
    known = False
    with suppress(HomeError):  # of another user
        known = is_home(own)
    if known:
        _note_rehearsal(own)
    else:
        click.echo(f"note it in the house: releve backup {given.path.name} --rehearsed")


def _note_rehearsal(home: Path) -> None:
    from releve.files.backup_notes import note_rehearsal

    note_rehearsal(home, datetime.now(UTC))
    click.echo(f"{home} notes the rehearsal")


def _restore(given: _Given, home: Path) -> int:
    """Make the installation; return how many entries are lost."""
    from releve.upkeep.archive import check_members, check_signer, list_root_keys, read_identities

    path, outside = given.path, given.outside
    manifest, identities = check_members(path), read_identities(given.identity)
    known = set(given.keys) or (list_root_keys(outside) if outside else set())
    click.echo(check_signer(path, known, unsigned=given.unsigned))
    from releve.upkeep.archive import unpack_home

    unpack_home(path, home, identities)
    import django

    django.setup()
    from releve.files.home import make_home
    from releve.upkeep.replay import Outside, read_outside
    from releve.upkeep.restore import needs_identity_key, restore_database

    found = Outside() if outside is None else read_outside(outside, identities)
    report = restore_database(path, manifest, identities, found, datetime.now(UTC))
    make_home(home, datetime.now(UTC))
    click.echo(f"{home}: {report.rows} rows of {manifest['made_at']}")
    click.echo(f"from the journal: {report.entries} entries, {sum(report.acts.values())} acts")
    if report.acts:
        click.echo("acts in the journal are encrypted and not signed: they are as they were found")
    if report.lost_entries:
        click.echo(
            f"lost: {report.lost_entries} entries under the published root {report.lost_root};"
            " the entry ledger.restored says so, and that root will not fit. Nothing is written"
            " until two administrators have declared the loss: `releve ledger declare-loss`"
        )
    if needs_identity_key():
        click.echo("names: RELEVE_IDENTITY_KEY is not set, so no name was erased: repeat erasures")
    print_after_restore(report.aside)
    return report.lost_entries


def print_after_restore(aside: int) -> None:
    """Print what is left to do after the database was put back."""
    click.echo(f"{aside} effects were set aside: see `releve live status`")
    for note in (note for plugin in list_plugins() for note in plugin.restore_notes):
        click.echo(note)
