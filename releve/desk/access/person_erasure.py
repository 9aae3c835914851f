"""Erasing one person everywhere: values, addresses, messages, letters, the name, the pseudonym.

What stays names nobody: counts, commitments without their values, and in plans, reliefs and
versions of the reference data a random token where the pseudonym stood, the same everywhere, so
that they still fit together.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from releve.accounts import reidentification
from releve.accounts.grants import STREAM, AccessError
from releve.accounts.models import IdentityRequest, User
from releve.accounts.scopes import can
from releve.ledger.chain import append, lock
from releve.ledger.erasure import ERASED, erase_subject, scrub, values_about
from releve.live import api as live
from releve.live import plan_erasure as plans
from releve.live.models import Activation, Contact, Message, PlanText, ReliefDay
from releve.live.plans import forget_plans
from releve.registry import erasure as registry
from releve.registry import storage
from releve.registry.models import Block, Upload

__all__ = ["Preview", "erase_everywhere", "preview"]

_TABLES = (Contact, Message, IdentityRequest, PlanText, ReliefDay, Activation, Block, Upload)
_TOKEN = "erased-"
_TOKEN_BYTES = 6


@dataclass(frozen=True, slots=True)
class Preview:
    """How much there is of a person, and what of it goes or stays.

    Gone: ``values`` of the ledger, ``addresses``, ``messages``, ``looks``, the ``name``. A token
    instead: days of ``plans`` and of ``reliefs``, ``blocks`` of the reference data. ``files`` are
    files of the plan folder that hold the pseudonym: they are the operator's, and stay.
    """

    values: int
    addresses: int
    messages: int
    looks: int
    name: bool
    plans: int
    reliefs: int
    blocks: int
    files: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether there is anything of the person to erase; files are the operator's."""
        counts = (self.values, self.addresses, self.messages, self.looks, self.plans)
        return bool(any(counts) or self.reliefs or self.blocks or self.name)


def preview(user: User, agent: str) -> Preview:
    """Return what erasing a person would take away, and what would stay; nothing is changed."""
    agent = _may(user, agent)
    return Preview(
        values=values_about(agent).count(),
        addresses=Contact.objects.filter(role="agent", who=agent).count(),
        messages=Message.objects.filter(role="agent", who=agent).count(),
        looks=IdentityRequest.objects.filter(pseudonym=agent).count(),
        name=reidentification.has_name(agent),
        plans=plans.plans_with(agent),
        reliefs=plans.relief_days_with(agent),
        blocks=registry.blocks_with(agent),
        files=tuple(_files(agent)),
    )


def _may(user: User, agent: str) -> str:
    """Return whom to erase; AccessError where this user may not, or nobody is named."""
    if not can(user, "users.manage"):
        raise AccessError("only an administrator erases a person")
    if not agent.strip():
        raise AccessError("say whom: the pseudonym is missing")
    if agent.startswith(_TOKEN):
        raise AccessError("this person has been erased already")
    return agent.strip()


def _files(agent: str) -> list[str]:
    """Return the files of the plan folder that name somebody."""
    folder = settings.PLAN_FOLDER
    if folder is None or not Path(folder).is_dir():
        return []
    found = [path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]
    inside = agent.encode()
    return sorted(path.name for path in found if inside in path.read_bytes())


def erase_everywhere(user: User, agent: str) -> int:
    """Erase a person; return how many values of the ledger went.

    Cut short at any instant, it is done again and comes to its end: outside the database things
    go first, in it all at once. OperationalError where the files of the database could not be
    written anew, since somebody was reading: then it is done again, too.
    """
    agent, token = _may(user, agent), _TOKEN + secrets.token_hex(_TOKEN_BYTES)
    with transaction.atomic():
        lock()
        live.erase_person(agent)
        reidentification.erase_identity(agent)
        now = timezone.now()
        count = erase_subject(agent, now=now, cause="person")
        renamed = plans.rename_in_plans(agent, token)
        blocks = registry.rename_agent(agent, token)
        if not count and (renamed or blocks):
            append(ERASED, {"cause": "person", "values": 0}, recorded_at=now)
        body = {"values": count, "plans": renamed, "blocks": blocks, "actor": user.get_username()}
        append("identity.erased", body, stream=STREAM, recorded_at=now)
    forget_plans()
    storage.forget()
    _scrub()
    return count


def _scrub() -> None:
    """Write anew the files in which a database leaves the bytes of what it deleted."""
    tables = ["ledger_personal"]
    if connection.vendor == "postgresql":
        tables += [table._meta.db_table for table in _TABLES]
    else:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
    if not scrub(tables):
        raise OperationalError("somebody was reading: the files hold what was erased, once more")
