"""A day of a plan of draws, joined with the inspections and tests on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from releve.inspection import compute_probabilities
from releve.network import Operator
from releve.situation.draws import DrawPlan
from releve.situation.events_control import InspectionHeld
from releve.situation.events_draw import PARTIES, FrameUnit
from releve.situation.lateness import find_late_record
from releve.situation.refusal import to_local_day
from releve.situation.situation import Situation

__all__ = ["DrawDay", "DrawnVisit", "build_draw_day", "find_draw_plans"]


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
    """Return the plans that have a day."""
    plans = situation.draws.values()
    return tuple(plan for plan in plans if 1 <= plan.number_day(day) <= plan.planned.days)


def build_draw_day(plan: DrawPlan, situation: Situation, operator: Operator, day: date) -> DrawDay:
    """Return what is on record of a day of a plan."""
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


def _join_visit(
    plan: DrawPlan, situation: Situation, operator: Operator, day: date, site: str
) -> DrawnVisit:
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
