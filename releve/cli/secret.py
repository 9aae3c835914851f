"""The installation's secret key, made once and kept in the home folder where none is set."""

from __future__ import annotations

import hashlib
import hmac
import os

import click

from releve import environment

__all__ = ["keep_secret"]

_NAME = "RELEVE_SECRET_KEY"


def keep_secret() -> None:
    """Make the key file that the settings read, unless there is one or RELEVE_SECRET_KEY is set.

    Links printed by one command, and sessions, then hold for the next one. To be called with the
    database open: beside accounts, whose second factors are encrypted under it, a key that is
    missing or another one is refused.
    """
    from django.conf import settings

    from releve.accounts.models import User
    from releve.ledger.key_files import ensure_key, make_key_file

    path = environment.find_home(os.environ) / environment.SECRET_FILE

    def fault(what: str) -> click.ClickException:
        return click.ClickException(
            f"the secret key {what}: restore {environment.SECRET_FILE} from its copy to {path}, or"
            f" set {_NAME} to what it was; sessions and second factors do not hold without it"
        )

    def make() -> None:
        make_key_file(path, settings.SECRET_KEY)

    try:
        ensure_key("secret", _check, make, User.objects.exists, fault)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def _check() -> str | None:
    """Return the value by which the key is known again; None where there is no key."""
    key = environment.load_or_create_secret(os.environ, _NAME)
    if not key:
        return None
    return hmac.new(key.encode(), b"releve secret check 1\n", hashlib.sha256).hexdigest()[:32]
