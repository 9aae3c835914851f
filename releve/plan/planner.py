"""Plan one day: base placement and the relief of every contingency, in named people, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from releve.demand.tables import Requirement
from releve.network import Operator, SiteSeats, usable_seats_of
from releve.plan.checker import check_plan
from releve.plan.contingency import Contingency, contingencies_of
from releve.plan.eligibility import open_sites
from releve.plan.named_assignments import Seating, moves_of, name_people, name_relief, placements_of
from releve.plan.problem import Problem, day_problem
from releve.plan.progress import Progress, Watch
from releve.plan.proof import bound_of
from releve.plan.relief import Relief
from releve.plan.relief_matrix import cell_of, verdict_of
from releve.plan.result import BASE, SINGLE, Cell, Placement, Plan, PlannedSite, Scenario
from releve.plan.roster import shifts_of_day
from releve.plan.settings import PlanSettings
from releve.plan.solve import Planning, plan_problem

__all__ = ["PlanError", "SolvedDay", "named_plan", "plan_day", "solve_day"]


HAIR = 1e-6
"""Of a share: less is the solver's noise."""


class PlanError(ValueError):
    """The operator cannot be planned at all; the message says why and what to do."""


@dataclass(frozen=True)
class SolvedDay:
    """A day solved but not yet given names: what :func:`named_plan` turns into a plan."""

    need: Requirement
    settings: PlanSettings
    seats: Mapping[str, SiteSeats]
    planning: Planning
    seconds: dict[str, float]


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
) -> SolvedDay:
    """Solve a day. Days do not depend on each other, so they may be solved side by side.

    ``now`` is a clock for the timings in the result. ``protect`` False plans as if nothing could
    be lost. Raises PlanError when nobody is rostered or nothing is required.
    """
    settings = settings or PlanSettings()
    watch = Watch(now)
    watch.start()
    if contingencies is None:
        contingencies = contingencies_of(operator)
    seats = seats or usable_seats_of(operator, need.day)
    watch.lap("usable seats")
    progress("usable seats", 1.0)
    problem = day_problem(operator, need, seats_to_fill(operator, need, seats), settings)
    refuse_empty(problem)
    planning = plan_problem(problem, contingencies, settings, progress, watch, protect)
    return SolvedDay(need, settings, seats, planning, watch.seconds)


def named_plan(
    operator: Operator,
    solved: SolvedDay,
    wish: Mapping[str, tuple[str, str]] | None = None,
    *,
    version: str = "",
) -> Plan:
    """Give a solved day its names and have it checked.

    ``wish[agent]`` = (place, programme) an agent keeps where it costs nothing.
    """
    plan = _plan(operator, solved.need, solved.settings, solved.seats, solved.planning, wish or {})
    found = check_plan(operator, plan, solved.settings, solved.need.aht_s)
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
    version: str = "",
) -> Plan:
    """Solve a day, name it and check it: see :func:`solve_day` and :func:`named_plan`."""
    solved = solve_day(
        operator, need, settings, contingencies=contingencies, seats=seats, progress=progress,
        now=now, protect=protect,
    )  # fmt: skip
    return named_plan(operator, solved, wish, version=version)


def refuse_empty(problem: Problem) -> None:
    """Raise PlanError when there is nobody or nothing to plan."""
    if not len(problem.size):
        raise PlanError(
            f"nobody is rostered on {problem.day}: no shift of an agent with a legal place starts"
            " that day; choose a day of the roster or add shifts"
        )
    if not problem.required.any():
        raise PlanError(
            f"nothing is required on {problem.day}: every programme is closed or without a"
            " forecast; choose an open day or import a history"
        )


def seats_to_fill(
    operator: Operator, need: Requirement, seats: Mapping[str, SiteSeats]
) -> dict[str, int]:
    """Return how many people each site can hold: usable seats, within a measure's most people."""
    out = {site: len(found.usable) for site, found in seats.items()}
    for row in operator.measures:
        if row.kind == "max_people" and row.valid_from <= need.day <= row.valid_to:
            out[row.site] = min(out[row.site], int(row.value))
    return out


def _plan(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings,
    seats: Mapping[str, SiteSeats],
    planning: Planning,
    wish: Mapping[str, tuple[str, str]],
) -> Plan:
    problem, layout = planning.problem, planning.layout
    base = planning.base
    seating = name_people(problem, layout, base.assigned, base.on_pattern, wish)
    placements = placements_of(problem, layout, seating)
    scenarios = {BASE: Scenario(BASE, base.placed, (), base.penalty, planning.secure.base_penalty)}
    for contingency, relief in zip(planning.contingencies, planning.reliefs, strict=True):
        scenarios[contingency.id] = _scenario(planning, seating, placements, contingency, relief)
    cells = _cells(planning, need, settings)
    beyond = {c.id for c in planning.contingencies if c.kind not in SINGLE}
    verdicts = tuple(
        verdict_of(
            client.id,
            [cell for cell in cells if cell.client == client.id],
            beyond,
            _held_in_fractions(planning, k, settings),
        )
        for k, client in enumerate(operator.clients)
    )
    usable = open_sites(operator, need.day)
    rostered = shifts_of_day(operator, need.day) if operator.shifts else operator.agent
    return Plan(
        operator=operator.row.name,
        synthetic=operator.row.synthetic,
        day=need.day,
        time_zone=operator.row.time_zone,
        starts=need.starts,
        clients=tuple((client.id, client.name) for client in operator.clients),
        programmes=tuple(
            (name, operator.programme[name].client, operator.programme[name].name)
            for name in need.programmes
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
        placements=tuple(placements[agent] for agent in sorted(placements)),
        reserve=tuple(sorted(agent for agent in rostered if agent not in placements)),
        scenarios=scenarios,
        cells=cells,
        verdicts=verdicts,
        bound=bound_of(planning, cells),
        missing=None,
        violations=(),
        settings={name: getattr(settings, name) for name in settings.__slots__},
    )


def _held_in_fractions(planning: Planning, client: int, settings: PlanSettings) -> frozenset[str]:
    """Return the losses (or the base day) under which the fractional plan meets the target."""
    return frozenset(
        name
        for name, share in planning.secure.share.items()
        if share[client] <= settings.target + HAIR
    )


def _scenario(
    planning: Planning,
    seating: Seating,
    placements: Mapping[str, Placement],
    contingency: Contingency,
    relief: Relief,
) -> Scenario:
    problem, layout = planning.problem, planning.layout
    after, isolated = name_relief(
        problem, layout, seating, relief.staff, relief.plan.assigned, relief.plan.on_pattern
    )
    gone = frozenset(agent for agent, (j, _) in seating.at.items() if relief.staff.lost[j])
    moves = moves_of(placements, placements_of(problem, layout, after), isolated, gone)
    return Scenario(
        contingency.id, relief.plan.placed, moves, relief.plan.penalty, relief.lp_penalty
    )


def _cells(planning: Planning, need: Requirement, settings: PlanSettings) -> tuple[Cell, ...]:
    placed = [planning.base.placed, *(relief.plan.placed for relief in planning.reliefs)]
    ids = [BASE, *(contingency.id for contingency in planning.contingencies)]
    return tuple(
        cell_of(
            planning.problem, need, client, name, placed[row],
            float(planning.floors[row, client]), settings,
        )
        for client in range(len(planning.problem.clients))
        for row, name in enumerate(ids)
    )  # fmt: skip
