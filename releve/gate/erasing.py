"""What has reached its day, taken away: rows by their own date, values by theirs and on request."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import models as db
from django.db import transaction

from releve.gate.keys import person_pseudonym
from releve.gate.models import (
    Attempt,
    Callback,
    Consent,
    Decision,
    Load,
    Person,
    Personal,
)
from releve.gate.tables import TABLES
from releve.ledger.chain import append

__all__ = ["ERASED", "erase_due", "erase_person"]

ERASED = "outbound.erased"
"""The kind of the entry that an erasure writes: ``cause``, ``rows`` and ``values``, the counts."""

_LEFT_OPEN = timedelta(days=7)
"""A load that nobody closed for so long is a dead import's: its rows never counted."""


def erase_due(on: date, now: datetime) -> int:
    """Erase the rows and values whose day has come by ``on``; return how many.

    A row that waits for its proof is kept until it has it.
    """
    with transaction.atomic():
        rows = _dead_loads(now)
        for table in TABLES.values():
            if table.model is not Attempt:
                rows += table.model._default_manager.filter(erase_on__lte=on).delete()[0]
        rows += Attempt.objects.filter(erase_on__lte=on).exclude(batch=None).delete()[0]
        rows += Decision.objects.filter(erase_on__lte=on).exclude(batch=None).delete()[0]
        values = Personal.objects.filter(erase_on__lte=on).delete()[0]
        _told("due", rows, values, now)
    return rows + values


def erase_person(person: str, now: datetime) -> int:
    """Erase the values that say who somebody is; return how many.

    The pseudonyms stay: what forbids a call goes on forbidding it. A number that somebody else
    answers as well stays too.
    """
    name = person_pseudonym(person)
    with transaction.atomic():
        links = Person.objects.filter(person=name)
        shared = Person.objects.exclude(person=name).filter(
            number__in=links.values_list("number", flat=True)
        )
        alone = links.exclude(number__in=shared.values_list("number", flat=True))
        wanted = db.Q(what="person", pseudonym=name)
        wanted |= db.Q(what="number", pseudonym__in=alone.values_list("number", flat=True))
        proofs = set(Consent.objects.filter(person=name).values_list("proof", flat=True))
        proofs |= set(Callback.objects.filter(person=name).values_list("proof", flat=True))
        wanted |= db.Q(what="proof", pseudonym__in=proofs)
        values = Personal.objects.filter(wanted).delete()[0]
        _told("person", 0, values, now)
    return values


def _dead_loads(now: datetime) -> int:
    dead = Load.objects.filter(known_at=None, opened_at__lt=now - _LEFT_OPEN)
    found = list(dead.values_list("pk", flat=True))
    rows = sum(
        table.model._default_manager.filter(load__in=found).delete()[0] for table in TABLES.values()
    )
    dead.delete()
    return rows


def _told(cause: str, rows: int, values: int, now: datetime) -> None:
    """Write down how many; nothing where there is none. Nobody is named."""
    if rows or values:
        append(ERASED, {"cause": cause, "rows": rows, "values": values}, recorded_at=now,
               stream="outbound")  # fmt: skip
