"""A running day judged person by person: who is where after a live relief, counted plainly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from releve.demand.requirement import Requirement
from releve.network import Operator, to_utc
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import Contingency, Placement, Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.intraday_relief import IntradayRelief
from releve.plan.week import require_day
from tests.plan import oracle_rules as rules
from tests.plan.tiny_operators import HALF_HOUR, Tiny


@cache
def running_day(agents: int, seed: int = 1) -> tuple[Tiny, Plan]:
    """Return a sample operator of four sites with its plan against the loss of a site."""
    operator = sample_operator(agents, 4, seed, weeks_of_history=4)
    case = Tiny(operator, require_day(operator, FIRST_DAY), PlanSettings())
    return case, plan_case(case)


def plan_case(case: Tiny) -> Plan:
    """Return the plan of a case, with the relief of each site."""
    return plan_day(case.operator, case.requirement, case.settings, contingencies=list_site_losses(case.operator))


def list_site_losses(operator: Operator) -> tuple[Contingency, ...]:
    return tuple(one for one in list_contingencies(operator) if one.kind == "site")


def clock(case: Tiny, text: str) -> datetime:
    """Return a local time of the planned day in UTC."""
    local = datetime.fromisoformat(f"{case.requirement.day}T{text}")
    return to_utc(local, case.operator.row.time_zone)


def clip_placement(row: Placement, when: datetime) -> Placement:
    """Return what is left of a placement from an instant on."""
    start = max(row.start, when)
    if row.break_start is None or row.break_end is None or row.break_end <= start:
        return replace(row, start=start, break_start=None, break_end=None)
    return replace(row, start=start, break_start=max(row.break_start, start))


def list_running(plan: Plan, when: datetime) -> dict[str, Placement]:
    """Return what is left of the base plan, by agent."""
    return {row.agent: clip_placement(row, when) for row in plan.placements if row.end > when}


def apply_relief(plan: Plan, when: datetime, found: IntradayRelief) -> dict[str, Placement]:
    """Return who works where after the moves, by agent."""
    at = list_running(plan, when)
    for move in found.moves:
        at.pop(move.agent, None)
        if move.after is not None:
            at[move.agent] = move.after
    return at


def people_on(need: Requirement, rows: dict[str, Placement], when: datetime) -> Counter[tuple[datetime, str]]:
    """Count people present by (remaining half hour, place)."""
    count: Counter[tuple[datetime, str]] = Counter()
    for start in need.starts:
        if start + HALF_HOUR <= when:
            continue
        for row in rows.values():
            if row.start < start + HALF_HOUR and row.end > start:
                count[start, row.place] += 1
    return count


def count_missing(case: Tiny, rows: dict[str, Placement], when: datetime) -> NDArray[np.float64]:
    """Return the missing agents ``[interval, programme]`` from an instant on."""
    placed = rules.placed_by(case, rows.values())
    left = np.array([start >= when for start in case.requirement.starts])
    short = np.maximum(0.0, np.nan_to_num(case.requirement.agents) - placed)
    return np.asarray(short * left[:, None])


def find_delay(before: Placement | None, after: Placement) -> timedelta:
    """Return how long the move takes by the default delays."""
    if before is not None and before.place == after.place:
        return timedelta()
    return timedelta(minutes=90 if after.place == "home" else 120)
