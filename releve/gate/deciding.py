"""The decision: judged on what is known under the lock, and counted in the same transaction.

Nothing that goes wrong lets a call out: whatever is not a decision in time is a refusal with an id
of its own. Where several people answer a number, the call must be allowed for each: the stricter
answer counts, and the attempt is one for each of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from releve.gate.asking import Question, Reply, allow, no_answer, refuse
from releve.gate.keys import number_pseudonym, number_text, person_pseudonym
from releve.gate.knowing import Answer, Campaign, bound, facts_digest, read_answer
from releve.gate.moments import MOST_SKEW, later_than
from releve.gate.retention import years_later
from releve.gate.stand_ins import stand_in
from releve.gate.stores import Conflict, Store
from releve.gate.tables import instant
from releve.outbound import Call, Rules, Verdict, verdict
from releve.outbound.rows import legal_day

__all__ = ["LONGEST_REPEAT", "call_of", "decide", "judged"]

_MOST_TRIES = 3
_CALLER = 32
LONGEST_REPEAT = timedelta(minutes=2)
"""After so long a question is no repeat any more: longer than a SIP transaction tries (32 s)."""


def decide(store: Store, question: Question, rules: Rules, deadline: float) -> Reply:
    """Answer a question and count the attempt, by ``deadline`` of ``time.monotonic``.

    Raises Away where the database does not answer.
    """
    for _ in range(_MOST_TRIES):
        try:
            reply = _decide(store, question, rules, deadline)
        except Conflict:  # the same call, answered elsewhere meanwhile: told the same
            reply = None
        except BaseException:
            store.abandon()
            raise
        if reply is not None:
            return reply
        store.abandon()
    return no_answer("GATE-LATE")


def _decide(store: Store, question: Question, rules: Rules, deadline: float) -> Reply | None:
    """Return the reply, None where it is to be asked again; what is no decision is abandoned."""
    now = timezone.now()
    called = number_text(question.to)
    number, named = number_pseudonym(called), person_pseudonym(question.who)
    like = stand_in(called, rules.numbers, legal_day(now))
    asked = {
        "number": number, "named": named, "campaign": question.camp,
        "known": bound(store.vendor, now + MOST_SKEW), "call_id": question.ci, "cseq": question.cs,
    }  # fmt: skip
    locked, row = store.read(asked)
    answer = read_answer(row, like)
    if answer.decided is not None:
        store.abandon()
        return _again(answer.decided, question, (number, named), answer.clock or now)
    if locked is not None and not locked.issuperset(answer.persons()):
        return None
    fault = _fault(answer, now) or _strange(answer, named, question.ref)
    if fault:
        store.abandon()
        return no_answer(fault)
    assert answer.campaign is not None
    at = later_than(answer.clock or now, answer.newest)
    found = judged(call_of(question.camp, answer.campaign, like, question.cli, named, at,
                           question.ref), answer, rules)  # fmt: skip
    rows = _rows(store.vendor, question, answer, found, number)
    if time.monotonic() > deadline:
        store.abandon()
        return no_answer("GATE-LATE")
    store.write(rows)
    return allow(question.ref) if _allowed(found) else refuse(_reasons(found))


def _again(
    decided: Sequence[Any], question: Question, called: tuple[str, str], clock: datetime
) -> Reply:
    """Return what the call was told before; another call, or an old one, gets no answer from it."""
    campaign, number, named, caller, at, allowed, rules = decided
    told = (campaign, number, named, caller)
    if told != (question.camp, *called, _shown(question)) or clock - instant(at) > LONGEST_REPEAT:
        return no_answer("GATE-CALL")
    return allow(question.ref) if allowed else refuse(rules)


def _strange(answer: Answer, named: str, ref: str) -> str:
    """Return why the question does not fit what is known, empty when it does.

    A person who is named without holding the number would lend it their consent and their cap; an
    attempt that another provider counted under the call's name would not be counted against it.
    """
    if named and named not in answer.persons():
        return "GATE-WHO"
    used = any(cells["id"] == ref for _, cells in answer.tables["attempts"])
    return "GATE-CALL" if used else ""


def _shown(question: Question) -> str:
    return question.cli[:_CALLER]


def _fault(answer: Answer, now: datetime) -> str:
    """Return why nothing can be decided, empty when it can."""
    clock = answer.clock or now
    if abs(clock - now) > MOST_SKEW or (answer.last is not None and answer.last > now + MOST_SKEW):
        return "GATE-CLOCK"
    campaign, today = answer.campaign, legal_day(clock)
    running = campaign is not None and (
        (campaign.first is None or campaign.first <= today)
        and (campaign.last is None or today <= campaign.last)
    )
    return "" if running else "GATE-CAMPAIGN"


def call_of(
    name: str, campaign: Campaign, number: str, caller: str, person: str, at: datetime, ref: str
) -> Call:
    """Return the call as the engine judges it."""
    return Call(
        campaign.client, number, at, campaign.object, caller, name, person,
        purpose=campaign.purpose, mode=campaign.mode, origin=campaign.origin,
        authenticated=campaign.authenticated, mobile_terminal=campaign.mobile_terminal, id=ref,
    )  # fmt: skip


def judged(call: Call, answer: Answer, rules: Rules) -> list[Verdict]:
    """Return the verdict on a call, or one for each who answers the number when one is named."""
    facts = answer.facts()
    found = [verdict(call, facts, rules, call.at, timed=False)]
    if call.person:
        for person in answer.persons():
            if person != call.person:
                other = Call(**{**_fields(call), "person": person})
                found.append(verdict(other, facts, rules, call.at, timed=False))
    return found


def _fields(call: Call) -> dict[str, Any]:
    return {name: getattr(call, name) for name in Call.__dataclass_fields__}


def _allowed(found: Sequence[Verdict]) -> bool:
    return all(one.allowed for one in found)


def _reasons(found: Sequence[Verdict]) -> str:
    return "|".join(dict.fromkeys(rule for one in found for rule in one.rules))


def _rows(
    vendor: str, question: Question, answer: Answer, found: Sequence[Verdict], number: str
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the decision's row, and one attempt for each person when it is allowed."""
    first, campaign = found[0], answer.campaign
    assert campaign is not None
    at, day = bound(vendor, first.call.at), years_later(first.call.at.date()).isoformat()
    told = {**asdict(campaign), "first": None, "last": None}
    decision = {
        "call_id": question.ci, "cseq": question.cs, "at": at, "campaign": question.camp,
        "client": campaign.client, "number": number, "stand_in": first.call.number,
        "persons": "|".join(one.person for one in found), "named": first.call.person,
        "caller": _shown(question), "call": json.dumps(told), "allowed": _allowed(found),
        "legal": all(one.legal for one in found), "rules": _reasons(found),
        "basis": first.basis, "attempts": max(one.attempts for one in found),
        "rules_version": first.rules_version, "zones_version": first.zones_version,
        "facts": facts_digest(answer.evidence()), "agent": question.agent, "erase_on": day,
    }  # fmt: skip
    rows: list[tuple[str, Mapping[str, Any]]] = [("gate_decision", decision)]
    if decision["allowed"]:
        rows += [
            ("gate_attempt", {
                "client": campaign.client, "person": person, "ref": question.ref, "at": at,
                "known_from": at, "outcome": "", "provider": campaign.provider, "digest": "",
                "erase_on": day,
            })
            for person in dict.fromkeys(one.person for one in found)
        ]  # fmt: skip
    return rows
