"""The vehicles of a planning day, its riders, and the runs that bring them to work and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from releve.network import HOME, Operator
from releve.plan.checker.rules import apply_moves
from releve.plan.result import Placement, Plan
from releve.plan.settings import PlanSettings
from releve.situation.rule_kinds import SituationRules, TransportRule
from releve.transport import (
    FROM_SITE,
    TO_SITE,
    Fleet,
    Rider,
    TransportPlan,
    TransportSettings,
    Wave,
    build_fleet,
    route_riders,
)


def cap_vehicles(operator: Operator, day: date, rules: SituationRules) -> Operator:
    """Return an operator whose vehicles keep to the transport rules in force on a day.

    A vehicle without a fill cap of its own gets that of the strictest rule at the sites of its
    depot; without a rule it may be full.
    """
    if not operator.vehicles:
        return operator
    found = {site.id: rules.one(TransportRule, day, site) for site in operator.sites}
    most = {
        depot.id: min((rule.most_fill for site in depot.sites if (rule := found[site]) is not None), default=None)
        for depot in operator.depots
    }
    capped = tuple(
        row if row.fill_cap is not None else replace(row, fill_cap=most[row.depot]) for row in operator.vehicles
    )
    return replace(operator, vehicles=capped)


def build_day_fleet(operator: Operator, day: date, settings: PlanSettings) -> Fleet | None:
    """Return the fleet of a planning day, None without vehicles."""
    ride = TransportSettings(max_ride_minutes=settings.max_ride_minutes)
    return build_fleet(operator, day, settings=ride)


def list_riders(operator: Operator, placements: Iterable[Placement]) -> tuple[Rider, ...]:
    """Return two rides, to work and home, for each agent on a site with a stop and no transport.

    Agents stay near their site in the gap of a split shift. Those carried in have come already.
    """
    found = []
    for placement in placements:
        agent = operator.agent[placement.agent]
        if placement.place == HOME or not agent.stop or agent.own_transport:
            continue
        both = ((TO_SITE, placement.start), (FROM_SITE, placement.end))
        for leg, at in both[1:] if placement.carried else both:
            found.append(Rider(agent.id, agent.stop, Wave(placement.place, leg, at)))
    return tuple(found)


def route_plan(operator: Operator, plan: Plan, scenario: str, fleet: Fleet) -> tuple[tuple[Rider, ...], TransportPlan]:
    """Return the riders of the base plan or of a relief, and the runs that carry them.

    Those carried in have their way home in the plan of the day in which they began.
    """
    placements = apply_moves(plan.placements, plan.scenarios[scenario].moves)
    riders = list_riders(operator, [row for row in placements if not row.carried])
    return riders, route_riders(fleet, riders)
