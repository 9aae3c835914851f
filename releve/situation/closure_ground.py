"""The ground of a closure by rule: the cases that close a site, and closures whose ground was recorded wrongly.

The closure rule (n confirmed agents on one site within d days close it) stands on plain numbers in
:func:`find_closing_case`. A closure that it ordered is judged by the same function again once a record of a case was
corrected: where the cases that count would not have closed the site, the order has lost its ground.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from releve.network import UTC, Operator
from releve.situation.event import Event, list_fields
from releve.situation.events import CaseDeclared, ClosureExtended, EventCorrected, SiteClosed
from releve.situation.refusal import to_local_day
from releve.situation.rule_kinds import ClosureRule, SituationRules
from releve.situation.situation import Situation, ignore_corrections
from releve.situation.state import Closure, ClosureOrder, DeclaredCase

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


def list_closing_cases(
    situation: Situation, site: str, rule: ClosureRule, now: datetime, ordered: datetime | None = None
) -> Iterator[DeclaredCase]:
    """Yield the cases by which a rule closes a site now, by date; none = it stays open.

    The ``n`` cases lie within the rule's days of each other, the last of them within the same time
    before ``now``, and one of them at least is new (see :func:`_find_new_cases`). With ``ordered``
    those on which the closure that lasts rests, which the rule ordered at that time: the last case
    is then no older than that, and the closure itself takes no case into account.
    """
    cases = [case for case in list_confirmed_cases(situation, site, rule.days) if case.at <= now]
    new = _find_new_cases(situation, site, cases, lasting=ordered is None)
    if not rule.earlier_cases_count:
        cases = [case for case, is_new in zip(cases, new, strict=True) if is_new]
        new = [True] * len(cases)
    span = timedelta(days=rule.days) // _MICROSECOND
    times = [(case.at - _EPOCH) // _MICROSECOND for case in cases]
    start = 0
    while (found := find_closing_case(times[start:], rule.n, span, new[start:])) >= 0:
        if (ordered or now) - cases[start + found].at <= timedelta(days=rule.days):
            yield cases[start + found]
        start += found - rule.n + 2


def _find_new_cases(
    situation: Situation, site: str, cases: Sequence[DeclaredCase], *, lasting: bool = True
) -> list[bool]:
    """Return the cases that no order of a rule has taken into account yet.

    Cases count as taken into account if they were on record when a rule ordered the closure that
    lasts (unless that is not ``lasting``), when a closure by a rule was lifted, or when such an
    order was corrected; not when it was lifted because its ground was wrong.
    """
    state = situation.site(site)
    orders = () if state.closure is None or not lasting else state.closure.orders
    ordered = [order.recorded_at for order in orders if order.cause == "rule"]
    past = [closure for closure in state.past if closure.rule_order]
    ends = [end for closure in past if (end := closure.reopening_recorded_at)]
    wrong = {
        event.id
        for event in situation.withdrawn
        if isinstance(event, SiteClosed | ClosureExtended) and event.rule and event.site == site
    }
    ends += [c.recorded_at for c in situation.corrections if c.corrects in wrong and not c.because]
    return [
        all(case.recorded_at > at for at in ordered) and all(case.recorded_at >= at for at in ends) for case in cases
    ]


def derive_id(*parts: str) -> str:
    """Return the id of an event that follows from others; it does not show them."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def derive_order_id(situation: Situation, rule: str, site: str, case: DeclaredCase) -> str:
    """Return the id of a rule's order to close a site on a case.

    One that was lifted because its ground was wrong may be given again, on other cases, under
    another id.
    """
    found = derive_id("closed", rule, site, case.event)
    lifted = {row.corrects for row in situation.corrections if row.because}
    while found in lifted:
        found = derive_id("again", found)
    return found


def derive_extension_id(rule: str, site: str, case: DeclaredCase) -> str:
    """Return the id of a rule's order that a further case makes a closure longer."""
    return derive_id("extended", rule, site, case.event)


@dataclass(frozen=True, slots=True)
class LostGround:
    """A closure of a site by a rule, on cases of which some were recorded wrongly.

    ``orders``: the rule's orders that rest on too few cases now; ``corrections``: those of records
    of cases since the first of them; ``others``: the orders by which the site stays closed still.
    """

    site: str
    orders: tuple[ClosureOrder, ...]
    corrections: tuple[EventCorrected, ...]
    others: tuple[ClosureOrder, ...]

    def concerns(self, event_id: str) -> bool:
        """Return whether an event is one of the orders."""
        return any(order.event == event_id for order in self.orders)


