"""What the page of the draws holds: the day's frames, links, visits, and what tests can find."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pydantic import Field

from releve.desk.page import PageModel, StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.network import Operator
from releve.situation import DrawDay, build_draw_day, find_draw_plans


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

    @property
    def hidden(self) -> int:
        """Visits that wait and are not shown."""
        return self.waiting - sum(row.state == "waiting" for row in self.visits)


class DrawsPage(StreamPage):
    """The draws of a day; ``before`` and ``after`` are its neighbours."""

    day: date
    before: date
    after: date
    today: bool
    cards: tuple[DrawnDayCard, ...]


def draws_page(now: StreamContext, day: date, *, inspects: bool) -> DrawsPage:
    """Return the draws of a day; ``inspects``: the reader is an inspector of the whole house."""
    one, today = timedelta(days=1), now.find_day()
    return DrawsPage(
        **now.head,
        day=day,
        before=day - one,
        after=day + one,
        today=day == today,
        cards=tuple(
            _card(
                build_draw_day(plan, now.situation, now.operator, day),
                now.operator,
                shown=inspects or day < today,
                previews=inspects and day == today,
            )
            for plan in find_draw_plans(now.situation, day)
        ),
    )


def _card(found: DrawDay, operator: Operator, *, shown: bool, previews: bool) -> DrawnDayCard:
    planned, names = found.plan.planned, {row.id: row.name for row in operator.sites}
    return DrawnDayCard.from_row(
        found,
        plan=planned.plan,
        visits_a_day=planned.visits,
        deadline_hour=planned.deadline_hour,
        frame=tuple(
            FramedSite.from_row(
                unit,
                name=names.get(unit.site, unit.site),
                probability=float(found.probabilities[unit.site]),
            )
            for unit in found.units
        ),
        visits=tuple(
            VisitLine.from_row(
                row,
                name=names.get(row.site, row.site),
                at=row.inspection and row.inspection.happened_at,
                authority=row.inspection.authority if row.inspection else "",
            )
            for row in found.visits
            if shown or row.state != "waiting"
        ),
        waiting=sum(row.state == "waiting" for row in found.visits),
        previews=previews and not found.drawn and bool(found.units),
    )
