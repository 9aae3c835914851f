"""The installation's secret key, made once and kept in the home folder where none is set."""

from __future__ import annotations

import os
import secrets

import click

from releve import environment

__all__ = ["keep_secret"]


def keep_secret() -> None:
    """Make the key file that the settings read, unless there is one or RELEVE_SECRET_KEY is set.

    Links printed by one command, and sessions, then hold for the next one.
    """
    if environment.text(os.environ, "RELEVE_SECRET_KEY"):
        return
    path = environment.home(os.environ) / environment.SECRET_FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    with os.fdopen(stream, "w") as file:
        file.write(secrets.token_urlsafe(48))
