"""What the pages of the outlooks hold: who made them, for which days, and the chances."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import Field

from releve.crashtest.outbreak import Estimate
from releve.desk.page import PageModel, StreamPage
from releve.runs.outlook_job import OUTLOOK_DAYS, OutlookJob


class OutlookHead(PageModel):
    """An outlook; it has no turn to wait for and is not stopped."""

    id: str
    state: Literal["running", "failed", "done"]
    by: str
    at: datetime
    first: date
    last: date


class SiteChance(PageModel):
    """How likely it is that a site is closed by the rule within the days."""

    site: str
    name: str
    closes: Estimate


class ClientChance(PageModel):
    """How likely it is that a client misses a day, and its target over the days."""

    client: str
    name: str
    misses_a_day: Estimate
    breaks_target: Estimate


class Chances(PageModel):
    """The chances over so many simulated courses of the days."""

    days: int
    quarters: int
    sites: tuple[SiteChance, ...]
    clients: tuple[ClientChance, ...]


class OutlooksPage(StreamPage):
    """The outlooks of a stream; ``possible``: there is a plan to start one from."""

    outlooks: tuple[OutlookHead, ...]
    possible: bool
    days: int = Field(description="An outlook looks ahead")
    kept_days: int


class OutlookPage(StreamPage):
    """An outlook; ``chances`` once it is done, ``reason`` where it failed."""

    outlook: OutlookHead
    reason: str
    chances: Chances | None


def outlook_head(look: OutlookJob) -> OutlookHead:
    """Return what every page says of an outlook."""
    first = date.fromisoformat(look.order.first)
    failed = not look.active and look.state != "done"
    return OutlookHead(
        id=look.id,
        state="failed" if failed else "done" if look.state == "done" else "running",
        by=look.order.by,
        at=datetime.fromisoformat(look.order.at),
        first=first,
        last=first + timedelta(days=OUTLOOK_DAYS - 1),
    )
