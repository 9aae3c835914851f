"""Plans for the tests of the calendar: other days, and other work, than those of the sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from releve.network import HOME
from releve.plan import Placement, Plan

__all__ = ["choose_agents", "move_plan", "send_home"]


def move_plan(plan: Plan, by: timedelta) -> Plan:
    """Return a plan some days later."""

    def move(at: datetime | None) -> datetime | None:
        return None if at is None else at + by

    def move_row(row: Placement | None) -> Placement | None:
        if row is None:
            return None
        return replace(
            row,
            start=row.start + by,
            end=row.end + by,
            break_start=move(row.break_start),
            break_end=move(row.break_end),
        )

    return replace(
        plan,
        day=plan.day + by,
        starts=tuple(start + by for start in plan.starts),
        placements=tuple(row for row in map(move_row, plan.placements) if row is not None),
        scenarios={
            name: replace(
                scenario,
                moves=tuple(
                    replace(move, before=move_row(move.before), after=move_row(move.after)) for move in scenario.moves
                ),
            )
            for name, scenario in plan.scenarios.items()
        },
    )


def send_home(plan: Plan, agents: Iterable[str]) -> Plan:
    """Return a plan in which some agents work at home."""
    chosen = frozenset(agents)
    rows = (replace(row, place=HOME) if row.agent in chosen else row for row in plan.placements)
    return replace(plan, placements=tuple(rows))


def choose_agents(plan: Plan, count: int, place: str = "") -> list[str]:
    """Return the first agents who are placed on a site, of one site if given."""
    found = (row.agent for row in plan.placements if (row.place == place if place else row.place != HOME))
    return sorted(found)[:count]
