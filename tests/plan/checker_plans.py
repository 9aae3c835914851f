"""An operator with an agent of each kind that matters, and whole plans counted by the oracles' rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from math import floor

import numpy as np

from releve.network import Shuttle, Stop
from releve.plan.checker import check_plan
from releve.plan.result import (
    BASE,
    SINGLE,
    Bound,
    ClientVerdict,
    Contingency,
    Move,
    Placement,
    Plan,
    PlannedScenario,
    PlannedSite,
    ReliefCell,
    list_contingencies,
)
from releve.plan.service_status import Status
from releve.plan.settings import PlanSettings
from tests.plan import oracle_rules as rules
from tests.plan.tiny_operators import Tiny, agent, at, operator_of, programme, requirement_of, shift, site

Moves = Mapping[str, Sequence[Move]]


def put(agent: str, place: str, programme: str, start: str, end: str, rest: tuple[str, str] | None = None) -> Placement:
    """Return a placement from times of the day in Paris."""
    pause = (at(rest[0]), at(rest[1])) if rest else (None, None)
    return Placement(agent, place, programme, at(start), at(end), *pause)


def cut_off(case: Tiny, row: Placement | None, lost: Contingency) -> bool:
    """Return whether a contingency takes the place of a placement away."""
    agent = case.operator.agent.get(row.agent) if row else None
    if row is None:
        return False
    return row.place in lost.sites or (row.place == "home" and agent is not None and agent.carrier in lost.carriers)


def stand_down(case: Tiny, placements: Iterable[Placement], lost: Contingency) -> tuple[Move, ...]:
    """Return the relief that does nothing: who lost a place is isolated or stranded."""
    moves = []
    for row in placements:
        if cut_off(case, row, lost):
            isolated = lost.exposed and row.place in lost.sites
            moves.append(Move(row.agent, row, None, "isolated" if isolated else "stranded"))
    return tuple(moves)


def moves_between(
    case: Tiny, base: Iterable[Placement], relief: Iterable[Placement], lost: Contingency
) -> tuple[Move, ...]:
    """Return what changes from a base plan to a relief; the first idle of a site are isolated."""
    before = {row.agent: row for row in base}
    after = {row.agent: row for row in relief}
    heads = [row.place for row in before.values()]
    due = {s: floor(case.settings.isolated * heads.count(s) + 1e-9) for s in lost.sites}
    moves = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        reason = "relief" if new else "stranded" if cut_off(case, old, lost) else "reserve"
        if not new and old and lost.exposed and due.get(old.place, 0) > 0:
            reason = "isolated"
            due[old.place] -= 1
        if old != new:
            moves.append(Move(name, old, new, reason))
    return tuple(moves)


def plan_of(
    case: Tiny,
    placements: Sequence[Placement],
    moves: Moves | None = None,
    floors: Mapping[tuple[str, str], float] | None = None,
    contingencies: Sequence[Contingency] | None = None,
) -> Plan:
    """Return a plan whose every figure is true of these people.

    ``moves`` by contingency id (a contingency without any stands everyone down); ``floors`` by
    (contingency or base, client), 0 unless given.
    """
    listed = list_contingencies(case.operator) if contingencies is None else tuple(contingencies)
    scenarios, teams = {}, {}
    for lost in (None, *listed):
        name = lost.id if lost else BASE
        done = () if lost is None else tuple((moves or {}).get(name, ())) or None
        if done is None and lost is not None:
            done = stand_down(case, placements, lost)
        moved = {move.agent: move.after for move in done or ()}
        team = [row for row in placements if row.agent not in moved]
        teams[name] = team + [row for row in moved.values() if row is not None]
        placed = rules.placed_by(case, teams[name])
        penalty = rules.penalty_of(case, teams[name])
        scenarios[name] = PlannedScenario(name, placed, done or (), penalty, 0.75 * penalty)
    cells = tuple(
        cell_of(case, client, name, team, (floors or {}).get((name, client), 0.0))
        for client in case.operator.client
        for name, team in teams.items()
    )
    operator = case.operator
    return Plan(
        operator=operator.row.name,
        synthetic=operator.row.synthetic,
        day=case.requirement.day,
        time_zone=operator.row.time_zone,
        starts=case.requirement.starts,
        clients=tuple((row.id, row.name) for row in operator.clients),
        programmes=tuple((row.id, row.client, row.name) for row in operator.programmes),
        sites=planned_sites(case),
        contingencies=tuple(listed),
        required=case.requirement.agents,
        calls=case.requirement.calls,
        placements=tuple(placements),
        reserve=reserve_of(case, placements),
        scenarios=scenarios,
        cells=cells,
        verdicts=tuple(verdict_of(client, cells, listed) for client in operator.client),
        bound=build_bound(case, scenarios[BASE], cells, placements),
        missing=None,
        violations=(),
        settings=asdict(case.settings),
    )


def planned_sites(case: Tiny) -> tuple[PlannedSite, ...]:
    """Return the sites with a largest set of usable seats each."""
    found = []
    for row in case.operator.sites:
        usable = rules.usable_seats(case, row.id)
        seats = [s for s in case.operator.seats if case.operator.site_of_zone[s.zone] == row.id]
        is_open = bool(rules.permitted(case, "site", [row.id]))
        found.append(
            PlannedSite(row.id, row.name, row.destination, row.time_zone, len(seats), usable, len(usable), is_open)
        )
    return tuple(found)


def reserve_of(case: Tiny, placements: Iterable[Placement]) -> tuple[str, ...]:
    placed = {row.agent for row in placements}
    rostered = [row.id for row in case.operator.agents if rules.shift_of(case, row.id)]
    return tuple(name for name in rostered if name not in placed)


def cell_of(case: Tiny, client: str, scenario: str, team: Sequence[Placement], least: float) -> ReliefCell:
    """Return a true cell of the relief matrix."""
    cols = [p for p, row in enumerate(case.operator.programmes) if row.client == client]
    need = case.requirement.agents[:, cols]
    placed = rules.placed_by(case, team)[:, cols]
    shortfall = rules.shortfalls(case, team)[client]
    worst, interval = 1.0, -1
    lost = 0.0
    for t in range(len(need)):
        known = [p for p in range(len(cols)) if not np.isnan(need[t, p])]
        total = sum(need[t, p] for p in known)
        if total > 1e-9:
            share = min(1.0, sum(min(placed[t, p], need[t, p]) for p in known) / total)
            if share < worst or interval < 0:
                worst, interval = float(share), t
            calls = sum(case.requirement.calls[t, cols[p]] for p in known)
            lost += float(calls * (1 - share))
    status = Status(status_of(case, need, shortfall, worst, least))
    regret = max(0.0, shortfall - least)
    return ReliefCell(client, scenario, worst, interval, shortfall, least, regret, lost, status)


def status_of(case: Tiny, need: rules.Floats, shortfall: float, worst: float, least: float) -> str:
    if np.isnan(need).any():
        return "unknown"
    if shortfall <= case.settings.target:
        return "held" if worst >= case.settings.thin else "thin"
    return "contract" if least > case.settings.target else "missed"


def verdict_of(client: str, cells: Iterable[ReliefCell], contingencies: Iterable[Contingency]) -> ClientVerdict:
    """Return the verdict that follows from a client's cells: the losses of a single place."""
    mine = [cell for cell in cells if cell.client == client]
    single = {BASE, *(row.id for row in contingencies if row.kind in SINGLE)}
    counted = [cell for cell in mine if cell.contingency in single]
    by = {
        status: tuple(cell.contingency for cell in counted if cell.status == status)
        for status in ("missed", "thin", "contract", "unknown")
    }
    lost = [cell for cell in counted if cell.contingency != BASE]
    worst = max(lost, key=lambda cell: cell.shortfall).contingency if lost else ""
    bad = bool(by["missed"] or by["unknown"])
    return ClientVerdict(
        client,
        not bad and not by["contract"],
        not bad and bool(by["contract"]),
        worst,
        by["missed"],
        by["thin"],
        by["contract"],
        bool(by["unknown"]),
        tuple(
            cell.contingency
            for cell in mine
            if cell.contingency not in single and cell.status in ("missed", "contract")
        ),
    )


