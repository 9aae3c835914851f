"""Tokens of programs, the installation's secret key, and the limit of requests per minute.

A token has one role for a limited time. Its secret is shown once; only its SHA-256 is stored, which
is enough for 256 random bits. The secret key signs sessions and links and encrypts second factors.
After a rotation the old one (``RELEVE_SECRET_KEY_OLD``, or further lines of the file) stays valid
for some days; second factors are encrypted under the new one at once. Requests are counted in the
database for all processes: each adds its count a twentieth of the limit at a time, since a write
for each request would make readers wait, so the limit may be passed by a twentieth a process.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.utils import get_random_secret_key
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from releve import environment
from releve.accounts.grants import (
    STREAM,
    AccessError,
    RoleRequest,
    check_places,
    encrypt_factors_again,
    remove_factors,
    select_valid_tokens,
)
from releve.accounts.models import RequestCount, Token, User
from releve.accounts.two_people import COMMAND_LINE, TOKEN_PREFIX
from releve.files.atomic import write_file
from releve.ledger.chain import append
from releve.ledger.keys import ensure_key, make_key_file, stored_key_check
from releve.ledger.models import KeyCheck

PREFIX = "releve_"
"""What every secret begins with, so that a search of files for leaked ones finds it."""
LONGEST_DAYS = 366
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a token may be called."""


@transaction.atomic
def issue_token(name: str, wanted: RoleRequest, *, by: str) -> tuple[Token, str]:
    """Issue a token; return it and its secret, which is not stored."""
    if not NAME.fullmatch(name):
        raise AccessError("a token's name has up to 100 letters, digits, dots, dashes; no space")
    if Token.objects.filter(name=name).exists():
        raise AccessError(f"there is a token {name!r} already, or there was: take another name")
    check_places(wanted)
    now = timezone.now()
    ends_at = _check_end(wanted, now)
    secret = PREFIX + secrets.token_urlsafe(32)
    found = Token(
        name=name,
        digest=_digest(secret),
        role=wanted.role,
        sites=list(wanted.sites),
        clients=list(wanted.clients),
        ends_at=ends_at,
        given_by=by,
        given_at=now,
    )
    try:
        found.save()
    except ValidationError as error:
        raise AccessError(" ".join(error.messages)) from error
    reach = {"role": wanted.role, "sites": list(wanted.sites), "clients": list(wanted.clients)}
    body = {**reach, "ends_at": ends_at.isoformat(), "token": name, "actor": by}
    append("access.token_given", body, recorded_at=now, stream=STREAM)
    return found, secret


def get_token(name: str) -> Token:
    found = Token.objects.filter(name=name).first()
    if found is None:
        raise AccessError(f"there is no token of the name {name!r}")
    return found


def authenticate(secret: str) -> User | None:
    """Return the program that a secret identifies, with its role; None if invalid. Two queries."""
    if not secret.startswith(PREFIX):
        return None
    now = timezone.now()
    found = Token.objects.filter(digest=_digest(secret), ends_at__gt=now).first()
    return None if found is None else build_program(found, now)


def build_program(token: Token, now: datetime) -> User | None:
    """Return the program that a token stands for, with its role; None where it opens nothing at that instant."""
    held = token.to_held_role()
    if held is None or not token.is_active_at(now) or not select_valid_tokens([token], now):
        return None
    user = User(username=f"{TOKEN_PREFIX}{token.name}")
    user.visitor_role = held
    return user


def is_program(user: object) -> bool:
    """Return whether a user is a program rather than a person."""
    return isinstance(user, User) and user.get_username().startswith(TOKEN_PREFIX)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_end(wanted: RoleRequest, now: datetime) -> datetime:
    """Return when a token ends, at most a year from now, so that a forgotten one stops working."""
    ends_at, latest = wanted.ends_at(), now + timedelta(days=LONGEST_DAYS)
    if ends_at is None:
        raise AccessError("say until which day the token opens")
    if not now < ends_at <= latest:
        raise AccessError(f"its last day must be today or later, and before {latest.date()}")
    return ends_at


