"""What the page of the draws holds: the day's frames, links, visits, and what tests can find."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pydantic import Field

from releve.desk.page import PageModel
from releve.network import Operator
from releve.situation import DrawDay, DrawnVisit, Situation, build_draw_day, find_draw_plans


class FramedSite(PageModel):
    """A site of the frame, with what its weight is made of and its probability."""

    site: str
    name: str
    weight: int
    agents: int
    days: int = Field(description="Since the last visit, at most 366")
    findings: int
    probability: float


class VisitLine(PageModel):
    """A drawn visit and what became of it."""

    site: str
    name: str
    state: str = Field(description="held, missed or waiting")
    at: datetime | None = None
    authority: str = ""
    reason: str = ""
    present: int | None = None
    to_test: int | None = None
    tested: int | None = None


class DrawnDayCard(PageModel):
    """A day of one plan.

    To readers who are not inspectors, visits that wait are only counted until the day is over.
    """

    plan: str
    visits_a_day: int
    deadline_hour: int
    state: str = Field(description="planned, framed, revealed (both links) or drawn")
    revealed: tuple[str, ...] = Field(description="Parties whose link is on record")
    withheld: tuple[str, ...]
    frame: tuple[FramedSite, ...]
    visits: tuple[VisitLine, ...]
    waiting: int = Field(description="Visits drawn that are neither made nor explained")
    previews: bool = Field(description="The reader may compute the visits from a link")


class DrawsPage(PageModel):
    """The draws of a day; ``before`` and ``after`` are its neighbours."""

    stream: str
    day: date
    before: date
    after: date
    today: bool
    time_zone: str
    cards: tuple[DrawnDayCard, ...]


def draws_page(
    stream: str, situation: Situation, operator: Operator, day: date, today: date, *, inspects: bool
) -> DrawsPage:
    """Return the draws of a day; ``inspects``: the reader is an inspector of the whole house."""
    one = timedelta(days=1)
    return DrawsPage(
        stream=stream,
        day=day,
        before=day - one,
        after=day + one,
        today=day == today,
        time_zone=operator.row.time_zone,
        cards=tuple(
            _card(build_draw_day(plan, situation, operator, day), operator, today, inspects)
            for plan in find_draw_plans(situation, day)
        ),
    )


def _card(found: DrawDay, operator: Operator, today: date, inspects: bool) -> DrawnDayCard:
    planned = found.plan.planned
    shown = inspects or found.day < today
    return DrawnDayCard(
        plan=planned.plan,
        visits_a_day=planned.visits,
        deadline_hour=planned.deadline_hour,
        state=found.state,
        revealed=found.revealed,
        withheld=found.withheld,
        frame=tuple(
            FramedSite.from_row(
                unit,
                name=_name(unit.site, operator),
                probability=float(found.probabilities[unit.site]),
            )
            for unit in found.units
        ),
        visits=tuple(
            _line(row, operator) for row in found.visits if shown or row.state != "waiting"
        ),
        waiting=sum(row.state == "waiting" for row in found.visits),
        previews=inspects and found.day == today and not found.drawn and bool(found.units),
    )


def _line(row: DrawnVisit, operator: Operator) -> VisitLine:
    visit = row.inspection
    return VisitLine.from_row(
        row,
        name=_name(row.site, operator),
        at=visit.happened_at if visit else None,
        authority=visit.authority if visit else "",
    )


def _name(site: str, operator: Operator) -> str:
    found = operator.site.get(site)
    return site if found is None else found.name
