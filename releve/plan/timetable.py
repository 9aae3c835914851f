"""The runs of a day as people read them: calls, riders, who has no seat. No agent has a name here
but those without a seat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from releve.network import Operator
from releve.plan.day_runs import DayRuns
from releve.transport import TO_SITE, Fleet, Rider, Run, Wave, explain_left_behind

_MOST_LEFT = 50
"""Groups of riders without a seat that are listed at most."""


@dataclass(frozen=True, slots=True)
class MapPlace:
    """A stop, a site or a depot (``kind``), and where it is."""

    id: str
    kind: str
    name: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class RunCall:
    """A vehicle at a place: how many board or alight; at the site, all riders."""

    place: str
    name: str
    at: datetime
    riders: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a vehicle; ``calls`` in the order of driving, the site included.

    ``leg``: to the site or from it; ``shift``: the start of the shift, or its end; ``cap``: riders
    that it may carry by the rule in force; ``boarded``: counted by the daily check, if it was;
    ``estimated``: a drive is estimated from the distance; ``under_way``: it has left and is not
    over.
    """

    run: str
    vehicle: str
    site: str
    leg: str
    shift: datetime
    calls: tuple[RunCall, ...]
    riders: int
    cap: int
    seats: int
    boarded: int | None
    estimated: bool
    under_way: bool


@dataclass(frozen=True, slots=True)
class RideLeft:
    """Riders of a stop without a seat: ``reason`` is the template of why, with its ``values``."""

    stop: str
    leg: str
    shift: datetime
    riders: int
    agents: tuple[str, ...]
    reason: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteTimetable:
    """The runs to and from a site on a day; ``vehicles`` in use for it, of ``fleet``."""

    fleet: int
    vehicles: int
    riders: int
    runs: tuple[RunRow, ...]
    left: tuple[RideLeft, ...]
    places: tuple[MapPlace, ...]

    def without_agents(self) -> SiteTimetable:
        """Return the timetable without the names of riders without a seat."""
        return replace(self, left=tuple(replace(row, agents=()) for row in self.left))


@dataclass(frozen=True, slots=True)
class VehicleSheet:
    """A vehicle's day for its driver; ``site``: of its first run."""

    site: str
    day: date
    vehicle: str
    depot: str
    permits: tuple[str, ...]
    cap: int
    seats: int
    runs: tuple[RunRow, ...]


def build_site_timetable(
    found: DayRuns, site: str, at: datetime, boarded: Mapping[tuple[str, str], int]
) -> SiteTimetable:
    """Return the runs of a site as of an instant; ``boarded``: heads by vehicle and hour."""
    runs = [run for run in found.runs if run.wave.site == site]
    rows = tuple(_describe_run(found, run, at, boarded.get((run.vehicle, found.write_hour(run)))) for run in runs)
    left = [rider for rider in found.left_behind if rider.wave.site == site]
    return SiteTimetable(
        fleet=found.fleet.count_vehicles(),
        vehicles=len({run.vehicle for run in runs}),
        riders=sum(run.count for run in runs),
        runs=rows,
        left=tuple(_list_left(found.fleet, left)),
        places=tuple(_list_places(found.fleet.operator, rows, site)),
    )


def build_vehicle_sheet(found: DayRuns, vehicle: str, at: datetime) -> VehicleSheet | None:
    """Return a vehicle's day as of an instant; None where it has no run."""
    own = sorted((run for run in found.runs if run.vehicle == vehicle), key=lambda r: r.busy_from)
    if not own:
        return None
    operator, day = found.fleet.operator, found.fleet.day
    return VehicleSheet(
        site=own[0].wave.site,
        day=day,
        vehicle=vehicle,
        depot=next(row.depot for row in operator.vehicles if row.id == vehicle),
        permits=tuple(
            held.id
            for held in operator.authorisations
            if held.kind == "vehicle" and held.subject == vehicle and held.valid_from <= day <= held.valid_to
        ),
        cap=own[0].cap,
        seats=own[0].seats,
        runs=tuple(_describe_run(found, run, at, None) for run in own),
    )


def _describe_run(found: DayRuns, run: Run, at: datetime, boarded: int | None) -> RunRow:
    operator = found.fleet.operator
    stops = {row.id: row.name for row in operator.stops}
    site = operator.site[run.wave.site]
    calls = [
        RunCall(stop, stops[stop], when, len(names))
        for stop, when, names in zip(run.stops, run.times, run.agents, strict=True)
        if names
    ]
    there = RunCall(site.id, site.name, run.at_site, run.count)
    out = run.wave.leg == TO_SITE
    return RunRow(
        run=run.id,
        vehicle=run.vehicle,
        site=site.id,
        leg=run.wave.leg,
        shift=run.wave.at,
        calls=(*calls, there) if out else (there, *calls),
        riders=run.count,
        cap=run.cap,
        seats=run.seats,
        boarded=boarded if out else None,
        estimated=run.estimated,
        under_way=run.busy_from <= at < run.busy_until,
    )


def _list_left(fleet: Fleet, left: Iterable[Rider]) -> Iterator[RideLeft]:
    """Yield the riders without a seat, by stop and wave."""
    groups: dict[tuple[str, Wave], list[Rider]] = {}
    for rider in left:
        groups.setdefault((rider.stop, rider.wave), []).append(rider)
    stops = {row.id: row.name for row in fleet.operator.stops}
    for (stop, wave), riders in sorted(groups.items(), key=lambda item: item[0][1])[:_MOST_LEFT]:
        why = explain_left_behind(fleet, riders[0])
        yield RideLeft(
            stop=stops[stop],
            leg=wave.leg,
            shift=wave.at,
            riders=len(riders),
            agents=tuple(rider.agent for rider in riders),
            reason=why.template,
            values=tuple(map(str, why.params)),
        )


def _list_places(operator: Operator, rows: Iterable[RunRow], site: str) -> Iterator[MapPlace]:
    used = {call.place for row in rows for call in row.calls}
    for stop in operator.stops:
        if stop.id in used:
            yield MapPlace(stop.id, "stop", stop.name, stop.lat, stop.lon)
    for depot in operator.depots:
        if site in depot.sites:
            yield MapPlace(depot.id, "depot", depot.id, depot.lat, depot.lon)
    own = operator.site[site]
    yield MapPlace(own.id, "site", own.name, own.lat, own.lon)
