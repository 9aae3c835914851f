"""The pages of sites: state and countdown, seats, checks, inspections, permits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.places.floors import FloorView, floors
from releve.desk.places.stream_context import StreamContext, when
from releve.desk.text import left
from releve.live import api as live
from releve.live.api import Scene, SeatCount, has_photo
from releve.network import Site
from releve.situation import (
    Closure,
    InspectionHeld,
    MeasureFinding,
    list_permits,
    merge_reopening_terms,
)

__all__ = ["FEWEST", "SitePage", "SiteRow", "page_twin", "row_twin", "site_page", "site_rows"]

FEWEST = 5
"""Counts of cases below this are hidden without the health permission: they could name people."""
_MOST_CHECKS, _MOST_INSPECTIONS = 7, 10


@dataclass(frozen=True, slots=True)
class State:
    """Open, closed or cut off, as a tone, a word and a sentence."""

    tone: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site in the list."""

    id: str
    name: str
    place: str
    url: str
    state: State
    seats: str
    usable: str
    taken: str
    figures: SeatCount
    closed: bool


@dataclass(frozen=True, slots=True)
class ReopeningStep:
    """Something a reopening needs; ``by`` who did it, empty while it is open."""

    text: str
    by: str


@dataclass(frozen=True, slots=True)
class ClosureView:
    """A closure while it lasts."""

    cause: str
    since: str
    earliest: str
    left: str
    home_only: bool
    steps: tuple[ReopeningStep, ...]
    approvals: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A check or an inspection, without the people who did it; ``photos`` are (address, words).

    The address is empty where the photo has been erased.
    """

    day: str
    title: str
    kept: str
    not_kept: tuple[str, ...]
    note: str
    health: str
    photos: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PermitView:
    """An authorisation of the site."""

    id: str
    span: str
    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class SitePage:
    """One site."""

    row: SiteRow
    closure: ClosureView | None
    floors: tuple[FloorView, ...]
    planned: str
    cases: str
    checks: tuple[Visit, ...]
    inspections: tuple[Visit, ...]
    permits: tuple[PermitView, ...]


def site_rows(
    now: StreamContext, scene: Scene | None, sites: Sequence[Site]
) -> tuple[SiteRow, ...]:
    """Return the rows of the list of sites, without a query."""
    figures = live.count_seats(now.operator, now.situation, scene)
    return tuple(_build_row(now, site, figures[site.id]) for site in sites)


def _build_row(now: StreamContext, site: Site, seats: SeatCount) -> SiteRow:
    def known(value: int | None) -> str:
        return "?" if value is None else now.text.number(value)

    return SiteRow(
        site.id,
        site.name,
        f"{site.city} ({site.destination})",
        reverse("site", args=[site.id]),
        _describe_state(now, site),
        now.text.number(seats.total),
        known(None if seats.usable is None else len(seats.usable)),
        known(seats.taken),
        seats,
        now.situation.site(site.id).closed,
    )


def _describe_state(now: StreamContext, site: Site) -> State:
    closure = now.situation.site(site.id).closure
    if closure is not None:
        left = _describe_time_left(closure, now)
        return State("missed", _("Closed"), left or _("until it is reopened"))
    outages = now.situation.outages
    if ("power", site.id) in outages:
        return State("thin", _("Without power"), "")
    if ("link", site.id) in outages:
        return State("thin", _("Link down"), "")
    return State("held", _("Open"), "")


def _describe_time_left(closure: Closure, now: StreamContext) -> str:
    """Return how long a closure lasts at least, in words; empty where nothing says."""
    if closure.earliest_reopening is None:
        return ""
    time = left(now.at, closure.earliest_reopening)
    return (
        _("{time} left at least").format(time=time)
        if time
        else _("may reopen once its conditions are met")
    )


def site_page(now: StreamContext, scene: Scene | None, site: Site, *, health: bool) -> SitePage:
    """Return the page of a site; ``health``: the reader may see how many cases it has."""
    (row,) = site_rows(now, scene, [site])
    usable, taken = row.figures.usable or frozenset(), row.figures.taken or 0
    state = now.situation.site(site.id)
    text = now.text
    day = "" if scene is None or not scene.days else text.day(scene.days[0])
    return SitePage(
        row=row,
        closure=None if state.closure is None else _build_closure(now, site, state.closure),
        floors=floors(now.operator, site.id, usable, taken, text),
        planned=day,
        cases=_count_cases(now, site, health=health),
        checks=_list_checks(now, site, health=health),
        inspections=_list_inspections(now, site),
        permits=tuple(_iter_permits(now, site)),
    )


def _build_closure(now: StreamContext, site: Site, closure: Closure) -> ClosureView:
    causes = {
        "rule": _("by the rule {rule}").format(rule=closure.rule),
        "authority": _("by order of an authority"),
        "hazard": _("for a hazard"),
        "operator": _("by the operator"),
    }
    terms = merge_reopening_terms(closure, site.id, now.operator, live.rules_now())
    done, text = dict(closure.done), now.text
    steps = tuple(
        ReopeningStep(item.text_fr if text.french else item.text, done.get(item.id, ""))
        for item in terms.checklist
    )
    earliest = closure.earliest_reopening
    return ClosureView(
        causes[closure.cause],
        when(closure.ordered_at, text),
        "" if earliest is None else when(earliest, text),
        _describe_time_left(closure, now),
        closure.home_only,
        steps,
        _("{given} of {needed} people said yes").format(
            given=len(closure.approvals), needed=terms.approvals
        ),
    )


def cases_count(now: StreamContext, site: str) -> int:
    """Return how many people of a site have a case that is not cleared."""
    return sum(case.cleared_at is None for case in now.situation.cases_at.get(site, ()))


def _count_cases(now: StreamContext, site: Site, *, health: bool) -> str:
    count = cases_count(now, site.id)
    if not health and count < FEWEST:
        return _("fewer than {count}").format(count=FEWEST)
    return now.text.number(count)


def _list_checks(now: StreamContext, site: Site, *, health: bool) -> tuple[Visit, ...]:
    found = [check for (where, _day), check in now.situation.checks.items() if where == site.id]
    newest = sorted(found, key=lambda check: check.day, reverse=True)[:_MOST_CHECKS]
    return tuple(
        _build_visit(
            now,
            now.text.day(check.day),
            _("recorded by {who}").format(who=check.actor),
            check.findings,
            check.note,
            _describe_symptomatic(check.symptomatic) if health else "",
        )
        for check in newest
    )


def _describe_symptomatic(count: int | None) -> str:
    if count is None:
        return ""
    return ngettext(
        "{count} person sent home with symptoms", "{count} persons sent home with symptoms", count
    ).format(count=count)


def _list_inspections(now: StreamContext, site: Site) -> tuple[Visit, ...]:
    found = [visit for visit in now.situation.inspections if visit.site == site.id]
    return tuple(_build_inspection(now, visit) for visit in reversed(found[-_MOST_INSPECTIONS:]))


def _build_inspection(now: StreamContext, visit: InspectionHeld) -> Visit:
    at = when(visit.happened_at, now.text)
    how = _("unannounced") if visit.unannounced else _("announced")
    made = _build_visit(now, at, f"{visit.authority} · {how}", visit.findings, visit.note, "")
    photos = tuple(
        (
            reverse("photo", args=[digest]) if has_photo(digest) else "",
            _("Photo {number} of {count}, {at}").format(number=n, count=len(visit.photos), at=at),
        )
        for n, digest in enumerate(visit.photos, 1)
    )
    return replace(made, photos=photos)


def _build_visit(
    now: StreamContext,
    day: str,
    title: str,
    findings: Sequence[MeasureFinding],
    note: str,
    health: str,
) -> Visit:
    looked = [finding for finding in findings if finding.verdict != "not_applicable"]
    kept = sum(finding.verdict == "kept" for finding in looked)
    return Visit(
        day,
        title,
        _("{kept} of {looked} measures kept").format(kept=kept, looked=len(looked)),
        tuple(_build_measure(now, finding) for finding in looked if finding.verdict != "kept"),
        note,
        health,
    )


def _build_measure(now: StreamContext, finding: MeasureFinding) -> str:
    charter = live.rules_now().charter(now.at.date())
    measure = None if charter is None else charter.measure.get(finding.measure)
    name = finding.measure
    if measure is not None:
        name = measure.text_fr if now.text.french else measure.text
    partly = _("partly kept") if finding.verdict == "partly" else _("not kept")
    return f"{name} ({partly})"


def _iter_permits(now: StreamContext, site: Site) -> Iterable[PermitView]:
    today = now.at.date()
    for permit in list_permits(now.situation, now.operator):
        if permit.of != "site" or permit.subject != site.id:
            continue
        tone, word = "held", _("valid")
        if permit.withdrawn:
            tone, word = "missed", _("withdrawn")
        elif permit.valid_to < today:
            tone, word = "missed", _("ended")
        elif permit.valid_from > today:
            tone, word = "unknown", _("not yet valid")
        span = _("from {first} to {last}").format(
            first=now.text.day(permit.valid_from, weekday=False),
            last=now.text.day(permit.valid_to, weekday=False),
        )
        yield PermitView(permit.id, span, tone, word)


def row_twin(row: SiteRow, now: StreamContext) -> dict[str, Any]:
    """Return a site of the list as JSON."""
    closure = now.situation.site(row.id).closure
    usable = row.figures.usable
    return {
        "site": row.id,
        "name": row.name,
        "state": {"missed": "closed", "thin": "cut_off", "held": "open"}[row.state.tone],
        "closed_since": None if closure is None else closure.ordered_at,
        "earliest_reopening": None if closure is None else closure.earliest_reopening,
        "seats": row.figures.total,
        "usable": None if usable is None else len(usable),
        "taken": row.figures.taken,
    }


def page_twin(page: SitePage, now: StreamContext, *, health: bool) -> dict[str, Any]:
    """Return a site's page as JSON; a hidden count of cases is null."""
    count = cases_count(now, page.row.id)
    closure = now.situation.site(page.row.id).closure
    shown = health or count >= FEWEST
    return {
        **row_twin(page.row, now),
        "cases": count if shown else None,
        "cases_below": None if shown else FEWEST,
        "approvals": None if closure is None else len(closure.approvals),
        "floors": [
            {
                "floor": floor.id,
                "seats": [
                    {"seat": seat.id, "x_m": seat.x, "y_m": seat.y, "state": seat.state}
                    for seat in floor.seats
                ],
            }
            for floor in page.floors
        ],
        "permits": [{"id": permit.id, "state": permit.tone} for permit in page.permits],
        "checks": len(page.checks),
        "inspections": len(page.inspections),
    }
