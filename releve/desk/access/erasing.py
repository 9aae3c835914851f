"""Erasing one person everywhere: the ledger's values, addresses and messages, letters, the name.

What stays names nobody: counts, commitments without their values, and the pseudonym in plans and
reference data, which points to nobody once the name is gone.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.utils import timezone

from releve.desk.access import identity
from releve.desk.access.models import Look, User
from releve.desk.access.people import STREAM, AccessError
from releve.desk.access.scopes import can
from releve.ledger.chain import append, lock
from releve.ledger.erasure import erase_subject, scrub
from releve.live import api as live
from releve.live.models import Contact, Message

__all__ = ["erase_everywhere"]

_TABLES = (Contact, Message, Look)


def erase_everywhere(user: User, agent: str) -> int:
    """Erase a person; return how many values of the ledger went.

    Cut short at any instant, it is done again and comes to its end: outside the database things
    go first, in it all at once. OperationalError where the files of the database could not be
    written anew, since somebody was reading: then it is done again, too.
    """
    if not can(user, "users.manage"):
        raise AccessError("only an administrator erases a person")
    if not agent.strip():
        raise AccessError("say whom: the pseudonym is missing")
    with transaction.atomic():
        lock()
        live.erase_person(agent)
        identity.forget(agent)
        now = timezone.now()
        count = erase_subject(agent, now=now, cause="person")
        body = {"values": count, "actor": user.get_username()}
        append("identity.erased", body, stream=STREAM, recorded_at=now)
    _scrub()
    return count


def _scrub() -> None:
    """Write anew the files in which a database leaves the bytes of what it deleted."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in _TABLES:
                cursor.execute(f"VACUUM (FULL) {table._meta.db_table}")
        else:
            cursor.execute("VACUUM")
    scrub()
