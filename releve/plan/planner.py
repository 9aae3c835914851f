"""Plan one day: base placement and the relief of every contingency, in named people, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from releve.demand.requirement import Requirement
from releve.errors import Phrase, ReleveError
from releve.network import Operator, SiteSeats, find_site_seats
from releve.plan.causes import find_causes
from releve.plan.checker import check_plan
from releve.plan.day_runs import Planning, solve_problem
from releve.plan.free_week import FreeWeek
from releve.plan.integer_problem import HAIR, Progress, StageTimer
from releve.plan.kits import choose_holders, give_kits, list_kits
from releve.plan.named_assignments import NamedAssignments, list_moves, list_placements, name_people, name_relief
from releve.plan.problem import DayProblem, Presence, build_day_problem, limit_to_measures, list_open_sites
from releve.plan.relief import SolvedRelief
from releve.plan.relief_matrix import build_bound, build_cell, build_verdict
from releve.plan.result import (
    BASE,
    SINGLE,
    Carried,
    Contingency,
    Placement,
    Plan,
    PlannedScenario,
    PlannedSite,
    ReliefCell,
    list_contingencies,
)
from releve.plan.roster import list_free_agents, select_duties
from releve.plan.settings import PlanSettings
from releve.plan.sudden_loss import measure_sudden_losses


class PlanError(ReleveError, ValueError):
    """The operator cannot be planned at all; the message says why and what to do."""


@dataclass(frozen=True)
class SolvedDay:
    """A day solved but not yet given names: what :func:`name_plan` turns into a plan."""

    need: Requirement
    settings: PlanSettings
    seats: Mapping[str, SiteSeats]
    planning: Planning
    seconds: dict[str, float]
    presence: Presence | None = None
    free_week: FreeWeek | None = None
    carried: Carried | None = None


def solve_day(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings | None = None,
    *,
    contingencies: Sequence[Contingency] | None = None,
    seats: Mapping[str, SiteSeats] | None = None,
    progress: Progress = lambda stage, share: None,
    now: Callable[[], float] = lambda: 0.0,
    protect: bool = True,
    presence: Presence | None = None,
    free_week: FreeWeek | None = None,
    carried: Carried | None = None,
) -> SolvedDay:
    """Solve a day. Days between which no duty goes on may be solved side by side.

    Of the agents who work at home with a kit of their site those are counted who hold one in the operator
    (:func:`releve.plan.kits.give_kits`).

    ``now`` is a clock for the timings in the result. ``protect`` False plans as if nothing could
    be lost. ``presence[agent]``: the places where an agent may be while nothing is lost. ``free_week``:
    the days beside which it is planned, where there is no roster. ``carried``
    (:func:`releve.plan.roster.list_carried`): where the plan of the day before has those whose duty
    goes on; None where it is not known. Raises PlanError when no agent is rostered or nothing is
    required.
    """
    settings = settings or PlanSettings()
    watch = StageTimer(now)
    watch.start()
    if contingencies is None:
        contingencies = list_contingencies(operator)
    if operator.vehicles and not operator.shifts:
        raise PlanError(
            Phrase(
                "vehicles bring people to a shift, and the operator has no roster: add the table"
                " shifts, or plan without the table vehicles"
            )
        )
    seats = seats or find_site_seats(operator, need.day)
    watch.lap("usable seats")
    progress("usable seats", 1.0)
    room = count_seats_to_fill(operator, need, seats)
    problem = build_day_problem(operator, need, room, settings, presence, free_week, carried)
    refuse_empty(problem)
    planning = solve_problem(problem, contingencies, settings, progress, watch, protect)
    return SolvedDay(need, settings, seats, planning, watch.seconds, presence, free_week, carried)


def name_plan(
    operator: Operator, solved: SolvedDay, wish: Mapping[str, tuple[str, str]] | None = None, *, version: str = ""
) -> Plan:
    """Give a solved day its names and have it checked.

    ``wish[agent]`` = (place, programme) an agent keeps where it costs nothing.
    """
    plan = _build_plan(operator, solved, wish or {})
    plan = replace(plan, sudden=measure_sudden_losses(operator, plan, solved.settings))
    found = check_plan(operator, plan, solved.settings, solved.need.aht_s, solved.carried)
    return replace(plan, violations=found, version=version)


def plan_day(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings | None = None,
    *,
    contingencies: Sequence[Contingency] | None = None,
    seats: Mapping[str, SiteSeats] | None = None,
    wish: Mapping[str, tuple[str, str]] | None = None,
    progress: Progress = lambda stage, share: None,
    now: Callable[[], float] = lambda: 0.0,
    protect: bool = True,
    carried: Carried | None = None,
    version: str = "",
) -> Plan:
    """Choose who takes a kit home, solve a day, name it and check it: see :func:`solve_day` and :func:`name_plan`."""
    operator = give_kits(operator, choose_holders(operator, [need], settings or PlanSettings(), protect=protect))
    solved = solve_day(
        operator, need, settings, contingencies=contingencies, seats=seats, progress=progress, now=now,
        protect=protect, carried=carried,
    )  # fmt: skip
    return name_plan(operator, solved, wish, version=version)


def refuse_empty(problem: DayProblem) -> None:
    """Raise PlanError when there is no agent, or no requirement, to plan."""
    if not len(problem.size):
        raise PlanError(
            Phrase(
                "no agent is rostered on {0}: no shift of an agent with a legal place is worked"
                " that day; choose a day of the roster or add shifts",
                problem.day.isoformat(),
            )
        )
    if not problem.required.any():
        raise PlanError(
            Phrase(
                "nothing is required on {0}: every programme is closed or without a"
                " forecast; choose an open day or import a history",
                problem.day.isoformat(),
            )
        )


def count_seats_to_fill(operator: Operator, need: Requirement, seats: Mapping[str, SiteSeats]) -> dict[str, int]:
    """Return how many people each site can hold: usable seats, within a measure's most people."""
    return limit_to_measures(operator, need.day, {site: len(found.usable) for site, found in seats.items()})


