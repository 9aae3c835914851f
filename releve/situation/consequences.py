"""Consequences of the rules: closures, longer closures, absences and their ends, first tasks.

The id of a derived event is computed from its cause: deriving it twice, or in two places at once,
gives the same event, and an event that a person corrected is not derived again. The closure rule
(n confirmed agents on one site within d days close it) stands on plain numbers in
:func:`find_closing_case`. The tasks of an incident follow the steps of ISO 22320 and of the
continuity plans that contact centres publish.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from releve.errors import Phrase
from releve.network import UTC, Operator, Site, day_bounds, zone
from releve.situation.event import Event
from releve.situation.events import (
    AgentBack,
    AgentUnavailable,
    CaseDeclared,
    ClosureExtended,
    EventCorrected,
    SiteClosed,
)
from releve.situation.rule_kinds import AbsenceRule, ClosureRule, SituationRules
from releve.situation.situation import Situation
from releve.situation.state import Absence, Closure, DeclaredCase
from releve.situation.validation import merge_reopening_terms

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def find_closing_case(case_days: Sequence[float], n: int, d: float, new: Sequence[bool] | None = None) -> int:
    """Return the index of the first case that closes a site, or -1 when none does.

    ``case_days``: when each confirmed agent of one site became a case, one time an agent, sorted
    ascending, in days (or any unit ``d`` is in). Case ``i`` closes when it and the ``n - 1`` before
    it lie within ``d``, both ends included. ``new[i]``: not yet known at the last reopening; a
    set without a new case closes nothing. None = all are new.
    """
    for i in range(n - 1, len(case_days)):
        if case_days[i] - case_days[i - n + 1] > d:
            continue
        if new is None:
            return i
        for j in range(i - n + 1, i + 1):
            if new[j]:
                return i
    return -1


def list_confirmed_cases(situation: Situation, site: str, days: float) -> list[DeclaredCase]:
    """Return the confirmed cases that count for a site, by date, an agent once.

    A further report of an agent within ``days`` of the one that counts is the same case. A case
    whose agent is erased repeats no other.
    """
    counted: list[DeclaredCase] = []
    last: dict[str, datetime] = {}
    for case in situation.cases_at.get(site, ()):
        before = last.get(case.agent) if case.agent else None
        again = before is not None and case.at - before <= timedelta(days=days)
        if case.status == "declared_case" and not again:
            counted.append(case)
            last[case.agent] = case.at
    return counted


def list_closing_cases(situation: Situation, site: str, rule: ClosureRule, now: datetime) -> Iterator[DeclaredCase]:
    """Yield the cases by which a rule closes a site now, by date; none = it stays open.

    The ``n`` cases lie within the rule's days of each other, the last of them within the same time
    before ``now``, and one of them at least is new (see :func:`_find_new_cases`).
    """
    cases = [case for case in list_confirmed_cases(situation, site, rule.days) if case.at <= now]
    new = _find_new_cases(situation, site, cases)
    if not rule.earlier_cases_count:
        cases = [case for case, is_new in zip(cases, new, strict=True) if is_new]
        new = [True] * len(cases)
    span = timedelta(days=rule.days) // _MICROSECOND
    times = [(case.at - _EPOCH) // _MICROSECOND for case in cases]
    start = 0
    while (found := find_closing_case(times[start:], rule.n, span, new[start:])) >= 0:
        if now - cases[start + found].at <= timedelta(days=rule.days):
            yield cases[start + found]
        start += found - rule.n + 2


def _find_new_cases(situation: Situation, site: str, cases: Sequence[DeclaredCase]) -> list[bool]:
    """Return the cases that no order of a rule has taken into account yet.

    Cases count as taken into account if they were on record when a rule ordered the closure that
    lasts, when a closure by a rule was lifted, or when such an order was corrected.
    """
    state = situation.site(site)
    orders = () if state.closure is None else state.closure.orders
    ordered = [order.recorded_at for order in orders if order.cause == "rule"]
    past = [closure for closure in state.past if closure.rule_order]
    ends = [end for closure in past if (end := closure.reopening_recorded_at)]
    wrong = {
        event.id
        for event in situation.withdrawn
        if isinstance(event, SiteClosed | ClosureExtended) and event.rule and event.site == site
    }
    ends += [c.recorded_at for c in situation.corrections if c.corrects in wrong]
    return [
        all(case.recorded_at > at for at in ordered) and all(case.recorded_at >= at for at in ends) for case in cases
    ]


class _Common(TypedDict):
    """The fields that every derived event has."""

    id: str
    happened_at: datetime
    recorded_at: datetime
    actor: str


def derive_events(situation: Situation, operator: Operator, rules: SituationRules, now: datetime) -> tuple[Event, ...]:
    """Return the events that the rules of today call for; none once they are applied.

    Happened and recorded at ``now``, by ``rule:`` and the row's id.
    """
    found: list[Event] = []
    for site in operator.sites:
        found += _derive_closures(situation, site, rules, now)
    found += _derive_absences(situation, operator, rules, now)
    found += _derive_returns(situation, now)
    return tuple(found)


def _derive_closures(
    situation: Situation, site: Site, rules: SituationRules, now: datetime
) -> Iterator[SiteClosed | ClosureExtended]:
    """Yield the events of a site's closure rules: an order to close it, or a longer closure."""
    if site.id not in situation.cases_at:
        return
    closure = situation.site(site.id).closure
    closed = closure is not None
    today = now.astimezone(zone(site.time_zone)).date()
    known = {event.id for event in situation.list_events("sites", site.id)}
    for rule_id, rule in rules.in_force(ClosureRule, today, site):
        if closure is not None and any(order.rule == rule_id for order in closure.orders):
            found = _extend_closure(situation, site.id, closure, rule_id, rule, now)
        else:
            found = _build_order(situation, site.id, rule_id, rule, now, known)
        if found is None or found.id in known:
            continue
        yield found if closed else _close_by_order(found)
        closed = True


