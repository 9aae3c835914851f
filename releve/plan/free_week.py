"""Several days of an operator without a roster: who is off when, and from which start on others work.

Without a roster a day is planned on any shift of the contract's hours, and days are planned side by
side. So that no week of them breaks a row of working time, whatever each day and its reliefs choose,
people are off in turn where more than five weekdays are planned, and where the days are so long that a
late end and an early start lie too near, each keeps to starts that lie near one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from releve.demand.requirement import INTERVAL, Requirement
from releve.kernels.arrays import Truths
from releve.network import Agent, Operator, zone
from releve.network.worktime import PARAMETERS, WorkPeriod, WorkRecord, WorkRules, build_rules
from releve.network.worktime.judgement import find_breaches
from releve.network.worktime.rows import FORBID
from releve.plan.roster import Pattern, list_free_patterns

DAYS_AT_WORK = 5
"""A shift is a fifth of the week's hours."""
_DAY = timedelta(days=1)


def find_limit(operator: Operator, site: str, parameter: str, day: date, otherwise: float) -> float:
    """Return the strictest limit of the rows of a site's country that forbid."""
    rules = build_rules(operator.site[site].destination, operator.working_time)
    values = [row.value for row in rules.list_in_force(day) if row.parameter == parameter and row.strength == FORBID]
    return (min if PARAMETERS[parameter].most else max)(values, default=otherwise)


def count_half_hours(contract_hours: float, day_hours: float, week_hours: float) -> int:
    """Return the half hours of work of a shift: a fifth of the week's, within both limits."""
    return min(round(contract_hours / DAYS_AT_WORK * 2), int(day_hours * 2), int(week_hours * 2 / DAYS_AT_WORK))


class FreeShifts:
    """The shifts of a day that are open to people without a roster, by home site and contract."""

    def __init__(self, operator: Operator, need: Requirement, busy: Truths) -> None:
        self._operator, self._need, self._busy = operator, need, busy
        self._known: dict[tuple[str, float], tuple[Pattern, ...]] = {}

    def list_patterns(self, agent: Agent) -> tuple[Pattern, ...]:
        """Return the patterns of an agent that could be worked on three days in a row."""
        site = self._operator.site[agent.home_site]
        key = (site.id, agent.contract_hours)
        if key not in self._known:
            most = [find_limit(self._operator, site.id, name, self._need.day, 168.0) for name in _LIMITS]
            half_hours = count_half_hours(agent.contract_hours, *most)
            found = list_free_patterns(half_hours * DAYS_AT_WORK / 2, self._need.starts, self._busy)
            rules = build_rules(site.destination, self._operator.working_time)
            self._known[key] = tuple(
                one for one in found if not _breaks_row(rules, one, site.time_zone, agent.contract_hours)
            )
        return self._known[key]


_LIMITS = ("day_hours", "week_hours")


def _breaks_row(rules: WorkRules, pattern: Pattern, zone_name: str, contract_hours: float) -> bool:
    """Return whether a shift breaks a row that forbids, between the same shift the day before and after."""
    one = (pattern.start, pattern.end, pattern.break_start, pattern.break_end)
    days = (
        WorkPeriod(*(None if at is None else at + shift * _DAY for at in one))  # type: ignore[arg-type]
        for shift in (-1, 0, 1)
    )
    breaches = find_breaches(rules, WorkRecord.build(days, zone_name), contract_hours)
    return any(breach.row.strength == FORBID for breach in breaches)


@dataclass(frozen=True)
class FreeWeek:
    """The days planned together. Times are since the start of the first day, less whole days of 24 h:
    ``earliest`` is the first busy half hour of any day, ``latest`` the end of the last."""

    first: date
    origin: datetime
    weekdays: tuple[int, ...]
    earliest: timedelta
    latest: timedelta

    @classmethod
    def build(cls, operator: Operator, needs: Sequence[Requirement]) -> FreeWeek | None:
        """Return the days of some requirements; None with a roster, and for one day, which stands alone."""
        if operator.shifts or len(needs) < 2:
            return None
        first = min(needs, key=lambda need: need.day)
        spans = []
        for need in needs:
            busy = np.flatnonzero(np.nan_to_num(need.agents).max(axis=1, initial=0.0) > 0)
            shift = first.starts[0] + (need.day - first.day).days * _DAY
            if len(busy):
                spans.append((need.starts[busy[0]] - shift, need.starts[busy[-1]] + INTERVAL - shift))
        return cls(
            first.day,
            first.starts[0],
            tuple(sorted({need.day.weekday() for need in needs})),
            min((start for start, _ in spans), default=timedelta()),
            max((end for _, end in spans), default=timedelta()),
        )

    def is_off(self, number: int, day: date) -> bool:
        """Return whether the agent of a number has a day off: all but five weekdays, in turn."""
        return (self.weekdays.index(day.weekday()) - number) % len(self.weekdays) < len(self.weekdays) - DAYS_AT_WORK

    def select_patterns(
        self, number: int, day: date, patterns: Sequence[Pattern], zone_name: str, least_rest: float
    ) -> tuple[Pattern, ...]:
        """Return the patterns of a day whose starts lie so near those of the agent's other days that
        ``least_rest`` hours lie between any two; none on a day off. ``patterns`` are of one length.

        None runs over midnight at the agent's site: two of them could fall into one day there.
        """
        tz, instant = zone(zone_name), timedelta(seconds=1)
        patterns = [
            one for one in patterns if one.start.astimezone(tz).date() == (one.end - instant).astimezone(tz).date()
        ]
        if not patterns or self.is_off(number, day):
            return ()
        length = patterns[0].end - patterns[0].start
        wide = _DAY - timedelta(hours=least_rest) - length
        room = self.latest - length - self.earliest
        if room <= wide:
            return tuple(patterns)
        step = max(wide, timedelta()) + INTERVAL
        band = number // 7 % -(-(room + INTERVAL) // step)
        shift = self.origin + (day - self.first).days * _DAY + self.earliest
        return tuple(one for one in patterns if (one.start - shift) // step == band)
