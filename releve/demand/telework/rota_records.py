"""The work records of a rota drawn by lot: which they are, and whether they are as drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from releve.demand.tables import Truths
from releve.demand.telework.panel import Panel
from releve.demand.telework.records import WorkRecords
from releve.demand.telework.rota import RotaDraw
from releve.errors import Phrase

__all__ = ["RotaRecords", "count_drawn", "find_single_place", "match_rota"]

_EPOCH = date(1970, 1, 1)
_MONDAY = 4
"""Days from the epoch, a Thursday, to the first Monday."""


@dataclass(frozen=True, slots=True)
class RotaRecords:
    """Records of a programme that are of agents and weeks of a rota: ``agents``, ``rows``, and how
    many of the rows are ``against`` it, at home in a week on site or the reverse."""

    agents: int
    rows: int
    against: int


def match_rota(records: WorkRecords, draw: RotaDraw) -> tuple[Truths, Truths]:
    """Return which records are of agents and weeks of a rota, and which of these are against it."""
    weeks, protocol = draw.list_home_weeks(), draw.protocol
    count = protocol.weeks * protocol.blocks
    week = (records.day - _MONDAY) // 7
    week = week - ((protocol.first_monday - _EPOCH).days - _MONDAY) // 7
    at_home = np.zeros((len(records.agents), count), np.bool_)
    for i, name in enumerate(records.agents):
        for monday in weeks.get(name, ()):
            at_home[i, (monday - protocol.first_monday).days // 7] = True
    known = np.array([name in weeks for name in records.agents], np.bool_)
    inside = known[records.agent] & (week >= 0) & (week < count)
    drawn = at_home[records.agent, np.clip(week, 0, count - 1)]
    return inside, inside & (drawn != records.at_home)


def count_drawn(records: WorkRecords, inside: Truths, against: Truths) -> RotaRecords | None:
    """Return how the records ``inside`` a rota follow it; None where there are none."""
    if not inside.any():
        return None
    agents = len(np.unique(records.agent[inside]))
    return RotaRecords(agents, int(inside.sum()), int((inside & against).sum()))


def find_single_place(panel: Panel) -> Phrase | None:
    """Return a refusal where no period has records of both arms."""
    home = np.bincount(panel.period, panel.at_home, panel.periods) > 0
    site = np.bincount(panel.period, ~panel.at_home, panel.periods) > 0
    if (home & site).any():
        return None
    return Phrase("one arm of the rota has no records: nothing to compare with")
