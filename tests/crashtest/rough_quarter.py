"""A small planned operator in a rough quarter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from releve.demand.forecast.day_parts import DayParts
from releve.network import Operator
from releve.plan import Plan, list_contingencies, plan_day
from releve.plugins.crashtest.engine import outbreak
from releve.plugins.crashtest.engine.outages import Hazard, lognormal
from releve.plugins.crashtest.engine.run import Quarters, run
from releve.plugins.crashtest.engine.run_arrays import CrashTest, build_run_arrays
from releve.plugins.crashtest.engine.settings import Settings
from tests.plan.planner_parts import running_day

HAZARDS = (
    Hazard("power", "Power cut", "site", 20.0, lognormal(4, 20)),
    Hazard("carrier", "Carrier down", "carrier", 10.0, lognormal(3, 10)),
)
CONTROLS = outbreak.Controls(stay_home=0.5, symptom_test=0.7, closure=outbreak.ClosurePolicy(2, 14, 48.0))
DAYS = 40
PARTS = DayParts(0.3, 0.2, 0.4)
ROOM = outbreak.Room(600.0, 3.0, 30)
"""Where contacts were measured: without it rates are those of the operator's average agent."""


@cache
def plan_operator() -> tuple[Operator, Plan]:
    """Return 120 agents of four sites with the plan of a Monday, reliefs of sites and carriers."""
    case, _ = running_day(120)
    lost = [row for row in list_contingencies(case.operator) if row.kind in ("site", "carrier")]
    plan = plan_day(case.operator, case.requirement, case.settings, contingencies=lost)
    return case.operator, plan


def build_test(operator: Operator | None = None, plan: Plan | None = None, **other: Any) -> CrashTest:
    """Return a test in which much goes wrong; ``other`` changes fields of it."""
    if operator is None or plan is None:
        operator, plan = plan_operator()
    population = outbreak.build_population(operator)
    outside = np.full((len(population.sites), DAYS), 1e-3)
    test = CrashTest(
        operator=operator,
        plans=(plan,),
        needs=(running_day(120)[0].requirement,),
        scenario=outbreak.Scenario(population, outbreak.covid(), outbreak.Contacts(2.5, room=ROOM), DAYS, outside),
        controls=CONTROLS,
        hazards=HAZARDS,
        busyness=(0.15,) * len(plan.programmes),
        parts=(PARTS,) * len(plan.programmes),
        settings=Settings(quarters=40, days=DAYS, seed=3, nearest=True),
    )
    return replace(test, **other)


def run_test(test: CrashTest, **how: Any) -> Quarters:
    """Run a test."""
    return run(build_run_arrays(test), **how)


def are_same(one: Quarters, two: Quarters) -> bool:
    """Whether two runs gave the same bits."""
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in Quarters.__annotations__)