SECRET_NAME = "secret"
"""Under which the check value stands in the database."""
_VARIABLE = "RELEVE_SECRET_KEY"


def ensure_secret(now: datetime, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a key that is not the one of the accounts; make one where there is neither.

    AccessError says how to mend it. A key that follows one of the old ones beside it is taken over:
    second factors are encrypted under it.
    """
    keys = _read_keys(environ, now.date())
    stored = stored_key_check(SECRET_NAME)
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

    ensure_key(SECRET_NAME, find, make, User.objects.exists, fault)


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
    if compute_check(found) == stored_key_check(SECRET_NAME):
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
    KeyCheck.objects.update_or_create(name=SECRET_NAME, defaults={"value": compute_check(secret)})
    append(kind, {"actor": COMMAND_LINE}, stream=STREAM, recorded_at=now)


def _read_keys(environ: Mapping[str, str], today: date) -> list[str]:
    """Return the key and the old ones that are still kept; nothing where there is none."""
    current = environment.load_or_create_secret(environ, _VARIABLE)
    return [current, *environment.read_old_secrets(environ, _VARIABLE, today)] if current else []


def _file(environ: Mapping[str, str]) -> Path:
    return environment.find_home(environ) / environment.SECRET_FILE


_WINDOW = timedelta(minutes=1)
_PARTS = 20
_MOST_KEPT = 10_000
_lock = Lock()
_log = logging.getLogger("releve.desk")


@dataclass
class _Count:
    """What is known here of a minute: ``common`` of all processes, ``own`` not added to it yet."""

    began: datetime
    common: int = 0
    own: int = 0


_counted: OrderedDict[str, _Count] = OrderedDict()


def seconds_to_wait(who: str, most: int, now: datetime) -> int:
    """Count a request at ``now``; return the seconds to wait, 0 while it is allowed.

    ``most`` requests are allowed in a minute that starts with the first of them.
    """
    with _lock:
        found = _row(who, now)
        if found.common + found.own >= most:
            return _wait(found, now)
        found.own += 1
        if found.common and found.own < most // _PARTS:
            return 0
        adding, found.own = found.own, 0
    try:
        began, common = _added(who, adding, now)
    except DatabaseError as error:  # a busy counter refuses no request
        _log.warning("requests are counted by this process alone: %s", error)
        began, common = found.began, found.common + adding
    with _lock:
        found.began, found.common = began, common
        return _wait(found, now) if common > most else 0


def _row(who: str, now: datetime) -> _Count:
    found = _counted.get(who)
    if found is None or abs(now - found.began) >= _WINDOW:  # abs: the clock may have been set back
        found = _counted[who] = _Count(now)
    _counted.move_to_end(who)
    while len(_counted) > _MOST_KEPT:
        _counted.popitem(last=False)
    return found


def _wait(found: _Count, now: datetime) -> int:
    return max(1, math.ceil((found.began + _WINDOW - now).total_seconds()))


def _added(who: str, count: int, now: datetime) -> tuple[datetime, int]:
    """Add to the shared count of a requester's minute; return when that began, and the count."""
    name = salted_hmac("releve.accounts.tokens", who, algorithm="sha256").hexdigest()
    mine = RequestCount.objects.filter(pk=name)
    runs = Q(began_at__gt=now - _WINDOW, began_at__lt=now + _WINDOW)  # later: the clock was ahead
    if not mine.filter(runs).update(count=F("count") + count):
        RequestCount.objects.exclude(runs).delete()
        RequestCount.objects.bulk_create([RequestCount(name=name, began_at=now)], ignore_conflicts=True)
        mine.update(count=F("count") + count)
    return mine.values_list("began_at", "count").first() or (now, count)


def forget() -> None:
    with _lock:
        _counted.clear()
