"""Subscriptions of programs to what is recorded: made, renewed and ended; their secrets, which sign what is sent.

A subscription belongs to a token: it sends what that role may see, and no longer than the token opens.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import STREAM, AccessError, build_factor_box
from releve.accounts.models import DeadLetter, Subscription, Token
from releve.accounts.scopes import can
from releve.accounts.tokens import NAME, build_program
from releve.files.change_signal import announce_change
from releve.ledger.chain import append, read_head
from releve.ledger.disclosure import KIND_LABELS

PREFIX = "whsec_"
"""What a secret begins with (Standard Webhooks 1.0.0); the rest is 32 random bytes in Base64."""
OLD_SECRET_SIGNS = timedelta(days=1)
"""After a renewal both secrets sign, so that the receiver has time to take the new one."""


@dataclass(frozen=True, slots=True)
class SubscriptionLine:
    """A subscription and where it stands.

    ``state``: ``running``, ``failing``, ``paused`` or ``closed`` (its token opens nothing any more). ``behind``
    counts the entries of the ledger after the last that was looked at, of every kind.
    """

    number: int
    name: str
    program: str
    url: str
    kinds: tuple[str, ...]
    every_stream: bool
    state: str
    behind: int
    delivered_at: datetime | None
    failing_since: datetime | None
    next_at: datetime | None
    error: str
    dead_letters: tuple[DeadLetterLine, ...]


@dataclass(frozen=True, slots=True)
class DeadLetterLine:
    """An entry that the receiver refused; ``asked``: it is sent again by the next round of a worker."""

    number: int
    seq: int
    at: datetime
    error: str
    asked: bool


def list_subscriptions() -> tuple[SubscriptionLine, ...]:
    """Return every subscription by name."""
    now, head = timezone.now(), read_head().seq
    rows = Subscription.objects.select_related("token").prefetch_related("dead_letters")
    return tuple(
        SubscriptionLine(
            row.pk,
            row.name,
            row.token.name,
            row.url,
            tuple(row.kinds),
            not row.stream,
            _find_state(row, now),
            max(0, head - row.after),
            row.delivered_at,
            row.failing_since,
            row.next_at,
            row.error,
            tuple(
                DeadLetterLine(dead.pk, dead.seq, dead.at, dead.error, dead.asked) for dead in row.dead_letters.all()
            ),
        )
        for row in rows
    )


def can_follow(token: Token) -> bool:
    """Return whether a token opens something now, and its role reads the ledger."""
    program = build_program(token, timezone.now())
    return program is not None and can(program, "ledger.see")


def _find_state(row: Subscription, now: datetime) -> str:
    if build_program(row.token, now) is None:
        return "closed"
    if row.paused:
        return "paused"
    return "failing" if row.failing_since else "running"


@transaction.atomic
def make_subscription(
    name: str, token: Token, url: str, *, kinds: Sequence[str] = (), every_stream: bool = False, by: str
) -> tuple[Subscription, str]:
    """Make a subscription from the next entry on; return it and its secret, which is shown this once."""
    from releve.routing.webhook import parse_address  # brings an HTTP client

    if not NAME.fullmatch(name):
        raise AccessError("a webhook's name has up to 100 letters, digits, dots, dashes; no space")
    if Subscription.objects.filter(name=name).exists():
        raise AccessError(f"there is a webhook {name!r} already: take another name")
    if parse_address(url, private=settings.EVENTS_PRIVATE) is None:
        raise AccessError("a webhook's address must be https://host/path, without a user")
    for kind in kinds:
        if kind not in KIND_LABELS:
            raise AccessError(f"there is no kind of entry {kind!r}")
    if not can_follow(token):
        raise AccessError(f"the token {token.name!r} opens nothing any more, or its role reads no ledger")
    secret = _make_secret()
    row = Subscription.objects.create(
        name=name,
        token=token,
        url=url,
        kinds=sorted(set(kinds)),
        stream="" if every_stream else "live",
        secret=_box().encrypt(secret.encode()).decode(),
        after=read_head().seq,
        made_by=by,
    )
    body = {"subscription": name, "token": token.name, "kinds": row.kinds, "actor": by}
    append("access.subscription_made", body, recorded_at=row.made_at, stream=STREAM)
    return row, secret


@transaction.atomic
def renew_secret(row: Subscription, *, by: str) -> str:
    """Return a new secret of a subscription; the one before signs too for a day."""
    secret, now = _make_secret(), timezone.now()
    Subscription.objects.filter(pk=row.pk).update(
        secret=_box().encrypt(secret.encode()).decode(), old_secret=row.secret, renewed_at=now
    )
    append("access.subscription_renewed", {"subscription": row.name, "actor": by}, recorded_at=now, stream=STREAM)
    return secret


@transaction.atomic
def end_subscription(row: Subscription, *, by: str) -> None:
    """End a subscription, with its dead letters."""
    row.delete()
    body = {"subscription": row.name, "actor": by}
    append("access.subscription_ended", body, recorded_at=timezone.now(), stream=STREAM)


@transaction.atomic
def resume_subscription(row: Subscription) -> None:
    """Try at once: what waits goes on from where it stands, or from the ledger's end where that comes before."""
    after = min(row.after, read_head().seq)
    state = {"paused": False, "after": after, "attempts": 0, "failing_since": None, "next_at": None, "error": ""}
    Subscription.objects.filter(pk=row.pk).update(**state)
    announce_change()


@transaction.atomic
def ask_again(row: Subscription) -> int:
    """Ask for all dead letters of a subscription to be sent once more; return how many."""
    count = DeadLetter.objects.filter(subscription=row).update(asked=True)
    announce_change()
    return count


def drop_dead_letters(row: Subscription) -> int:
    """Drop the dead letters of a subscription; return how many."""
    return DeadLetter.objects.filter(subscription=row).delete()[0]


def read_secrets(row: Subscription, now: datetime) -> list[bytes]:
    """Return the keys that sign now, the newest first.

    AccessError where the secret key of the installation was lost: a renewed secret mends it.
    """
    stored = [row.secret]
    if row.old_secret and row.renewed_at is not None and now - row.renewed_at < OLD_SECRET_SIGNS:
        stored.append(row.old_secret)
    try:
        return [base64.b64decode(_box().decrypt(one.encode())[len(PREFIX) :]) for one in stored]
    except InvalidToken as error:
        raise AccessError(f"the secret of the webhook {row.name!r} cannot be read: renew it") from error


def _make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _box() -> MultiFernet:
    return build_factor_box([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
