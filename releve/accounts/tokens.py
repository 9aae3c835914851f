"""Tokens, by which programs use the API: one role, for a limited time.

The secret is shown once, when the token is issued; only its SHA-256 is stored. It has 256 random
bits, which cannot be guessed, so a slow hash would only slow every request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import (
    STREAM,
    AccessError,
    RoleRequest,
    check_places,
    select_valid_tokens,
)
from releve.accounts.models import Token, User
from releve.accounts.two_people import TOKEN_PREFIX
from releve.ledger.chain import append

__all__ = [
    "LONGEST_DAYS",
    "NAME",
    "PREFIX",
    "authenticate",
    "get_token",
    "is_program",
    "issue_token",
]

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
    """Return a token by its name."""
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
    held = None if found is None else found.to_held_role()
    if found is None or held is None or not select_valid_tokens([found], now):
        return None
    user = User(username=f"{TOKEN_PREFIX}{found.name}")
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
