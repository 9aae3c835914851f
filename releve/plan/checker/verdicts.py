"""Check the claims of a plan against the count: relief matrix, verdicts and bounds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import isfinite, isnan

import numpy as np

from releve.network import HOME, Operator
from releve.plan.checker.figures import ScenarioTally
from releve.plan.checker.rules import DayRules
from releve.plan.result import BASE, ClientVerdict, Plan, ReliefCell
from releve.plan.settings import PlanSettings

CLOSE = 1e-6
"""Two figures this near are the same figure (relative to the larger, absolute below 1)."""
FLOOR_CLOSE = 1e-4
"""A floor comes from a solver: it may exceed what a plan reaches by the solver's tolerance."""


def is_same_figure(claimed: float, counted: float) -> bool:
    return abs(claimed - counted) <= CLOSE * max(1.0, abs(counted))


def list_client_columns(operator: Operator) -> dict[str, list[int]]:
    columns: dict[str, list[int]] = {row.id: [] for row in operator.clients}
    for p, row in enumerate(operator.programmes):
        columns[row.client].append(p)
    return columns


def find_cell_faults(
    rules: DayRules, plan: Plan, settings: PlanSettings, tallies: dict[str, ScenarioTally]
) -> Iterator[str]:
    """Check that there is one cell per client and scenario, with the figures counted."""
    columns = list_client_columns(rules.operator)
    count = Counter((cell.client, cell.contingency) for cell in plan.cells)
    for client in columns:
        for scenario in tallies:
            number = count.pop((client, scenario), 0)
            if number != 1:
                yield f"Cell {client} under {scenario}: there are {number}, one is due."
    for client, scenario in count:
        yield f"Cell {client} under {scenario}: no such client or contingency."
    for cell in plan.cells:
        if cell.client in columns and cell.contingency in tallies:
            tally = tallies[cell.contingency]
            for reason in _find_one_cell_faults(rules, plan, settings, cell, tally, columns[cell.client]):
                yield f"Cell {cell.client} under {cell.contingency}: {reason}."


def _find_one_cell_faults(
    rules: DayRules, plan: Plan, settings: PlanSettings, cell: ReliefCell, tally: ScenarioTally, columns: list[int]
) -> Iterator[str]:
    unknown = bool(np.isnan(tally.required[:, columns]).any())
    if unknown and cell.status != "unknown":
        yield f"status is {cell.status}, but a requirement of the client is unknown"
    if unknown and isnan(cell.shortfall):
        return
    yield from _find_shortfall_faults(cell, tally.shortfall(columns))
    yield from _find_coverage_faults(rules, plan, cell, tally, columns)
    calls = float(np.nansum(plan.calls[:, columns]))
    if not -CLOSE <= cell.calls_lost <= calls * (1 + CLOSE) + CLOSE:
        yield f"{cell.calls_lost:.6g} calls lost of {calls:.6g}"
    if not unknown:
        allowed = _list_allowed_statuses(tally, columns, cell.floor, settings)
        if cell.status not in allowed:
            yield (
                f"status is {cell.status}, it is {' or '.join(sorted(allowed))} by its shortfall"
                f" {tally.shortfall(columns):.6g}, floor {cell.floor:.6g} and target"
                f" {settings.target:g}"
            )


def _find_shortfall_faults(cell: ReliefCell, shortfall: float) -> Iterator[str]:
    if not is_same_figure(cell.shortfall, shortfall):
        yield f"shortfall is {cell.shortfall:.6g}, counted {shortfall:.6g}"
    if not -CLOSE <= cell.floor <= 1 + CLOSE:
        yield f"the floor {cell.floor:.6g} is not a share"
    elif cell.floor > shortfall + FLOOR_CLOSE:
        yield f"the floor {cell.floor:.6g} is not the least: the plan reaches {shortfall:.6g}"
    regret = max(0.0, shortfall - cell.floor)
    if not is_same_figure(cell.regret, regret):
        yield (f"regret is {cell.regret:.6g}, shortfall {shortfall:.6g} above floor {cell.floor:.6g} is {regret:.6g}")


