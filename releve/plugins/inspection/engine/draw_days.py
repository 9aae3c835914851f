"""A day of draws as shown to people: which sites can be drawn and how likely, visits, findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from releve.network import Operator
from releve.plugins.inspection.engine.power import compute_test_power, describe_test_power, describe_visit_power
from releve.situation.draw_chains import compute_probabilities, hash_plan
from releve.situation.draws import DrawPlan
from releve.situation.events_audit import PARTIES, FrameUnit
from releve.situation.events_control import InspectionHeld
from releve.situation.lateness import find_late_record
from releve.situation.refusal import to_local_day
from releve.situation.situation import Situation


@dataclass(frozen=True, slots=True)
class DrawnVisit:
    """A visit that was drawn: held, missed (with the reason) or waiting.

    ``recorded_late`` is when that was recorded, where it is late.
    ``present`` and ``to_test`` are what was fixed before the draw of people, ``tested`` how many
    were tested on the visit; None where nothing of it is on record.
    """

    site: str
    state: str
    inspection: InspectionHeld | None = None
    reason: str = ""
    present: int | None = None
    to_test: int | None = None
    tested: int | None = None
    recorded_late: datetime | None = None


@dataclass(frozen=True, slots=True)
class DrawDay:
    """A day: ``units`` and ``probabilities`` by site (empty before the frame), links ``revealed``.

    ``withheld`` are the parties without whose link the day was drawn; ``drawn``: a draw is on
    record, with its ``visits``.
    """

    plan: DrawPlan
    day: date
    units: tuple[FrameUnit, ...]
    probabilities: dict[str, Fraction]
    revealed: tuple[str, ...]
    withheld: tuple[str, ...]
    drawn: bool
    visits: tuple[DrawnVisit, ...]

    @property
    def state(self) -> str:
        """Return older, offered (to the commission), planned, framed, revealed or drawn.

        A plan is older where an earlier version drew by it; revealed are both links.
        """
        if self.plan.is_older:
            return "older"
        if self.plan.joined is None:
            return "offered"
        if self.drawn:
            return "drawn"
        if len(self.revealed) == len(PARTIES):
            return "revealed"
        return "framed" if self.units else "planned"


def find_draw_plans(situation: Situation, day: date) -> tuple[DrawPlan, ...]:
    plans = situation.draws.values()
    return tuple(plan for plan in plans if 1 <= plan.number_day(day) <= plan.planned.days)


def build_draw_day(plan: DrawPlan, situation: Situation, operator: Operator, day: date) -> DrawDay:
    frame, planned = plan.frames.get(day), plan.planned
    probabilities = (
        compute_probabilities(
            {unit.site: unit.weight for unit in frame.units},
            planned.visits,
            most_permille=planned.most_permille,
            least_permille=planned.least_permille,
        )
        if frame
        else {}
    )
    draws = [held for (at, _party), held in plan.draws.items() if at == day]
    return DrawDay(
        plan,
        day,
        frame.units if frame else (),
        dict(probabilities),
        tuple(party for party in PARTIES if plan.find_link(party, day)),
        tuple(held.withheld for held in draws if held.withheld),
        bool(draws),
        tuple(_join_visit(plan, situation, operator, day, site) for site in plan.list_visits(day)),
    )


def _join_visit(plan: DrawPlan, situation: Situation, operator: Operator, day: date, site: str) -> DrawnVisit:
    held = next(
        (visit for visit in situation.inspections if visit.site == site
         and to_local_day(visit.happened_at, site, operator) == day), None,
    )  # fmt: skip
    missed, present = plan.missed.get((day, site)), plan.present.get((day, site))
    tests = [row.tested for row in situation.tests if held and row.inspection == held.id]
    return DrawnVisit(
        site,
        "held" if held else "missed" if missed else "waiting",
        held,
        missed.reason if missed and not held else "",
        present.count if present else None,
        present.tests if present else None,
        sum(tests) if tests else None,
        find_late_record(known, operator) if (known := held or missed) else None,
    )


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
        visits=tuple(_describe_visit(row, operator) for row in found.visits if shown or row.state != "waiting"),
        waiting=sum(row.state == "waiting" for row in found.visits),
    )


def describe_powers(found: DrawSummary, language: str) -> Iterator[str]:
    """Yield what the tests of the visits, planned or made, can find, and what visits can see."""
    for row in found.visits:
        tests = row.to_test if row.tested is None else row.tested
        if row.present and tests is not None:
            power = compute_test_power(row.present, min(_CARRIERS, row.present), min(tests, row.present))
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
