"""The panel of one programme, an outcome by agent and period, and its two-way fixed effects.

For n rows of N agents in T periods the normal equations have N + T unknowns; eliminating the agents
by one Schur complement leaves T, so a panel of a million rows takes a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from releve.errors import Phrase
from releve.kernels.arrays import Floats, Ints, Truths
from releve.plugins.telework.engine.records import WorkRecords


@dataclass(frozen=True, eq=False)
class FixedEffects:
    """Rows of agents and periods, each of which has at least one; every agent is connected to
    every other by periods that they share (:func:`find_largest_component`)."""

    agent: Ints
    period: Ints
    agents: int
    periods: int

    @cached_property
    def _counts(self) -> tuple[Floats, Floats]:
        """Return rows by agent, and by agent and period."""
        table = np.zeros((self.agents, self.periods))
        np.add.at(table, (self.agent, self.period), 1.0)
        return table.sum(axis=1), table

    @cached_property
    def _factor(self) -> tuple[Floats, bool]:
        """Return the Cholesky factor of the Schur complement, without the first period."""
        by_agent, table = self._counts
        schur = np.diag(table.sum(axis=0)) - table.T @ (table / by_agent[:, None])
        found: tuple[Floats, bool] = cho_factor(schur[1:, 1:])
        return found

    def solve(self, of_agents: Floats, of_periods: Floats) -> tuple[Floats, Floats]:
        """Solve the normal equations; return the effects of agents and periods (the first is 0)."""
        by_agent, table = self._counts
        right = of_periods - table.T @ (of_agents / by_agent)
        effects = np.zeros(self.periods)
        if self.periods > 1:
            effects[1:] = cho_solve(self._factor, right[1:])
        return (of_agents - table @ effects) / by_agent, effects

    def add_up(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the sums of values by row over each agent and each period."""
        by_agent = np.bincount(self.agent, values, self.agents)
        return by_agent.astype(float), np.bincount(self.period, values, self.periods).astype(float)

    def fit(self, outcome: Floats) -> tuple[Floats, Floats]:
        """Return the least-squares effects of agents and periods on an outcome by row."""
        return self.solve(*self.add_up(outcome))

    def take_out(self, outcome: Floats) -> Floats:
        """Return what agents and periods do not explain of an outcome, by row."""
        agents, periods = self.fit(outcome)
        return outcome - agents[self.agent] - periods[self.period]


def find_largest_component(agent: Ints, period: Ints, agents: int, periods: int) -> tuple[Ints, Ints]:
    """Return the agents and periods of the largest set that rows connect, by rows.

    Between two sets that share no agent and no period nothing can be compared.
    """
    size = agents + periods
    links = coo_matrix((np.ones(len(agent)), (agent, agents + period)), shape=(size, size))
    _, label = connected_components(links, directed=False)
    largest = np.bincount(label[agent]).argmax() if len(agent) else -1
    inside = np.nonzero(label == largest)[0]
    return inside[inside < agents], inside[inside >= agents] - agents


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
        return int(self.agent.max(initial=-1)) + 1

    @property
    def periods(self) -> int:
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
        agent, period = (
            np.unique(index[rows], return_inverse=True)[1].astype(np.int64) for index in (self.agent, self.period)
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
        np.unique(index[rows], return_inverse=True)[1].astype(np.int64) for index in (records.agent, records.day)
    )
    return Panel(agent, period, records.day[rows], records.at_home[rows], outcome[rows])


def keep_comparable(panel: Panel) -> tuple[Panel, LeftOut]:
    """Return the rows whose agent and period are known on site, and what was left out."""
    site = ~panel.at_home
    on_site = np.bincount(panel.agent, site, panel.agents) > 0
    worked_on = np.bincount(panel.period, site, panel.periods) > 0
    no_agent = panel.at_home & ~on_site[panel.agent]
    no_period = panel.at_home & ~no_agent & ~worked_on[panel.period]
    agents, periods = find_largest_component(panel.agent[site], panel.period[site], panel.agents, panel.periods)
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
        return Phrase("in the periods in which people worked at home everyone did: no one on site to compare with")
    movers = comparable.count_movers()
    if movers < FEWEST_MOVERS:
        return Phrase(
            "{0} people worked both on site and at home: at least {1} are needed", str(movers), str(FEWEST_MOVERS)
        )
    return None
