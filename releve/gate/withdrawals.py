"""Withdrawals of consent by a person or a number: their matches, and the answers that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releve.gate.clients import resolve_client
from releve.gate.db_clock import next_known_at, read_clock
from releve.gate.errors import NoMatch
from releve.gate.fact_import import load_facts
from releve.gate.journal import note_load
from releve.gate.key_checks import ensure_gate_key
from releve.gate.models import (
    AttemptRow,
    CallbackRow,
    ClientName,
    ConsentRow,
    ContractRow,
    Load,
    PersonRow,
    PseudonymValue,
    RefusalRow,
    WithdrawalRow,
)
from releve.gate.person_answers import CampaignAnswer, preview_answers
from releve.gate.personal_values import read_value
from releve.gate.pseudonyms import is_number, number_pseudonym, number_text, person_pseudonym
from releve.gate.retention import erase_on
from releve.network.faults import find_nearest, suggest_fix
from releve.outbound import LegalRules, Withdrawal

__all__ = ["WithdrawalMatch", "preview_numbers", "record_withdrawal"]

_ABOUT = (ConsentRow, ContractRow, CallbackRow, RefusalRow, AttemptRow)


@dataclass(frozen=True, slots=True)
class WithdrawalMatch:
    """Matches of a withdrawal: client, persons by pseudonym and by id, ids of their consents."""

    client: str
    pseudonyms: tuple[str, ...]
    persons: tuple[str, ...]
    consents: tuple[str, ...]


@transaction.atomic
def record_withdrawal(
    client: str, who: str, now: datetime, *, consent: str = "", channel: str = "", by: str
) -> WithdrawalMatch:
    """Record that a person, or each holder of a number, takes back the consent to a client's calls.

    NoMatch, and nothing is recorded, when the person, client or consent is not known.
    """
    ensure_gate_key()
    name = _known_client(client)
    people = _find_people(name, who)
    ids = {
        one: who if one == person_pseudonym(who) else read_value("person", one) for one in people
    }
    persons = tuple(value or f"(erased) {one}" for one, value in ids.items())
    rows = ConsentRow.objects.filter(client=name, person__in=people, load__known_at__isnull=False)
    refs = tuple(dict.fromkeys(rows.order_by("ref").values_list("ref", flat=True)))
    if consent and consent not in refs:
        fix = suggest_fix(
            find_nearest(consent, refs), f"those known are: {', '.join(refs) or 'none'}"
        )
        raise NoMatch(f"{', '.join(persons)} gave no consent {consent!r} to {name}; {fix}")
    given = rows.filter(ref=consent).values_list("person", flat=True)
    concerned = set(given) if consent else set(people)
    facts = [
        Withdrawal(name, value, now, now, consent, channel)
        for one, value in ids.items()
        if value is not None and one in concerned
    ]
    if person_pseudonym(who) not in people and not consent:  # by number: later holders as well
        facts.append(Withdrawal(name, number_text(who), now, now, "", channel))
    if facts:  # none where the one who gave the consent is erased
        note_load(load_facts(facts, source="withdrawal", by=by).load)
    for one, value in ids.items():
        if value is None and one in concerned:
            _record_erased(name, one, now, consent, channel, by)
    return WithdrawalMatch(name, people, persons, (consent,) if consent else refs)


def _record_erased(
    client: str, pseudonym: str, now: datetime, consent: str, channel: str, by: str
) -> None:
    """Record the withdrawal of a person whose id was erased: only the pseudonym is left."""
    load = Load.objects.create(source="withdrawal", by=by, opened_at=read_clock(),
                               known_at=next_known_at(), rows=1)  # fmt: skip
    WithdrawalRow.objects.create(
        load=load, client=client, person=pseudonym, at=now, consent=consent, channel=channel,
        digest="", erase_on=erase_on("withdrawals", {"at": now}, now),
    )  # fmt: skip
    note_load(load)


def _known_client(client: str) -> str:
    name = resolve_client(client)
    names = list(ClientName.objects.values_list("name", flat=True).distinct())
    if name not in names:
        fix = suggest_fix(find_nearest(client, names), f"known are: {', '.join(names) or 'none'}")
        raise NoMatch(f"no client is called {client!r}; {fix}")
    return name


def _find_people(client: str, who: str) -> tuple[str, ...]:
    """Return the pseudonyms of the person, or of the holders of the number, that is meant."""
    person = person_pseudonym(who)
    held = PersonRow.objects.filter(load__known_at__isnull=False)
    named = held.filter(person=person).exists() or any(
        model._default_manager.filter(client=client, person=person).exists() for model in _ABOUT
    )
    if named and not is_number(who):
        return (person,)
    holders = held.filter(number=number_pseudonym(who)).values_list("person", flat=True)
    found = tuple(dict.fromkeys(holders.order_by("pk")))
    if found:
        return found
    spelt = PseudonymValue.objects.filter(what="person", value__iexact=who.strip())
    near = sorted(spelt.values_list("value", flat=True))
    fix = suggest_fix(near, "give the person's id, or a number that a person is known to hold")
    raise NoMatch(f"no person is known as {who!r}; {fix}")


def preview_numbers(
    match: WithdrawalMatch, rules: LegalRules, now: datetime
) -> list[CampaignAnswer]:
    """Return what the gate answers now for each number of the people, sorted by campaign."""
    answers = [
        answer
        for number in _find_numbers(match.pseudonyms)
        for answer in preview_answers(number, match.client, rules, now)
    ]
    return sorted(answers, key=lambda answer: answer.campaign)


def _find_numbers(people: Sequence[str]) -> list[str]:
    """Return the numbers that people hold, without those whose value was erased."""
    held = PersonRow.objects.filter(person__in=people, load__known_at__isnull=False).order_by("pk")
    names = dict.fromkeys(held.values_list("number", flat=True))
    return [value for name in names if (value := read_value("number", name)) is not None]
