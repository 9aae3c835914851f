"""People and periods taken out of an outcome: two-way fixed effects by one Schur complement.

For n rows of N agents in T periods the normal equations have N + T unknowns; eliminating the agents
leaves T of them, so a panel of a million rows takes a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from releve.demand.tables import Floats

__all__ = ["FixedEffects", "find_largest_component"]

Ints = NDArray[np.int64]


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


def find_largest_component(
    agent: Ints, period: Ints, agents: int, periods: int
) -> tuple[Ints, Ints]:
    """Return the agents and periods of the largest set that rows connect, by rows.

    Between two sets that share no agent and no period nothing can be compared.
    """
    size = agents + periods
    links = coo_matrix((np.ones(len(agent)), (agent, agents + period)), shape=(size, size))
    _, label = connected_components(links, directed=False)
    largest = np.bincount(label[agent]).argmax() if len(agent) else -1
    inside = np.nonzero(label == largest)[0]
    return inside[inside < agents], inside[inside >= agents] - agents
