"""Losses of a situation day by day, and absences with their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Self

from releve.live.relief_aims import read_relief_choice
from releve.network import Operator, PlannedAbsence
from releve.network.duties import Away
from releve.plan import Contingency
from releve.situation import Situation


@dataclass(frozen=True, slots=True)
class Loss:
    """Places lost together; the people of ``home_only`` sites may not go to another site.

    ``aim``: what its relief aims at by a person's choice (empty: the default), so that a relief that aimed at
    something else does not answer it.
    """

    sites: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()
    home_only: frozenset[str] = frozenset()
    aim: str = ""

    def __bool__(self) -> bool:
        return bool(self.sites or self.carriers)

    def as_json(self) -> dict[str, Any]:
        """Return the loss as it is stored."""
        lost = {"sites": sorted(self.sites), "carriers": sorted(self.carriers), "home_only": sorted(self.home_only)}
        return {**lost, "aim": self.aim} if self.aim else lost

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> Self:
        """Return the loss that was stored."""
        sites, carriers, home_only = (frozenset(row[name]) for name in ("sites", "carriers", "home_only"))
        return cls(sites, carriers, home_only, row.get("aim", ""))

    @property
    def contingency(self) -> Contingency:
        """The loss as the planner knows it. Where one site's people are exposed, all count so."""
        name = " + ".join([*sorted(self.sites), *sorted(self.carriers)])
        return Contingency(f"now:{name}", "named", name, self.sites, self.carriers, exposed=bool(self.home_only))


NO_LOSS = Loss()

Absent = Mapping[str, tuple[Away, ...]]
"""When each agent cannot work: (from, until) of each absence, None = not known."""


def find_loss(situation: Situation, at: datetime) -> Loss:
    """Return what is lost at an instant."""
    lost = situation.lost_places(at)
    aim = _read_aim(situation) if lost.sites or lost.carriers else ""
    return Loss(frozenset(lost.sites), frozenset(lost.carriers), lost.home_only, aim)


def _read_aim(situation: Situation) -> str:
    """Return the aim that a person chose; empty where none did, and where it is the default anyway."""
    return "" if situation.relief_aim == read_relief_choice() else situation.relief_aim


def find_daily_losses(situation: Situation, at: datetime, days: Iterable[date], operator: Operator) -> list[Loss]:
    """Return what is lost on each planned day, as known at an instant.

    A place is lost today, and on further days until it is expected back. Without an expected end,
    a closed site stays lost until it is reopened, and an outage ends with the day.
    """
    lost = situation.lost_places(at)
    today = operator.find_day(at)

    def on(day: date, until: datetime | None, closed: bool) -> bool:
        if day <= today or until is None:
            return day <= today or closed
        return day <= operator.find_day(until)

    found = []
    for day in days:
        sites = {s for s, until in lost.sites.items() if on(day, until, situation.site(s).closed)}
        carriers = {name for name, until in lost.carriers.items() if on(day, until, False)}
        home_only = lost.home_only & sites
        aim = _read_aim(situation) if sites or carriers else ""
        found.append(Loss(frozenset(sites), frozenset(carriers), home_only, aim))
    return found


def list_absences(situation: Situation, operator: Operator, at: datetime | None = None) -> Absent:
    """Return when each agent is not available: what was stated, and what the table of absences says; never why.

    ``at``: without the absences that are over by then.
    """
    found: dict[str, tuple[Away, ...]] = {
        agent: tuple((row.start, row.until) for row in rows if row.until is None or row.start < row.until)
        for agent, rows in situation.absences.items()
    }
    for agent, planned in operator.away.items():
        found[agent] = (*found.get(agent, ()), *planned)
    if at is not None:
        found = {name: tuple(row for row in rows if row[1] is None or row[1] > at) for name, rows in found.items()}
    return {agent: rows for agent, rows in found.items() if rows}


_LONGEST = timedelta(days=366)
"""Longest absence of the table: as long counts one whose end is not known."""


def add_stated_absences(operator: Operator, situation: Situation, at: datetime) -> Operator:
    """Return the operator with the absences stated and not over beside those of its table, to be planned with."""
    rows = {(row.agent, row.start): row for row in operator.absences}
    for agent, absences in list_absences(situation, replace(operator, absences=()), at).items():
        for start, until in absences if agent in operator.agent else ():
            since = max(start, at - _LONGEST / 2)
            end = since + _LONGEST if until is None else min(until, since + _LONGEST)
            known = rows.get((agent, since))
            if known is None or known.end < end:
                rows[agent, since] = PlannedAbsence(agent, since, end)
    found = tuple(rows.values())
    return operator if found == operator.absences else replace(operator, absences=found)


def select_absences(absent: Absent, first: datetime, last: datetime) -> Absent:
    """Return the absences that meet a period."""
    found = {
        agent: tuple((start, until) for start, until in rows if start < last and (until is None or until > first))
        for agent, rows in absent.items()
    }
    return {agent: rows for agent, rows in found.items() if rows}


def find_cause(situation: Situation, site: str) -> str:
    """Return why a site is lost: its closure's cause, its hazard's kind, ``power`` or ``link``; empty: it is not."""
    closure = situation.site(site).closure if site else None
    if closure is not None:
        return closure.hazard or closure.cause
    return next((what for what in ("power", "link") if (what, site) in situation.outages), "")