def _build_plan(operator: Operator, solved: SolvedDay, wish: Mapping[str, tuple[str, str]]) -> Plan:
    need, settings, seats, planning = solved.need, solved.settings, solved.seats, solved.planning
    problem, layout = planning.problem, planning.layout
    base = planning.base
    seating = name_people(problem, layout, base.assigned, base.on_pattern, wish)
    placements = list_placements(problem, layout, seating)
    scenarios = {BASE: PlannedScenario(BASE, base.placed, (), base.penalty, planning.secure.base_penalty)}
    for contingency, relief in zip(planning.contingencies, planning.reliefs, strict=True):
        scenarios[contingency.id] = _build_scenario(planning, seating, placements, contingency, relief)
    cells = _build_cells(planning, need, settings)
    beyond = {c.id for c in planning.contingencies if c.kind not in SINGLE}
    verdicts = tuple(
        build_verdict(
            client.id,
            [cell for cell in cells if cell.client == client.id],
            beyond,
            _list_held_in_fractions(planning, k, settings),
        )
        for k, client in enumerate(operator.clients)
    )
    usable = list_open_sites(operator, need.day)
    rostered = select_duties(operator, need.day) if operator.shifts else list_free_agents(operator, need.day)
    return Plan(
        operator=operator.row.name,
        synthetic=operator.row.synthetic,
        day=need.day,
        time_zone=operator.row.time_zone,
        starts=need.starts,
        clients=tuple((client.id, client.name) for client in operator.clients),
        programmes=tuple(
            (name, operator.programme[name].client, operator.programme[name].name) for name in need.programmes
        ),
        sites=tuple(
            PlannedSite(
                site.id,
                site.name,
                site.destination,
                site.time_zone,
                seats[site.id].seats,
                seats[site.id].usable,
                seats[site.id].bound,
                site.id in usable,
            )
            for site in operator.sites
        ),
        contingencies=planning.contingencies,
        required=need.agents,
        calls=need.calls,
        placements=tuple(placements[key] for key in sorted(placements)),
        reserve=tuple(sorted(key for key in rostered if key not in placements)),
        scenarios=scenarios,
        cells=cells,
        verdicts=verdicts,
        bound=build_bound(planning, cells),
        missing=None,
        violations=(),
        settings=settings.list_values(),
        causes=find_causes(
            operator,
            need,
            settings,
            count_seats_to_fill(operator, need, seats),
            planning.contingencies,
            cells,
            solved.carried,
        ),
        kits=list_kits(operator),
    )


def _list_held_in_fractions(planning: Planning, client: int, settings: PlanSettings) -> frozenset[str]:
    """Return the losses (or the base day) where the fractional plan meets the target."""
    return frozenset(name for name, share in planning.secure.share.items() if share[client] <= settings.target + HAIR)


def _build_scenario(
    planning: Planning,
    seating: NamedAssignments,
    placements: Mapping[str, Placement],
    contingency: Contingency,
    relief: SolvedRelief,
) -> PlannedScenario:
    problem, layout = planning.problem, planning.layout
    after, isolated = name_relief(problem, layout, seating, relief.staff, relief.plan.assigned, relief.plan.on_pattern)
    gone = frozenset(agent for agent, (j, _) in seating.at.items() if relief.staff.lost[j])
    moves = list_moves(placements, list_placements(problem, layout, after), isolated, gone)
    return PlannedScenario(contingency.id, relief.plan.placed, moves, relief.plan.penalty, relief.lp_penalty)


def _build_cells(planning: Planning, need: Requirement, settings: PlanSettings) -> tuple[ReliefCell, ...]:
    placed = [planning.base.placed, *(relief.plan.placed for relief in planning.reliefs)]
    ids = [BASE, *(contingency.id for contingency in planning.contingencies)]
    return tuple(
        build_cell(planning.problem, need, client, name, placed[row], float(planning.floors[row, client]), settings)
        for client in range(len(planning.problem.clients))
        for row, name in enumerate(ids)
    )
