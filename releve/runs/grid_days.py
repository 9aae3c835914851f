"""The days of the grid, read from the plans in force and the roster, and a planner's draft on top."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from releve.errors import Phrase
from releve.live import api as live
from releve.live.api import DayInForce, IdentityCache
from releve.network import Operator
from releve.plan import Plan
from releve.plan.result import read_agent
from releve.plan.roster_grid import GridDay, build_grid_day, change_grid_day
from releve.registry.service import get_current_version, get_version, load_operator
from releve.runs.plan_calendar import find_today
from releve.runs.roster_draft import PlannerDraft, apply_draft, open_editor

MOST_DAYS = 28
"""Days that are read at once."""


@dataclass(frozen=True, slots=True)
class Stand:
    """What a grid was read from: a version of the reference data and the newest record of the calendar."""

    version: int
    record: int

    def __str__(self) -> str:
        return f"{self.version}/{self.record}"

    @classmethod
    def parse(cls, text: str) -> Stand | None:
        """Return the stand that a text names; None where it names none."""
        version, _, record = text.partition("/")
        if not (version.isascii() and version.isdigit() and record.isascii() and record.isdigit()):
            return None
        return cls(int(version[:9]), int(record[:9]))


@dataclass(frozen=True)
class RosterGrid:
    """Days of the grid with the reference data that they are read by; ``edited``: by day, the duties of the draft."""

    operator: Operator
    days: tuple[GridDay, ...]
    stand: Stand
    edited: dict[date, frozenset[str]]


def find_first_day() -> date:
    """Return the day that the grid begins with: today, or the last Monday in force where all plans are over."""
    today = find_today()
    found = live.list_days_in_force()
    if not found or max(found) >= today:
        return next((day for day in found if day >= today), today)
    last = max(found)
    return last - timedelta(days=last.weekday())


def load_grid(first: date, count: int, draft: PlannerDraft | None = None, stand: Stand | None = None) -> RosterGrid:
    """Return some days of the grid; with a ``stand`` as they were then, without what was stated of absences since.

    NoOperator when the registry is empty.
    """
    version = get_current_version()
    if version is None:
        raise live.NoOperator(Phrase("the registry is empty: import an operator first"))
    operator = _add_absences(load_operator(version)) if stand is None else load_operator(get_version(stand.version))
    newest = live.load_activation()
    now = Stand(version.number, 0 if newest is None else newest.pk)
    last = first + timedelta(days=count - 1)
    force = live.list_days_in_force(first, last, until=None if stand is None else stand.record)
    days, edited = [], {}
    for n in range(count):
        day = first + timedelta(days=n)
        keys = draft.list_keys(day) if draft is not None else frozenset()
        if draft is None or not keys:
            days.append(_read_day(operator, day, force.get(day)))
            continue
        editor = open_editor(draft, day)
        base = _build_day(operator, day, editor.plan)
        narrow = editor.narrow(map(read_agent, keys), draft.of_day(day))
        days.append(change_grid_day(operator, base, apply_draft(draft, day), keys, narrow))
        edited[day] = keys
    return RosterGrid(operator, tuple(days), stand or now, edited)


def _read_day(operator: Operator, day: date, row: DayInForce | None) -> GridDay:
    return _build_day(operator, day, None if row is None else row.load().plan)


def _build_day(operator: Operator, day: date, plan: Plan | None) -> GridDay:
    return _days.get(day, (operator, plan), lambda: build_grid_day(operator, day, plan))


_days: IdentityCache[GridDay] = IdentityCache(96)


def _add_absences(operator: Operator) -> Operator:
    """Return an operator with the absences that were stated of its people."""
    situation, at = live.situation_now(live.LIVE), live.now(live.LIVE)
    return _absent.get("", (operator, situation), lambda: live.add_stated_absences(operator, situation, at))


_absent: IdentityCache[Operator] = IdentityCache(2)
