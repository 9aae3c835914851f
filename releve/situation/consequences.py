"""Consequences of the rules: closures, longer closures, absences and their ends, first tasks.

The id of a derived event is computed from its cause: deriving it twice, or in two places at once,
gives the same event, and an event that a person corrected is not derived again. The tasks of an
incident follow the steps of ISO 22320 and of the continuity plans that contact centres publish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from releve.errors import Phrase
from releve.network import Operator, Site, day_bounds, zone
from releve.situation.closure_ground import (
    derive_extension_id,
    derive_id,
    derive_liftings,
    derive_order_id,
    list_closing_cases,
    list_confirmed_cases,
)
from releve.situation.event import Event
from releve.situation.events import (
    AgentBack,
    AgentUnavailable,
    CaseDeclared,
    ClosureExtended,
    EventCorrected,
    ReliefAimChosen,
    SiteClosed,
)
from releve.situation.rule_kinds import AbsenceRule, ClosureRule, SituationRules
from releve.situation.situation import Situation, apply_event
from releve.situation.state import Absence, Closure, DeclaredCase
from releve.situation.validation import merge_reopening_terms

_MOST_ROUNDS = 10


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
    found += derive_liftings(situation, operator, rules, now)
    found += _derive_absences(situation, operator, rules, now)
    found += _derive_returns(situation, now)
    found += _end_aim(situation, now)
    return tuple(found)


def derive_all_events(situation: Situation, operator: Operator, rules: SituationRules, at: datetime) -> list[Event]:
    """Return the events that the rules call for, and those that follow from these in turn."""
    found: list[Event] = []
    for _ in range(_MOST_ROUNDS):
        more = derive_events(situation, operator, rules, at)
        if not more:
            return found
        found += more
        for event in more:
            situation = apply_event(situation, event)
    raise RuntimeError(f"the rules still answer after {_MOST_ROUNDS} rounds: {more[0].kind}")


def _end_aim(situation: Situation, now: datetime) -> Iterator[ReliefAimChosen]:
    """Yield the end of a choice of what reliefs aim at, once nothing is lost any more."""
    lost = situation.lost_places(now)
    if situation.relief_aim and not lost.sites and not lost.carriers:
        chosen = [row.id for row in situation.list_events("aims") if row.id not in situation.corrected][-1]
        yield ReliefAimChosen(**_by_rule(derive_id("aim", chosen), "aim", now))


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
        event_id = derive_order_id(situation, rule_id, site, case)
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
        **_by_rule(derive_extension_id(rule_id, site, last), rule_id, now),
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
    """Yield the end of absences whose agent was cleared, or whose case did not happen.

    A contact of a case that did not happen was none; where the case is another person's, too.
    """
    wrong = {row.corrects for row in situation.corrections if row.truth != "other_time"}
    for case in situation.cases:
        if case.of in wrong and case.status == "contact":
            common = _build_common_fields(derive_id("contact", case.event), "rule:contact", now)
            yield EventCorrected(**common, corrects=case.event)
            yield from _withdraw_absence(situation, case.agent, case.event, now)
            continue
        if case.cleared_at is not None:
            known = {event.id for event in situation.list_events("agents", case.agent)}
            for absence in _find_lasting_absence(situation, case.agent, derive_absence_id(case.event), now):
                common = _build_common_fields(derive_id("back", absence.event), absence.actor, now)
                if common["id"] not in known:
                    yield AgentBack(**common, agent=case.agent, absence=absence.event)
    for event in situation.withdrawn:
        if isinstance(event, CaseDeclared):
            yield from _withdraw_absence(situation, event.agent, event.id, now)


def _withdraw_absence(situation: Situation, agent: str, case: str, now: datetime) -> Iterator[EventCorrected]:
    for absence in _find_lasting_absence(situation, agent, derive_absence_id(case), now):
        common = _build_common_fields(derive_id("corrected", absence.event), absence.actor, now)
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
    return derive_id("absence", case_event)


_MINUTES = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """A task in words, the role that does it, and how long after the start; None: not set.

    ``follow_up``: it may stay open when the incident is closed. ``site``: it is for incidents that are, or are
    not, of a site; None: for both. ``causes``: of these alone, those of closures, kinds of hazards, ``power`` and
    ``link``; empty: of all but ``unless``.
    """

    text: Phrase
    owner: str
    within: timedelta | None
    follow_up: bool = False
    site: bool | None = None
    causes: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


_EVACUATED = ("hazard", "earthquake", "fire", "flood")
"""Causes that empty a site at once; a hazard whose kind is not named is taken for one of them."""

READY_TASKS = (
    ReadyTask(
        Phrase("Evacuate, call the roll at the meeting point, and tell the rescue services who is missing"),
        "sites", 5 * _MINUTES, site=True, causes=_EVACUATED,
    ),
    ReadyTask(Phrase("Record what happened, with its cause and the earliest end"), "lead", 15 * _MINUTES),
    ReadyTask(
        Phrase("See that no person is in a lift or in the dark; decide who stays and who goes home"),
        "sites", 10 * _MINUTES, site=True, causes=("power",),
    ),
    ReadyTask(
        Phrase("Call the supplier: the cause, the number of the fault, when it will be back"),
        "telephony", 15 * _MINUTES, causes=("power", "link"),
    ),
    ReadyTask(
        Phrase("Let those who worked beside a case leave first; close their rooms and air them"),
        "sites", 15 * _MINUTES, site=True, causes=("rule",),
    ),
    ReadyTask(
        Phrase("Check that everybody on the site is safe, and list who is missing"),
        "sites", 30 * _MINUTES, site=True, unless=(*_EVACUATED, "rule", "link"),
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
    ReadyTask(Phrase("List and inform the contacts of each case"), "health", 120 * _MINUTES, causes=("rule",)),
    ReadyTask(
        Phrase("Prepare the reopening: its checklist, its date and who approves it"),
        "sites", 24 * 60 * _MINUTES, site=True, unless=("power", "link"),
    ),
    ReadyTask(Phrase("Hold the review, and note what follows"), "lead", None, follow_up=True),
)  # fmt: skip
"""In the order in which they are set."""


def list_ready_tasks(*, site: bool, cause: str) -> Iterator[ReadyTask]:
    """Yield the tasks of an incident, of a site or not, by its cause; empty: it has none of those known."""
    for row in READY_TASKS:
        if row.site in (None, site) and (cause in row.causes if row.causes else cause not in row.unless):
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
