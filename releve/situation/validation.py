"""Refusals of events: the rules that hold for all, and those of events about people and places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from releve.network import Operator
from releve.situation import events
from releve.situation import validation_audit as audit
from releve.situation import validation_control as control
from releve.situation.closure_ground import find_lost_ground, list_confirmed_cases
from releve.situation.event import Event
from releve.situation.refusal import EventRefusal, ValidationContext, refuse, to_local_day
from releve.situation.rule_kinds import RecordingRule, ReopeningRule, SituationRules
from releve.situation.situation import Situation
from releve.situation.state import Closure, DeclaredCase, Outage

_LONGEST_DAYS = 366


def find_refusals(
    event: Event, situation: Situation, operator: Operator, rules: SituationRules
) -> tuple[EventRefusal, ...]:
    """Return every reason why an event is not accepted; empty = accepted.

    The clock is the event's own ``recorded_at``.
    """
    context = ValidationContext(situation, operator, rules)
    found = [*_check_signature(event, context), *_check_dates(event, context)]
    if not found:
        found += _BY_KIND[type(event)](event, context)
    return tuple(found)


def merge_reopening_terms(closure: Closure, site: str, operator: Operator, rules: SituationRules) -> ReopeningRule:
    """Return the terms that lift a closure: those of all its orders taken together.

    Each order by its cause and by the rules of its day. Where no row was in force that day, the
    default of the rule holds: two people.
    """
    found = operator.site.get(site)
    asked = [
        rules.one(ReopeningRule, to_local_day(order.at, site, operator), found, order.cause) or ReopeningRule()
        for order in closure.orders
    ]
    items = {item.id: item for terms in asked for item in terms.checklist}
    approvals = max(terms.approvals for terms in asked)
    return ReopeningRule(approvals=approvals, checklist=tuple(items.values()))


def _merge_terms(closure: Closure, context: ValidationContext, site: str) -> ReopeningRule:
    return merge_reopening_terms(closure, site, context.operator, context.rules)


def _check_signature(event: Event, context: ValidationContext) -> Iterator[EventRefusal]:
    if not event.id:
        yield refuse("event.no_id")
    elif context.situation.event(event.id) is not None:
        yield refuse("event.id_taken", id=event.id)
    if not event.actor:
        yield refuse("event.no_actor")


def _check_dates(event: Event, context: ValidationContext) -> Iterator[EventRefusal]:
    rule = context.rules.one(RecordingRule, context.day(event.recorded_at)) or RecordingRule()
    dates = {"happened_at": event.happened_at, "recorded_at": event.recorded_at}
    if event.happened_at > event.recorded_at + timedelta(minutes=rule.ahead_minutes):
        yield refuse("date.future", **dates, minutes=rule.ahead_minutes)
    if event.happened_at < event.recorded_at - timedelta(days=rule.behind_days):
        yield refuse("date.too_old", **dates, days=rule.behind_days)


def _check_case(event: events.CaseDeclared, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    yield from context.agent_faults(event.agent)
    yield from _check_measure_days(event, context.day(event.happened_at, event.site))
    if event.status == "declared_case":
        # A case that is on record is not refused: the refusal would tell who has a measure.
        if event.case:
            yield refuse("case.names_case")
    elif event.status == "contact":
        if event.case and all(case.event != event.case for case in context.situation.cases):
            yield refuse("case.unknown")
    elif not any(_can_clear(event, case) for case in context.situation.cases):
        yield refuse("case.nothing_to_clear")


def _can_clear(event: events.CaseDeclared, case: DeclaredCase) -> bool:
    """Return whether a clearing names this case, with its agent and site, while it is open."""
    named = (event.case, event.agent, event.site) == (case.event, case.agent, case.site)
    return named and case.cleared_at is None and case.at <= event.happened_at


def _check_measure_days(event: events.CaseDeclared, day: date) -> Iterator[EventRefusal]:
    since = event.since or day
    if abs((since - day).days) >= _LONGEST_DAYS:
        yield refuse("case.since", since=since, day=day)
    if event.until is not None and event.until < since:
        yield refuse("case.dates", since=since, until=event.until)
    elif event.until is not None and (event.until - since).days >= _LONGEST_DAYS:
        yield refuse("case.too_long", since=since, until=event.until)


def _check_absence(event: events.AgentUnavailable, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.agent_faults(event.agent)
    start = event.start or event.happened_at
    if event.until is not None and event.until <= start:
        yield refuse("absence.dates", start=start, until=event.until)
    if event.actor.startswith("rule:"):
        return  # two reports of one case call for one absence each
    for absence in context.situation.absences.get(event.agent, ()):
        if (absence.start, absence.until) == (start, event.until):
            yield refuse("event.same", kind=event.kind, earlier=absence.event)


def _check_return(event: events.AgentBack, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.agent_faults(event.agent)
    absences = context.situation.absences.get(event.agent, ())
    named = [absence for absence in absences if event.names(absence.event, absence.actor)]
    own, at = event.absence == event.OWN, event.happened_at
    if event.absence and not own and not named:
        yield refuse("absence.unknown", agent=event.agent, absence=event.absence)
    lasting = [a for a in named if a.until is None or a.until > at]
    if not any(event.absence == a.event or a.start <= at for a in lasting):
        yield refuse("absence.not_own" if own else "absence.none", agent=event.agent)


def _check_closing(event: events.SiteClosed, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    state = context.situation.site(event.site)
    if state.closure is not None:
        yield refuse("closure.closed_already", site=event.site, since=state.closure.ordered_at)
    reopened = state.past[-1].reopened_at if state.past else None
    if reopened is not None and event.happened_at < reopened:
        yield refuse("closure.past", site=event.site, reopened=reopened)
    by_rule = event.actor.startswith("rule:")
    if event.cause == "rule" and not event.rule:
        yield refuse("closure.cause", cause=event.cause, missing="rule")
    if event.cause == "rule" and not by_rule:
        yield refuse("closure.rule")
    if event.cause == "authority" and not event.authority:
        yield refuse("closure.cause", cause=event.cause, missing="authority")
    if event.hazard and event.cause != "hazard":
        yield refuse("closure.hazard")
    earliest = event.earliest_reopening
    if earliest is not None and earliest < event.happened_at:
        yield refuse("closure.earliest", earliest=earliest, ordered=event.happened_at)


def _check_aim(event: events.ReliefAimChosen, context: ValidationContext) -> Iterator[EventRefusal]:
    lost = context.situation.lost_places(event.recorded_at)
    if not lost.sites and not lost.carriers:
        yield refuse("aim.nothing_lost")
    elif event.aim == context.situation.relief_aim:
        yield refuse("aim.same")


def _check_closure(
    event: events.ClosureExtended | events.ReopeningChecked | events.ReopeningApproved | events.SiteReopened,
    context: ValidationContext,
) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    closure = context.situation.site(event.site).closure
    if closure is None:
        yield refuse("closure.open", site=event.site)
    elif event.happened_at < closure.ordered_at:
        dates = {"ordered": closure.ordered_at, "happened_at": event.happened_at}
        yield refuse("closure.before", site=event.site, **dates)


def _check_extension(event: events.ClosureExtended, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_closure(event, context)
    if event.rule and not event.actor.startswith("rule:"):
        yield refuse("closure.rule")
    closure = context.situation.site(event.site).closure
    earliest = None if closure is None else closure.earliest_reopening
    orders = () if closure is None else closure.orders
    joins = bool(event.rule) and all(order.rule != event.rule for order in orders)
    if earliest is not None and event.earliest_reopening <= earliest and not joins:
        yield refuse("extension.not_later", site=event.site, earliest=earliest)


def _check_item(event: events.ReopeningChecked, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_closure(event, context)
    closure = context.situation.site(event.site).closure
    if closure is None:
        return
    items = _merge_terms(closure, context, event.site).items
    if event.item not in items:
        yield refuse("reopening.unknown_item", item=event.item, items=tuple(items))
    if event.item in dict(closure.done):
        yield refuse("reopening.item_done", item=event.item, by=dict(closure.done)[event.item])


def _check_approval(event: events.ReopeningApproved, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_closure(event, context)
    closure = context.situation.site(event.site).closure
    if closure is not None:
        yield from _check_checklist(closure, context, event.site)
        if event.actor in closure.approvals:
            yield refuse("approval.same_person", actor=event.actor)
    if event.actor.startswith("rule:"):
        yield refuse("approval.by_rule")


def _check_checklist(closure: Closure, context: ValidationContext, site: str) -> Iterator[EventRefusal]:
    done = dict(closure.done)
    items = _merge_terms(closure, context, site).items
    missing = [item for item in items if item not in done]
    if missing:
        yield refuse("reopening.checklist", items=tuple(missing))


def _check_reopening(event: events.SiteReopened, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_closure(event, context)
    closure = context.situation.site(event.site).closure
    if closure is not None:
        yield from _check_lifting(event, closure, event.site, context)


def _check_lifting(event: Event, closure: Closure, site: str, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield the terms that are not met for an event to lift a closure, or an order of it."""
    earliest = closure.earliest_reopening
    if earliest is not None and min(event.happened_at, event.recorded_at) < earliest:
        yield refuse("reopening.too_early", site=site, earliest=earliest)
    yield from _check_checklist(closure, context, site)
    needed, given = _merge_terms(closure, context, site).approvals, len(closure.approvals)
    if given < needed:
        yield refuse("reopening.approvals", given=given, needed=needed, missing=needed - given)


