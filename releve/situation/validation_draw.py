"""Refusals of the events of draws: nothing is accepted that a second computation would deny."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from releve.inspection import DrawError, compute_probabilities
from releve.network import zone
from releve.situation import events_draw as events
from releve.situation.draw_frame import build_frame
from releve.situation.draws import DrawPlan
from releve.situation.event import Event
from releve.situation.refusal import EventRefusal, ValidationContext, refuse

__all__ = ["CHECKS"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


def _check_plan(event: events.DrawPlanned, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a plan of draws is not accepted."""
    if event.plan in context.situation.draws:
        yield refuse("draw.plan_taken", plan=event.plan)
    yield from _check_anchor(event.operator_anchor, context)
    if event.first_day <= context.day(event.recorded_at):
        yield refuse("draw.first_day", first_day=event.first_day)
    try:
        compute_probabilities(
            {site.id: 1 for site in context.operator.sites},
            event.visits,
            most_permille=event.most_permille,
            least_permille=event.least_permille,
        )
    except DrawError as error:
        yield refuse("draw.bounds", reason=str(error))


def _check_anchor(anchor: str, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why an anchor is not accepted: it serves one party of one plan."""
    if not _DIGEST.fullmatch(anchor):
        yield refuse("draw.anchor")
    for plan in context.situation.draws.values():
        joined = plan.joined.commission_anchor if plan.joined else ""
        if anchor in (plan.planned.operator_anchor, joined):
            yield refuse("draw.anchor_used", plan=plan.planned.plan)


def _check_joining(event: events.DrawJoined, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why the anchor of the commission is not accepted."""
    plan = context.situation.draws.get(event.plan)
    if plan is None:
        yield refuse("draw.plan_unknown", plan=event.plan)
        return
    if plan.joined is not None:
        yield refuse("draw.joined_again", plan=event.plan)
    if plan.planned.first_day <= context.day(event.recorded_at):
        yield refuse("draw.first_day", first_day=plan.planned.first_day)
    yield from _check_anchor(event.commission_anchor, context)
    if not _DIGEST.fullmatch(event.root_tree):
        yield refuse("draw.root")


def _find_plan(event: Any, context: ValidationContext) -> DrawPlan | EventRefusal:
    """Return the plan of an event whose day is one of its days, or why there is none."""
    plan = context.situation.draws.get(event.plan)
    if plan is None:
        return refuse("draw.plan_unknown", plan=event.plan)
    if plan.joined is None:
        return refuse("draw.not_joined", plan=event.plan)
    if not 1 <= plan.number_day(event.day) <= plan.planned.days:
        last = plan.planned.first_day + timedelta(days=plan.planned.days - 1)
        return refuse("draw.day", day=event.day, first=plan.planned.first_day, last=last)
    return plan


def _on_plan(
    check: Callable[[Any, DrawPlan, ValidationContext], Iterator[EventRefusal]],
) -> Callable[[Any, ValidationContext], Iterator[EventRefusal]]:
    """Return a check that is made where the event names a day of a plan."""

    def checked(event: Any, context: ValidationContext) -> Iterator[EventRefusal]:
        plan = _find_plan(event, context)
        if isinstance(plan, EventRefusal):
            yield plan
        else:
            yield from check(event, plan, context)

    return checked


def _check_frame(
    event: events.DrawFramed, plan: DrawPlan, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a frame is not accepted: it precedes its day and every link of it."""
    known = any(plan.find_link(party, event.day) for party in events.PARTIES)
    if event.day <= context.day(event.recorded_at) or known:
        yield refuse("draw.frame_late", day=event.day)
    if event.day in plan.frames:
        yield refuse("draw.frame_again", day=event.day)
    elif event.units != build_frame(plan.planned, context.situation, context.operator, event.day):
        yield refuse("draw.frame_differs", day=event.day)


def _check_link(
    event: events.DrawRevealed, plan: DrawPlan, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a link is not accepted."""
    if event.day > context.day(event.recorded_at) + timedelta(days=1):
        yield refuse("draw.reveal_early", day=event.day)
    if event.day not in plan.frames:
        yield refuse("draw.no_frame", day=event.day)
    link = bytes.fromhex(event.link) if _DIGEST.fullmatch(event.link) else b""
    if not plan.leads_to_anchor(event.party, event.day, link):
        yield refuse("draw.link", party=event.party, day=event.day)
    elif (event.party, event.day) in plan.links:
        yield refuse("draw.link_again", party=event.party, day=event.day)


def _check_list(
    event: events.DrawPresent, plan: DrawPlan, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a list of those present is not accepted: it precedes the commission's link."""
    yield from context.site_faults(event, event.site)
    if not _DIGEST.fullmatch(event.list_hash):
        yield refuse("photo.digest", digest=event.list_hash)
    if event.tests > event.count:
        yield refuse("draw.tests", tests=event.tests, count=event.count)
    if plan.find_link("commission", event.day):
        yield refuse("draw.list_late", day=event.day)


def _check_draw(
    event: events.DrawHeld, plan: DrawPlan, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a draw is not accepted: it is computed again here."""
    if event.day not in plan.frames:
        yield refuse("draw.no_frame", day=event.day)
        return
    missing = [party for party in events.PARTIES if not plan.find_link(party, event.day)]
    if [party for party in missing if party != event.withheld]:
        yield refuse("draw.not_revealed", day=event.day, party=tuple(missing))
        return
    local = event.recorded_at.astimezone(zone(context.operator.row.time_zone))
    too_early = (local.date(), local.hour) < (event.day, plan.planned.deadline_hour)
    if event.withheld and (too_early or not missing):
        yield refuse("draw.not_withheld", party=event.withheld, hour=plan.planned.deadline_hour)
    if (event.day, event.withheld) in plan.draws:
        yield refuse("draw.again", day=event.day)
    if event.visits != plan.draw(event.day, event.withheld).chosen:
        yield refuse("draw.differs", day=event.day)


def _check_missed(
    event: events.DrawVisitMissed, plan: DrawPlan, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a visit is not on record as missed."""
    visited = any(
        visit.site == event.site and context.day(visit.happened_at, visit.site) == event.day
        for visit in context.situation.inspections
    )
    if event.site not in plan.list_visits(event.day):
        yield refuse("draw.not_drawn", site=event.site, day=event.day)
    elif visited or (event.day, event.site) in plan.missed:
        yield refuse("draw.settled", site=event.site, day=event.day)
    if not event.reason.strip():
        yield refuse("draw.no_reason")


CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.DrawPlanned: _check_plan,
    events.DrawJoined: _check_joining,
    events.DrawFramed: _on_plan(_check_frame),
    events.DrawRevealed: _on_plan(_check_link),
    events.DrawPresent: _on_plan(_check_list),
    events.DrawHeld: _on_plan(_check_draw),
    events.DrawVisitMissed: _on_plan(_check_missed),
}
"""Checks of each kind of event of this module."""
