"""The rows and columns of the N-1 problem: a base block, and one per contingency that takes the
base plan into account.

People placed on a lost site are exposed: they may work at home only, and a share of them is
isolated. The only link between base and relief is the number of people of each group on the lost
sites. Contingencies that do not depend on the base placement (home carriers) are left out: their
relief is the same whatever the base plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from releve.plan.contingency import Contingency
from releve.plan.lower_bounds import sum_client_requirement
from releve.plan.lp import Floats, Ints, LinearProgram
from releve.plan.problem import DayProblem
from releve.plan.result import BASE
from releve.plan.scenario_lp import (
    ProblemLayout,
    ScenarioBlock,
    add_block,
    add_caps,
    build_layout,
    find_lost_assignments,
)
from releve.plan.settings import PlanSettings

__all__ = [
    "KIND_WEIGHT",
    "N1Day",
    "add_exposure",
    "add_n1_day",
    "add_regret",
    "add_shares",
    "add_target",
    "build_shortfall_weights",
    "list_linked",
    "price_client_day",
]

KIND_WEIGHT = {"site": 1.0, "named": 0.2}
"""Weight of the worst regret, per kind of scenario that the base plan allows for. Each kind has
its own worst, so that a hopeless named set does not hide the sites. Whole destinations get a relief
but no weight: they would distort the base plan more than all single sites together. The base day
counts with the sites: idle people are not exposed, so without it the safest plan would be to serve
no call today."""
HAIR = 1e-9


@dataclass(frozen=True)
class Exposure:
    """The rows that link each base assignment on a lost site to a relief."""

    assignments: Ints
    group_rows: Ints
    on_rows: Ints


@dataclass(frozen=True)
class N1Day:
    """Where a day stands in a programme: its base block, ``worst`` regret by kind, ``shares`` of a
    client's day missing by scenario, of each ``linked`` contingency its exposure and the columns
    that cost, and the ``blocks`` of base and reliefs."""

    layout: ProblemLayout
    base: ScenarioBlock
    worst: dict[str, int]
    shares: dict[str, Ints]
    linked: list[int]
    exposures: list[Exposure]
    costs: list[Ints]
    blocks: tuple[ScenarioBlock, ...]


def add_n1_day(
    lp: LinearProgram,
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    floors: Floats,
    settings: PlanSettings,
    targets: Floats | None = None,
    price: Floats | None = None,
    *,
    rides: bool = True,
) -> N1Day:
    """Add the columns and rows of a day, base and reliefs, to a programme.

    ``price[j]`` is paid for each person of the base plan, by default that of the problem. ``rides``
    False leaves the vehicles out, so that the caller may add those that bind.
    """
    target = np.full(floors.shape, settings.target) if targets is None else targets
    layout = build_layout(problem)
    base = add_block(
        lp,
        problem,
        layout,
        lost=find_lost_assignments(problem, None),
        price=problem.price if price is None else price,
        shortfall_cost=1.0,
        upper=problem.base_most,
        rides=rides,
    )
    add_caps(lp, problem, layout, base)
    linked = list_linked(contingencies)
    weight = build_shortfall_weights([c.kind for c in contingencies], settings)
    worst = _add_worst_columns(lp, problem, [contingencies[i] for i in linked], settings)
    unit = price_client_day(problem, settings)
    shares = {BASE: add_shares(lp, problem, layout, base)}
    add_regret(lp, shares[BASE], floors[0], worst["site"])
    add_target(lp, shares[BASE], floors[0], target[0], unit)
    blocks, exposures, costs = [base], [], []
    for i in linked:
        c = contingencies[i]
        block = add_block(
            lp,
            problem,
            layout,
            lost=find_lost_assignments(problem, c),
            price=np.zeros(len(problem.group)),
            shortfall_cost=weight[c.kind],
            rides=rides,
        )
        blocks.append(block)
        exposures.append(add_exposure(lp, problem, c, base, block, settings.isolated))
        shares[c.id] = add_shares(lp, problem, layout, block)
        add_regret(lp, shares[c.id], floors[1 + i], worst[c.kind])
        above = add_target(
            lp, shares[c.id], floors[1 + i], target[1 + i], unit * KIND_WEIGHT[c.kind]
        )
        costs.append(np.concatenate([block.u, above]))
    return N1Day(layout, base, worst, shares, linked, exposures, costs, tuple(blocks))


def list_linked(contingencies: Sequence[Contingency]) -> list[int]:
    """Return the contingencies whose relief depends on the base plan."""
    return [i for i, c in enumerate(contingencies) if c.exposed and c.kind in KIND_WEIGHT]


def build_shortfall_weights(kinds: Sequence[str], settings: PlanSettings) -> dict[str, float]:
    """Return the cost of a weighted agent-interval missing under a loss of each kind.

    ``kinds`` of all contingencies: the average over the sites counts, other kinds do not.
    """
    return dict.fromkeys(kinds, 0.0) | {
        "site": settings.average_weight / max(1, kinds.count("site"))
    }


def _add_worst_columns(
    lp: LinearProgram,
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    settings: PlanSettings,
) -> dict[str, int]:
    unit = price_client_day(problem, settings)
    return {
        kind: int(lp.columns(1, unit * KIND_WEIGHT[kind])[0])
        for kind in dict.fromkeys(("site", *(c.kind for c in contingencies)))
    }


def add_exposure(
    lp: LinearProgram,
    problem: DayProblem,
    contingency: Contingency,
    base: ScenarioBlock,
    block: ScenarioBlock,
    isolated: float,
) -> Exposure:
    """Link a relief to the base plan: the people placed on lost sites stay home or are isolated."""
    sites = [m for m, site in enumerate(problem.sites) if site in contingency.sites]
    exposed = np.nonzero(np.isin(problem.place, sites))[0]
    groups = np.unique(problem.group[exposed])
    lp.add(block.group_rows[problem.group[exposed]], base.w[exposed], isolated)
    row_of = np.full(len(problem.size), -1, dtype=np.int64)
    row_of[groups] = lp.rows(len(groups), upper=problem.size[groups].astype(float))
    on_site = np.nonzero((block.w >= 0) & (problem.place != problem.home))[0]
    on_site = on_site[row_of[problem.group[on_site]] >= 0]
    lp.add(row_of[problem.group[on_site]], block.w[on_site])
    lp.add(row_of[problem.group[exposed]], base.w[exposed])
    return Exposure(
        exposed, block.group_rows[problem.group[exposed]], row_of[problem.group[exposed]]
    )


def price_client_day(problem: DayProblem, settings: PlanSettings) -> float:
    """Return the price of one whole client's day of regret."""
    weighted = problem.weighted_requirement
    return settings.regret_weight * weighted / max(1, len(problem.clients))


def add_shares(
    lp: LinearProgram, problem: DayProblem, layout: ProblemLayout, block: ScenarioBlock
) -> Ints:
    """Add one column per client: the share of its day that is missing in a scenario."""
    total = sum_client_requirement(problem)
    columns = lp.columns(len(total))
    rows = lp.rows(len(total), 0.0, 0.0)
    client = problem.client[layout.cov_p]
    lp.add(rows[client], block.u, 1.0 / total[client])
    lp.add(rows, columns, -1.0)
    return columns


def add_regret(lp: LinearProgram, share: Ints, floor: Floats, worst: int) -> None:
    """Bound each client's share above its floor by the worst regret."""
    rows = lp.rows(len(share), upper=floor + HAIR)
    lp.add(rows, share)
    lp.add(rows, worst, -1.0)


def add_target(
    lp: LinearProgram, share: Ints, floor: Floats, target: ArrayLike, price: ArrayLike
) -> Ints:
    """Price what a client misses above the target (or above its floor, where that is higher)."""
    above = lp.columns(len(share), price)
    rows = lp.rows(len(share), upper=np.maximum(target, floor) + HAIR)
    lp.add(rows, share)
    lp.add(rows, above, -1.0)
    return above
