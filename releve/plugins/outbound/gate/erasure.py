"""Erasure of rows on their own date, and of personal values on their date or on request.

Rows stay three calendar years where nothing asks for longer. A row whose end is not known yet, or
that protects the person for good, has no day: a contract in force, a "not interested" or "stop
calling me" that forbids any further call, a standing opposition. The values behind pseudonyms are
stored apart from the facts, so that each can be erased alone. The rights of people who are called
are in :mod:`releve.plugins.outbound.gate.person_rights`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models as db
from django.db import transaction
from django.utils import timezone

from releve.erasure import Findings
from releve.ledger.chain import append
from releve.ledger.export import note_act
from releve.plugins.outbound.gate.connections import ensure_gate_key
from releve.plugins.outbound.gate.models import (
    AttemptRow,
    CallbackRow,
    ConsentRow,
    ContractRow,
    Decision,
    Load,
    PersonRequestRow,
    PersonRow,
    PseudonymValue,
    RefusalRow,
    UnplacedRow,
    WithdrawalRow,
)
from releve.plugins.outbound.gate.pseudonyms import person_pseudonym
from releve.plugins.outbound.gate.sql import TABLES, FactTable

YEARS = 3
"""Of a consent from its collection, of a request's proof from the request; taken for all others."""

Row = Mapping[str, Any]


def years_later(day: date, years: int = YEARS) -> date:
    """Return the same day years later; 1 March for a 29 February that there is not."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def erase_on(table: str, row: Row, loaded: datetime) -> date | None:
    """Return the first day on which a fact may no longer be here; None: no day is known.

    ``row`` holds its values by field; ``loaded`` counts where it says no date of its own.
    """
    rule = _RULES.get(table)
    return None if rule is None else rule(row, loaded)


def value_day(table: str, row: Row, loaded: datetime) -> date | None:
    """Return the day for the values behind a fact's pseudonyms; None while a contract runs.

    What forbids for good does so by the pseudonym alone.
    """
    day = erase_on(table, row, loaded)
    return years_later(loaded.date()) if day is None and table != "contracts" else day


def _years_after(field: str) -> Callable[[Row, datetime], date | None]:
    def found(row: Row, loaded: datetime) -> date | None:
        moment = row[field] or loaded
        return years_later(moment.date())

    return found


def _contract_end(row: Row, loaded: datetime) -> date | None:
    return None if row["last"] is None else years_later(row["last"])


def _refusal_end(row: Row, loaded: datetime) -> date | None:
    """Return the last day of a "not now" alone: any other refusal forbids for good somewhere."""
    return years_later(row["at"].date()) if row["kind"] == "not-now" else None


def _listing_end(row: Row, loaded: datetime) -> date | None:
    return None if row["until"] is None else years_later(row["until"].date())


_RULES: Mapping[str, Callable[[Row, datetime], date | None]] = {
    "consents": _years_after("collected_at"),
    "withdrawals": _years_after("at"),
    "contracts": _contract_end,
    "callbacks": _years_after("requested_at"),
    "refusals": _refusal_end,
    "attempts": _years_after("at"),
    "listings": _listing_end,
    "scrubs": _years_after("at"),
    "mandates": _contract_end,
    "feeds": _years_after("read_at"),
}


PSEUDONYM = "erase.pseudonym"
"""The act of the journal: ``person`` and ``number``, pseudonyms."""

ERASED = "outbound.erased"
"""The kind of the entry that an erasure writes: ``cause``, ``rows`` and ``values``, the counts."""

_FEW = 2_000
"""Rows erased at a time: on SQLite no other connection writes meanwhile, and calls wait."""
_LEFT_OPEN = timedelta(days=7)
"""A load left open for so long belongs to a dead import; its rows never counted."""
_FORBIDDING = frozenset({"withdrawals", "refusals", "listings", "attempts"})
"""Tables whose rows forbid calls: they go last, so that nothing is allowed by what is left."""

Rows = db.QuerySet[Any]


def erase_due(on: date, now: datetime) -> int:
    """Erase the rows and values whose day has come by ``on``; return how many.

    A row that waits for its proof is kept until it has it. What is due is looked for before any
    lock is held and erased a few rows at a time, each few with its entry in the ledger, so that
    calls go on being decided. Killed halfway, the next run erases the rest.
    """
    count = _erase_dead_loads(now)
    for table in sorted(TABLES.values(), key=lambda one: one.name in _FORBIDDING):
        count += _erase_rows(_due_rows(table, on), table.model._default_manager.all(), now)
    unplaced = UnplacedRow.objects  # after their attempts, which would count again
    count += _erase_rows(unplaced.filter(erase_on__lte=on), unplaced.all(), now)
    decisions = Decision.objects.filter(erase_on__lte=on).exclude(batch=None)
    count += _erase_rows(decisions, Decision.objects.all(), now)
    requests = PersonRequestRow.objects
    count += _erase_rows(requests.filter(erase_on__lte=on), requests.all(), now)
    return count + _erase_unused_links(now) + _erase_due_values(on, now)


def erase_person(person: str, now: datetime) -> int:
    """Erase the values that identify a person; return how many.

    The pseudonyms stay, so that facts go on forbidding calls. A number that another person answers
    as well stays too.
    """
    ensure_gate_key()
    return erase_pseudonym(person_pseudonym(person), now)


def erase_pseudonym(name: str, now: datetime, *, number: str = "") -> int:
    """Erase the values behind a person's pseudonym, as :func:`erase_person`.

    ``number`` is the pseudonym of a number of theirs that the facts may not name them under.
    """
    with transaction.atomic():
        note_act(PSEUDONYM, person=name, number=number)
        links = PersonRow.objects.filter(person=name)
        shared = PersonRow.objects.exclude(person=name).filter(number__in=links.values_list("number", flat=True))
        alone = links.exclude(number__in=shared.values_list("number", flat=True))
        wanted = db.Q(what="person", pseudonym=name)
        wanted |= db.Q(what="number", pseudonym__in=alone.values_list("number", flat=True))
        if number and not PersonRow.objects.filter(number=number).exclude(person=name).exists():
            wanted |= db.Q(what="number", pseudonym=number)
        proofs = set(ConsentRow.objects.filter(person=name).values_list("proof", flat=True))
        proofs |= set(CallbackRow.objects.filter(person=name).values_list("proof", flat=True))
        wanted |= db.Q(what="proof", pseudonym__in=proofs)
        values = PseudonymValue.objects.filter(wanted).delete()[0]
        _record_erasure("person", {"values": values}, now)
    return values


def repeat_erasure(act: Mapping[str, Any]) -> int:
    """Repeat the erasure that the journal noted."""
    return erase_pseudonym(act["person"], timezone.now(), number=act["number"])


def _due_rows(table: FactTable, on: date) -> Rows:
    """Return a table's rows that are due; with a version its earlier ones, which would revive."""
    if table.model is AttemptRow:
        return AttemptRow.objects.filter(erase_on__lte=on).exclude(batch=None)
    rows, due = table.model._default_manager.all(), db.Q(erase_on__lte=on)
    if table.versioned:
        names = {column.name for column in table.columns} & {"client", "person", "provider", "ref"}
        same = {name: db.OuterRef(name) for name in names}
        due |= db.Q(db.Exists(rows.filter(**same, pk__gt=db.OuterRef("pk"), erase_on__lte=on)))
    return rows.filter(due)