def _build_order(
    situation: Situation, site: str, rule_id: str, rule: ClosureRule, now: datetime, known: set[str]
) -> ClosureExtended | None:
    """Return the order of a rule that a site be closed: it joins a closure, or begins one."""
    for case in list_closing_cases(situation, site, rule, now):
        event_id = _derived("closed", rule_id, site, case.event)
        if event_id not in known:
            return ClosureExtended(
                **_by_rule(event_id, rule_id, now),
                site=site,
                rule=rule_id,
                earliest_reopening=now + timedelta(hours=rule.hours),
                home_only=rule.home_only,
            )
    return None


def _close_by_order(order: ClosureExtended) -> SiteClosed:
    """Return the order of a rule as the one that closes an open site."""
    return SiteClosed(
        **_build_common_fields(order.id, order.actor, order.happened_at),
        site=order.site,
        cause="rule",
        rule=order.rule,
        earliest_reopening=order.earliest_reopening,
        home_only=order.home_only,
    )


def _extend_closure(
    situation: Situation, site: str, closure: Closure, rule_id: str, rule: ClosureRule, now: datetime
) -> ClosureExtended | None:
    """Return the longer closure that the last further case of a site under order calls for."""
    ordered = [order.recorded_at for order in closure.orders if order.rule == rule_id]
    cases = list_confirmed_cases(situation, site, rule.days) if rule.further_case_hours else []
    further = [case for case in cases if case.recorded_at > min(ordered)]
    if not further:
        return None
    last = max(further, key=lambda case: (case.recorded_at, case.event))
    earliest = last.recorded_at + timedelta(hours=rule.further_case_hours)
    if closure.earliest_reopening is not None and closure.earliest_reopening >= earliest:
        return None
    return ClosureExtended(
        **_by_rule(_derived("extended", rule_id, site, last.event), rule_id, now),
        site=site,
        rule=rule_id,
        earliest_reopening=earliest,
        home_only=rule.home_only,
    )


def _derive_absences(
    situation: Situation, operator: Operator, rules: SituationRules, now: datetime
) -> Iterator[AgentUnavailable]:
    """Yield the absence of every agent who is a case or a contact, for as long as it lasts."""
    for case in situation.cases:
        site, event_id = operator.site.get(case.site), derive_absence_id(case.event)
        known = {event.id for event in situation.list_events("agents", case.agent)}
        gone = case.agent not in operator.agent or case.cleared_at is not None
        if gone or site is None or event_id in known:
            continue
        today = now.astimezone(zone(site.time_zone)).date()
        for rule_id, rule in rules.in_force(AbsenceRule, today, site)[:1]:
            start, until = _compute_absence(case, site, rule)
            if until > now:
                yield AgentUnavailable(**_by_rule(event_id, rule_id, now), agent=case.agent, start=start, until=until)


def _compute_absence(case: DeclaredCase, site: Site, rule: AbsenceRule) -> tuple[datetime, datetime]:
    """Return from when to when an agent is absent; days are those of the site."""
    first = case.since or case.at.astimezone(zone(site.time_zone)).date()
    last = rule.last_day(case.status, first, case.until)
    start = day_bounds(first, site.time_zone)[0] if case.since else case.at
    return start, day_bounds(last, site.time_zone)[1]


