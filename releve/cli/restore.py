"""``releve restore``: make an installation of a backup again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

__all__ = ["restore"]

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--home", required=True, type=_FOLDER, help="New folder of the installation.")
@click.option("--database", default="", help="postgres://… of an empty database; SQLite in --home.")
@click.option("--identity", required=True, type=_FILE, help="File of `age-keygen`.")
@click.option("--outside", type=_FOLDER, help="Folder with all documents sent out: *.age, *.json.")
@click.option("--without-outside", is_flag=True, help="No document that was sent out can be had.")
@click.option("--key", "keys", multiple=True, help="Public key of the ledger, as it was published "
              "[default: those of the roots in --outside].")  # fmt: skip
@click.option("--unsigned", is_flag=True, help="Take a backup that none of these keys signed.")
def restore(
    path: Path,
    home: Path,
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
    """
    if (outside is None) is not without_outside:
        raise click.UsageError(
            "give --outside FOLDER, or --without-outside: then people erased since the backup are"
            " back, and calls withdrawn since are not refused by it"
        )
    os.environ |= {"RELEVE_HOME": str(home.absolute()), "RELEVE_DATABASE_URL": database}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    from releve.errors import ReleveError

    was_there = _holds_files(home)
    try:
        _restore(path, home.absolute(), identity, outside, _Trust(keys, unsigned))
    except (ReleveError, ImproperlyConfigured, DatabaseError, OSError) as error:
        said = " ".join(str(error).split())
        if _holds_files(home) and not was_there:  # never tell to remove what was there before
            said += f"; {home} is not an installation: remove it before the next attempt"
        raise click.ClickException(said) from error


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


@dataclass(frozen=True, slots=True)
class _Trust:
    """The public keys that were given, and whether a backup of none of them is taken."""

    keys: tuple[str, ...]
    unsigned: bool


def _restore(path: Path, home: Path, identity: Path, outside: Path | None, trust: _Trust) -> None:
    from releve.upkeep.archive import check_members, check_signer, read_identities
    from releve.upkeep.home_files import list_root_keys

    manifest, identities = check_members(path), read_identities(identity)
    known = set(trust.keys) or (list_root_keys(outside) if outside else set())
    click.echo(check_signer(path, known, unsigned=trust.unsigned))
    from releve.upkeep.home_files import unpack_home

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
    click.echo(f"{report.aside} effects were set aside: see `releve live status`")
    click.echo("the gate refuses calls until the registers are read: `releve outbound facts read`")