def _erase_rows(found: Rows, still: Rows, now: datetime, what: str = "rows") -> int:
    """Erase what is found, the earliest first; return how many.

    ``still`` holds whatever may be erased when it comes to it: rows may have been loaded since.
    """
    count = 0
    for part in _split_keys(found):
        with transaction.atomic():
            erased = still.filter(pk__in=part).delete()[0]
            _record_erasure("due", {what: erased}, now)
        count += erased
    return count


def _split_keys(found: Rows) -> Iterator[list[int]]:
    """Yield keys a few at a time, with a pause after each few as long as they took."""
    keys = list(found.order_by("pk").values_list("pk", flat=True))
    for at in range(0, len(keys), _FEW):
        begun = time.monotonic()
        yield keys[at : at + _FEW]
        time.sleep(time.monotonic() - begun)


def _erase_due_values(on: date, now: datetime) -> int:
    """Erase values that are due, and give a day to those whose contracts have ended."""
    contracts, links = _rows_added_later(ContractRow), _rows_added_later(PersonRow)
    later = ContractRow.objects.filter(
        client=db.OuterRef("client"), person=db.OuterRef("person"), ref=db.OuterRef("ref"), pk__gt=db.OuterRef("pk")
    )
    running = ContractRow.objects.filter(~db.Exists(later), last=None).values("person")
    called = PersonRow.objects.filter(person__in=running).values("number")
    signed = contracts.values("person")
    reached = PersonRow.objects.filter(person__in=signed).values("number")
    ended = PseudonymValue.objects.filter(erase_on=None)
    for part in _split_keys(ended.exclude(pseudonym__in=running)):
        rows = ended.filter(pk__in=part).exclude(pseudonym__in=signed)
        rows.update(erase_on=years_later(on))
    due = PseudonymValue.objects.filter(erase_on__lte=on)
    found = due.exclude(pseudonym__in=running).exclude(pseudonym__in=called)
    # Signing takes the day from the person's own values; those of their numbers are looked at here.
    still = due.exclude(pseudonym__in=reached).exclude(pseudonym__in=links.values("number"))
    return _erase_rows(found, still, now, "values")


