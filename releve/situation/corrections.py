"""Records and their corrections: what was recorded, what is true, and what follows from saying so.

What follows is found by the engine that folds events and by its rules: the correction is applied, the rules answer, and
the two situations are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from releve.network import Operator
from releve.situation.closure_ground import LostGround, find_lost_ground, list_confirmed_cases
from releve.situation.consequences import derive_all_events
from releve.situation.event import Event
from releve.situation.events import CaseDeclared, ClosureExtended, EventCorrected, LinkDown, PowerDown, SiteClosed
from releve.situation.rule_kinds import SituationRules
from releve.situation.situation import Situation, apply_event

CORRECTABLE = (CaseDeclared, SiteClosed, ClosureExtended, LinkDown, PowerDown)
"""Kinds of records that people mistake: cases, closures and outages."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A record, and the correction by which it no longer counts; None: it counts."""

    event: Event
    correction: EventCorrected | None = None

    @property
    def site(self) -> str:
        """The site of the record; empty: the home lines of a carrier."""
        return str(getattr(self.event, "site", ""))


def list_recorded_events(situation: Situation, since: datetime) -> tuple[RecordedEvent, ...]:
    """Return the records of cases, closures and outages from an instant on, the newest first.

    Clearings and what a rule corrected are left out.
    """
    by_event = {row.corrects: row for row in situation.corrections}
    found = [
        RecordedEvent(event, by_event.get(event.id))
        for family in ("cases", "sites", "outages")
        for topic in situation.families.get(family, {}).values()
        for event in topic.events
        if isinstance(event, CORRECTABLE) and event.recorded_at >= since and not _is_clearing(event)
    ]
    shown = [row for row in found if row.correction is None or not row.correction.actor.startswith("rule:")]
    return tuple(sorted(shown, key=lambda row: (row.event.recorded_at, row.event.id), reverse=True))


def _is_clearing(event: Event) -> bool:
    return isinstance(event, CaseDeclared) and event.status == "cleared"


Ground = Literal["open", "kept", "other_orders", "lost"]


@dataclass(frozen=True, slots=True)
class CorrectionOutcome:
    """What a correction changes in the situation.

    ``cases_before`` and ``cases_after``: the confirmed cases that count at the ``site``, and how
    many close it (None: no rule closed it). ``ground``: whether the closure of the site by a rule
    keeps its ground; ``other_orders``: it loses it, and stays closed by another order; ``open``: no
    rule has closed it. ``released``: how many agents are no longer absent; ``closes``: the site
    closes by what is true.
    """

    site: str
    cases_before: int
    cases_after: int
    cases_needed: int | None
    ground: Ground
    released: int
    closes: bool


def foresee_correction(
    happened: Iterable[Event], situation: Situation, operator: Operator, rules: SituationRules, now: datetime
) -> CorrectionOutcome:
    """Return what a correction, and the event that says what is true, change; the rules answer both."""
    after, (correction, *more) = situation, tuple(happened)
    for event in (correction, *more):
        after = apply_event(after, event)
    answers = derive_all_events(after, operator, rules, now)
    for event in answers:
        after = apply_event(after, event)
    wrong = situation.event(getattr(correction, "corrects", ""))
    site = str(getattr(wrong, "site", ""))
    away, still = situation.unavailable(now), after.unavailable(now)
    closure = situation.site(site).closure
    rule = rules.find_closure_rule(closure.rule_order.rule) if closure and closure.rule_order else None
    days = rule.days if rule else 14.0
    return CorrectionOutcome(
        site=site,
        cases_before=len(list_confirmed_cases(situation, site, days)),
        cases_after=len(list_confirmed_cases(after, site, days)),
        cases_needed=rule.n if rule else None,
        ground=_judge_ground(situation, after, site, find_lost_ground(after, site, operator, rules, now)),
        released=len(set(away) - set(still)),
        closes=any(isinstance(event, SiteClosed) for event in answers),
    )


def _judge_ground(before: Situation, after: Situation, site: str, lost: LostGround | None) -> Ground:
    closure = before.site(site).closure
    if closure is None or closure.rule_order is None:
        return "open"
    if lost is None:
        return "kept" if after.site(site).closed else "lost"
    return "other_orders" if lost.others else "lost"


def lift_closure(situation: Situation, lost: LostGround, now: datetime) -> Situation:
    """Return a situation in which the orders without ground are lifted; nothing is recorded."""
    for order in lost.orders:
        lifting = EventCorrected(
            id=f"lift-{order.event}",
            happened_at=now,
            recorded_at=now,
            actor="preview",
            corrects=order.event,
            site=lost.site,
            because=lost.corrections[-1].id,
        )
        situation = apply_event(situation, lifting)
    return situation


@dataclass(frozen=True, slots=True)
class LiftedClosure:
    """A closure by a rule that was lifted because its ground was wrong.

    ``corrected_by`` recorded that a record was wrong, ``lifted_by`` agreed; ``reason`` is what the
    first wrote, ``lifting_reason`` the second. ``order``: the id of the event that closed the site.
    """

    site: str
    order: str
    closed_at: datetime
    lifted_at: datetime
    corrected_at: datetime
    corrected_by: str
    lifted_by: str
    reason: str
    lifting_reason: str


def list_lifted_closures(situation: Situation) -> tuple[LiftedClosure, ...]:
    """Return the closures that were lifted because their ground was wrong, the newest first."""
    orders = {row.id: row for row in situation.withdrawn if isinstance(row, SiteClosed)}
    known = {row.id: row for row in situation.corrections}
    found = [
        LiftedClosure(
            site=orders[row.corrects].site,
            order=row.corrects,
            closed_at=orders[row.corrects].happened_at,
            lifted_at=row.happened_at,
            corrected_at=known[row.because].happened_at,
            corrected_by=known[row.because].actor,
            lifted_by=row.actor,
            reason=known[row.because].reason,
            lifting_reason=row.reason,
        )
        for row in situation.corrections
        if row.corrects in orders and row.because in known and not row.actor.startswith("rule:")
    ]
    return tuple(sorted(found, key=lambda row: row.lifted_at, reverse=True))