def _find_coverage_faults(
    rules: DayRules, plan: Plan, cell: ReliefCell, tally: ScenarioTally, columns: list[int]
) -> Iterator[str]:
    coverage = tally.coverage(columns)
    if np.isnan(coverage).all():
        if cell.worst_interval != -1 or not is_same_figure(cell.worst_coverage, 1.0):
            yield (
                f"worst coverage is {cell.worst_coverage:.6g} in interval {cell.worst_interval},"
                " but nothing is required (1 in interval -1)"
            )
        return
    worst = int(np.nanargmin(coverage))
    least = float(coverage[worst])
    if not is_same_figure(cell.worst_coverage, least):
        yield (
            f"worst coverage is {cell.worst_coverage:.6g}, counted {least:.6g} at"
            f" {rules.format_time(plan.starts[worst])} (interval {worst})"
        )
    at = cell.worst_interval
    if not 0 <= at < len(coverage) or not is_same_figure(float(coverage[at]), least):
        yield (
            f"worst interval is {at}, but coverage is least ({least:.6g}) in interval {worst}"
            f" ({rules.format_time(plan.starts[worst])})"
        )


def _list_allowed_statuses(tally: ScenarioTally, columns: list[int], floor: float, settings: PlanSettings) -> set[str]:
    """Return the statuses the figures allow: one, or two where a figure lies on the limit."""
    shortfall = tally.shortfall(columns)
    coverage = tally.coverage(columns)
    least = 1.0 if np.isnan(coverage).all() else float(np.nanmin(coverage))
    allowed = set()
    if shortfall <= settings.target + CLOSE:
        allowed |= {"held"} if least >= settings.thin - CLOSE else set()
        allowed |= {"thin"} if least < settings.thin + CLOSE else set()
    if shortfall > settings.target - CLOSE:
        allowed |= {"contract"} if floor > settings.target - CLOSE else set()
        allowed |= {"missed"} if floor <= settings.target + CLOSE else set()
    return allowed


def find_verdict_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that each client has one verdict, and that it follows from the client's cells."""
    cells: dict[str, list[ReliefCell]] = defaultdict(list)
    for cell in plan.cells:
        cells[cell.client].append(cell)
    count = Counter(verdict.client for verdict in plan.verdicts)
    for client in rules.operator.client:
        if count[client] != 1:
            yield f"Verdict {client}: there are {count[client]}, one is due."
    for verdict in plan.verdicts:
        if verdict.client not in rules.operator.client:
            yield f"Verdict {verdict.client}: no such client."
            continue
        for reason in _find_one_verdict_faults(rules, plan, verdict, cells[verdict.client]):
            yield f"Verdict {verdict.client}: {reason}."


def _find_one_verdict_faults(
    rules: DayRules, plan: Plan, verdict: ClientVerdict, cells: list[ReliefCell]
) -> Iterator[str]:
    larger = {c.id for c in plan.contingencies if c.kind in ("destination", "named")}
    named: dict[str, list[str]] = defaultdict(list)
    beyond = []
    for cell in cells:
        if cell.contingency not in larger:
            named[cell.status].append(cell.contingency)
        elif cell.status in ("missed", "contract"):
            beyond.append(cell.contingency)
    if sorted(verdict.beyond) != sorted(beyond):
        yield f"beyond names {sorted(verdict.beyond)}, the cells say {sorted(beyond)}"
    for status in ("missed", "thin", "contract"):
        claimed = sorted(getattr(verdict, status))
        if claimed != sorted(named[status]):
            yield f"{status} names {claimed}, the cells say {sorted(named[status])}"
    if verdict.unknown != bool(named["unknown"]):
        yield f"unknown is {verdict.unknown}, but {len(named['unknown'])} cells are unknown"
    secure = not named["missed"] and not named["contract"] and not named["unknown"]
    if verdict.secure != secure:
        yield f"secure is {verdict.secure}, its cells say {secure}"
    problem = bool(named["contract"]) and not named["missed"] and not named["unknown"]
    if verdict.contract_problem != problem:
        yield f"contract_problem is {verdict.contract_problem}, its cells say {problem}"
    if verdict.secure:
        alone = {site for c in plan.contingencies if len(c.sites) == 1 for site in c.sites}
        for site in sorted(filter(rules.is_site_open, set(rules.operator.site) - alone)):
            yield f"called secure, but no contingency loses site {site} alone"
    yield from _find_worst_faults(verdict, [cell for cell in cells if cell.contingency not in larger])