def _erase_unused_links(now: datetime) -> int:
    """Erase who answers which number where nothing is known of the person any more."""
    found = PersonRow.objects.filter(load__known_at__lt=now - timedelta(days=366 * YEARS))
    still = PersonRow.objects.all()
    for model in (ConsentRow, WithdrawalRow, ContractRow, CallbackRow, RefusalRow, AttemptRow):
        still = still.exclude(person__in=_rows_added_later(model).values("person"))
        found = found.exclude(person__in=model._default_manager.values("person"))
    return _erase_rows(found, still, now)


def _rows_added_later(model: type[db.Model]) -> Rows:
    """Return the rows that are written from now on."""
    last = model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
    return model._default_manager.filter(pk__gt=last or 0)


def _erase_dead_loads(now: datetime) -> int:
    dead = Load.objects.filter(known_at=None, opened_at__lt=now - _LEFT_OPEN)
    count = 0
    for table in TABLES.values():
        rows = table.model._default_manager.filter(load__in=dead)
        count += _erase_rows(rows, rows, now)
    dead.delete()
    return count


def _record_erasure(cause: str, counts: Mapping[str, int], now: datetime) -> None:
    """Record the counts in the ledger, without names; nothing where all are zero."""
    if any(counts.values()):
        body = {"cause": cause, "rows": 0, "values": 0, **counts}
        append(ERASED, body, recorded_at=now, stream="outbound")


@dataclass(frozen=True, slots=True)
class NewPersonalValue:
    """A value to be kept: what it is, its pseudonym, itself, its salt, until when (None: open)."""

    what: str
    pseudonym: str
    value: str
    salt: str
    erase_on: date | None


def store_values(values: Iterable[NewPersonalValue]) -> None:
    """Keep values that are not kept yet; the latest day of erasure of the same value counts."""
    wanted = {(value.what, value.pseudonym): value for value in _keep_latest(values)}
    there = PseudonymValue.objects.filter(pseudonym__in={pseudonym for _, pseudonym in wanted})
    later = []
    for row in there:
        value = wanted.pop((row.what, row.pseudonym), None)
        if value is not None and _is_after(value.erase_on, row.erase_on):
            row.erase_on = value.erase_on
            later.append(row)
    PseudonymValue.objects.bulk_update(later, ["erase_on"])
    PseudonymValue.objects.bulk_create(
        [
            PseudonymValue(what=v.what, pseudonym=v.pseudonym, value=v.value, salt=v.salt, erase_on=v.erase_on)
            for v in wanted.values()
        ],
        ignore_conflicts=True,
    )


def read_value(what: str, pseudonym: str) -> str | None:
    """Return the value behind a pseudonym, None when it was erased or never kept.

    A caller that shows the value records the look and its reason.
    """
    rows = PseudonymValue.objects.filter(what=what, pseudonym=pseudonym)
    return rows.values_list("value", flat=True).first()


def _keep_latest(values: Iterable[NewPersonalValue]) -> list[NewPersonalValue]:
    found: dict[tuple[str, str], NewPersonalValue] = {}
    for value in values:
        other = found.get((value.what, value.pseudonym))
        if other is None or _is_after(value.erase_on, other.erase_on):
            found[value.what, value.pseudonym] = value
    return list(found.values())


def _is_after(day: date | None, other: date | None) -> bool:
    return other is not None and (day is None or day > other)


class GateData:
    """Decisions name the agent who placed the call, as evidence until the decision's date."""

    name = "gate"
    tables: Sequence[str] = ()

    def find(self, agent: str) -> Findings:
        return Findings(kept={"calls": Decision.objects.filter(agent=agent).count()})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = Decision.objects.filter(agent=agent).order_by("pk")
        return {"calls": list(rows.values("call_id", "cseq", "at", "campaign", "client"))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {}

    def erase_due(self, now: datetime) -> int:
        return erase_due(now.date(), now)
