"""The decision on a call: judged on the facts read under a lock, counted in the same transaction.

No failure lets a call out: anything but a decision in time is a refusal with an id of its own.
Where several people answer a number, the call must be allowed for each, and the attempt is one for
each of them. Called numbers are masked for the evidence: they keep the digits that decide class and
possible territories, so that a verdict can be replayed, and identify no subscriber.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.utils import timezone

from releve.network.moments import UTC
from releve.plugins.outbound.engine.facts import Facts
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LegalRules, to_legal_day
from releve.plugins.outbound.engine.numbers import Number, NumberTable
from releve.plugins.outbound.engine.phrases import format_basis
from releve.plugins.outbound.engine.verdict import CallFinding, CallVerdict, find_next_allowed, judge_call
from releve.plugins.outbound.gate.campaign_cache import CampaignCache
from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW, GateConnection, later_than
from releve.plugins.outbound.gate.erasure import years_later
from releve.plugins.outbound.gate.errors import DatabaseUnavailable, DecisionConflict
from releve.plugins.outbound.gate.fact_reader import (
    CampaignFacts,
    CampaignTerms,
    FactSet,
    KnownFacts,
    hash_facts,
    to_db_instant,
)
from releve.plugins.outbound.gate.protocol import REFUSALS, Question, Reply, allow_call, refuse_call, refuse_unjudged
from releve.plugins.outbound.gate.pseudonyms import number_text, person_pseudonym, text_pseudonym
from releve.plugins.outbound.gate.sql import DECISION, parse_instant

_LANGUAGES = ("fr", "en")
_MOST_ROUNDS = 100


def explain_verdicts(found: Sequence[CallVerdict], facts: Facts, rules: LegalRules) -> Mapping[str, Any]:
    """Return what is said of a call: a verdict for each person who answers the number."""
    following = _next_of_all([one.call for one in found], facts, rules)
    findings = {(one.row.version, one.says("en")): one for each in found for one in each.findings}
    lifted = {(one.row, one.by, one.basis): one for each in found for one in each.lifted}
    basis = found[0].basis
    return {
        "answer": "allow" if not findings else "refuse",
        "legal": all(one.legal for one in found),
        "reasons": [_explain_finding(finding) for finding in findings.values()],
        "basis": {"id": basis, "says": _by_language(lambda lang: format_basis(basis, lang))} if basis else None,
        "exceptions": [
            {"row": one.by.version, "lifts": one.row.version, "basis": one.basis, "says": _by_language(one.by.rule.of)}
            for one in lifted.values()
        ],
        "next_allowed": following and following.astimezone(UTC).isoformat(),
        "rules_version": rules.version,
    }


def _explain_finding(finding: CallFinding) -> Mapping[str, Any]:
    row = finding.row
    return {
        "id": row.id,
        "row": row.version,
        "gate": row.gate,
        "text": row.reference,
        "says": _by_language(finding.says),
        "remedy": _by_language(finding.remedy),
        "doubt": _by_language(row.doubt.of) if row.doubt else None,
    }


def _by_language(words: Any) -> Mapping[str, str]:
    return {language: words(language) for language in _LANGUAGES}


def _next_of_all(calls: Sequence[Call], facts: Facts, rules: LegalRules) -> datetime | None:
    """Return the first instant from the call on at which it is allowed for each person."""
    at, known = calls[0].at, calls[0].at
    for _ in range(_MOST_ROUNDS):
        found = [find_next_allowed(call.moved_to(at), facts, rules, known) for call in calls]
        nexts = [one for one in found if one is not None]
        if len(nexts) < len(found):
            return None
        if max(nexts) == min(nexts):
            return nexts[0]
        at = max(nexts)
    return None


def explain_refusal(reply: Reply) -> Mapping[str, Any]:
    """Return what is said of a refusal of the gate itself."""
    words = REFUSALS.get(reply.reasons)
    says = None if words is None else _by_language(words.of)
    return {"answer": "refuse", "reasons": [{"id": reply.reasons, "says": says}]}


def explain_repeat(reply: Reply, found: Mapping[str, Any] | None) -> Reply:
    """Return the reply to a repeat with what explains it, where that is what was decided then.

    Where facts learnt since lead to other findings, only the rows are named.
    """
    ids = reply.reasons.split()
    same = found is not None and list(dict.fromkeys(r["id"] for r in found["reasons"])) == ids
    answer = "allow" if reply.status == 200 else "refuse"
    plain = {"answer": answer, "reasons": [{"id": name} for name in ids]}
    return Reply(reply.status, reply.text, reply.reasons, found if same else plain)


MIN_MASKED_DIGITS = 4
"""Digits that are always masked, at least."""
PREFIX_LENGTH = 10
"""Numbers that share this prefix and their length usually share a mask, which is tried first."""


def mask_number(number: str, table: NumberTable, day: date) -> str:
    """Return the number, with zeros for the digits that the numbering plan does not need that day.

    Returns "" when no mask keeps the classification; the gate refuses such a call.
    """
    wanted = table.number(number, day)
    like = _mask_prefix(number[:PREFIX_LENGTH], len(number), table, day)
    if like and _classify(table.number(like, day)) == _classify(wanted):
        return like
    return _shortest_mask(number, wanted, table, day)


@lru_cache(maxsize=65536)
def _mask_prefix(start: str, length: int, table: NumberTable, day: date) -> str:
    number = start + "0" * (length - len(start))
    return _shortest_mask(number, table.number(number, day), table, day)


def _shortest_mask(number: str, wanted: Number, table: NumberTable, day: date) -> str:
    for kept in range(1, len(number) - MIN_MASKED_DIGITS + 1):
        candidate = number[:kept] + "0" * (len(number) - kept)
        if _classify(table.number(candidate, day)) == _classify(wanted):
            return candidate
    return ""


def _classify(number: Number) -> tuple[str, tuple[str, ...], bool, str]:
    return number.number_class, number.territories, number.callee, number.fault


_MOST_TRIES = 3
_CALLER = 32
MAX_REPEAT_AGE = timedelta(minutes=2)
"""After so long a question counts as a new one: longer than a SIP transaction retries (32 s)."""


@dataclass(slots=True)
class PendingQuestion:
    """A question with the ``deadline`` of its answer, on the clock of ``time.monotonic``."""

    question: Question
    deadline: float
    number: str = ""
    named: str = ""
    like: str = ""
    client: str = ""

    def resolve(self, rules: LegalRules, now: datetime, cache: CampaignCache) -> None:
        """Find the pseudonyms, the number that stands for the one called, and the client."""
        called = number_text(self.question.to)
        self.number, self.named = text_pseudonym(called), person_pseudonym(self.question.who)
        self.like = mask_number(called, rules.numbers, to_legal_day(now))
        self.client = cache.cached_client(self.question.camp)

    def terms(self) -> dict[str, Any]:
        """Return what the statements ask by."""
        return {"client": self.client, "number": self.number, "named": self.named,
                "call_id": self.question.ci, "cseq": self.question.cs}  # fmt: skip


async def decide(
    store: GateConnection, question: Question, rules: LegalRules, deadline: float, cache: CampaignCache | None = None
) -> Reply:
    """Answer a question and count the attempt, by ``deadline`` of ``time.monotonic``.

    Raises DatabaseUnavailable where the database does not answer.
    """
    (reply,) = await decide_group(store, [PendingQuestion(question, deadline)], rules, cache or CampaignCache())
    return reply


async def decide_group(
    store: GateConnection, asked: Sequence[PendingQuestion], rules: LegalRules, cache: CampaignCache
) -> list[Reply]:
    """Answer questions in one transaction, each as if the one before it had been answered alone.

    Raises DatabaseUnavailable where the database does not answer; the connection has to be closed
    then. Any error in reading, judging or writing one of them is raised, and none is answered or
    counted.
    """
    replies: list[Reply | None] = [None] * len(asked)
    for tries in range(1, _MOST_TRIES + 1):
        now = time.monotonic()
        for place, one in enumerate(asked):
            if now > one.deadline:
                replies[place] = refuse_unjudged("GATE-LATE")
        left = [place for place, reply in enumerate(replies) if reply is None]
        try:
            answered = await _decide_together(store, [asked[place] for place in left], rules, cache)
        except DecisionConflict:  # another process has answered a call: try again as a repeat
            answered = None
            if tries == _MOST_TRIES and len(asked) > 1:
                await store.roll_back()
                raise
        except DatabaseUnavailable:  # nothing can be undone over a connection that does not answer
            raise
        except Exception:
            await store.roll_back()
            raise
        if answered is not None:
            for place, reply in zip(left, answered, strict=True):
                replies[place] = reply
            break
        await store.roll_back()
    return [reply or refuse_unjudged("GATE-LATE") for reply in replies]


async def _decide_together(
    store: GateConnection, asked: Sequence[PendingQuestion], rules: LegalRules, cache: CampaignCache
) -> list[Reply] | None:
    """Return the replies, None where they are to be asked again; no decision leaves nothing."""
    if not asked:
        return []
    now = timezone.now()
    for one in asked:
        one.resolve(rules, now, cache)
    group = _DecisionGroup(store, asked, rules, cache, now)
    await group.read()
    if group.has_unlocked():
        return None
    replies = [group.reply(one) for one in asked]
    if not group.decisions:
        await store.roll_back()
        return replies
    if any(time.monotonic() > one.deadline for one in asked):
        return None
    await group.write()
    return replies


class _DecisionGroup:
    """Questions under one lock, and what the first of them change for those that follow."""

    def __init__(
        self,
        store: GateConnection,
        asked: Sequence[PendingQuestion],
        rules: LegalRules,
        cache: CampaignCache,
        now: datetime,
    ) -> None:
        self.store, self.asked, self.rules, self.now = store, asked, rules, now
        self._cache = cache
        self.campaigns: dict[str, CampaignFacts] = {}
        self.decisions: list[Mapping[str, Any]] = []
        self.attempts: list[Mapping[str, Any]] = []
        self.last: datetime | None = None

    async def read(self) -> None:
        """Begin, and read all that bears on the questions."""
        known = self.now + MAX_CLOCK_SKEW
        by = to_db_instant(self.store.vendor, known)
        self.locked, rows = await self.store.read([one.terms() for one in self.asked], by)
        self.seen = FactSet(rows)
        for name in dict.fromkeys(one.question.camp for one in self.asked):
            self.campaigns[name] = await self._cache.read_campaign(self.store, name, self.seen.load, known)
        if self._assign_clients():
            self.seen = FactSet(await self.store.read_again([one.terms() for one in self.asked], by))

    def _assign_clients(self) -> bool:
        """Give every question the client of its campaign; return whether one has another now."""
        renamed = False
        for one in self.asked:
            campaign = self.campaigns[one.question.camp].campaign
            client = "" if campaign is None else campaign.client
            renamed, one.client = renamed or client != one.client, client
        return renamed

    def _known_facts(self, one: PendingQuestion) -> KnownFacts:
        common = self.campaigns[one.question.camp]
        return self.seen.known_facts(one.number, one.named, one.like, common, one.client)

    def has_unlocked(self) -> bool:
        """Return whether a number has a holder that was not known when the persons were locked."""
        if self.locked is None:
            return False
        return not all(self.locked.issuperset(self._known_facts(one).persons()) for one in self.asked)

    def reply(self, one: PendingQuestion) -> Reply:
        """Return the reply to the next question; a decision counts for those that follow."""
        question, clock = one.question, self.seen.clock or self.now
        decided = self.seen.decided.get((question.ci, question.cs))
        if decided is not None:
            reply = _repeat_answer(decided, question, (one.number, one.named), clock)
            return self._explain_repeat(one, reply, decided) if question.explain else reply
        answer = self._known_facts(one)
        fault = _find_fault(answer, self.seen, self.now) or _find_mismatch(answer, one.named, question.ref)
        if fault:
            return refuse_unjudged(fault)
        # Later than every load that was seen: one may have said which attempts do not count.
        newest = max(filter(None, (answer.newest, self.last, self.seen.load)), default=None)
        campaign = answer.common.campaign
        assert campaign is not None
        self.last = at = later_than(clock, newest)
        call = build_call(question.camp, campaign, one.like, question.cli, one.named, at, question.ref)
        found = judge_for_holders(call, answer, self.rules)
        document = explain_verdicts(found, answer.facts(), self.rules) if question.explain else None
        self._add_decision(one, answer, found)
        if _is_allowed(found):
            return allow_call(question.ref, document)
        return refuse_call(_reason_ids(found), document)

    def _explain_repeat(self, one: PendingQuestion, reply: Reply, decided: Sequence[Any]) -> Reply:
        """Return the reply to a repeat with what explains it, judged again at its instant."""
        answer, question = self._known_facts(one), one.question
        campaign = answer.common.campaign
        if campaign is None or reply.reasons == "GATE-CALL":
            return reply
        at = parse_instant(decided[DECISION.index("at")])
        call = build_call(question.camp, campaign, one.like, question.cli, one.named, at, question.ref)
        found = judge_for_holders(call, answer, self.rules)
        return explain_repeat(reply, explain_verdicts(found, answer.facts(), self.rules))

    def _add_decision(self, one: PendingQuestion, answer: KnownFacts, found: Sequence[CallVerdict]) -> None:
        at = found[0].call.at
        decision = _build_decision(to_db_instant(self.store.vendor, at), one, answer, found)
        self.decisions.append(decision)
        stored = [*(decision[name] for name in DECISION)]
        stored[DECISION.index("at")] = at
        self.seen.decided[one.question.ci, one.question.cs] = stored
        if not decision["allowed"]:
            return
        for person in dict.fromkeys(each.person for each in found):
            attempt = _build_attempt(one, answer.common, person, decision)
            self.attempts.append(attempt)
            self.seen.add_attempt({**attempt, "id": attempt["ref"], "at": at}, at)

    async def write(self) -> None:
        """Write what was decided, and commit; in the order of the calls, for every group alike."""
        self.decisions.sort(key=lambda row: (row["call_id"], row["cseq"]))
        await self.store.write({"gate_decision": self.decisions, "gate_attempt": self.attempts})


def _repeat_answer(decided: Sequence[Any], question: Question, called: tuple[str, str], clock: datetime) -> Reply:
    """Return the answer given before; refuse another call of the same name, or an old one.

    A proxy that names its SIP transaction asks once: a second question is about another one.
    """
    campaign, number, named, caller, began, at, allowed, rules = decided
    same = (campaign, number, named, caller) == (question.camp, *called, _shown_caller(question))
    if began or question.began or not same or clock - parse_instant(at) > MAX_REPEAT_AGE:
        return refuse_unjudged("GATE-CALL")
    return allow_call(question.ref) if allowed else refuse_call(rules)


def _find_mismatch(answer: KnownFacts, named: str, ref: str) -> str:
    """Return why the question does not fit what is known, empty when it does.

    A person who is named without holding the number would lend it their consent and their cap; an
    attempt that this provider counted under the call's name would not be counted against it.
    """
    if named and named not in answer.persons():
        return "GATE-WHO"
    campaign = answer.common.campaign
    own = (ref, "" if campaign is None else campaign.provider)
    used = any((cells["id"], cells["provider"]) == own for _, cells in answer.own["attempts"])
    return "GATE-CALL" if used else ""


def _shown_caller(question: Question) -> str:
    return question.cli[:_CALLER]


def _find_fault(answer: KnownFacts, seen: FactSet, now: datetime) -> str:
    """Return why nothing can be decided, empty when it can."""
    clock = seen.clock or now
    if abs(clock - now) > MAX_CLOCK_SKEW or (seen.last is not None and seen.last > now + MAX_CLOCK_SKEW):
        return "GATE-CLOCK"
    campaign, today = answer.common.campaign, to_legal_day(clock)
    running = campaign is not None and (
        (campaign.first is None or campaign.first <= today) and (campaign.last is None or today <= campaign.last)
    )
    return "" if running else "GATE-CAMPAIGN"


def build_call(
    name: str, campaign: CampaignTerms, number: str, caller: str, person: str, at: datetime, ref: str
) -> Call:
    return Call(
        campaign.client, number, at, campaign.object, caller, name, person,
        purpose=campaign.purpose, mode=campaign.mode, origin=campaign.origin,
        authenticated=campaign.authenticated, mobile_terminal=campaign.mobile_terminal, id=ref,
        sector=campaign.sector, provider=campaign.provider,
    )  # fmt: skip


def judge_for_holders(call: Call, answer: KnownFacts, rules: LegalRules) -> list[CallVerdict]:
    """Return the verdict on a call, or one for each who answers the number when one is named."""
    facts = answer.facts()
    found = [judge_call(call, facts, rules, call.at, timed=False)]
    if call.person:
        for person in answer.persons():
            if person != call.person:
                other = Call(**{**{name: getattr(call, name) for name in Call.__dataclass_fields__}, "person": person})
                found.append(judge_call(other, facts, rules, call.at, timed=False))
    return found


def _is_allowed(found: Sequence[CallVerdict]) -> bool:
    return all(one.allowed for one in found)


def _reason_ids(found: Sequence[CallVerdict]) -> str:
    return "|".join(dict.fromkeys(rule for one in found for rule in one.rules))


def _build_decision(
    at: Any, one: PendingQuestion, answer: KnownFacts, found: Sequence[CallVerdict]
) -> Mapping[str, Any]:
    first, question = found[0], one.question
    return {
        "call_id": question.ci, "cseq": question.cs, "at": at, "campaign": question.camp,
        "client": one.client, "number": one.number, "stand_in": first.call.number,
        "persons": "|".join(each.person for each in found), "named": first.call.person,
        "caller": _shown_caller(question), "call": answer.common.call,
        "allowed": _is_allowed(found), "legal": all(each.legal for each in found),
        "rules": _reason_ids(found), "basis": first.basis,
        "attempts": max(each.attempts for each in found),
        "rules_version": first.rules_version, "zones_version": first.zones_version,
        "facts": hash_facts(answer.serialize()), "agent": question.agent,
        "began": question.began, "erase_on": years_later(first.call.at.date()).isoformat(),
    }  # fmt: skip


def _build_attempt(
    one: PendingQuestion, common: CampaignFacts, person: str, decision: Mapping[str, Any]
) -> Mapping[str, Any]:
    assert common.campaign is not None
    return {
        "client": one.client, "person": person, "ref": one.question.ref, "at": decision["at"],
        "known_from": decision["at"], "outcome": "", "provider": common.campaign.provider,
        "purpose": common.campaign.purpose,
        "began": one.question.began, "digest": "", "erase_on": decision["erase_on"],
    }  # fmt: skip
