"""Placements of the base plan and moves of a relief, person by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import floor

from releve.network import HOME
from releve.plan.checker.rules import SLACK, DayRules
from releve.plan.contingency import Contingency
from releve.plan.result import MOVE_REASONS, Move, Placement, Plan

__all__ = ["apply_moves", "find_base_faults", "find_move_faults", "find_reserve_faults"]


def find_base_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that each person is placed at most once, lawfully, for a whole shift of the day."""
    for agent, count in Counter(p.agent for p in plan.placements).items():
        if count > 1:
            yield f"Base plan: agent {agent} is placed {count} times."
    for placement in plan.placements:
        for reason in rules.find_placement_faults(placement):
            yield f"Base plan: agent {placement.agent} {_describe(placement)}: {reason}."


def find_reserve_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that the reserve names, once each, all agents with a shift and no placement."""
    placed = {p.agent for p in plan.placements}
    for agent, count in Counter(plan.reserve).items():
        if count > 1:
            yield f"Reserve: agent {agent} is listed {count} times."
        if agent in placed:
            yield f"Reserve: agent {agent} is listed but has a placement."
        elif agent not in rules.shifts:
            yield f"Reserve: agent {agent} is listed but has no shift that starts on {rules.day}."
    missing = sorted(set(rules.shifts) - placed - set(plan.reserve))
    for agent in missing:
        yield f"Reserve: agent {agent} has a shift and no placement, and is not listed."


def apply_moves(placements: Sequence[Placement], moves: Sequence[Move]) -> list[Placement]:
    """Return the placements of a scenario: those of the base plan with the moves made."""
    moved = {move.agent: move.after for move in moves}
    stay = [placement for placement in placements if placement.agent not in moved]
    return stay + [after for after in moved.values() if after is not None]


def find_move_faults(
    rules: DayRules,
    placements: Sequence[Placement],
    contingency: Contingency,
    moves: Sequence[Move],
) -> Iterator[str]:
    """Check that moves fit the base plan and the contingency, and that no agent is missing."""
    where = f"Contingency {contingency.id}"
    base = {placement.agent: placement for placement in placements}
    for agent, count in Counter(move.agent for move in moves).items():
        if count > 1:
            yield f"{where}: agent {agent} is moved {count} times."
    for move in moves:
        reasons = (
            *_find_inconsistencies(base.get(move.agent), move),
            *_find_reason_faults(rules, contingency, move),
            *_find_after_faults(rules, contingency, base.get(move.agent), move),
        )
        for reason in reasons:
            yield f"{where}: agent {move.agent}: {reason}."
    moved = {move.agent for move in moves}
    for placement in placements:
        row = rules.operator.agent.get(placement.agent)
        if row is None or placement.agent in moved:
            continue
        lost = rules.explain_loss(row, placement.place, contingency)
        if lost is not None:
            yield f"{where}: agent {placement.agent} stays {_describe(placement)}, but {lost}."
    for reason in _find_isolation_faults(rules, placements, contingency, moves):
        yield f"{where}: {reason}."


def _find_inconsistencies(base: Placement | None, move: Move) -> Iterator[str]:
    """Check that a move starts from the base placement and changes something of the same person."""
    if move.before != base:
        start = _describe(move.before)
        yield f"the move starts {start}, but the base placement is {_describe(base)}"
    if move.after is not None and move.after.agent != move.agent:
        yield f"the move ends with a placement of agent {move.after.agent}"
    if move.after == move.before:
        yield "the move changes nothing"


def _find_reason_faults(rules: DayRules, contingency: Contingency, move: Move) -> Iterator[str]:
    """Check the reason: moves that serve end in a placement; all others end without one."""
    if move.reason not in MOVE_REASONS:
        yield f"the reason {move.reason!r} is not one of {', '.join(MOVE_REASONS)}"
    elif move.reason == "relief" and move.after is None:
        yield "moved to serve (relief) but without a placement"
    elif move.reason == "break":
        if _read_post(move.before) != _read_post(move.after):
            yield "only the break moves (break), but place or programme change"
    elif move.reason != "relief" and move.after is not None:
        yield f"{move.reason}, but placed {_describe(move.after)}"
    if move.reason in ("stranded", "reserve"):
        yield from _find_idle_faults(rules, contingency, move)
    if move.reason == "isolated" and not _is_exposed(contingency, move.before):
        yield "isolated, but was not on a site lost to an exposure"


def _find_idle_faults(rules: DayRules, contingency: Contingency, move: Move) -> Iterator[str]:
    """Check agents left without work: stranded if the place is lost, else in reserve."""
    if move.before is None:
        yield f"{move.reason}, but had no placement"
        return
    agent = rules.operator.agent.get(move.agent)
    lost = (
        agent is not None and rules.explain_loss(agent, move.before.place, contingency) is not None
    )
    if lost != (move.reason == "stranded"):
        state = "lost" if lost else "not lost"
        yield f"{move.reason}, but the place {_describe(move.before)} is {state}"


def _read_post(placement: Placement | None) -> tuple[str, str] | None:
    return None if placement is None else (placement.place, placement.programme)


def _find_after_faults(
    rules: DayRules, contingency: Contingency, base: Placement | None, move: Move
) -> Iterator[str]:
    """Check that a move ends at a lawful place that is not lost; at home after an exposure."""
    if move.after is None:
        return
    for reason in rules.find_placement_faults(move.after):
        yield f"moved {_describe(move.after)}: {reason}"
    agent = rules.operator.agent.get(move.agent)
    lost = None if agent is None else rules.explain_loss(agent, move.after.place, contingency)
    if lost is not None:
        yield f"moved {_describe(move.after)}, but {lost}"
    elif base is not None and _is_exposed(contingency, base) and move.after.place != HOME:
        yield f"exposed on site {base.place}, so home only, but moved {_describe(move.after)}"


def _find_isolation_faults(
    rules: DayRules,
    placements: Sequence[Placement],
    contingency: Contingency,
    moves: Sequence[Move],
) -> Iterator[str]:
    """Of the people exposed on a lost site at least the isolated share is isolated."""
    if not contingency.exposed:
        return
    heads = Counter(placement.place for placement in placements)
    isolated = Counter(
        move.before.place for move in moves if move.reason == "isolated" and move.before is not None
    )
    for site in sorted(contingency.sites):
        least = floor(rules.settings.isolated * heads[site] + SLACK)
        if isolated[site] < least:
            yield (
                f"{isolated[site]} of the {heads[site]} people exposed on site {site} are"
                f" isolated, at least {least} must be"
            )


def _is_exposed(contingency: Contingency, base: Placement | None) -> bool:
    return contingency.exposed and base is not None and base.place in contingency.sites


def _describe(placement: Placement | None) -> str:
    if placement is None:
        return "nowhere"
    where = "at home" if placement.place == HOME else f"on site {placement.place}"
    return f"{where} for {placement.programme}"
