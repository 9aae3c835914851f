"""Erase one person everywhere: values, addresses, messages, letters, the name, the pseudonym.

An agent goes by the pseudonym of the reference data, a member of staff by ``user:`` and the name of
a closed account. Counts and commitments stay. In rows that stay (plans, reliefs, versions of the
reference data) one random token takes the place of the agent's pseudonym, and the pseudonym of
the account that of the name, so that rows still refer to each other. Packages register with
:mod:`releve.erasure`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from releve.accounts import reidentification
from releve.accounts.grants import STREAM, AccessError
from releve.accounts.models import DirectoryAccount, FactorReset, IdentityRequest, User
from releve.accounts.scopes import can
from releve.erasure import Findings, registered
from releve.erasure.columns import ACCOUNT_NAMES
from releve.errors import Phrase
from releve.ledger.account_names import ACCOUNT_PREFIX, erase_name, give_pseudonym
from releve.ledger.chain import append, lock_head
from releve.ledger.erasure import ERASED, scrub_files
from releve.ledger.export import note_act

ACCOUNT_SUBJECT = "user:"
"""A member of staff goes by this and the name of the account, in the ledger's values too."""
ACCOUNT_TABLES = (
    "accounts_user",
    "accounts_directoryaccount",
    "account_emailaddress",
    "socialaccount_socialaccount",
    "ledger_accountname",
    *ACCOUNT_NAMES,
)
"""Tables that are rewritten afterwards, so that their files hold no copy."""


def find_account(agent: str) -> User | None:
    """Return the account of a person who goes by one, None for an agent or where there is none."""
    if not agent.startswith(ACCOUNT_SUBJECT):
        return None
    return User.objects.filter(username=agent.removeprefix(ACCOUNT_SUBJECT)).first()


def count_rows(user: User) -> int:
    """Return how many rows name an account besides its own."""
    name = user.get_username()
    return sum(model._base_manager.filter(**{column: name}).count() for model, column in _list_columns())


def erase_account(user: User) -> int:
    """Put the pseudonym in place of the name of a closed account; return in how many rows.

    Inside the caller's transaction.
    """
    name = user.get_username()
    pseudonym = give_pseudonym(name)
    changed = sum(
        model._base_manager.filter(**{column: name}).update(**{column: pseudonym}) for model, column in _list_columns()
    )
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    DirectoryAccount.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    FactorReset.objects.filter(user=user).update(reason="")
    User.objects.filter(pk=user.pk).update(username=pseudonym, email="", first_name="", last_name="", password="!")
    return changed + 1 + erase_name(name)


def _list_columns() -> list[tuple[type[Model], str]]:
    models: dict[str, type[Model]] = {row._meta.db_table: row for row in apps.get_models()}
    return [(models[table], column) for table, names in ACCOUNT_NAMES.items() for column in names]


AGENT = "erase.agent"
"""The act of the journal: ``agent``, by pseudonym."""
_TOKEN = "erased-"
_TOKEN_BYTES = 6
_WHETHER = ("name", "values")
"""Kinds of which only is said whether there are any."""


@dataclass(frozen=True, slots=True)
class ErasurePreview:
    """How much there is of an agent, by kind of record: what an erasure takes and what it leaves.

    ``files`` are files of the plan folder that hold the pseudonym: they are the operator's, and
    stay.
    """

    erased: Mapping[str, int | bool]
    kept: Mapping[str, int]
    files: tuple[str, ...]

    @property
    def found(self) -> bool:
        return any(self.erased.values())

    def without_counts(self) -> ErasurePreview:
        """Return what a page may show: of the name and of values only whether there are any.

        A case has more values in the ledger than an absence.
        """
        erased = {kind: bool(count) if kind in _WHETHER else count for kind, count in self.erased.items()}
        return replace(self, erased=erased)


def preview_erasure(user: User, agent: str) -> ErasurePreview:
    """Return what erasing an agent would take and leave; nothing is changed."""
    agent = _check_erasure(user, agent)
    findings = [room.find(agent) for room in registered()]
    return ErasurePreview(
        {kind: count for found in findings for kind, count in found.erased.items()},
        {kind: count for found in findings for kind, count in found.kept.items()},
        tuple(_files_naming(agent)),
    )


