"""The vehicles of a planning day, and the transport rules in force on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from releve.network import Operator
from releve.plan.settings import PlanSettings
from releve.situation.rule_kinds import TransportRule
from releve.situation.rules import SituationRules
from releve.transport import Fleet, TransportSettings, build_fleet

__all__ = ["build_day_fleet", "cap_vehicles"]


def cap_vehicles(operator: Operator, day: date, rules: SituationRules) -> Operator:
    """Return an operator whose vehicles keep to the transport rules in force on a day.

    A vehicle without a fill cap of its own gets that of the strictest rule at the sites of its
    depot; without a rule it may be full.
    """
    if not operator.vehicles:
        return operator
    found = {site.id: rules.one(TransportRule, day, site) for site in operator.sites}
    most = {
        depot.id: min(
            (rule.most_fill for site in depot.sites if (rule := found[site]) is not None),
            default=None,
        )
        for depot in operator.depots
    }
    capped = tuple(
        row if row.fill_cap is not None else replace(row, fill_cap=most[row.depot])
        for row in operator.vehicles
    )
    return replace(operator, vehicles=capped)


def build_day_fleet(operator: Operator, day: date, settings: PlanSettings) -> Fleet | None:
    """Return the fleet of a planning day, None without vehicles."""
    ride = TransportSettings(max_ride_minutes=settings.max_ride_minutes)
    return build_fleet(operator, day, settings=ride)