def _derive_returns(situation: Situation, now: datetime) -> Iterator[Event]:
    """Yield the end of absences whose agent was cleared, or whose case did not happen."""
    for case in situation.cases:
        if case.cleared_at is not None:
            known = {event.id for event in situation.list_events("agents", case.agent)}
            for absence in _find_lasting_absence(situation, case.agent, derive_absence_id(case.event), now):
                common = _build_common_fields(_derived("back", absence.event), absence.actor, now)
                if common["id"] not in known:
                    yield AgentBack(**common, agent=case.agent, absence=absence.event)
    for event in situation.withdrawn:
        if isinstance(event, CaseDeclared):
            for absence in _find_lasting_absence(situation, event.agent, derive_absence_id(event.id), now):
                common = _build_common_fields(_derived("corrected", absence.event), absence.actor, now)
                yield EventCorrected(**common, corrects=absence.event)


def _find_lasting_absence(situation: Situation, agent: str, event_id: str, now: datetime) -> list[Absence]:
    """Return the absence with this id if it lasts, in a list; else an empty list."""
    return [
        absence
        for absence in situation.absences.get(agent, ())
        if absence.event == event_id and (absence.until is None or absence.until > now)
    ]


def _by_rule(event_id: str, rule_id: str, now: datetime) -> _Common:
    return _build_common_fields(event_id, f"rule:{rule_id}", now)


def _build_common_fields(event_id: str, actor: str, now: datetime) -> _Common:
    return {"id": event_id, "happened_at": now, "recorded_at": now, "actor": actor}


def derive_absence_id(case_event: str) -> str:
    """Return the id of the absence a case calls for; it does not show the case."""
    return _derived("absence", case_event)


def _derived(*parts: str) -> str:
    text = "\x1f".join(parts).encode()
    return hashlib.sha256(text).hexdigest()[:32]


_MINUTES = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """A task in words, the role that does it, and how long after the start; None: not set.

    ``follow_up``: it may stay open when the incident is closed. ``site`` and ``health``: it is for
    incidents that are, or are not, of one site or a matter of health; None: for all.
    """

    text: Phrase
    owner: str
    within: timedelta | None
    follow_up: bool = False
    site: bool | None = None
    health: bool | None = None


READY_TASKS = (
    ReadyTask(Phrase("Record what happened, with its cause and the earliest end"), "lead", 15 * _MINUTES),
    ReadyTask(
        Phrase("Check that everybody on the site is safe, and list who is missing"), "sites", 30 * _MINUTES, site=True
    ),
    ReadyTask(Phrase("Check that everybody is safe, and list who is missing"), "sites", 30 * _MINUTES, site=False),
    ReadyTask(
        Phrase("Check that calls follow the relief, and that none reaches a closed place"), "telephony", 30 * _MINUTES
    ),
    ReadyTask(Phrase("Call the agents who have not answered their message"), "people", 60 * _MINUTES),
    ReadyTask(
        Phrase("Inform each client: the effect, the coverage, the time of the next news"), "clients", 60 * _MINUTES
    ),
    ReadyTask(Phrase("Pause or move the outbound campaigns that are affected"), "outbound", 60 * _MINUTES),
    ReadyTask(Phrase("List and inform the contacts of each case"), "health", 120 * _MINUTES, health=True),
    ReadyTask(
        Phrase("Prepare the reopening: its checklist, its date and who approves it"),
        "sites",
        24 * 60 * _MINUTES,
        site=True,
    ),
    ReadyTask(Phrase("Hold the review, and note what follows"), "lead", None, follow_up=True),
)
"""In the order in which they are set."""


def list_ready_tasks(*, site: bool, health: bool) -> Iterator[ReadyTask]:
    """Yield the tasks of an incident, of one site or not, for a matter of health or not."""
    for row in READY_TASKS:
        if row.site in (None, site) and row.health in (None, health):
            yield row


@dataclass(frozen=True, slots=True)
class ClosureTerms:
    """What is done of what the reopening of a site takes.

    ``home_only``: its people may work at home alone. ``checklist`` has who did each item, empty
    while it is to be done.
    """

    home_only: bool
    checklist: Mapping[str, str]
    approvals: int
    approvals_needed: int


def find_closure_terms(
    situation: Situation, site: str, operator: Operator, rules: SituationRules
) -> ClosureTerms | None:
    """Return the terms on which a site is closed; None while it is open."""
    closure = situation.site(site).closure
    if closure is None:
        return None
    terms = merge_reopening_terms(closure, site, operator, rules)
    done = dict(closure.done)
    return ClosureTerms(
        home_only=closure.home_only,
        checklist={row.id: done.get(row.id, "") for row in terms.checklist},
        approvals=len(closure.approvals),
        approvals_needed=terms.approvals,
    )