def build_bound(
    case: Tiny, base: PlannedScenario, cells: Iterable[ReliefCell], placements: Iterable[Placement]
) -> Bound:
    """Return the bound of a plan whose fractional form is a quarter below it, losses apart."""
    need = float((np.nan_to_num(case.requirement.agents) * rules.weights(case)).sum())
    kinds = {BASE: "site"}
    regrets = {BASE: 0.0}
    worst: dict[str, float] = {}
    for cell in cells:
        if cell.contingency == BASE:
            regrets[BASE] = max(regrets[BASE], cell.regret)
        kind = kinds.get(cell.contingency, cell.contingency.partition(":")[0])
        worst[kind] = max(worst.get(kind, 0.0), cell.regret)
    unit = case.settings.regret_weight * need / len(case.operator.clients)
    objective = base.penalty + sum_prices(case, placements) + unit * regrets[BASE]
    least = 0.75 * objective
    return Bound(
        status="optimal",
        objective=objective,
        lower_bound=least,
        penalty=base.penalty,
        lp_penalty=base.lp_penalty,
        penalty_gap=(objective - least) / least if least else 0.0,
        requirement_gap=(objective - least) / need if need else 0.0,
        regret=worst,
        lp_regret={},
        rows=1,
        columns=1,
        nonzeros=1,
    )


