"""A consent taken back by a person or a number: whom it matched, and what the gate answers then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releve.gate.campaigns import load_campaigns
from releve.gate.clients import resolve_client
from releve.gate.db_clock import next_known_at, read_clock
from releve.gate.decision import build_call, judge_for_holders
from releve.gate.errors import NoMatch
from releve.gate.fact_import import load_facts
from releve.gate.fact_reader import CampaignTerms, read_facts
from releve.gate.key_checks import ensure_gate_key
from releve.gate.models import (
    AttemptRow,
    CallbackRow,
    ClientName,
    ConsentRow,
    ContractRow,
    Load,
    MandateRow,
    PersonRow,
    PseudonymValue,
    RefusalRow,
)
from releve.gate.models import WithdrawalRow as Row
from releve.gate.personal_values import read_value
from releve.gate.pseudonyms import is_number, number_pseudonym, number_text, person_pseudonym
from releve.gate.retention import erase_on
from releve.network.faults import find_nearest, suggest_fix
from releve.outbound import CallVerdict, LegalRules, Withdrawal
from releve.outbound.legal_rows import to_legal_day

__all__ = ["GateAnswer", "WithdrawalMatch", "answers_now", "record_withdrawal"]

_ABOUT = (ConsentRow, ContractRow, CallbackRow, RefusalRow, AttemptRow)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class WithdrawalMatch:
    """What a withdrawal matched: client, persons by pseudonym and by id, ids of their consents."""

    client: str
    pseudonyms: tuple[str, ...]
    persons: tuple[str, ...]
    consents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What the gate answers for a campaign and a number now."""

    campaign: str
    number: str
    verdicts: tuple[CallVerdict, ...]

    @property
    def allowed(self) -> bool:
        """Return whether a call would go out."""
        return all(verdict.allowed for verdict in self.verdicts)


@transaction.atomic
def record_withdrawal(
    client: str, who: str, now: datetime, *, consent: str = "", channel: str = "", by: str
) -> WithdrawalMatch:
    """Record that a person, or each holder of a number, takes back the consent to a client's calls.

    NoMatch when nobody, no client or no consent is meant; nothing is recorded then.
    """
    ensure_gate_key()
    name = _known_client(client)
    people = _people(name, who)
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
    load_facts(facts, source="withdrawal", by=by)
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
    Row.objects.create(load=load, client=client, person=pseudonym, at=now, consent=consent,
                       channel=channel, digest="",
                       erase_on=erase_on("withdrawals", {"at": now}, now))  # fmt: skip


def _known_client(client: str) -> str:
    name = resolve_client(client)
    names = list(ClientName.objects.values_list("name", flat=True).distinct())
    if name not in names:
        fix = suggest_fix(find_nearest(client, names), f"known are: {', '.join(names) or 'none'}")
        raise NoMatch(f"no client is called {client!r}; {fix}")
    return name


def _people(client: str, who: str) -> tuple[str, ...]:
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
    near = sorted(spelt.values_list("value", flat=True))[:_SHOWN]
    fix = suggest_fix(near, "give the person's id, or a number that a person is known to hold")
    raise NoMatch(f"nobody is known as {who!r}; {fix}")


def answers_now(found: WithdrawalMatch, rules: LegalRules, now: datetime) -> Iterator[GateAnswer]:
    """Yield what the gate answers now, for each running campaign of the client and each number."""
    for ref, row in sorted(load_campaigns().items()):
        ended = row.last is not None and row.last < to_legal_day(now)
        if row.client != found.client or ended:
            continue
        told = CampaignTerms(
            **{name: getattr(row, name) for name in CampaignTerms.__dataclass_fields__}
        )
        for number in _numbers(found.pseudonyms):
            answer = read_facts(row.client, number, now, campaign=ref)
            caller = _caller(row.client, now)
            call = build_call(ref, told, number_text(number), caller, "", now, "")
            yield GateAnswer(ref, number, tuple(judge_for_holders(call, answer, rules)))


def _numbers(people: Sequence[str]) -> list[str]:
    """Return the numbers that people hold, those whose value was erased left out."""
    held = PersonRow.objects.filter(person__in=people, load__known_at__isnull=False).order_by("pk")
    names = dict.fromkeys(held.values_list("number", flat=True))
    return [value for name in names if (value := read_value("number", name)) is not None]


def _caller(client: str, now: datetime) -> str:
    """Return a number that may be shown for a client, empty when there is none."""
    rows = MandateRow.objects.filter(
        client=client, load__known_at__isnull=False, first__lte=to_legal_day(now)
    )
    return rows.order_by("-pk").values_list("number", flat=True).first() or ""
