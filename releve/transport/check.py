"""Check runs without the engine that made them: every run is timed again from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from releve.transport.fleet import Fleet
from releve.transport.result import TO_SITE, Rider, Run

SECOND = timedelta(seconds=1)


def check_runs(
    fleet: Fleet, runs: Sequence[Run], riders: Sequence[Rider], left_behind: Sequence[Rider] = ()
) -> tuple[str, ...]:
    """Return a sentence for every rule that runs break.

    Each of ``riders`` rides once, with a wave and stop of their own, or is named in
    ``left_behind``. Rides, deadlines, caps, running hours, permits and the vehicle's way from one
    run to the next are measured from the fleet's own travel times.
    """
    limits = {agent.id: agent.max_ride for agent in fleet.operator.agents if agent.max_ride is not None}
    return (
        *(fault for run in runs for fault in _find_run_faults(fleet, run)),
        *(fault for run in runs for fault in _find_long_rides(fleet, run, limits)),
        *_find_vehicle_faults(fleet, runs),
        *_find_rider_faults(runs, riders, left_behind),
    )


def _find_run_faults(fleet: Fleet, run: Run) -> Iterator[str]:
    pool = next((pool for pool in fleet.pools if run.vehicle in pool.vehicles), None)
    if pool is None:
        yield f"Run {run.id}: vehicle {run.vehicle} does not run on {fleet.day}."
        return
    if run.wave.site not in pool.sites:
        yield f"Run {run.id}: depot {pool.depot} does not serve site {run.wave.site}."
        return
    if run.count > pool.cap:
        yield f"Run {run.id}: {run.count} riders, vehicle {run.vehicle} may carry {pool.cap}."
    if run.cap != pool.cap or run.seats != pool.seats:
        yield f"Run {run.id}: states {run.cap} of {run.seats} seats, {pool.cap} of {pool.seats}."
    if not run.stops or not len(run.stops) == len(run.times) == len(run.agents):
        yield f"Run {run.id}: stops, times and riders do not go together."
        return
    yield from _find_time_faults(fleet, run)
    first, last = min(run.at_site, *run.times), max(run.at_site, *run.times)
    if not any(start <= first and last <= end for start, end in pool.windows):
        yield f"Run {run.id}: it is outside the running hours of vehicle {run.vehicle}."
    permitted = pool.permitted and fleet.riders_permitted
    if not permitted and fleet.is_under_curfew(run.wave.site, first, last):
        yield f"Run {run.id}: it touches a curfew without permits for vehicle and riders."


def _find_time_faults(fleet: Fleet, run: Run) -> Iterator[str]:
    settings, wave = fleet.settings, run.wave
    hour = fleet.get_hour(wave.site, wave.at)
    boarding = timedelta(minutes=settings.boarding_minutes)
    if wave.leg == TO_SITE:
        places, times = (*run.stops, wave.site), (*run.times, run.at_site)
        gap, ride = wave.at - run.at_site, run.at_site - run.times[0] + boarding
    else:
        places, times = (wave.site, *run.stops), (run.at_site + boarding, *run.times)
        gap, ride = run.at_site - wave.at, run.times[-1] - run.at_site
    for i in range(len(places) - 1):
        due = timedelta(minutes=fleet.travel.get_minutes(places[i], places[i + 1], hour))
        if times[i + 1] - times[i] < due - SECOND:
            said = (times[i + 1] - times[i]).total_seconds() / 60
            yield (
                f"Run {run.id}: {places[i]} to {places[i + 1]} in {said:.1f} min,"
                f" the drive takes {due.total_seconds() / 60:.1f}."
            )
    if ride > timedelta(minutes=settings.max_ride_minutes) + SECOND:
        yield (
            f"Run {run.id}: a ride of {ride.total_seconds() / 60:.0f} min, the longest allowed is"
            f" {settings.max_ride_minutes:g}."
        )
    least, most = settings.alight_minutes, settings.earliest_minutes
    if not timedelta(minutes=least) - SECOND <= gap <= timedelta(minutes=most) + SECOND:
        yield (f"Run {run.id}: {gap.total_seconds() / 60:.0f} min from the shift, {least:g} to {most:g} are allowed.")


def _find_long_rides(fleet: Fleet, run: Run, limits: Mapping[str, float]) -> Iterator[str]:
    """Each rider's own ride is within the limit of that agent."""
    boarding = timedelta(minutes=fleet.settings.boarding_minutes)
    for at, names in zip(run.times, run.agents, strict=False):
        ride = abs(run.at_site - at) + (boarding if run.wave.leg == TO_SITE else timedelta())
        for agent in names:
            if agent in limits and ride > timedelta(minutes=limits[agent]) + SECOND:
                yield (
                    f"Run {run.id}: agent {agent} rides {ride.total_seconds() / 60:.0f} min, the"
                    f" agent's longest ride is {limits[agent]:g}."
                )


def _find_vehicle_faults(fleet: Fleet, runs: Sequence[Run]) -> Iterator[str]:
    """A vehicle can drive from where one run ends to where the next begins."""
    of_vehicle: dict[str, list[Run]] = {}
    for run in runs:
        if run.stops and run.times:
            of_vehicle.setdefault(run.vehicle, []).append(run)
    boarding = timedelta(minutes=fleet.settings.boarding_minutes)
    for vehicle, found in of_vehicle.items():
        ends = []
        for run in found:
            if run.wave.leg == TO_SITE:
                ends.append((run.times[0] - boarding, run.stops[0], run.at_site, run.wave.site, run))
            else:
                ends.append((run.at_site, run.wave.site, run.times[-1], run.stops[-1], run))
        ends.sort(key=lambda one: (one[0], one[4].id))
        for (_, _, free, place, run), (start, begin, _, _, after) in pairwise(ends):
            hour = fleet.get_hour(after.wave.site, after.wave.at)
            drive = timedelta(minutes=_find_shortest_drive(fleet, vehicle, place, begin, hour))
            if free + drive > start + SECOND:
                yield (f"Vehicle {vehicle}: after run {run.id} it cannot be at {begin} for run {after.id} in time.")


def _find_shortest_drive(fleet: Fleet, vehicle: str, origin: str, target: str, hour: int) -> float:
    """Return the minutes of an empty drive: direct, or by a place where the vehicle may wait."""
    minutes = fleet.travel.get_minutes
    pool = next((pool for pool in fleet.pools if vehicle in pool.vehicles), None)
    hubs = () if pool is None else (pool.depot, *pool.sites)
    by_hub = (minutes(origin, hub, hour) + minutes(hub, target, hour) for hub in hubs)
    return min(minutes(origin, target, hour), *by_hub)


def _find_rider_faults(runs: Sequence[Run], riders: Sequence[Rider], left_behind: Sequence[Rider]) -> Iterator[str]:
    carried = Counter(
        (agent, stop, run.wave)
        for run in runs
        for stop, names in zip(run.stops, run.agents, strict=False)
        for agent in names
    )
    due = Counter((one.agent, one.stop, one.wave) for one in riders)
    left = Counter((one.agent, one.stop, one.wave) for one in left_behind)
    for (agent, stop, wave), count in sorted((carried + left - due).items()):
        yield f"Agent {agent}: {count} rides too many from stop {stop}, {wave.leg} {wave.site}."
    for (agent, stop, wave), count in sorted((due - carried - left).items()):
        yield f"Agent {agent}: {count} rides missing from stop {stop}, {wave.leg} {wave.site}."