def erase_person(user: User, agent: str) -> int:
    """Erase an agent; return how many values of the ledger were erased.

    An erasure that is interrupted at any instant can be repeated and completes: each room erases
    outside the database first, and the database is changed in one transaction. OperationalError
    where another connection kept the database from rewriting its files: repeat it then, too.
    """
    return erase_agent(_check_erasure(user, agent), actor=user.get_username())


def erase_agent(agent: str, *, actor: str) -> int:
    """Erase an agent for an act that was checked before: see :func:`erase_person`."""
    token = _TOKEN + secrets.token_hex(_TOKEN_BYTES)
    with transaction.atomic():
        lock_head()
        note_act(AGENT, agent=agent)
        now = timezone.now()
        done: dict[str, Any] = {}
        for room in registered():
            done |= room.erase(agent, token, now)
        values = int(done["values"])
        if not values and any(done.values()):
            append(ERASED, {"cause": "person", "values": 0}, recorded_at=now)
        append("identity.erased", {**done, "actor": actor}, stream=STREAM, recorded_at=now)
        transaction.on_commit(_rewrite_files)
    return values


def _check_erasure(user: User, agent: str) -> str:
    """Return the pseudonym to erase; AccessError where this user may not, or it is missing."""
    if not can(user, "users.manage"):
        raise AccessError(Phrase("only an administrator erases a person"))
    if not agent.strip():
        raise AccessError(Phrase("the pseudonym is missing: name the person"))
    account = find_account(agent.strip())
    if account is not None and account.is_active:
        raise AccessError(Phrase("the account is open: close it first"))
    if agent.startswith((_TOKEN, ACCOUNT_SUBJECT + ACCOUNT_PREFIX)):
        raise AccessError(Phrase("this person has been erased already"))
    return agent.strip()


def _files_naming(agent: str) -> list[str]:
    """Return the files of the plan folder and of plans computed here that hold a pseudonym."""
    folders = [settings.PLAN_FOLDER, Path(settings.HOME) / "planruns"]
    found = [
        path
        for folder in folders
        if folder is not None
        for path in Path(folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    inside = agent.encode()
    return sorted(path.name for path in found if inside in path.read_bytes())


def _rewrite_files() -> None:
    """Rewrite the database files, in which the bytes of deleted rows remain.

    SQLite rewrites the whole database; PostgreSQL the tables that the rooms name.
    """
    tables = {"ledger_personal"}
    if connection.vendor == "postgresql":
        tables |= {table for room in registered() for table in room.tables} | {*ACCOUNT_TABLES}
    else:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
    if not scrub_files(sorted(tables)):
        raise OperationalError(
            "another connection was reading, so the database files still hold what was erased: repeat the erasure"
        )


LOOK_DAYS = 365
"""A look behind a pseudonym can be examined for so long; the ledger's entry about it stays."""


class AccountsData:
    """Requests to see a name, and the file of names; dated values are in the ledger."""

    name = "accounts"
    tables: Sequence[str] = ("accounts_identityrequest",)

    def find(self, agent: str) -> Findings:
        requests = IdentityRequest.objects.filter(pseudonym=agent).count()
        found = {"looks": requests, "name": int(reidentification.has_name(agent))}
        if (user := find_account(agent)) is not None:
            found["named"] = 1 + count_rows(user)
        return Findings(found)

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = IdentityRequest.objects.filter(pseudonym=agent)
        names = ("asked_by", "asked_at", "reason", "allowed_by", "open_until")
        return {"looks": list(rows.values(*names))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        user = find_account(agent)
        if user is not None:
            return {"named": erase_account(user)}
        reidentification.erase_identity(agent)
        return {}

    def erase_due(self, now: datetime) -> int:
        """Erase looks of a year ago and sessions that are over."""
        looks = IdentityRequest.objects.filter(asked_at__lt=now - timedelta(days=LOOK_DAYS))
        count = looks.delete()[0] + Session.objects.filter(expire_date__lt=now).delete()[0]
        running = Session.objects.values("session_key")
        count += UserSession.objects.exclude(session_key__in=running).delete()[0]
        return int(count)
