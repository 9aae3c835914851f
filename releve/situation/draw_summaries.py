"""A day of draws as people read it: who can be drawn and how likely, visits, what they can find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from releve.inspection import (
    compute_test_power,
    describe_test_power,
    describe_visit_power,
    hash_plan,
)
from releve.network import Operator
from releve.situation.draw_days import DrawDay, DrawnVisit
from releve.situation.events_draw import FrameUnit

__all__ = ["DrawSummary", "FramedSite", "VisitSummary", "describe_powers", "summarise_draw_day"]

_CARRIERS = 4
_BREACH_PERMILLE = 200


@dataclass(frozen=True, slots=True)
class FramedSite:
    """A site of the frame, with what its weight is made of and its probability.

    ``days`` since the last visit, at most 366.
    """

    site: str
    name: str
    weight: int
    agents: int
    days: int
    findings: int
    probability: float


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """A drawn visit (``state``: held, missed or waiting) and what became of it.

    ``recorded_late`` is when that was recorded, where it is late.
    """

    site: str
    name: str
    state: str
    at: datetime | None
    authority: str
    reason: str
    present: int | None
    to_test: int | None
    tested: int | None
    recorded_late: datetime | None


@dataclass(frozen=True, slots=True)
class DrawSummary:
    """A day of one plan.

    ``state``: older (of a plan by which an earlier version drew), offered (the commission's anchor
    is missing), planned, framed, revealed (both links) or drawn; ``revealed`` are the parties whose
    link is on record, ``withheld`` those without whose link it was drawn. ``waiting`` counts the
    visits that are neither made nor explained, also those that are not among ``visits``. The
    commission's anchor and the root that binds it are empty and 0 before it has joined.
    """

    plan: str
    plan_hash: str
    operator_anchor: str
    commission_anchor: str
    root: int
    root_tree: str
    visits_a_day: int
    deadline_hour: int
    state: str
    revealed: tuple[str, ...]
    withheld: tuple[str, ...]
    frame: tuple[FramedSite, ...]
    visits: tuple[VisitSummary, ...]
    waiting: int

    @property
    def hidden(self) -> int:
        """Visits that wait and are not shown."""
        return self.waiting - sum(row.state == "waiting" for row in self.visits)

    @property
    def awaits_draw(self) -> bool:
        """Whether the frame is on record, nothing is drawn yet, and the plan allows it."""
        return self.state not in ("drawn", "older") and bool(self.frame)


def summarise_draw_day(found: DrawDay, operator: Operator, *, shown: bool) -> DrawSummary:
    """Return a day of a plan; visits that wait are only counted unless they may be ``shown``."""
    planned, joined = found.plan.planned, found.plan.joined
    return DrawSummary(
        plan=planned.plan,
        plan_hash=hash_plan(planned.describe_rule()).hex(),
        operator_anchor=planned.operator_anchor,
        commission_anchor=joined.commission_anchor if joined else "",
        root=joined.root_number if joined else 0,
        root_tree=joined.root_tree if joined else "",
        visits_a_day=planned.visits,
        deadline_hour=planned.deadline_hour,
        state=found.state,
        revealed=found.revealed,
        withheld=found.withheld,
        frame=tuple(_describe_unit(unit, found, operator) for unit in found.units),
        visits=tuple(
            _describe_visit(row, operator)
            for row in found.visits
            if shown or row.state != "waiting"
        ),
        waiting=sum(row.state == "waiting" for row in found.visits),
    )


def describe_powers(found: DrawSummary, language: str) -> Iterator[str]:
    """Yield what the tests of the visits, planned or made, can find, and what visits can see."""
    for row in found.visits:
        tests = row.to_test if row.tested is None else row.tested
        if row.present and tests is not None:
            power = compute_test_power(
                row.present, min(_CARRIERS, row.present), min(tests, row.present)
            )
            yield f"{row.name}. {describe_test_power(power, language)}"
    yield describe_visit_power(_BREACH_PERMILLE, 5, language)
    yield describe_visit_power(_BREACH_PERMILLE, 10, language)


def _describe_unit(unit: FrameUnit, found: DrawDay, operator: Operator) -> FramedSite:
    return FramedSite(
        site=unit.site,
        name=_name_site(unit.site, operator),
        weight=unit.weight,
        agents=unit.agents,
        days=unit.days,
        findings=unit.findings,
        probability=float(found.probabilities[unit.site]),
    )


def _describe_visit(row: DrawnVisit, operator: Operator) -> VisitSummary:
    held = row.inspection
    return VisitSummary(
        site=row.site,
        name=_name_site(row.site, operator),
        state=row.state,
        at=None if held is None else held.happened_at,
        authority="" if held is None else held.authority,
        reason=row.reason,
        present=row.present,
        to_test=row.to_test,
        tested=row.tested,
        recorded_late=row.recorded_late,
    )


def _name_site(site: str, operator: Operator) -> str:
    found = operator.site.get(site)
    return site if found is None else found.name
