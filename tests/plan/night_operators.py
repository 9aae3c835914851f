"""Small operators whose work does not end at midnight: nights, split shifts, two zones, nights of a clock change."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from releve.demand.requirement import Requirement
from releve.network import Operator, Shift, Site, zone
from releve.plan import Plan, PlanSettings, name_plan, solve_day
from releve.plan.week.days import find_carried, list_wishes, settle_days
from tests.plan.tiny_operators import agent, operator_of, programme, site

HALF_HOUR = timedelta(minutes=30)
NIGHT, LATE, SPLIT, DAY, BROKEN_NIGHT = "night", "late", "split", "day", "broken night"
KINDS = {
    NIGHT: ((22, 0, 8.0, 30),),
    LATE: ((18, 0, 8.0, 30),),
    SPLIT: ((6, 0, 4.0, 0), (14, 0, 4.0, 30)),
    DAY: ((8, 0, 8.5, 30),),
    BROKEN_NIGHT: ((20, 0, 3.0, 0), (26, 0, 4.0, 15)),
}
"""By kind: hour and minute of the local day (above 24 in the next), hours, minutes of break, of each period."""


def shifts_of(name: str, where: Site, day: date, kind: str) -> list[Shift]:
    """Return the rows of one duty, in the time of its site."""
    rows = []
    for hour, minute, hours, pause in KINDS[kind]:
        local = datetime.combine(day + timedelta(days=hour // 24), time(hour % 24, minute), zone(where.time_zone))
        start = local.astimezone(UTC)
        rows.append(Shift(name, start, start + timedelta(hours=hours), float(pause)))
    return rows


def night_operator(seed: int, first: date, days: int, zone_name: str = "Europe/Paris") -> Operator:
    """Return a random operator of two sites in two zones with shifts on ``days`` days from ``first`` on."""
    draw = random.Random(seed)
    sites = [site("a"), replace(site("b", "FR", 48.9, 2.4), time_zone="Europe/Paris")]
    people = [
        agent(f"{where.id}{n}", where.id, *draw.choice((("p",), ("p", "q"), ("q", "p"))), **line)
        for where in sites
        for n in range(draw.randint(3, 6))
        for line in [{"carrier": "Red"} if draw.random() < 0.5 else {}]
    ]
    home = {row.id: row for row in sites}
    shifts = [
        row
        for person in people
        for offset in range(days)
        if draw.random() < 0.8
        for kind in [draw.choice(tuple(KINDS))]
        for row in shifts_of(person.id, home[person.home_site], first + timedelta(days=offset), kind)
    ]
    operator = operator_of(
        sites,
        {"a": (5, 2.0), "b": (4, 2.0)},
        [programme("p", "k", home_efficiency=0.8), programme("q", "l", place="site_only")],
        people,
        _drop_overlaps(shifts),
    )
    return replace(operator, row=replace(operator.row, time_zone=zone_name))


def _drop_overlaps(shifts: list[Shift]) -> list[Shift]:
    kept: list[Shift] = []
    for row in shifts:
        if all(row.agent != one.agent or one.end <= row.start or row.end <= one.start for one in kept):
            kept.append(row)
    return kept


def need_of(operator: Operator, day: date, seed: int = 0, agents: float | None = None) -> Requirement:
    """Return a requirement round the clock: ``agents`` of each programme, or few, drawn by the instant alone."""
    first, last = operator.day_bounds(day)
    starts = tuple(first + n * HALF_HOUR for n in range((last - first) // HALF_HOUR))
    names = tuple(row.id for row in operator.programmes)
    drawn = [
        [random.Random(f"{seed} {start} {name}").randint(0, 3) if agents is None else agents for name in names]
        for start in starts
    ]
    found = np.array(drawn, dtype=float)
    return Requirement(day, names, starts, found, found, found * 5.0, np.full(found.shape, 300.0), {})


def plan_chain(operator: Operator, needs: list[Requirement], settings: PlanSettings | None = None) -> list[Plan]:
    """Return the plans of days in order, each with those whose duty goes on from the day before."""
    plans: list[Plan] = []
    wish: dict[str, tuple[str, str]] = {}
    for need in needs:
        carried = find_carried(operator, need.day, plans[-1] if plans else None, open_breaks=True)
        plan = name_plan(operator, solve_day(operator, need, settings, carried=carried), wish)
        wish.update(list_wishes(plan))
        plans.append(plan)
    return settle_days(plans)


def count_on_duty(operator: Operator, at: datetime) -> int:
    """Return how many agents the roster has at work at an instant, breaks included, row by row."""
    return sum(row.start <= at < row.end for row in operator.shifts)
