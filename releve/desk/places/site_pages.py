"""The pages of sites, in no language: state and closure, seats, checks, inspections, permits."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.page import StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.desk.query import require_found
from releve.live import api as live
from releve.live.api import SeatedSite
from releve.network.floor_plans import FloorPlan, lay_out_floors
from releve.situation import (
    ClosureTerms,
    HeldPermit,
    SiteVisit,
    find_closure_terms,
    list_permits,
    list_site_checks,
    list_site_inspections,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

FEWEST = 5
"""Counts of cases below this are hidden without the health permission: they could name people."""
_MOST_CHECKS, _MOST_INSPECTIONS = 7, 10


class SitesPage(StreamPage):
    """The sites that the reader may see."""

    planned: bool = Field(description="Whether a plan is in force, so that seats are known")
    sites: tuple[SeatedSite, ...]

    @property
    def ranked(self) -> tuple[SeatedSite, ...]:
        """The sites, the closed ones first."""
        return tuple(sorted(self.sites, key=lambda row: row.state != "closed"))


class SitePage(StreamPage):
    """One site."""

    status: SeatedSite
    planned: date | None = Field(description="The day that the seats are of")
    cases: int | None = Field(description="Open cases; null where it is hidden")
    cases_below: int | None = Field(description="Where it is hidden: there are fewer than this")
    closure: ClosureTerms | None = Field(description="Null while it is open")
    floors: tuple[FloorPlan, ...]
    today: date = Field(description="By the clocks of the site")
    today_by: str | None = Field(description="Who recorded today's check; null: not yet")
    checks: tuple[SiteVisit, ...] = Field(description="The last ones, the newest first")
    inspections: tuple[SiteVisit, ...] = Field(description="The last ones, the newest first")
    kept_photos: tuple[str, ...] = Field(description="Of these, those that are not erased yet")
    permits: tuple[HeldPermit, ...]


def sites_page(now: StreamContext, user: AnyUser) -> SitesPage:
    """Return the sites that a user may see."""
    reach, scene = scope_for(user, "sites.see"), live.load_scene(now.stream)
    found = live.describe_sites(now.operator, now.situation, scene)
    return SitesPage(
        **now.head,
        planned=scene is not None,
        sites=tuple(row for row in found.values() if reach.has_site(row.site)),
    )


def site_page(now: StreamContext, site: str, user: AnyUser) -> SitePage:
    """Return the page of a site; Http404 where there is none of this id."""
    require_found(now.operator.site.get(site), _("There is no such site."))
    health = can(user, "health.see", site=site)
    scene, situation = live.load_scene(now.stream), now.situation
    seats = live.count_seats(now.operator, situation, scene)[site]
    cases = sum(case.cleared_at is None for case in situation.cases_at.get(site, ()))
    shown = health or cases >= FEWEST
    today = now.find_day(site)
    check = situation.checks.get((site, today.isoformat()))
    rules = live.select_rules(situation)
    inspections = tuple(list_site_inspections(situation, now.operator, site, _MOST_INSPECTIONS))
    photos = (photo for visit in inspections for photo in visit.photos)
    return SitePage(
        **now.head,
        status=live.describe_sites(now.operator, situation, scene)[site],
        planned=scene.days[0] if scene is not None and scene.days else None,
        cases=cases if shown else None,
        cases_below=None if shown else FEWEST,
        closure=find_closure_terms(situation, site, now.operator, rules),
        floors=tuple(
            lay_out_floors(now.operator, site, seats.usable or frozenset(), seats.taken or 0)
        ),
        today=today,
        today_by=None if check is None else check.actor,
        checks=tuple(list_site_checks(situation, now.operator, site, _MOST_CHECKS, health=health)),
        inspections=inspections,
        kept_photos=tuple(filter(live.has_photo, photos)),
        permits=tuple(
            row
            for row in list_permits(situation, now.operator)
            if (row.of, row.subject) == ("site", site)
        ),
    )
