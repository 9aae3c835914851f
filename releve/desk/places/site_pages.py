"""The pages of sites, in no language: state and closure, seats, checks, inspections, permits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.floors import FloorPlan, draw_floors
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.live.api import SeatCount
from releve.network import Site
from releve.situation import (
    CheckDone,
    HeldPermit,
    InspectionHeld,
    list_permits,
    merge_reopening_terms,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

FEWEST = 5
"""Counts of cases below this are hidden without the health permission: they could name people."""
_MOST_CHECKS, _MOST_INSPECTIONS = 7, 10


class SiteRow(PageModel):
    """A site as it stands; seats are of the first planned day from now on."""

    site: str
    name: str
    city: str
    destination: str
    state: Literal["open", "closed", "cut_off"]
    outage: Literal["", "power", "link"] = Field(description="What cuts it off")
    closed_since: datetime | None
    earliest_reopening: datetime | None
    seats: int
    usable: int | None
    taken: int | None


class SitesPage(StreamPage):
    """The sites that the reader may see."""

    planned: bool = Field(description="Whether a plan is in force, so that seats are known")
    sites: tuple[SiteRow, ...]

    @property
    def ranked(self) -> tuple[SiteRow, ...]:
        """The sites, the closed ones first."""
        return tuple(sorted(self.sites, key=lambda row: row.state != "closed"))


class ClosureTerms(PageModel):
    """A closure while it lasts, and what a reopening takes."""

    cause: str = Field(description="rule, authority, hazard or operator")
    rule_cases: int | None = Field(description="Cases at which its rule closes")
    rule_days: float | None = Field(description="Within how many days")
    home_only: bool
    checklist: dict[str, str] = Field(description="Item -> who did it; empty: open")
    approvals: int
    approvals_needed: int


class Visit(PageModel):
    """A daily check or an inspection, without the people who did it."""

    day: date | None = Field(default=None, description="Of a check")
    at: datetime | None = Field(default=None, description="Of an inspection")
    by: str = Field(description="Who recorded the check, or the authority that visited")
    unannounced: bool = False
    looked: int = Field(description="Measures that apply and were looked at")
    kept: int
    not_kept: dict[str, str] = Field(description="Measure -> partly or not_kept")
    note: str
    symptomatic: int | None = Field(
        default=None, description="Sent home with symptoms, to those who may see it"
    )
    photos: dict[str, bool] = Field(
        default_factory=dict, description="SHA-256 -> False where it has been erased"
    )


class SitePage(SiteRow, StreamPage):
    """One site."""

    site_zone: str
    planned: date | None = Field(description="The day that the seats are of")
    cases: int | None = Field(description="Open cases; null where it is hidden")
    cases_below: int | None = Field(description="Where it is hidden: there are fewer than this")
    closure: ClosureTerms | None
    floors: tuple[FloorPlan, ...]
    today_by: str | None = Field(description="Who recorded today's check; null: not yet")
    checks: tuple[Visit, ...] = Field(description="The last ones, the newest first")
    inspections: tuple[Visit, ...] = Field(description="The last ones, the newest first")
    permits: tuple[HeldPermit, ...]


def sites_page(now: StreamContext, user: AnyUser) -> SitesPage:
    """Return the sites that a user may see."""
    reach, scene = scope_for(user, "sites.see"), live.load_scene(now.stream)
    figures = live.count_seats(now.operator, now.situation, scene)
    return SitesPage(
        **now.head,
        planned=scene is not None,
        sites=tuple(
            _row(now, site, figures[site.id])
            for site in now.operator.sites
            if reach.has_site(site.id)
        ),
    )


def _row(now: StreamContext, site: Site, seats: SeatCount) -> SiteRow:
    closure, outages = now.situation.site(site.id).closure, now.situation.outages
    outage: Literal["", "power", "link"] = ""
    if closure is None:
        outage = "power" if ("power", site.id) in outages else ""
        outage = "link" if not outage and ("link", site.id) in outages else outage
    return SiteRow.from_row(
        site,
        site=site.id,
        state="closed" if closure is not None else "cut_off" if outage else "open",
        outage=outage,
        closed_since=None if closure is None else closure.ordered_at,
        earliest_reopening=None if closure is None else closure.earliest_reopening,
        seats=seats.total,
        usable=None if seats.usable is None else len(seats.usable),
        taken=seats.taken,
    )


def site_page(now: StreamContext, site: Site, user: AnyUser) -> SitePage:
    """Return the page of a site."""
    health = can(user, "health.see", site=site.id)
    scene = live.load_scene(now.stream)
    seats = live.count_seats(now.operator, now.situation, scene)[site.id]
    cases = sum(case.cleared_at is None for case in now.situation.cases_at.get(site.id, ()))
    shown = health or cases >= FEWEST
    today = now.find_day(site.id)
    check = now.situation.checks.get((site.id, today.isoformat()))
    return SitePage(
        **now.head,
        **dict(_row(now, site, seats)),
        site_zone=site.time_zone,
        planned=scene.days[0] if scene is not None and scene.days else None,
        cases=cases if shown else None,
        cases_below=None if shown else FEWEST,
        closure=_closure(now, site),
        floors=tuple(
            draw_floors(now.operator, site.id, seats.usable or frozenset(), seats.taken or 0)
        ),
        today_by=None if check is None else check.actor,
        checks=tuple(_list_checks(now, site, health=health)),
        inspections=tuple(_list_inspections(now, site)),
        permits=tuple(
            row
            for row in list_permits(now.situation, now.operator)
            if (row.of, row.subject) == ("site", site.id)
        ),
    )


def _closure(now: StreamContext, site: Site) -> ClosureTerms | None:
    closure = now.situation.site(site.id).closure
    if closure is None:
        return None
    rules = live.select_rules(now.situation)
    terms = merge_reopening_terms(closure, site.id, now.operator, rules)
    rule, done = rules.find_closure_rule(closure.rule), dict(closure.done)
    return ClosureTerms(
        cause=closure.cause,
        rule_cases=None if rule is None else rule.n,
        rule_days=None if rule is None else rule.days,
        home_only=closure.home_only,
        checklist={row.id: done.get(row.id, "") for row in terms.checklist},
        approvals=len(closure.approvals),
        approvals_needed=terms.approvals,
    )


def _list_checks(now: StreamContext, site: Site, *, health: bool) -> Iterable[Visit]:
    found = [check for (where, _day), check in now.situation.checks.items() if where == site.id]
    for row in sorted(found, key=lambda check: check.day, reverse=True)[:_MOST_CHECKS]:
        seen = row.symptomatic if health else None
        yield _visit(row, day=row.day, by=row.actor, symptomatic=seen)


def _list_inspections(now: StreamContext, site: Site) -> Iterable[Visit]:
    found = [visit for visit in now.situation.inspections if visit.site == site.id]
    for row in reversed(found[-_MOST_INSPECTIONS:]):
        photos = {digest: live.has_photo(digest) for digest in row.photos}
        yield _visit(
            row,
            at=row.happened_at,
            by=row.authority,
            unannounced=row.unannounced,
            photos=photos,
        )


def _visit(row: CheckDone | InspectionHeld, **own: Any) -> Visit:
    looked = {
        found.measure: found.verdict for found in row.findings if found.verdict != "not_applicable"
    }
    wanting = {measure: verdict for measure, verdict in looked.items() if verdict != "kept"}
    kept = len(looked) - len(wanting)
    return Visit(looked=len(looked), kept=kept, not_kept=wanting, note=row.note, **own)
