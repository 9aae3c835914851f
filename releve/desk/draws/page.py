"""What the page of the draws holds: the day's frames, links, visits, and what tests can find."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import Field

from releve.desk.page import StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.situation import (
    DrawSummary,
    build_draw_day,
    find_draw_plans,
    summarise_draw_day,
)


class DrawsPage(StreamPage):
    """The draws of a day; ``before`` and ``after`` are its neighbours.

    To readers who are not inspectors, visits that wait are only counted until the day is over.
    """

    day: date
    before: date
    after: date
    today: bool
    cards: tuple[DrawSummary, ...]
    previews: bool = Field(description="The reader may compute the visits from a link")


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
            summarise_draw_day(
                build_draw_day(plan, now.situation, now.operator, day),
                now.operator,
                shown=inspects or day < today,
            )
            for plan in find_draw_plans(now.situation, day)
        ),
        previews=inspects and day == today,
    )
