"""What the pages of the vehicles hold, in no language. No page names an agent with a seat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.network import Operator
from releve.situation import count_boarded
from releve.transport import TO_SITE, Fleet, Rider, Run, Wave, explain_left_behind

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_MOST_LEFT = 50
"""Riders without a seat that are listed at most."""


class MapPlace(PageModel):
    """A stop, a site or a depot, and where it is."""

    id: str
    kind: str = Field(description="stop, site or depot")
    name: str
    lat: float
    lon: float


class RunCall(PageModel):
    """A vehicle at a place: how many board (or alight, where the run is from the site)."""

    place: str
    name: str
    at: datetime
    riders: int = Field(description="Who board or alight here; at the site, all riders")


class RunRow(PageModel):
    """One run of a vehicle; ``calls`` in the order of driving, the site included."""

    run: str
    vehicle: str
    site: str
    leg: str = Field(description="to (the site) or from (it)")
    shift: datetime = Field(description="Start of the shift, or its end")
    calls: tuple[RunCall, ...]
    riders: int
    cap: int = Field(description="Riders that it may carry by the rule in force")
    seats: int
    boarded: int | None = Field(default=None, description="Counted by the daily check")
    estimated: bool = Field(description="Whether a drive is estimated from the distance")
    under_way: bool = Field(description="Whether it has left and is not over")


class RideLeft(PageModel):
    """Riders of a stop without a seat, and why; ``agents`` for those who see who moves."""

    stop: str
    leg: str
    shift: datetime
    riders: int
    agents: tuple[str, ...] = ()
    reason: str = Field(description="Template of the sentence, {0} and so on for the values")
    values: tuple[str, ...] = ()


class RunsPage(StreamPage):
    """The runs of a site on a day."""

    planned: bool = Field(description="Whether a plan is in force for the hours ahead")
    fleet: int = Field(default=0, description="Vehicles of the day; 0: the operator has none")
    days: tuple[date, ...] = ()
    day: date | None = None
    sites: tuple[str, ...] = Field(default=(), description="Those of the reader's scope")
    site: str = ""
    lost: bool = Field(default=False, description="Whether the site is lost on that day")
    names: dict[str, str] = Field(default={}, description="Of sites")
    vehicles: int = Field(default=0, description="In use for this site")
    riders: int = 0
    runs: tuple[RunRow, ...] = ()
    left: tuple[RideLeft, ...] = ()
    places: tuple[MapPlace, ...] = Field(default=(), description="Of the drawing")


class DriverSheet(StreamPage):
    """A vehicle's day for its driver; ``site``: of its first run."""

    site: str
    day: date
    vehicle: str
    depot: str
    permits: tuple[str, ...]
    cap: int
    seats: int
    runs: tuple[RunRow, ...]


def runs_page(shown: ShownStream, user: AnyUser, day: date | None, site: str) -> RunsPage:
    """Return the runs of one site that the reader may see, by default of the first."""
    scene, operator = live.load_scene(shown.name), live.operator_now()
    seen = scope_for(user, "sites.see")
    sites = tuple(row.id for row in operator.sites if seen.has_site(row.id))
    site = site if site in sites else next(iter(sites), "")
    zone = operator.site[site].time_zone if site else operator.row.time_zone
    page = RunsPage(
        **shown.build_head(zone),
        planned=scene is not None and bool(scene.days),
        sites=sites, site=site,
        names={row.id: row.name for row in operator.sites if row.id in sites},
    )  # fmt: skip
    if scene is None or not scene.days or not site:
        return page
    day = day if day in scene.days else scene.days[0]
    found = live.find_scene_runs(scene, day, live.select_rules(scene.situation))
    common: dict[str, Any] = {
        "days": scene.days, "day": day, "lost": site in scene.wanted[day].sites
    }  # fmt: skip
    if found is None:
        return page.model_copy(update=common)
    operator = found.fleet.operator
    boarded = count_boarded(scene.situation, site, day)
    runs = [run for run in found.runs if run.wave.site == site]
    rows = tuple(
        _describe_run(operator, run, page.at, boarded.get((run.vehicle, found.write_hour(run))))
        for run in runs
    )
    left = [rider for rider in found.left_behind if rider.wave.site == site]
    names = can(user, "relief.people", site=site)
    return page.model_copy(
        update={
            **common,
            "fleet": found.fleet.count_vehicles(),
            "vehicles": len({run.vehicle for run in runs}),
            "riders": sum(run.count for run in runs),
            "runs": rows,
            "left": tuple(_list_left(found.fleet, left, names=names)),
            "places": tuple(_list_places(operator, rows, site)),
        }
    )


