"""The page of the feeds from diallers: how far each was read, and the rows that were set aside."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse

from releve.desk.endpoint import serve
from releve.desk.http import page_response, unchanged
from releve.desk.page import PageModel
from releve.gate.models import FeedFaultRow
from releve.gate.request_feeds import list_feed_positions
from releve.outbound.legal_rows import LEGAL_ZONE

_MOST = 200


class ReadFeed(PageModel):
    """A file or a feed, and how many of its rows were read."""

    file: str
    rows: int


class AsideRow(PageModel):
    """A row that was set aside."""

    at: datetime
    file: str
    line: int
    field: str
    code: str


class FeedsPage(PageModel):
    """What was read and which rows of it were set aside, the newest first."""

    time_zone: str
    read: tuple[ReadFeed, ...]
    set_aside: tuple[AsideRow, ...]


@serve("outbound.manage")
def feeds(request: HttpRequest) -> HttpResponse:
    """Show what was read, and the rows that could not be taken; what they held is not kept here."""
    page = FeedsPage(
        time_zone=LEGAL_ZONE,
        read=tuple(ReadFeed(file=name, rows=n) for name, n in list_feed_positions(_MOST)),
        set_aside=tuple(
            AsideRow.from_row(row) for row in FeedFaultRow.objects.order_by("-pk")[:_MOST]
        ),
    )
    return unchanged(request, page_response(request, "desk/outbound/feeds.html", page))
