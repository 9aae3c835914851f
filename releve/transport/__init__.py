"""Vehicles, runs and routes: what a fleet can carry, and who rides when."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
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
else:
    __getattr__ = build_lazy_face(__name__)
