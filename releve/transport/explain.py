"""Why a rider has no seat, and what would give one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from releve.errors import Phrase
from releve.transport.fleet import Fleet
from releve.transport.result import Rider
from releve.transport.routes import list_departures, list_routes

ALL_DAY = timedelta(days=1)


def explain_left_behind(fleet: Fleet, rider: Rider) -> Phrase:
    """Return why a rider was left behind: the first of the rules that no vehicle can keep to."""
    wave, alone = rider.wave, {rider.stop: 1}
    serving = [pool for pool in fleet.pools if wave.site in pool.sites]
    if not serving:
        return Phrase("no vehicle that runs on {0} serves site {1}: name it at a depot", fleet.day, wave.site)
    routes = list_routes(fleet, wave, alone, 1)
    if not routes:
        most = fleet.settings.max_ride_minutes
        return Phrase("stop {0} is beyond the longest ride of {1} min: add a nearer stop", rider.stop, f"{most:g}")
    if list_departures(fleet, wave, routes[0], 1):
        return Phrase("every vehicle is full or on the road: add vehicles, or shift starts that differ")
    ever = ((wave.at - ALL_DAY, wave.at + ALL_DAY),)
    open_all_day = replace(fleet, pools=tuple(replace(one, windows=ever) for one in fleet.pools))
    if list_departures(open_all_day, wave, routes[0], 1):
        return Phrase("no vehicle runs at that hour: widen the running hours of one")
    return Phrase("a curfew is in force: get a permit for a vehicle and for the riders")
