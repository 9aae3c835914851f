"""The records of one programme as a panel: an outcome by agent and period, on site or at home."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.demand.tables import Floats, Truths
from releve.demand.telework.fixed_effects import find_largest_component
from releve.demand.telework.records import WorkRecords
from releve.errors import Phrase

__all__ = [
    "LeftOut",
    "Panel",
    "build_panel",
    "find_refusal",
    "keep_comparable",
    "keep_connected",
]

Ints = NDArray[np.int64]

FEWEST_AGENTS, FEWEST_MOVERS = 20, 5


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows of one programme: ``agent`` and ``period`` are indices without gaps, ``day`` days since
    1970; ``outcome`` is what is measured."""

    agent: Ints
    period: Ints
    day: Ints
    at_home: Truths
    outcome: Floats

    @property
    def agents(self) -> int:
        """Number of agents."""
        return int(self.agent.max(initial=-1)) + 1

    @property
    def periods(self) -> int:
        """Number of periods."""
        return int(self.period.max(initial=-1)) + 1

    @property
    def first_home(self) -> Ints:
        """Return the first day at home of each agent; the largest integer where there is none."""
        first = np.full(self.agents, np.iinfo(np.int64).max)
        np.minimum.at(first, self.agent[self.at_home], self.day[self.at_home])
        return first

    def count_movers(self) -> int:
        """Return how many agents have rows on site and at home."""
        home = np.bincount(self.agent, self.at_home, self.agents) > 0
        site = np.bincount(self.agent, ~self.at_home, self.agents) > 0
        return int((home & site).sum())

    def keep(self, rows: Truths) -> Panel:
        """Return the panel of some rows."""
        agent, period = (
            np.unique(index[rows], return_inverse=True)[1].astype(np.int64)
            for index in (self.agent, self.period)
        )
        return Panel(agent, period, self.day[rows], self.at_home[rows], self.outcome[rows])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows at home of agents never on site, rows at home of periods without any row on site, and
    rows that share no agent and no period with the others; records in which nothing was handled;
    of a rota drawn by lot, the records of other agents and weeks.
    """

    never_on_site: int
    empty_site: int
    apart: int
    without_contacts: int = 0
    outside_rota: int = 0


def build_panel(records: WorkRecords, rows: Truths, outcome: Floats) -> Panel:
    """Return those of the rows whose outcome is known."""
    rows = rows & np.isfinite(outcome)
    agent, period = (
        np.unique(index[rows], return_inverse=True)[1].astype(np.int64)
        for index in (records.agent, records.day)
    )
    return Panel(agent, period, records.day[rows], records.at_home[rows], outcome[rows])


def keep_comparable(panel: Panel) -> tuple[Panel, LeftOut]:
    """Return the rows whose agent and period are known on site, and what was left out."""
    site = ~panel.at_home
    on_site = np.bincount(panel.agent, site, panel.agents) > 0
    worked_on = np.bincount(panel.period, site, panel.periods) > 0
    no_agent = panel.at_home & ~on_site[panel.agent]
    no_period = panel.at_home & ~no_agent & ~worked_on[panel.period]
    agents, periods = find_largest_component(
        panel.agent[site], panel.period[site], panel.agents, panel.periods
    )
    inside = np.isin(panel.agent, agents) & np.isin(panel.period, periods)
    apart = ~inside & ~no_agent & ~no_period
    return panel.keep(inside), LeftOut(int(no_agent.sum()), int(no_period.sum()), int(apart.sum()))


def keep_connected(panel: Panel) -> Panel:
    """Return the rows of the largest set of agents and periods that rows of either place connect.

    Enough where the lot decided who was where; elsewhere see :func:`keep_comparable`.
    """
    agents, periods = find_largest_component(panel.agent, panel.period, panel.agents, panel.periods)
    return panel.keep(np.isin(panel.agent, agents) & np.isin(panel.period, periods))


def find_refusal(panel: Panel, comparable: Panel, left_out: LeftOut) -> Phrase | None:
    """Return why nothing can be learnt from a programme's rows, or None."""
    if not panel.at_home.any():
        return Phrase("everyone works on site: there is nothing to compare with")
    if panel.agents < FEWEST_AGENTS:
        return Phrase("{0} agents: at least {1} are needed", str(panel.agents), str(FEWEST_AGENTS))
    if not comparable.at_home.any() and left_out.empty_site:
        return Phrase(
            "in the periods in which people worked at home everyone did: no one on site to"
            " compare with"
        )
    movers = comparable.count_movers()
    if movers < FEWEST_MOVERS:
        return Phrase(
            "{0} people worked both on site and at home: at least {1} are needed",
            str(movers), str(FEWEST_MOVERS),
        )  # fmt: skip
    return None
