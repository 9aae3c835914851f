"""What the pages of records hold: forms, what would follow, a reopening, the drills."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.network import Operator, Site
from releve.situation import Notice, Reopening, find_reopening


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


class ReopeningPage(StreamPage):
    """What the closure of a site waits for."""

    site: str
    name: str
    site_zone: str
    reopening: Reopening


def record_page(
    shown: ShownStream, operator: Operator, forms: Iterable[str], seen: Iterable[str]
) -> RecordPage:
    """Return what a reader may record, who may reopen the sites ``seen``."""
    situation = live.situation_now(shown.name)
    return RecordPage(
        **shown.build_head(operator.row.time_zone),
        forms=tuple(forms),
        closed=tuple(
            ClosedSite(site=site, name=operator.site[site].name)
            for site in seen
            if situation.site(site).closed
        ),
    )


def drills_page(shown: ShownStream, operator: Operator, *, may_start: bool) -> DrillsPage:
    """Return the page of the drills."""
    head = shown.build_head(operator.row.time_zone)
    return DrillsPage(**head, drills=live.list_drills(), may_start=may_start)


def reopening_page(
    shown: ShownStream, operator: Operator, site: Site, reader: str
) -> ReopeningPage | None:
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
    )