def _find_worst_faults(verdict: ClientVerdict, cells: list[ReliefCell]) -> Iterator[str]:
    """Check that the worst contingency is the single loss with the largest shortfall."""
    shortfall = {cell.contingency: cell.shortfall for cell in cells}
    lost = {name: value for name, value in shortfall.items() if name != BASE and not isnan(value)}
    if not lost:
        return
    if verdict.worst not in shortfall:
        yield f"worst is {verdict.worst!r}, which is no single loss"
        return
    most = max(lost, key=lambda name: lost[name])
    if shortfall[verdict.worst] < lost[most] - CLOSE:
        yield (f"worst is {verdict.worst} (shortfall {shortfall[verdict.worst]:.6g}), but {most} has {lost[most]:.6g}")


def find_bound_faults(rules: DayRules, plan: Plan, penalty: float, weighted_need: float) -> Iterator[str]:
    """Check penalty, objective, gaps and worst regret of the bound against those counted.

    The objective counts reliefs in fractions, which a plan does not list, so it is only checked
    from below: it is at least what the base plan costs (penalty, moves and regret).
    """
    bound = plan.bound
    if not is_same_figure(bound.penalty, penalty):
        yield f"Bound: penalty is {bound.penalty:.6g}, counted {penalty:.6g}."
    if not (isfinite(bound.lp_penalty) and bound.lp_penalty >= -CLOSE):
        yield f"Bound: lp_penalty {bound.lp_penalty:.6g} is not a penalty."
    regrets = {cell.contingency: 0.0 for cell in plan.cells}
    for cell in plan.cells:
        if not isnan(cell.regret):
            regrets[cell.contingency] = max(regrets[cell.contingency], cell.regret)
    unit = rules.settings.regret_weight * weighted_need / max(1, len(plan.clients))
    least = penalty + _price_moves(rules, plan) + unit * regrets.get(BASE, 0.0)
    if not bound.objective >= least - CLOSE * max(1.0, least):
        yield (
            f"Bound: objective {bound.objective:.6g} is below {least:.6g}, what the base plan"
            " costs by its penalty, moves and regret."
        )
    yield from _find_gap_faults(plan, weighted_need)
    kinds = {BASE: "site"} | {c.id: c.kind for c in plan.contingencies}
    worst: dict[str, float] = {}
    for name, regret in regrets.items():
        kind = kinds.get(name, "")
        worst[kind] = max(worst.get(kind, 0.0), regret)
    for kind in sorted(worst.keys() | bound.regret.keys()):
        said, counted = bound.regret.get(kind, 0.0), worst.get(kind, 0.0)
        if not is_same_figure(said, counted):
            yield f"Bound: regret[{kind}] is {said:.6g}, the cells say {counted:.6g}."


def _price_moves(rules: DayRules, plan: Plan) -> float:
    """Return what the base placements cost: off the own site, off the main work, at home."""
    steps = 0.0
    for placement in plan.placements:
        agent = rules.operator.agent.get(placement.agent)
        if agent is not None:
            steps += placement.place != agent.home_site
            steps += placement.programme != agent.skills[0]
            steps += 0.5 * (placement.place == HOME)
    return rules.settings.move_price * steps


def _find_gap_faults(plan: Plan, weighted_need: float) -> Iterator[str]:
    """Check the gaps: the distance of objective and lower bound, as shares of each whole."""
    bound = plan.bound
    least, reached = bound.lower_bound, bound.objective
    if not (isfinite(least) and isfinite(reached)):
        yield f"Bound: objective {reached:.6g} and lower_bound {least:.6g} are not both numbers."
        return
    if least > reached + CLOSE * max(1.0, abs(reached)):
        yield f"Bound: lower_bound {least:.6g} is above the objective {reached:.6g}."
    apart = max(0.0, reached - least)
    if least > CLOSE and not is_same_figure(bound.penalty_gap, apart / least):
        yield f"Bound: penalty_gap is {bound.penalty_gap:.6g}, counted {apart / least:.6g}."
    if least <= 0 and apart > CLOSE and not isnan(bound.penalty_gap):
        yield f"Bound: penalty_gap is {bound.penalty_gap:.6g}, but the lower bound is {least:.6g}."
    if weighted_need > 0 and not is_same_figure(bound.requirement_gap, apart / weighted_need):
        yield (f"Bound: requirement_gap is {bound.requirement_gap:.6g}, counted {apart / weighted_need:.6g}.")
