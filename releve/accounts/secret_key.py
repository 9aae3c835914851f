"""The installation's secret key: held against what was encrypted under it, rotated, replaced.

It signs sessions and links and encrypts second factors. A rotated key is followed by the old one
for some days (``RELEVE_SECRET_KEY_OLD``, or further lines of the file), so that sessions and links
go on; second factors are encrypted under the new one at once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management.utils import get_random_secret_key
from django.db import transaction

from releve import environment
from releve.accounts.factor_box import encrypt_factors_again
from releve.accounts.grants import STREAM, AccessError, remove_factors
from releve.accounts.models import User
from releve.accounts.two_people import COMMAND_LINE
from releve.files.atomic import write_file
from releve.ledger.chain import append
from releve.ledger.key_files import ensure_key, make_key_file, stored_key_check
from releve.ledger.models import KeyCheck

__all__ = ["NAME", "compute_check", "ensure_secret", "replace_lost_secret", "rotate_secret"]

NAME = "secret"
"""Under which the check value stands in the database."""
_VARIABLE = "RELEVE_SECRET_KEY"


def ensure_secret(now: datetime, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a key that is not the one of the accounts; make one where there is neither.

    AccessError says how to mend it. A key that follows one of the old ones beside it is taken over:
    second factors are encrypted under it.
    """
    keys = _read_keys(environ, now.date())
    stored = stored_key_check(NAME)
    if keys and stored in [compute_check(key) for key in keys[1:]]:
        _adopt(keys, now)
        return

    def fault(what: str) -> AccessError:
        return AccessError(
            f"the secret key {what}: restore {environment.SECRET_FILE} from its copy to"
            f" {_file(environ)}, or set {_VARIABLE} to what it was; sessions and second factors do"
            " not hold without it (`releve desk secret replace` gives them up)"
        )

    def find() -> str | None:
        found = environment.load_or_create_secret(environ, _VARIABLE)
        return compute_check(found) if found else None

    def make() -> None:
        make_key_file(_file(environ), settings.SECRET_KEY)

    ensure_key(NAME, find, make, User.objects.exists, fault)


def rotate_secret(now: datetime, days: int, environ: Mapping[str, str] = os.environ) -> date:
    """Make a new key in the file, with the old one kept for some days; return the last of them.

    Every process that runs has to be started again: it reads second factors under the old key.
    AccessError where the key stands in the environment, with what to do there.
    """
    ensure_secret(now, environ)
    if environment.read_secret(environ, _VARIABLE):
        raise AccessError(
            f"{_VARIABLE} holds the key: set it to a new one and {_VARIABLE}_OLD to what it was,"
            " then run any command; take the old one away when sessions have ended"
        )
    path, last = _file(environ), now.date() + timedelta(days=days)
    current, *older = path.read_text(encoding="ascii").split("\n")
    lines = [get_random_secret_key(), f"{current} {last}", *(line for line in older if line)]
    write_file(path, "\n".join(lines) + "\n", mode=0o600)
    _adopt(_read_keys(environ, now.date()), now)
    return last


@transaction.atomic
def replace_lost_secret(now: datetime, environ: Mapping[str, str] = os.environ) -> int:
    """Take a new key for one that is lost; return how many people set their second factor up again.

    Factors that were encrypted under the lost key go, as do all sessions and links.
    """
    if not environment.load_or_create_secret(environ, _VARIABLE):
        make_key_file(_file(environ), get_random_secret_key())
    found = environment.load_or_create_secret(environ, _VARIABLE)
    if compute_check(found) == stored_key_check(NAME):
        raise AccessError("the secret key is the one that the database was written with: not lost")
    holders = User.objects.filter(pk__in=Authenticator.objects.values("user")).order_by("pk")
    count = len(holders)
    for user in holders:
        remove_factors(user, by=COMMAND_LINE)
    _hold(found, "access.secret_replaced", now)
    return count


def compute_check(secret: str) -> str:
    """Return the value by which a key is known again; the key cannot be found from it."""
    return hmac.new(secret.encode(), b"releve secret check 1\n", hashlib.sha256).hexdigest()[:32]


@transaction.atomic
def _adopt(keys: list[str], now: datetime) -> None:
    encrypt_factors_again(keys)
    _hold(keys[0], "access.secret_rotated", now)


def _hold(secret: str, kind: str, now: datetime) -> None:
    KeyCheck.objects.update_or_create(name=NAME, defaults={"value": compute_check(secret)})
    append(kind, {"actor": COMMAND_LINE}, stream=STREAM, recorded_at=now)


def _read_keys(environ: Mapping[str, str], today: date) -> list[str]:
    """Return the key and the old ones that are still kept; nothing where there is none."""
    current = environment.load_or_create_secret(environ, _VARIABLE)
    return [current, *environment.read_old_secrets(environ, _VARIABLE, today)] if current else []


def _file(environ: Mapping[str, str]) -> Path:
    return environment.find_home(environ) / environment.SECRET_FILE
