"""The riders of a plan and of its reliefs, and the runs that bring them to work and back."""

from __future__ import annotations

from collections.abc import Iterable

from releve.network import HOME, Operator
from releve.plan.checker.people import apply_moves
from releve.plan.result import Placement, Plan
from releve.transport import (
    FROM_SITE,
    TO_SITE,
    Fleet,
    Rider,
    TransportPlan,
    Wave,
    route_riders,
)

__all__ = ["list_riders", "route_plan"]


def list_riders(operator: Operator, placements: Iterable[Placement]) -> tuple[Rider, ...]:
    """Return two rides, to work and home, for each agent on a site with a stop and no transport."""
    found = []
    for placement in placements:
        agent = operator.agent[placement.agent]
        if placement.place == HOME or not agent.stop or agent.own_transport:
            continue
        for leg, at in ((TO_SITE, placement.start), (FROM_SITE, placement.end)):
            found.append(Rider(agent.id, agent.stop, Wave(placement.place, leg, at)))
    return tuple(found)


def route_plan(
    operator: Operator, plan: Plan, scenario: str, fleet: Fleet
) -> tuple[tuple[Rider, ...], TransportPlan]:
    """Return the riders of the base plan or of a relief, and the runs that carry them."""
    placements = apply_moves(plan.placements, plan.scenarios[scenario].moves)
    riders = list_riders(operator, placements)
    return riders, route_riders(fleet, riders)
