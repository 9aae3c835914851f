"""A change of the rules tried on calls that wait, with what is recorded about the people now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from releve.gate.fact_reader import read_facts
from releve.gate.key_checks import ensure_gate_key
from releve.gate.pseudonyms import number_text, person_pseudonym
from releve.ledger.chain import append
from releve.outbound import Call, CallVerdict, LegalRules, judge_call
from releve.outbound.rule_impact import Flip, find_flips

__all__ = ["TRIED", "try_call", "try_rules"]

TRIED = "outbound.tried"
"""The kind of the ledger's entry: ``actor``, ``calls`` (a count), both versions of the rules."""

Progress = Callable[[int, int], None]
"""Takes the calls judged and the calls in all."""


def try_rules(
    calls: Sequence[Call],
    before: LegalRules,
    after: LegalRules,
    now: datetime,
    *,
    by: str,
    progress: Progress = lambda done, calls: None,
) -> tuple[Flip, ...]:
    """Return the calls whose verdict would change, on the facts recorded by now.

    The trial is recorded first, because verdicts concern people. Persons are pseudonyms.
    """
    ensure_gate_key()
    _note(len(calls), before, after, by, now)
    found: list[Flip] = []
    for done, call in enumerate(calls, 1):
        number = number_text(call.number)
        known = read_facts(call.client, number, now, person=call.person, campaign=call.campaign)
        asked = replace(call, number=number, person=person_pseudonym(call.person))
        found += find_flips([asked], known.facts(), before, after, now)
        progress(done, len(calls))
    return tuple(found)


def try_call(call: Call, rules: LegalRules, now: datetime, *, by: str) -> CallVerdict:
    """Return the verdict on a call, on the facts recorded by now; that it was asked is recorded.

    The person is a pseudonym in it.
    """
    ensure_gate_key()
    _note(1, rules, rules, by, now)
    number = number_text(call.number)
    known = read_facts(call.client, number, now, person=call.person, campaign=call.campaign)
    asked = replace(call, number=number, person=person_pseudonym(call.person))
    return judge_call(asked, known.facts(), rules, now)


@transaction.atomic
def _note(calls: int, before: LegalRules, after: LegalRules, by: str, now: datetime) -> None:
    body = {"actor": by, "calls": calls, "before": before.version, "after": after.version}
    append(TRIED, body, recorded_at=now, stream="outbound")
