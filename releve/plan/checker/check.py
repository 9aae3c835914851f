"""One pass over a plan: its frame, its people and seats, then every figure it states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from math import isfinite

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.errors import Phrase
from releve.kernels.arrays import Floats
from releve.network import Operator
from releve.plan.checker.figures import ScenarioTally, compute_weights
from releve.plan.checker.rules import (
    DayRules,
    apply_moves,
    find_base_faults,
    find_capacity_faults,
    find_carried_faults,
    find_kit_faults,
    find_move_faults,
    find_reserve_faults,
    find_share_faults,
    find_site_faults,
)
from releve.plan.checker.verdicts import CLOSE, find_bound_faults, find_cell_faults, find_verdict_faults, is_same_figure
from releve.plan.coverage import Timeline, count_placed
from releve.plan.day_fleet import build_day_fleet, route_plan
from releve.plan.result import BASE, Carried, Contingency, Plan, PlannedScenario
from releve.plan.settings import PlanSettings
from releve.transport import TO_SITE, check_runs


def check_plan(
    operator: Operator, plan: Plan, settings: PlanSettings, aht_s: Floats, carried: Carried | None = None
) -> tuple[str, ...]:
    """Return a sentence for every rule a plan breaks and every figure it states wrongly.

    ``aht_s`` seconds ``[interval, programme]`` as in the requirement the plan was made for.
    ``carried``: the placements of the day before that go on, None where it is not known. An
    empty answer means that the placements and every relief are lawful, that no agent is missing,
    and that placed work, penalties, cells, verdicts, reserve and bounds are those counted here.
    A plan whose frame (day, programmes, scenarios, shapes) is not the operator's gets only the
    sentences about the frame. The worst contingency of a verdict is one of largest shortfall.
    """
    frame = tuple(_find_frame_faults(operator, plan, settings, aht_s))
    if frame:
        return frame
    rules = DayRules(operator, plan.day, settings, plan.kit_holders)
    timeline = Timeline(plan.starts)
    weights = compute_weights(operator, plan.required, plan.calls, aht_s)
    faults = [
        *find_site_faults(rules, plan),
        *find_kit_faults(rules, plan),
        *find_base_faults(rules, plan),
        *find_share_faults(rules, plan),
        *find_reserve_faults(rules, plan),
        *(() if carried is None else find_carried_faults(rules, plan, carried, timeline)),
    ]
    base = plan.scenarios[BASE]
    if base.moves:
        faults.append(f"Base plan: it has {len(base.moves)} moves, it can have none.")
    tallies = {}
    for name, contingency in ((BASE, None), *((row.id, row) for row in plan.contingencies)):
        scenario = plan.scenarios[name]
        if contingency is not None:
            faults += find_move_faults(rules, plan.placements, contingency, scenario.moves)
        placements = apply_moves(plan.placements, scenario.moves if contingency else ())
        placed = count_placed(operator, timeline, placements)
        tallies[name] = ScenarioTally(plan.required, placed)
        faults += find_capacity_faults(rules, plan, timeline, placements, _name_scenario(name))
        faults += _find_scenario_faults(rules, plan, scenario, tallies[name], weights)
    faults += _find_ride_faults(operator, plan, settings)
    faults += find_cell_faults(rules, plan, settings, tallies)
    faults += find_verdict_faults(rules, plan)
    need = float((np.nansum(plan.required, axis=0) * weights).sum())
    faults += find_bound_faults(rules, plan, tallies[BASE].penalty(weights), need)
    return tuple(faults)


def check_relief(
    operator: Operator,
    plan: Plan,
    contingency: Contingency,
    scenario: PlannedScenario,
    settings: PlanSettings,
    aht_s: Floats,
) -> tuple[str, ...]:
    """Return what is wrong with one relief of a plan, for a contingency the plan may not list.

    Moves, seats, placed work and penalty are checked; the plan itself is taken as it stands.
    """
    frame = tuple(_find_frame_faults(operator, plan, settings, aht_s))
    if frame:
        return frame
    if scenario.placed.shape != plan.required.shape:
        return (f"Contingency {contingency.id}: placed has shape {scenario.placed.shape}.",)
    rules = DayRules(operator, plan.day, settings, plan.kit_holders)
    timeline = Timeline(plan.starts)
    placements = apply_moves(plan.placements, scenario.moves)
    tally = ScenarioTally(plan.required, count_placed(operator, timeline, placements))
    weights = compute_weights(operator, plan.required, plan.calls, aht_s)
    return (
        *find_move_faults(rules, plan.placements, contingency, scenario.moves),
        *find_capacity_faults(rules, plan, timeline, placements, _name_scenario(contingency.id)),
        *_find_scenario_faults(rules, plan, scenario, tally, weights),
    )


def _find_ride_faults(operator: Operator, plan: Plan, settings: PlanSettings) -> Iterator[str]:
    """Check that each rider of each scenario has a seat in runs that keep to every rule."""
    fleet = build_day_fleet(operator, plan.day, settings)
    if fleet is None:
        return
    for name in plan.scenarios:
        where = _name_scenario(name)
        riders, found = route_plan(operator, plan, name, fleet)
        for fault in check_runs(fleet, found.runs, riders, found.left_behind):
            yield Phrase("{0}: {1}", where, fault)
        for rider in found.left_behind:
            named = where, rider.agent, rider.wave.site, rider.stop
            if rider.wave.leg == TO_SITE:
                yield Phrase("{0}: agent {1} has no seat in a vehicle to site {2}, stop {3}.", *named)
            else:
                yield Phrase("{0}: agent {1} has no seat in a vehicle from site {2}, stop {3}.", *named)


def _name_scenario(scenario: str) -> Phrase:
    return Phrase("Base plan") if scenario == BASE else Phrase("Contingency {0}", scenario)


def _find_frame_faults(operator: Operator, plan: Plan, settings: PlanSettings, aht_s: Floats) -> Iterator[str]:
    """Check that the plan is of this operator and day, and that its tables have one shape."""
    expected = {
        "operator": operator.row.name,
        "synthetic": operator.row.synthetic,
        "time_zone": operator.row.time_zone,
        "clients": tuple((row.id, row.name) for row in operator.clients),
        "programmes": tuple((row.id, row.client, row.name) for row in operator.programmes),
    }
    for name, value in expected.items():
        if getattr(plan, name) != value:
            yield f"Plan: {name} is {getattr(plan, name)!r}, the operator has {value!r}."
    rules = DayRules(operator, plan.day, settings)
    starts = tuple(rules.first + i * INTERVAL for i in range((rules.last - rules.first) // INTERVAL))
    if plan.starts != starts:
        yield f"Plan: starts are not the {len(starts)} half hours of {plan.day}."
    shape = (len(starts), len(operator.programmes))
    for name, array in (("required", plan.required), ("calls", plan.calls), ("aht_s", aht_s)):
        if array.shape != shape:
            yield f"Plan: {name} has shape {array.shape}, {shape} is due."
    if bool((plan.required < 0).any() or np.isinf(plan.required).any()):
        yield "Plan: required has a value that is negative or infinite."
    yield from _find_contingency_faults(operator, plan, shape)
    yield from _find_settings_faults(plan, settings)


def _find_contingency_faults(operator: Operator, plan: Plan, shape: tuple[int, int]) -> Iterator[str]:
    """Check that contingencies are named once, lose real places, and have one scenario each."""
    for name, count in Counter(row.id for row in plan.contingencies).items():
        if count > 1 or name == BASE:
            yield f"Plan: contingency {name} is named {count} times or is the base plan."
    for row in plan.contingencies:
        for site in sorted(row.sites - set(operator.site)):
            yield f"Plan: contingency {row.id} loses site {site}, which does not exist."
    due = {BASE, *(row.id for row in plan.contingencies)}
    for name in sorted(due ^ set(plan.scenarios)):
        said = "is missing" if name in due else "has no contingency"
        yield f"Plan: scenario {name} {said}."
    for name, scenario in plan.scenarios.items():
        if scenario.id != name:
            yield f"Plan: scenario {name} calls itself {scenario.id}."
        if scenario.placed.shape != shape:
            yield f"Plan: placed of {name} has shape {scenario.placed.shape}, {shape} is due."


def _find_settings_faults(plan: Plan, settings: PlanSettings) -> Iterator[str]:
    """Check the settings that the plan states against those it is checked with."""
    for field in fields(settings):
        stated = plan.settings.get(field.name)
        if stated is not None and stated != getattr(settings, field.name):
            yield (f"Plan: setting {field.name} is stated as {stated}, it is {getattr(settings, field.name)}.")


def _find_scenario_faults(
    rules: DayRules, plan: Plan, scenario: PlannedScenario, tally: ScenarioTally, weights: Floats
) -> Iterator[str]:
    """Check the placed work and the penalty of a scenario against its people."""
    where = _name_scenario(scenario.id)
    apart = np.abs(scenario.placed - tally.placed)
    wrong = ~(apart <= CLOSE)
    if wrong.any():
        furthest = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
        t, p = divmod(furthest, wrong.shape[1])
        yield (
            f"{where}: placed of programme {plan.programmes[p][0]} at"
            f" {rules.format_time(plan.starts[t])} is {scenario.placed[t, p]:.6g}, counted"
            f" {tally.placed[t, p]:.6g} ({int(wrong.sum())} such figures)."
        )
    penalty = tally.penalty(weights)
    if not is_same_figure(scenario.penalty, penalty):
        yield f"{where}: penalty is {scenario.penalty:.6g}, counted {penalty:.6g}."
    if not (isfinite(scenario.lp_penalty) and scenario.lp_penalty >= -CLOSE):
        yield f"{where}: lp_penalty {scenario.lp_penalty:.6g} is not a penalty."