def sheet_page(
    shown: ShownStream, user: AnyUser, day: date | None, vehicle: str
) -> DriverSheet | None:
    """Return a vehicle's day; None where it has no run to or from a site that the reader sees."""
    scene = live.load_scene(shown.name)
    if scene is None or not scene.days:
        return None
    day = day if day in scene.days else scene.days[0]
    found = live.find_scene_runs(scene, day, live.select_rules(scene.situation))
    seen = scope_for(user, "sites.see")
    own = [] if found is None else [run for run in found.runs if run.vehicle == vehicle]
    if found is None or not own or not all(seen.has_site(run.wave.site) for run in own):
        return None
    operator = found.fleet.operator
    head = shown.build_head(operator.site[own[0].wave.site].time_zone)
    row = next(row for row in operator.vehicles if row.id == vehicle)
    return DriverSheet(
        **head,
        site=own[0].wave.site, day=day, vehicle=vehicle, depot=row.depot,
        permits=tuple(
            held.id
            for held in operator.authorisations
            if held.kind == "vehicle" and held.subject == vehicle
            and held.valid_from <= day <= held.valid_to
        ),
        cap=own[0].cap, seats=own[0].seats,
        runs=tuple(
            _describe_run(operator, run, head["at"])
            for run in sorted(own, key=lambda run: run.busy_from)
        ),
    )  # fmt: skip


def _describe_run(operator: Operator, run: Run, at: datetime, boarded: int | None = None) -> RunRow:
    stops = {row.id: row.name for row in operator.stops}
    site = operator.site[run.wave.site]
    calls = [
        RunCall(place=stop, name=stops[stop], at=when, riders=len(names))
        for stop, when, names in zip(run.stops, run.times, run.agents, strict=True)
        if names
    ]
    there = RunCall(place=site.id, name=site.name, at=run.at_site, riders=run.count)
    out = run.wave.leg == TO_SITE
    return RunRow(
        run=run.id, vehicle=run.vehicle, site=site.id, leg=run.wave.leg, shift=run.wave.at,
        calls=(*calls, there) if out else (there, *calls),
        riders=run.count, cap=run.cap, seats=run.seats,
        boarded=boarded if out else None, estimated=run.estimated,
        under_way=run.busy_from <= at < run.busy_until,
    )  # fmt: skip


def _list_left(fleet: Fleet, left: Iterable[Rider], *, names: bool) -> Iterator[RideLeft]:
    """Yield who has no seat, by stop and wave."""
    groups: dict[tuple[str, Wave], list[Rider]] = {}
    for rider in left:
        groups.setdefault((rider.stop, rider.wave), []).append(rider)
    stops = {row.id: row.name for row in fleet.operator.stops}
    for (stop, wave), riders in sorted(groups.items(), key=lambda item: item[0][1])[:_MOST_LEFT]:
        why = explain_left_behind(fleet, riders[0])
        yield RideLeft(
            stop=stops[stop], leg=wave.leg, shift=wave.at, riders=len(riders),
            agents=tuple(rider.agent for rider in riders) if names else (),
            reason=why.template, values=tuple(map(str, why.params)),
        )  # fmt: skip


def _list_places(operator: Operator, rows: Iterable[RunRow], site: str) -> Iterator[MapPlace]:
    used = {call.place for row in rows for call in row.calls}
    for stop in operator.stops:
        if stop.id in used:
            yield MapPlace.from_row(stop, kind="stop")
    for depot in operator.depots:
        if site in depot.sites:
            yield MapPlace.from_row(depot, kind="depot", name=depot.id)
    yield MapPlace.from_row(operator.site[site], kind="site")