def _check_outage(event: events.LinkDown | events.PowerDown, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_place(event, context)
    outage = _find_outage(event, context)
    if outage is not None:
        yield refuse("outage.down_already", since=outage.since)
    if event.expected_until is not None and event.expected_until < event.happened_at:
        yield refuse("outage.expected", expected_until=event.expected_until)


def _check_outage_end(event: events.LinkUp | events.PowerUp, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_place(event, context)
    if _find_outage(event, context) is None:
        yield refuse("outage.not_down", happened_at=event.happened_at)


def _find_outage(event: Event, context: ValidationContext) -> Outage | None:
    """Return the outage that lasted when something happened, however late it is recorded."""
    history = context.situation.outage_history.get(event.subject, ())
    return next((outage for outage in history if outage.lasts_at(event.happened_at)), None)


def _check_place(event: Event, context: ValidationContext) -> Iterator[EventRefusal]:
    site, carrier = getattr(event, "site", ""), getattr(event, "carrier", "")
    if bool(site) == bool(carrier):
        yield refuse("outage.place")
    elif site:
        yield from context.site_faults(event, site)
    elif all(agent.carrier != carrier for agent in context.operator.agents):
        yield refuse("carrier.unknown", carrier=carrier)


def _check_correction(event: events.EventCorrected, context: ValidationContext) -> Iterator[EventRefusal]:
    found = context.situation.event(event.corrects)
    if found is None:
        yield refuse("correction.unknown", corrects=event.corrects)
    elif found.family == "draws":
        yield refuse("correction.of_draw", corrects=event.corrects)
    elif found.family == "charter_audits":
        yield refuse("correction.of_audit", corrects=event.corrects)
    elif isinstance(found, events.EventCorrected):
        yield refuse("correction.of_correction", corrects=event.corrects)
    if event.corrects in context.situation.corrected:
        yield refuse("correction.twice", corrects=event.corrects)
    if not event.reason and not event.actor.startswith("rule:"):
        yield refuse("correction.no_reason")
    if isinstance(found, events.SiteClosed | events.ClosureExtended):
        closure = context.situation.site(found.site).closure
        order = next((row for row in closure.orders if row.event == found.id), None) if closure else None
        if closure is not None and order is not None and order.cause == "rule":
            yield from _check_ground(event, closure, found.site, context)
        elif closure is not None and order is not None:
            yield from _check_lifting(event, closure, found.site, context)


def _check_ground(
    event: events.EventCorrected, closure: Closure, site: str, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a rule's order is not lifted: it has kept its ground, or one person says it has not.

    With its ground it is corrected on the terms of a reopening alone.
    """
    args = (context.situation, site, context.operator, context.rules, event.recorded_at)
    lost = find_lost_ground(*args)
    if lost is None or not lost.concerns(event.corrects):
        terms = tuple(_check_lifting(event, closure, site, context))
        rule = closure.rule_order and context.rules.find_closure_rule(closure.rule_order.rule)
        if terms and rule:
            count = len(list_confirmed_cases(context.situation, site, rule.days))
            earliest = closure.earliest_reopening or closure.ordered_at
            yield refuse("lifting.grounded", site=site, count=count, cases=rule.n, days=rule.days, earliest=earliest)
        yield from (row for row in terms if not rule or row.code != "reopening.too_early")
    elif event.actor.startswith("rule:"):
        wanted = {row.id for row in lost.corrections}
        if all(row.because not in wanted for row in context.situation.corrections):
            yield refuse("lifting.by_rule")
    else:
        by_others = find_lost_ground(*args, without={event.actor})
        if by_others is None or not by_others.concerns(event.corrects):
            yield refuse("lifting.same_person", actor=event.actor, site=site)


_BY_KIND: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.CaseDeclared: _check_case,
    events.AgentUnavailable: _check_absence,
    events.AgentBack: _check_return,
    events.SiteClosed: _check_closing,
    events.ReliefAimChosen: _check_aim,
    events.ClosureExtended: _check_extension,
    events.ReopeningChecked: _check_item,
    events.ReopeningApproved: _check_approval,
    events.SiteReopened: _check_reopening,
    events.LinkDown: _check_outage,
    events.LinkUp: _check_outage_end,
    events.PowerDown: _check_outage,
    events.PowerUp: _check_outage_end,
    events.EventCorrected: _check_correction,
    **audit.AUDIT_CHECKS,
    **control.CONTROL_CHECKS,
    **audit.DRAW_CHECKS,
    **control.INCIDENT_CHECKS,
}
"""Checks of each kind of event."""
