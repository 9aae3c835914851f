"""What the pages of records hold: forms, what would follow, a reopening, the drills and streams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.live.api import Stream
from releve.network import Operator, Site
from releve.situation import LostGround, Notice, Reopening, find_reopening

COOKIE = "releve_stream"
_COOKIE_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class ShownStream:
    """A stream by its name; ``title`` is empty for the live one."""

    name: str
    title: str = ""

    def build_head(self, time_zone: str, at: datetime | None = None) -> dict[str, Any]:
        """Return the fields of a StreamPage, by default as of the stream's clock.

        To the minute, so that a page stays the same while nothing happens.
        """
        shown = (at or live.now(self.name)).replace(second=0, microsecond=0)
        return {"stream": self.name, "drill": self.title, "at": shown, "time_zone": time_zone}


def describe_drill(title: str) -> str:
    """Return the text above every page of a drill; empty for the live stream."""
    if not title:
        return ""
    banner = _("“{title}”: nothing here is real, and no client is notified.")
    return banner.format(title=title)


def read_stream(request: HttpRequest) -> ShownStream:
    """Return the stream a reader chose; the live one where a drill is over, or is not for them."""
    return _find_drill(request, request.COOKIES.get(COOKIE, live.LIVE)) or ShownStream(live.LIVE)


def find_stream(request: HttpRequest, name: str) -> ShownStream:
    """Return the stream a program names; NoSuch for a drill that is over, or is not for it."""
    if not live.is_drill(name):
        return ShownStream(live.LIVE)
    found = _find_drill(request, name)
    if found is None:
        raise live.NoSuch(f"there is no drill {name!r} that goes on")
    return found


def _find_drill(request: HttpRequest, name: str) -> ShownStream | None:
    """Return a drill that goes on and is for who asks; None where there is none of that name."""
    if not live.is_drill(name) or not can(request.user, "incident.work"):
        return None
    found = Stream.objects.filter(name=name, stopped_at=None).first()
    return None if found is None else ShownStream(found.name, found.title)


def lead_into(request: HttpRequest, name: str, view: str) -> HttpResponse:
    """Lead to a page, and let this browser look at a drill from now on; else at the live stream."""
    response = redirect(view)
    if _find_drill(request, name) is None:
        response.delete_cookie(COOKIE)
    else:
        response.set_cookie(
            COOKIE, name, max_age=_COOKIE_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure()
        )
    return response


class DrillsPage(StreamPage):
    """Every drill, the newest first; ``may_start``: the reader may start, move and end them."""

    drills: tuple[live.Drill, ...]
    may_start: bool


class ClosedSite(PageModel):
    """A site that waits to be reopened."""

    site: str
    name: str


class RecordPage(StreamPage):
    """What the reader may record: the names of the forms, and the closed sites."""

    forms: tuple[str, ...]
    closed: tuple[ClosedSite, ...]


class FormPage(StreamPage):
    """A form by the name of its address, and what is worth knowing before it is sent."""

    form: str
    fields: tuple[str, ...]
    notices: tuple[Notice, ...]
    closing: bool | None = Field(description="A rule closes sites on cases; null: not asked")
    impact: live.EventPreview | None = Field(description="What would follow from what was sent")


class CorrectedRecord(PageModel):
    """Who corrected a record on which a closure rests, and why."""

    at: datetime
    by: str
    reason: str


class LiftingState(PageModel):
    """A closure by a rule that has lost its ground.

    ``mine``: the reader's own correction did it, and another person lifts it; ``stays``: another order keeps the
    site closed.
    """

    corrections: tuple[CorrectedRecord, ...]
    mine: bool
    stays: bool
    impact: live.LiftingImpact


class ReopeningPage(StreamPage):
    """What the closure of a site waits for."""

    site: str
    name: str
    site_zone: str
    reopening: Reopening
    ground: LiftingState | None = Field(description="The closure by a rule has lost its ground; null: it has it")

    @property
    def opens_by_correction(self) -> bool:
        """Whether the site opens once a second person approves the correction."""
        return self.ground is not None and not self.ground.stays


def record_page(shown: ShownStream, operator: Operator, forms: Iterable[str], seen: Iterable[str]) -> RecordPage:
    """Return what a reader may record, who may reopen the sites ``seen``."""
    situation = live.situation_now(shown.name)
    return RecordPage(
        **shown.build_head(operator.row.time_zone),
        forms=tuple(forms),
        closed=tuple(
            ClosedSite(site=site, name=operator.site[site].name) for site in seen if situation.site(site).closed
        ),
    )


def drills_page(shown: ShownStream, operator: Operator, *, may_start: bool) -> DrillsPage:
    """Return the page of the drills."""
    head = shown.build_head(operator.row.time_zone)
    return DrillsPage(**head, drills=live.list_drills(), may_start=may_start)


def reopening_page(shown: ShownStream, operator: Operator, site: Site, reader: str) -> ReopeningPage | None:
    """Return what the closure of a site waits for; None for a site that is open."""
    situation, rules = live.situation_now(shown.name), live.rules_now(shown.name)
    now = live.now(shown.name)
    found = find_reopening(situation, site.id, operator, rules, now, reader)
    if found is None:
        return None
    return ReopeningPage(
        **shown.build_head(operator.row.time_zone),
        site=site.id,
        name=site.name,
        site_zone=site.time_zone,
        reopening=found,
        ground=_find_lifting(shown.name, site.id, reader),
    )


def _find_lifting(stream: str, site: str, reader: str) -> LiftingState | None:
    lost = live.find_ground(stream, site)
    if lost is None:
        return None
    return LiftingState(
        corrections=describe_corrections(lost),
        mine=live.find_ground(stream, site, reader) is None,
        stays=bool(lost.others),
        impact=live.preview_lifting(live.situation_now(stream), lost, stream),
    )


def describe_corrections(lost: LostGround) -> tuple[CorrectedRecord, ...]:
    """Return who took the ground of a closure away, and why: nothing of whom a record is about."""
    return tuple(CorrectedRecord(at=row.happened_at, by=row.actor, reason=row.reason) for row in lost.corrections)
