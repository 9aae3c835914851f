"""The changes of a day when places are lost: looked up in the plan, or solved for the day.

Neither clock nor database is read here: a day's plan, the changes so far, the loss and the instant
go in; changes come out. Which moves are worth making is an aim (:mod:`releve.live.relief_aims`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from releve.demand.requirement import INTERVAL
from releve.live.lost_places import NO_LOSS, Absent, Loss, select_absences
from releve.live.plans import DayPlan, read_settings
from releve.live.relief_aims import read_relief_settings
from releve.live.stream_state import Changes, build_change, list_working, read_placement
from releve.network import HOME
from releve.plan import Contingency, Move, Placement, Plan
from releve.plan.day_fleet import build_day_fleet
from releve.plan.integer_plan import IntegerPlan
from releve.plan.intraday_relief import IntradayRelief, RunningDay, build_running_day, solve_intraday_relief
from releve.plan.named_assignments import MoveDelays, list_moves, list_placements, name_relief
from releve.plan.relief import find_available_staff
from releve.plan.sudden_loss import begin_relief

_EVER = ((datetime.min.replace(tzinfo=UTC), None),)
_LEAST_LEFT = timedelta(minutes=15)
"""Work for which people change their programme at least: sooner than this no message is read and answered."""
_MOST_PREPARED = 4
_prepared: OrderedDict[Hashable, RunningDay] = OrderedDict()
_lock = Lock()


def look_up_relief(found: DayPlan, loss: Loss, at: datetime) -> dict[str, list[Any]] | None:
    """Return the changes that the plan holds for a loss; None when it holds none.

    They are those of :func:`releve.plan.sudden_loss.begin_relief`. A plan whose moves have another price than
    the aim's holds none.
    """
    plan = found.plan
    key = _planned_key(plan, loss)
    if key is None or read_relief_settings(plan, loss.contingency, loss.aim) != read_settings(plan):
        return None
    contingency = next(row for row in plan.contingencies if row.id == key)
    fleet = build_day_fleet(found.operator, plan.day, read_settings(plan)) if at > plan.starts[0] else None
    delays = MoveDelays(found.operator)
    out = {}
    for move, after in begin_relief(found.operator, plan, contingency, at, _half_hour(at), fleet, delays):
        if _ends_too_soon(move.before, after, at):
            continue
        reason = move.reason if after is not None or move.after is None else "stranded"
        # A plan does not know who is isolated: the agents it set aside have no place to work.
        out[move.key] = build_change("stranded" if reason == "isolated" else reason, after)
    return out


def _planned_key(plan: Plan, loss: Loss) -> str | None:
    wanted = (loss.sites, loss.carriers, bool(loss.home_only))
    for row in plan.contingencies:
        exposed = row.exposed and bool(row.sites)
        if (row.sites, row.carriers, exposed) == wanted and row.id in plan.scenarios:
            return row.id
    return None


def revert_changes(found: DayPlan, changes: Changes, at: datetime) -> dict[str, list[Any]]:
    """Return the changes that stay when nothing is lost any more: those of shifts that have begun.

    No agent goes from home to a site in the middle of a shift; the next shift follows the plan.
    """
    return {
        key: [reason, row]
        for key, (reason, row) in changes.items()
        if row is not None and read_placement(key, row).start <= at
    }


def keep_begun(found: DayPlan, changes: Changes, at: datetime) -> dict[str, list[Any]]:
    """Return the changes that stay when a relief is made again with another aim: those of duties that have begun.

    These people are where they were sent; who starts later is placed from the plan again.
    """
    starts = {row.key: row.start for row in found.plan.placements}
    return {
        key: [reason, row]
        for key, (reason, row) in changes.items()
        if (starts[key] if key in starts else at if row is None else read_placement(key, row).start) <= at
    }


def prepare_day(
    found: DayPlan, changes: Changes, relief: int, absent: Absent, lent: Absent, at: datetime
) -> RunningDay:
    """Return the rest of a running day as a problem, made once per half hour, relief with what stays of its changes,
    and absences of the day.

    People are in it for what their absences leave of their work; those who are lent that day are not.
    """
    half = max(_half_hour(at), found.plan.starts[0])
    caps = tuple(row.fill_cap for row in found.operator.vehicles)
    away = select_absences(absent, half, found.plan.starts[-1] + INTERVAL)
    others = select_absences(lent, half, found.plan.starts[-1] + INTERVAL)
    key = (found.digest, relief, frozenset(changes), half, caps, frozenset(away.items()), frozenset(others))
    with _lock:
        if key in _prepared:
            _prepared.move_to_end(key)
            return _prepared[key]
    plan = replace(found.plan, placements=tuple(list_working(found, changes, NO_LOSS, absent, lent)))
    gone = {**absent, **dict.fromkeys(others, _EVER)}
    made = build_running_day(found.operator, plan, found.need, half, read_settings(plan), away=gone)
    with _lock:
        _prepared[key] = made
        while len(_prepared) > _MOST_PREPARED:
            _prepared.popitem(last=False)
    return made


def clear_cache() -> None:
    """Drop the prepared days."""
    with _lock:
        _prepared.clear()


@dataclass(frozen=True)
class ReliefRequest:
    """A relief to be solved: the day, the changes so far, the relief they come from, the loss."""

    found: DayPlan
    changes: Changes
    relief: int
    loss: Loss
    absent: Absent
    at: datetime
    lent: Absent = field(default_factory=dict)


def solve_relief(
    wanted: ReliefRequest, first: Callable[[dict[str, list[Any]]], None] = lambda changes: None
) -> dict[str, list[Any]]:
    """Solve a relief in whole people and return the changes, those made before included.

    ``first`` is called with the first answer as soon as there is one.
    """
    return solve_priced_relief(wanted, first)[0]


def solve_priced_relief(
    wanted: ReliefRequest, first: Callable[[dict[str, list[Any]]], None] = lambda changes: None
) -> tuple[dict[str, list[Any]], IntradayRelief]:
    """Return the changes of :func:`solve_relief`, and what the moves cost and bring."""
    day = prepare_day(wanted.found, wanted.changes, wanted.relief, wanted.absent, wanted.lent, wanted.at)
    lost = wanted.loss.contingency
    settings = read_relief_settings(wanted.found.plan, lost, wanted.loss.aim)

    def answer(plan: IntegerPlan) -> None:
        first(_merge_moves(wanted, _name_moves(day, lost, plan)))

    best = solve_intraday_relief(day, lost, settings, curve=False, first_answer=answer)
    return _merge_moves(wanted, best.moves), best


def _name_moves(day: RunningDay, lost: Contingency, plan: IntegerPlan) -> tuple[Move, ...]:
    """Return the moves of a first answer, by name."""
    problem, layout = day.problem, day.layout
    staff = find_available_staff(problem, lost, day.stay, 0.0)
    named, isolated = name_relief(problem, layout, day.seating, staff, plan.assigned, plan.on_pattern)
    gone = frozenset(agent for agent, (j, _) in day.seating.at.items() if staff.lost[j])
    return list_moves(day.placements, list_placements(problem, layout, named), isolated, gone)


def _merge_moves(wanted: ReliefRequest, moves: Iterable[Move]) -> dict[str, list[Any]]:
    """Return the changes so far with new moves.

    People of a site closed for their health stay at home, also those who went there before. Whose shift is nearly
    over stays with the own programme.
    """
    base = {row.key: row.place for row in wanted.found.plan.placements}
    out: dict[str, list[Any]] = {key: list(row) for key, row in wanted.changes.items()}
    for move in moves:
        if _ends_too_soon(move.before, move.after, wanted.at):
            continue
        bound = base.get(move.key) in wanted.loss.home_only
        if bound and move.after is not None and move.after.place != HOME:
            if move.before is not None and move.before.place in wanted.loss.sites:
                out[move.key] = build_change("stranded", None)
            continue
        out[move.key] = build_change(move.reason, move.after)
    return out


def _ends_too_soon(before: Placement | None, after: Placement | None, at: datetime) -> bool:
    """Return whether a move is for the last minutes of a shift alone, and in one place: it is not made."""
    if before is None or after is None or before.place != after.place:
        return False
    return max(before.end, after.end) - at < _LEAST_LEFT


def _half_hour(at: datetime) -> datetime:
    seconds = at.timestamp()
    return at - timedelta(seconds=seconds % INTERVAL.total_seconds())