def sum_prices(case: Tiny, placements: Iterable[Placement]) -> float:
    """Return what the moves of a base plan cost: off the own site, off the main work, at home."""
    steps = 0.0
    for row in placements:
        who = case.operator.agent.get(row.agent)
        if who is not None:
            steps += (row.place != who.home_site) + (row.programme != who.skills[0])
            steps += 0.5 * (row.place == "home")
    return case.settings.move_price * steps


def faults(case: Tiny, plan: Plan) -> tuple[str, ...]:
    """Return what the checker finds in a plan of a case."""
    return check_plan(case.operator, plan, case.settings, case.requirement.aht_s)


def with_operator(case: Tiny, **tables: object) -> Tiny:
    """Return the case with some tables of its operator replaced."""
    return replace(case, operator=replace(case.operator, **tables))  # type: ignore[arg-type]


FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)


def three_sites() -> Tiny:
    """Sites a and b (7 km apart, Morocco) and c (Tunisia); one agent of each kind that matters.

    Client k has p; client l has q (site-only) and r (Morocco only).
    """
    agents = [
        agent("a1", "a", "p", "q", carrier="Red"),
        agent("a2", "a", "p", stop="x"),
        agent("a3", "a", "p", "r"),
        agent("b1", "b", "p", "r", own_transport=True),
        agent("c1", "c", "p", "r", carrier="Blue"),
        agent("c2", "c", "p"),
    ]
    tomorrow = shift("c2", "08:00", "10:00")
    shifts = [shift(name, "08:00", "10:00", 30.0) for name in ("a1", "a2", "a3", "b1")]
    shifts += [
        shift("c1", "08:00", "10:00"),
        replace(tomorrow, start=tomorrow.start + timedelta(days=1), end=tomorrow.end + timedelta(days=1)),
    ]
    operator = operator_of(
        [site("a"), site("b", "MA", 33.55, -7.65), site("c", "TN", 36.8, 10.2)],
        {"a": (3, 2.0), "b": (2, 2.0), "c": (3, 2.0)},
        [
            programme("p", "k", home_efficiency=0.9),
            programme("q", "l", place="site_only"),
            programme("r", "l", allowed_destinations=("MA",)),
        ],
        agents,
        shifts,
        stops=(Stop("x", "X", 33.5, -7.6),),
        shuttles=(Shuttle("x", "c", 60.0), Shuttle("x", "b", 60.5)),
    )
    needs = {("p", "08:00"): 2, ("p", "09:00"): 3, ("q", "08:30"): 1, ("r", "09:30"): 1}
    return Tiny(operator, requirement_of(operator, needs), PlanSettings())


REST = ("09:00", "09:30")
TEAM = {
    row.agent: row
    for row in (
        put("a1", "a", "q", "08:00", "10:00", REST),
        put("a2", "c", "p", "08:00", "10:00", ("08:30", "09:00")),
        put("b1", "b", "r", "08:00", "10:00", REST),
        put("c1", "home", "p", "08:00", "10:00"),
    )
}


def team(*changed: Placement, without: str = "") -> list[Placement]:
    rows = TEAM | {row.agent: row for row in changed}
    return [row for name, row in rows.items() if name != without]


def only(found: Sequence[str], *parts: str) -> None:
    """Assert that there is one sentence and that it holds every part."""
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0]
    assert found[0].endswith(".")


def case_lost(case: Tiny, name: str) -> Contingency:
    return next(row for row in plan_of(case, []).contingencies if row.id == name)


def loss_of(case: Tiny, name: str) -> tuple[Move, ...]:
    return stand_down(case, team(), case_lost(case, name))
