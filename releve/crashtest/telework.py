"""Send more agents of a plan home, and adapt its reliefs.

Agents sent home keep their programme and hours, where the programme may be done at home and they
are able to. A relief for the loss of their site leaves them at home; a relief for the loss of their
carrier's home lines puts them back at the seat of the plan, which stays free. The coverage that the
plan states remains that of the plan as made: the crash test counts people itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.plan_arrays import read_plan_settings
from releve.network import HOME, Operator
from releve.plan import Contingency, Move, Placement, Plan, PlannedScenario
from releve.plan.eligibility import Eligibility

__all__ = ["find_presence", "list_home_agents", "send_home"]

_Pairs = frozenset[tuple[str, str]]


def list_home_agents(plan: Plan) -> frozenset[str]:
    """Return the agents who work at home in the base plan."""
    return frozenset(row.agent for row in plan.placements if row.place == HOME)


def find_presence(
    plans: Sequence[Plan], agents: Sequence[str], first: date
) -> NDArray[np.bool_] | None:
    """Return the weekdays on which each agent is on site, from ``first`` on: bool[agent, 7].

    By the plans of a hybrid week; on a weekday without a plan no agent comes. None where no plan is
    of a hybrid week: agents then come every day, or never.
    """
    if not any(plan.home_days for plan in plans):
        return None
    number = {agent: at for at, agent in enumerate(agents)}
    found = np.zeros((len(agents), 7), dtype=np.bool_)
    for plan in plans[:7]:
        at_home = {*plan.home_days, *list_home_agents(plan)}
        at_work = {*(row.agent for row in plan.placements), *plan.reserve}
        column = (plan.day.weekday() - first.weekday()) % 7
        found[[number[agent] for agent in at_work - at_home], column] = True
    return found


def send_home(operator: Operator, plan: Plan, agents: Collection[str]) -> Plan:
    """Return a plan in which those of ``agents`` who may do their programme at home do so."""
    legality = Eligibility(operator, plan.day, read_plan_settings(plan))
    legal = {name: legality.find_pairs(operator.agent[name]) for name in agents}
    before = {
        row.agent: row
        for row in plan.placements
        if row.place != HOME and (HOME, row.programme) in legal.get(row.agent, ())
    }
    lost = {row.id: row for row in plan.contingencies}
    return replace(
        plan,
        placements=tuple(
            replace(row, place=HOME) if row.agent in before else row for row in plan.placements
        ),
        scenarios={
            name: _adapt_relief(operator, scenario, lost[name], before, legal)
            if name in lost
            else scenario
            for name, scenario in plan.scenarios.items()
        },
    )


def _adapt_relief(
    operator: Operator,
    scenario: PlannedScenario,
    lost: Contingency,
    before: Mapping[str, Placement],
    legal: Mapping[str, _Pairs],
) -> PlannedScenario:
    """Return a relief in which those sent home, who were ``before`` at a site, begin at home."""
    moves = [move for move in scenario.moves if move.agent not in before]
    known = {move.agent: move for move in scenario.moves}
    for name, seat in sorted(before.items()):
        home, move = replace(seat, place=HOME), known.get(name)
        if operator.agent[name].carrier in lost.carriers:
            after, reason = (seat, "relief") if move is None else (move.after, move.reason)
        elif move is None or move.reason in ("isolated", "stranded"):
            continue
        else:
            after, reason = _keep_home(move.after, legal[name]), move.reason
        if after != home:
            moves.append(Move(name, home, after, reason))
    return replace(scenario, moves=tuple(moves))


def _keep_home(after: Placement | None, legal: _Pairs) -> Placement | None:
    """Return a placement of a relief, at home where the agent may work there."""
    if after is None or (HOME, after.programme) not in legal:
        return after
    return replace(after, place=HOME)
