"""The calendar of days: what is in force, computed or past, who published it when, and from which run.

Weeks follow each other without an end; a part of them is read at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from releve.live import api as live
from releve.live.api import DayRecord
from releve.plan.week.hybrid_week import find_monday
from releve.runs.orders import open_plan_runs
from releve.runs.plan_job import list_plan_digests

CalendarState = Literal["none", "draft", "in_force", "running", "past"]
WEEKS = 5
"""Weeks that are shown at once: the one before, the one that runs, and three more."""
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of the calendar.

    ``state``: without a plan (``none``, ``draft`` where a run has one), ``in_force`` ahead,
    ``running`` today, or ``past``. ``records``, the newest first, are the plans that it had; ``run``
    is the run that made the plan in force, empty where it is not there any more; ``drafts`` are the
    runs with another plan of the day, the newest first.
    """

    day: date
    state: CalendarState
    records: tuple[DayRecord, ...] = ()
    run: str = ""
    drafts: tuple[str, ...] = ()

    @property
    def planned(self) -> DayRecord | None:
        """The record by which the day has its plan; None without one."""
        return self.records[0] if self.records and self.records[0].digest else None

    @property
    def replaced(self) -> tuple[DayRecord, ...]:
        """The plans that the day had before, the newest first."""
        return tuple(row for row in self.records[1:] if row.digest)

    @property
    def may_put_back(self) -> bool:
        """Whether it has a plan, or had one, and is not over."""
        return bool(self.records) and self.state != "past"


@dataclass(frozen=True, slots=True)
class PlanCalendar:
    """Some weeks of the calendar, each of seven days from Monday on."""

    today: date
    weeks: tuple[tuple[CalendarDay, ...], ...]

    @property
    def first(self) -> date:
        return self.weeks[0][0].day

    @property
    def earlier(self) -> date:
        """The first day of the weeks before these."""
        return self.first - len(self.weeks) * _WEEK

    @property
    def later(self) -> date:
        """The first day of the weeks after these."""
        return self.first + len(self.weeks) * _WEEK


def load_calendar(first: date | None = None, weeks: int = WEEKS) -> PlanCalendar:
    """Return some weeks of the calendar, from the week of ``first`` on, by default last week's.

    NoOperator when the registry is empty.
    """
    today = find_today()
    start = find_monday(first or today - _WEEK)
    end = start + weeks * _WEEK - timedelta(days=1)
    records, runs = live.list_records(start, end), _list_runs(start, end)
    days = [
        _describe(start + timedelta(days=n), today, records, runs.get(start + timedelta(days=n), {}))
        for n in range(7 * weeks)
    ]
    return PlanCalendar(today, tuple(tuple(days[at : at + 7]) for at in range(0, len(days), 7)))


def load_calendar_day(day: date) -> CalendarDay:
    """Return one day of the calendar."""
    return _describe(day, find_today(), live.list_records(day, day), _list_runs(day, day).get(day, {}))


def find_today() -> date:
    """Return the operator's planning day of now."""
    return live.operator_now().find_day(live.real_now())


def _describe(
    day: date, today: date, records: Mapping[date, tuple[DayRecord, ...]], runs: Mapping[str, tuple[str, str]]
) -> CalendarDay:
    own = records.get(day, ())
    digest = own[0].digest if own else ""
    state: CalendarState = "draft" if runs and day >= today else "none"
    if digest:
        state = "past" if day < today else "running" if day == today else "in_force"
    made = next((run for run, digests in runs.items() if digest and digest in digests), "")
    drafts = tuple(run for run, digests in runs.items() if digest not in digests) if day >= today else ()
    return CalendarDay(day, state, own, made, drafts)


def _list_runs(first: date, last: date) -> dict[date, dict[str, tuple[str, str]]]:
    """Return the runs that planned each day, the newest first, with the digests of its plan."""
    found: dict[date, dict[str, tuple[str, str]]] = {}
    for job in open_plan_runs().list_jobs():
        for day, digests in list_plan_digests(job).items():
            if first <= day <= last:
                found.setdefault(day, {})[job.id] = digests
    return found
