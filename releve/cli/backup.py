"""``releve backup``: write the installation into one encrypted file, or check such a file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from releve.cli.database import open_home

__all__ = ["backup", "save_backup"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--check", is_flag=True, help="Check FILE instead of writing it.")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="Public key of age (age1…) that it is encrypted to; RELEVE_BACKUP_TO.",
)
@click.option(
    "--identity", type=_FILE, help="With --check: file of `age-keygen`, to decrypt and count."
)
def backup(path: Path, check: bool, recipients: tuple[str, ...], identity: Path | None) -> None:
    """Write the database, the home's files and the keys into FILE, encrypted; or check FILE.

    Nothing has to stop for it. The file is signed with the ledger's key. The key of the names
    behind pseudonyms (RELEVE_IDENTITY_KEY) and the plan folder are not in it.
    """
    if not check:
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
        click.echo(
            "warning: not signed, for want of the ledger's key: see `releve doctor`", err=True
        )
