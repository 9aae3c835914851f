"""People of the tests: an account with a role, its second factor set up, and signed in.

Another part's tests use :func:`signed_in` for what is stored and :func:`look_as` where no database
is needed (an open desk, whose visitor takes a role); :func:`read_page` and :func:`words` are what they read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any

from allauth.account.internal.flows.login import _AUTHENTICATION_METHODS_USER_SESSION_KEY
from allauth.account.internal.userkit import user_id_to_str
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.utils import timezone

from releve.accounts.models import AccountAct, Grant, User
from releve.accounts.permissions import BY_CLIENT, BY_SITE, DATED, Role
from releve.desk.access.guard import COOKIE, format_choice

__all__ = ["FR", "give", "look_as", "person", "sign_in", "signed_in"]

FR = {"accept-language": "fr"}
CLIENT = "banque-rive"
SITE = "casa-1"


def person(name: str, password: str | None = None, *, factor: bool = True) -> User:
    """Store an account; with a second factor by default."""
    user = User.objects.create_user(name, f"{name}@example.org", password)
    if factor:
        TOTP.activate(user, generate_totp_secret())
    return user


def give(
    user: User,
    role: Role,
    *,
    sites: Sequence[str] = (SITE,),
    clients: Sequence[str] = (CLIENT,),
    days: int | None = None,
) -> Grant:
    """Give a role from now on, for the sites or clients where it is held for some.

    A role that takes an end has one in thirty days. The account counts as a person of its own: one
    administrator gave it the role, another one confirmed it.
    """
    now = timezone.now()
    days = 30 if days is None and role in DATED else days
    grant = Grant.objects.create(
        user=user,
        role=role,
        sites=list(sites) if role in BY_SITE else [],
        clients=list(clients) if role in BY_CLIENT else [],
        starts_at=now - timedelta(minutes=1) + min(timedelta(0), timedelta(days=days or 0)),
        ends_at=None if days is None else now + timedelta(days=days),
        given_by="test",
    )
    confirmed_at = grant.given_at + timedelta(microseconds=1)
    AccountAct.objects.create(user=user, kind=AccountAct.CONFIRMED, by="witness", at=confirmed_at)
    return grant


def signed_in(role: Role, **limits: Sequence[str]) -> Client:
    """Return the browser of a user with one role who has just signed in."""
    user = person(f"{role.value}-{User.objects.count()}")
    give(user, role, **limits)
    return sign_in(user)


def sign_in(user: User, *, lately: bool = False) -> Client:
    """Return the browser of a signed-in user; ``lately``: with a recent proof of identity."""
    web = Client(headers=FR)
    web.force_login(user)
    if lately:
        session = web.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(user)
        session.save()
    return web


def look_as(role: Role, place: str = "") -> Client:
    """Return the browser of an open desk's visitor; OPEN_DESK must be on."""
    own = {Role.CLIENT: CLIENT, Role.SITE: SITE}.get(role, "")
    web = Client(headers=FR)
    web.cookies[COOKIE] = format_choice(role, place or own)
    return web


def read_page(web: Client, path: str) -> str:
    """Return the HTML of a page that opens."""
    answer = web.get(path)
    assert answer.status_code == 200, (path, answer.content[:300])
    return answer.content.decode()


def words(answer: Any) -> str:
    """Return what a page says, without tags and with single spaces."""
    return re.sub(r"[ \n]+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def read_text(web: Client, path: str) -> str:
    """Return the text of a page that opens, on one line and with its entities."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", read_page(web, path)))
