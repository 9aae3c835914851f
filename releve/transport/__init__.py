"""Vehicles, runs and routes: what a fleet can carry, and who rides when."""

from releve.transport.check import check_runs
from releve.transport.explain import explain_left_behind
from releve.transport.fleet import Fleet, TransportSettings, TravelTimes, VehiclePool, build_fleet
from releve.transport.result import FROM_SITE, TO_SITE, Rider, Run, TransportPlan, Wave
from releve.transport.routes import (
    Departure,
    Journey,
    RunRoute,
    Trip,
    list_departures,
    list_routes,
    route_counts,
    route_riders,
)

__all__ = [
    "FROM_SITE",
    "TO_SITE",
    "Departure",
    "Fleet",
    "Journey",
    "Rider",
    "Run",
    "RunRoute",
    "TransportPlan",
    "TransportSettings",
    "TravelTimes",
    "Trip",
    "VehiclePool",
    "Wave",
    "build_fleet",
    "check_runs",
    "explain_left_behind",
    "list_departures",
    "list_routes",
    "route_counts",
    "route_riders",
]
