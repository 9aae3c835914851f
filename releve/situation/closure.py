"""The closure rule: n confirmed agents on one site within d days close it.

:func:`find_closing_case` states the rule on plain numbers; :func:`list_closing_cases` applies it to
a situation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from releve.network import UTC
from releve.situation.events import ClosureExtended, SiteClosed
from releve.situation.rule_kinds import ClosureRule
from releve.situation.situation import Situation
from releve.situation.state import DeclaredCase

__all__ = [
    "find_closing_case",
    "list_closing_cases",
    "list_confirmed_cases",
]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def find_closing_case(
    case_days: Sequence[float], n: int, d: float, new: Sequence[bool] | None = None
) -> int:
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
    situation: Situation, site: str, rule: ClosureRule, now: datetime
) -> Iterator[DeclaredCase]:
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
        all(case.recorded_at > at for at in ordered) and all(case.recorded_at >= at for at in ends)
        for case in cases
    ]
