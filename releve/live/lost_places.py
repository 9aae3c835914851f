"""Losses of a situation day by day, and absences with their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from releve.network import Operator
from releve.plan import Contingency
from releve.situation import Situation


@dataclass(frozen=True, slots=True)
class Loss:
    """Places lost together; the people of ``home_only`` sites may not go to another site."""

    sites: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()
    home_only: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.sites or self.carriers)

    def as_json(self) -> dict[str, list[str]]:
        """Return the loss as it is stored."""
        return {"sites": sorted(self.sites), "carriers": sorted(self.carriers), "home_only": sorted(self.home_only)}

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> Self:
        """Return the loss that was stored."""
        return cls(*(frozenset(row[name]) for name in ("sites", "carriers", "home_only")))

    @property
    def contingency(self) -> Contingency:
        """The loss as the planner knows it. Where one site's people are exposed, all count so."""
        name = " + ".join([*sorted(self.sites), *sorted(self.carriers)])
        return Contingency(f"now:{name}", "named", name, self.sites, self.carriers, exposed=bool(self.home_only))


NO_LOSS = Loss()

Absent = Mapping[str, tuple[tuple[datetime, datetime | None], ...]]
"""When each agent cannot work: (from, until) of each absence, None = not known."""


def find_loss(situation: Situation, at: datetime) -> Loss:
    """Return what is lost at an instant."""
    lost = situation.lost_places(at)
    return Loss(frozenset(lost.sites), frozenset(lost.carriers), lost.home_only)


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
        found.append(Loss(frozenset(sites), frozenset(carriers), home_only))
    return found


def list_absences(situation: Situation, at: datetime) -> Absent:
    """Return the absences that are not over."""
    found = {
        agent: tuple((row.start, row.until) for row in rows if row.until is None or row.until > at)
        for agent, rows in situation.absences.items()
    }
    return {agent: rows for agent, rows in found.items() if rows}
