"""Consequences of the rules: closures, longer closures, absences and their ends.

The id of each derived event is computed from its cause: deriving twice, or in two places at once,
gives the same event, and an event that people corrected is not derived again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypedDict

from releve.network import Operator, Site, day_bounds, zone
from releve.situation.closure import list_closing_cases, list_confirmed_cases
from releve.situation.event import Event
from releve.situation.events import (
    AgentBack,
    AgentUnavailable,
    CaseDeclared,
    ClosureExtended,
    EventCorrected,
    SiteClosed,
)
from releve.situation.rule_kinds import AbsenceRule, ClosureRule
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation
from releve.situation.state import Absence, Closure, DeclaredCase

__all__ = ["derive_absence_id", "derive_events"]


class _Common(TypedDict):
    """The fields that every derived event has."""

    id: str
    happened_at: datetime
    recorded_at: datetime
    actor: str


def derive_events(
    situation: Situation, operator: Operator, rules: SituationRules, now: datetime
) -> tuple[Event, ...]:
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
    situation: Situation,
    site: str,
    rule_id: str,
    rule: ClosureRule,
    now: datetime,
    known: set[str],
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
    situation: Situation,
    site: str,
    closure: Closure,
    rule_id: str,
    rule: ClosureRule,
    now: datetime,
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
                yield AgentUnavailable(
                    **_by_rule(event_id, rule_id, now), agent=case.agent, start=start, until=until
                )


def _compute_absence(
    case: DeclaredCase, site: Site, rule: AbsenceRule
) -> tuple[datetime, datetime]:
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
            for absence in _find_lasting_absence(
                situation, case.agent, derive_absence_id(case.event), now
            ):
                common = _build_common_fields(_derived("back", absence.event), absence.actor, now)
                if common["id"] not in known:
                    yield AgentBack(**common, agent=case.agent, absence=absence.event)
    for event in situation.withdrawn:
        if isinstance(event, CaseDeclared):
            for absence in _find_lasting_absence(
                situation, event.agent, derive_absence_id(event.id), now
            ):
                common = _build_common_fields(
                    _derived("corrected", absence.event), absence.actor, now
                )
                yield EventCorrected(**common, corrects=absence.event)


def _find_lasting_absence(
    situation: Situation, agent: str, event_id: str, now: datetime
) -> list[Absence]:
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
