"""A place lost in the middle of the day: the plan's relief begun at that hour, and what it covers then.

The relief matrix says what a loss does that is known before the day. In the middle of it people are on the
way first, and those who are lost work nothing meanwhile. :func:`begin_relief` is what the live chain does with a
relief that the plan holds, so the figures of :func:`measure_sudden_losses` are those of the real loss, while
no one is absent and nothing else is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from releve.kernels.arrays import Floats
from releve.network import HOME, Operator
from releve.plan.coverage import NOTHING, Timeline, count_placed, measure_coverage
from releve.plan.day_fleet import build_day_fleet
from releve.plan.day_runs import time_ways_home
from releve.plan.named_assignments import SET_UP, MoveDelays, round_up
from releve.plan.result import Contingency, Move, Placement, Plan, SuddenLoss
from releve.plan.roster import build_pattern, clip_pattern
from releve.plan.service_status import Status, judge_service
from releve.plan.settings import PlanSettings
from releve.plan.work_changes import list_breaks
from releve.transport import Fleet

_WITHIN = timedelta(seconds=1)
"""A place is lost within a half hour: a break that begins with it has begun."""
DIGITS = 9
"""Digits of a stored share."""


def begin_relief(
    operator: Operator,
    plan: Plan,
    contingency: Contingency,
    at: datetime,
    now: datetime,
    fleet: Fleet | None,
    delays: MoveDelays,
) -> Iterator[tuple[Move, Placement | None]]:
    """Yield the moves of a planned relief that change a person's work when it begins at ``at``, with that work.

    ``now`` is the half hour of ``at``, from which the delay of a move (:class:`MoveDelays`) counts; who is taken
    home by a run is at work when it has brought them. Shifts that are over stay as they are, and so do
    breaks that were taken or would have been.
    """
    begun = at > plan.starts[0]
    ways = _time_ways_home(operator, plan, contingency, at, fleet) if begun else {}
    for move in plan.scenarios[contingency.id].moves:
        ends = [row.end for row in (move.before, move.after) if row is not None]
        if begun and max(ends) <= at:
            continue
        after = _start_from(move, now, ways.get(move.agent), delays) if begun else move.after
        if begun:
            after = _keep_breaks_begun(move.before, after, at)
        if after != move.before:
            yield move, after


def _time_ways_home(
    operator: Operator, plan: Plan, contingency: Contingency, at: datetime, fleet: Fleet | None
) -> dict[str, datetime]:
    """Return when the riders of the sites lost are at their stops, by the runs that take them."""
    ways: dict[str, datetime] = {}
    if fleet is None:
        return ways
    for site in sorted(contingency.sites):
        ways |= time_ways_home(operator, fleet, plan.placements, site, at)
    return ways


def _start_from(move: Move, now: datetime, at_stop: datetime | None, delays: MoveDelays) -> Placement | None:
    """Return the rest of a placement when the move to it starts in the half hour ``now``; ``at_stop``: when a run
    has brought the person home."""
    before, after = move.before, move.after
    if after is None or (before is not None and before.place == after.place):
        return after
    if after.place != HOME:
        stop = delays.find_stop(move.agent)
        wait = delays.find_site_delay(stop, before, after.place, now)
    elif at_stop is not None:
        wait = round_up(at_stop + SET_UP - now)
    else:
        wait = delays.home
    left = clip_pattern(build_pattern(after), now + wait, now)
    if left is None:
        return None
    times = {name: getattr(left, name) for name in ("start", "break_start", "break_end", "pauses")}
    return replace(after, **times)


def _keep_breaks_begun(before: Placement | None, after: Placement | None, at: datetime) -> Placement | None:
    """Return a placement at the same place with the breaks of before, where one that differs has begun."""
    if before is None or after is None or before.place != after.place:
        return after
    if all(start >= at for start, _ in {*list_breaks(before)} ^ {*list_breaks(after)}):
        return after
    return replace(after, break_start=before.break_start, break_end=before.break_end, pauses=before.pauses)


def measure_sudden_losses(operator: Operator, plan: Plan, settings: PlanSettings) -> tuple[SuddenLoss, ...]:
    """Return, for each client and each loss, what it does at the half hour at which it does most.

    That is the half hour, after the day's first, at which those who are left cover least where they are: at
    first only they work. People are counted one by one, by their names; no relief is solved. A loss that takes
    nothing from a client at any half hour is left out.
    """
    day = _SuddenDay(operator, plan, settings)
    return tuple(row for contingency in plan.contingencies for row in day.measure(contingency))


class _SuddenDay:
    """A planned day of which places are lost, one after the other."""

    def __init__(self, operator: Operator, plan: Plan, settings: PlanSettings) -> None:
        self._operator, self._plan, self._settings = operator, plan, settings
        self._timeline = Timeline(plan.starts)
        self._fleet = build_day_fleet(operator, plan.day, settings)
        self._delays = MoveDelays(operator)
        self._carrier = {row.id: row.carrier for row in operator.agents}
        order = {row.id: at for at, row in enumerate(operator.programmes)}
        self._order = [order[name] for name, _client, _label in plan.programmes]
        self._columns = {client: plan.find_columns(client) for client, _name in plan.clients}
        self._required = np.nan_to_num(plan.required)
        self._base = self._count(plan.placements)

    def _count(self, rows: Sequence[Placement]) -> Floats:
        """Return effective agents of some placements, by the plan's programmes."""
        return np.ascontiguousarray(count_placed(self._operator, self._timeline, rows)[:, self._order])

    def _is_lost(self, row: Placement, contingency: Contingency) -> bool:
        at_home = row.place == HOME and self._carrier.get(row.agent) in contingency.carriers
        return row.place in contingency.sites or at_home

    def measure(self, contingency: Contingency) -> Iterator[SuddenLoss]:
        """Yield what a loss does to each client."""
        plan = self._plan
        moved = {move.key: move for move in plan.scenarios[contingency.id].moves}
        gone = [row for row in plan.placements if row.key in moved or self._is_lost(row, contingency)]
        rest = self._base - self._count(gone)
        stay = {row.key: row for row in gone if not self._is_lost(row, contingency)}
        left = rest + self._count(list(stay.values()))
        hours = {client: self._find_worst_hour(columns, left) for client, columns in self._columns.items()}
        served: dict[int, Floats] = {}
        for client, hour in hours.items():
            if hour is None:
                continue
            if hour not in served:
                served[hour] = rest + self._count(self._relieve(contingency, hour, stay))
            yield self._judge(client, contingency, hour, served[hour])

    def _find_worst_hour(self, columns: Sequence[int], left: Floats) -> int | None:
        """Return the half hour after the first at which a client is covered least of those at which the loss takes
        anything from it; None where it takes nothing."""
        share, whole = np.round(self._measure(columns, left), DIGITS), self._measure(columns, self._base)
        taken = share < np.round(whole, DIGITS)
        taken[0] = False
        return int(np.where(taken, share, np.inf).argmin()) if taken.any() else None

    def _measure(self, columns: Sequence[int], placed: Floats) -> Floats:
        required = np.ascontiguousarray(self._required[:, columns])
        return measure_coverage(required, np.minimum(required, np.ascontiguousarray(placed[:, columns])))

    def _relieve(self, contingency: Contingency, hour: int, stay: Mapping[str, Placement]) -> list[Placement]:
        """Return who works, of those lost or moved, when the relief begins at a half hour."""
        now = self._plan.starts[hour]
        found: dict[str, Placement] = dict(stay)
        changes = begin_relief(self._operator, self._plan, contingency, now + _WITHIN, now, self._fleet, self._delays)
        for move, after in changes:
            found.pop(move.key, None)
            if after is not None:
                found[move.key] = after
        return list(found.values())

    def _judge(self, client: str, contingency: Contingency, hour: int, placed: Floats) -> SuddenLoss:
        plan, columns, settings = self._plan, self._columns[client], self._settings
        required = np.ascontiguousarray(self._required[:, columns])
        there = np.concatenate([self._base[:hour], placed[hour:]])
        covered = np.minimum(required, np.ascontiguousarray(there[:, columns]))
        share = measure_coverage(required, covered)[hour:]
        worst = int(np.nanargmin(np.round(share, DIGITS)))
        missing = float((required - covered).sum() / max(1.0, required.sum()))
        least = round(float(share[worst]), DIGITS)
        unknown = bool(np.isnan(plan.required[:, columns]).any())
        status = judge_service(missing, least, settings.target, settings.thin)
        promised = min(plan.cell[client, contingency.id].worst_coverage, settings.thin)
        below = np.flatnonzero(share < promised - NOTHING)
        back = hour + (int(below[-1]) + 1 if below.size else 0)
        return SuddenLoss(
            client=client,
            contingency=contingency.id,
            interval=hour,
            worst_coverage=least,
            worst_interval=hour + worst,
            shortfall=round(missing, DIGITS),
            back=back if back < len(plan.starts) and np.isfinite(share[back - hour :]).any() else -1,
            status=Status.UNKNOWN if unknown else status,
        )
