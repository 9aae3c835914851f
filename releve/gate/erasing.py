"""What has reached its day, taken away: rows by their own date, values by theirs and on request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db import models as db
from django.db import transaction

from releve.gate.keys import person_pseudonym
from releve.gate.models import (
    Attempt,
    Callback,
    Consent,
    Contract,
    Decision,
    Load,
    Person,
    Personal,
    Refusal,
    Withdrawal,
)
from releve.gate.retention import YEARS, years_later
from releve.gate.tables import TABLES, Table
from releve.ledger.chain import append

__all__ = ["ERASED", "erase_due", "erase_person"]

ERASED = "outbound.erased"
"""The kind of the entry that an erasure writes: ``cause``, ``rows`` and ``values``, the counts."""

_FEW = 10_000
_LEFT_OPEN = timedelta(days=7)
"""A load that nobody closed for so long is a dead import's: its rows never counted."""


def erase_due(on: date, now: datetime) -> int:
    """Erase the rows and values whose day has come by ``on``; return how many.

    A row that waits for its proof is kept until it has it. Attempts and decisions have no index by
    their day, since each call would pay for it: they are looked through before any lock is held.
    """
    counted = {model: _counted_due(model, on) for model in (Attempt, Decision)}
    with transaction.atomic():
        rows = _dead_loads(now)
        for table in TABLES.values():
            if table.model is not Attempt:
                rows += _due_rows(table, on)
        for model, found in counted.items():
            rows += _deleted(model, found)
        rows += _unused_links(now)
        values = _due_values(on)
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


def _counted_due(model: type[Attempt | Decision], on: date) -> list[int]:
    due = model._default_manager.filter(erase_on__lte=on).exclude(batch=None)
    return list(due.values_list("pk", flat=True))


def _due_rows(table: Table, on: date) -> int:
    """Erase a table's rows that are due; with a version its earlier ones, which would revive."""
    manager = table.model._default_manager
    due = db.Q(erase_on__lte=on)
    if table.versioned:
        names = {column.name for column in table.columns} & {"client", "person", "provider", "ref"}
        same = {name: db.OuterRef(name) for name in names}
        later = manager.filter(**same, pk__gt=db.OuterRef("pk"), erase_on__lte=on)
        found = list(manager.filter(due | db.Exists(later)).values_list("pk", flat=True))
        return _deleted(table.model, found)
    return manager.filter(due).delete()[0]


def _deleted(model: type[db.Model], found: list[int]) -> int:
    manager = model._default_manager
    return sum(manager.filter(pk__in=part).delete()[0] for part in _parts(found))


def _parts(found: list[int]) -> Iterator[list[int]]:
    yield from (found[at : at + _FEW] for at in range(0, len(found), _FEW))


def _due_values(on: date) -> int:
    """Erase values that are due, and give a day to those whose contracts have ended."""
    later = Contract.objects.filter(
        client=db.OuterRef("client"), person=db.OuterRef("person"), ref=db.OuterRef("ref"),
        pk__gt=db.OuterRef("pk"),
    )  # fmt: skip
    running = Contract.objects.filter(~db.Exists(later), last=None).values("person")
    called = Person.objects.filter(person__in=running).values("number")
    ended = Personal.objects.filter(erase_on=None).exclude(pseudonym__in=running)
    ended.update(erase_on=years_later(on))
    due = Personal.objects.filter(erase_on__lte=on)
    return due.exclude(pseudonym__in=running).exclude(pseudonym__in=called).delete()[0]


def _unused_links(now: datetime) -> int:
    """Erase who answers which number where nothing is known of the person any more."""
    links = Person.objects.filter(load__known_at__lt=now - timedelta(days=366 * YEARS))
    for model in (Consent, Withdrawal, Contract, Callback, Refusal, Attempt):
        links = links.exclude(person__in=model._default_manager.values("person"))
    return links.delete()[0]


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