def find_lost_ground(
    situation: Situation,
    site: str,
    operator: Operator,
    rules: SituationRules,
    now: datetime,
    without: Collection[str] = (),
) -> LostGround | None:
    """Return what of the closure of a site has lost its ground; None where it rests on what it did.

    ``without``: people whose corrections do not count, so that who lifts a closure does not do it
    on their own word alone.
    """
    own = [row.id for row in list_case_corrections(situation, site) if row.actor in without]
    judged = ignore_corrections(situation, frozenset(own)) if own else situation
    closure = judged.site(site).closure
    if closure is None or closure.rule_order is None:
        return None
    since = closure.rule_order.recorded_at
    corrections = tuple(row for row in list_case_corrections(judged, site) if row.recorded_at >= since)
    if not corrections:
        return None
    lost = tuple(_list_lost_orders(judged, site, closure, operator, rules, now))
    others = tuple(order for order in closure.orders if order not in lost)
    return LostGround(site, lost, corrections, others) if lost else None


def list_case_corrections(situation: Situation, site: str) -> tuple[EventCorrected, ...]:
    """Return people's corrections of records of cases of a site, in the order of happening."""
    wrong = {row.id for row in situation.withdrawn if isinstance(row, CaseDeclared) and row.site == site}
    return tuple(row for row in situation.corrections if row.corrects in wrong and not row.actor.startswith("rule:"))


def _list_lost_orders(
    situation: Situation, site: str, closure: Closure, operator: Operator, rules: SituationRules, now: datetime
) -> Iterator[ClosureOrder]:
    """Yield the orders of a rule without their ground: too few cases, or no further case."""
    fallen: set[str] = set()
    first: dict[str, ClosureOrder] = {}
    for order in closure.orders:
        if order.cause != "rule":
            continue
        begun = first.setdefault(order.rule, order)
        rule = _find_rule(rules, order, site, operator)
        if rule is None:
            continue
        if begun is order:
            lost = next(list_closing_cases(situation, site, rule, now, order.at), None) is None
            fallen |= {order.rule} if lost else set()
        else:
            cases = list_confirmed_cases(situation, site, rule.days)
            lost = order.rule in fallen or order.event not in {
                derive_extension_id(order.rule, site, case) for case in cases
            }
        if lost:
            yield order


def _find_rule(rules: SituationRules, order: ClosureOrder, site: str, operator: Operator) -> ClosureRule | None:
    """Return the rule of an order as it was on its day, else the newest of its id."""
    day = to_local_day(order.at, site, operator)
    return dict(rules.in_force(ClosureRule, day, operator.site.get(site))).get(order.rule) or rules.find_closure_rule(
        order.rule
    )


def complete_correction(
    event: Event, situation: Situation, operator: Operator, rules: SituationRules, now: datetime
) -> Event:
    """Return a correction with the site of what it corrects, and the ground that an order has lost.

    Of an event about one agent it names no site, since a correction is shown in the journal of its
    site. Other events are returned as they are.
    """
    if not isinstance(event, EventCorrected) or event.actor.startswith("rule:"):
        return event
    found = situation.event(event.corrects)
    personal = found is not None and any(field.name == "agent" for field in list_fields(type(found)))
    site = "" if found is None or personal else str(getattr(found, "site", ""))
    lost = None
    if isinstance(found, SiteClosed | ClosureExtended):
        lost = find_lost_ground(situation, site, operator, rules, now, without={event.actor})
    because = lost.corrections[-1].id if lost is not None and lost.concerns(event.corrects) else ""
    return replace(event, site=site, because=because)


def derive_liftings(
    situation: Situation, operator: Operator, rules: SituationRules, now: datetime
) -> Iterator[EventCorrected]:
    """Yield the corrections of a rule's further orders, once people have lifted one for the same ground.

    What was corrected after they did is not what they agreed to: it lifts nothing.
    """
    found: dict[str, EventCorrected] = {}
    for lift in situation.corrections:
        if not lift.because or lift.actor.startswith("rule:"):
            continue
        made = list_case_corrections(situation, lift.site)
        later = [row.id for row in made if row.recorded_at >= lift.recorded_at and row.id != lift.because]
        judged = ignore_corrections(situation, frozenset(later)) if later else situation
        lost = find_lost_ground(judged, lift.site, operator, rules, now)
        if lost is None or all(row.id != lift.because for row in lost.corrections):
            continue
        for order in lost.orders:
            found[order.event] = EventCorrected(
                id=derive_id("lifted", order.event),
                happened_at=now,
                recorded_at=now,
                actor=f"rule:{order.rule}",
                corrects=order.event,
                site=lift.site,
                because=lift.because,
            )
    yield from found.values()
