"""The page of the feeds from diallers: how far each was read, and the rows that were set aside."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from releve.desk.access.guard import require_permission
from releve.desk.http import fresh
from releve.desk.outbound.request_words import FAULTS
from releve.desk.places.stream_context import when
from releve.desk.text import text_now
from releve.gate.models import FeedFaultRow
from releve.outbound.legal_rows import LEGAL_ZONE

__all__ = ["feeds"]

_MOST = 200


@dataclass(frozen=True, slots=True)
class FaultView:
    """A row that was set aside."""

    when: str
    file: str
    line: int
    field: str
    says: str


@dataclass(frozen=True, slots=True)
class FeedsPage:
    """The rows set aside, the newest first."""

    faults: tuple[FaultView, ...]


@require_permission("outbound.manage")
@require_safe
def feeds(request: HttpRequest) -> HttpResponse:
    """Show the rows of feeds that could not be taken; what they held is not kept here."""
    rows, text = list(FeedFaultRow.objects.order_by("-pk")[:_MOST]), text_now(LEGAL_ZONE)
    shown = tuple(
        FaultView(when(row.at, text), row.file, row.line, row.field, str(FAULTS[row.code]))
        for row in rows
    )
    twin = {
        "set_aside": [
            {"at": row.at, "file": row.file, "line": row.line, "field": row.field, "code": row.code}
            for row in rows
        ]
    }
    return fresh(request, "desk/outbound/feeds.html", FeedsPage(shown), twin)
