"""Plan one day: base placement and the relief of every contingency, in named people, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from releve.demand.tables import Requirement
from releve.network import Operator, SiteSeats, usable_seats_of
from releve.plan.blocks import Layout, layout_of
from releve.plan.cells import cell_of, verdict_of
from releve.plan.checker import check_plan
from releve.plan.contingency import Contingency, contingencies_of
from releve.plan.floors import by_client, client_floors, client_requirement
from releve.plan.legal import open_sites
from releve.plan.lp import Floats
from releve.plan.people import Seating, moves_of, name_people, name_relief, placements_of
from releve.plan.problem import Problem, day_problem
from releve.plan.relief import Relief, relief_of
from releve.plan.result import BASE, SINGLE, Bound, Cell, Placement, Plan, PlannedSite, Scenario
from releve.plan.secure import KIND_WEIGHT, SecurePlan, secure_plan
from releve.plan.settings import PlanSettings
from releve.plan.whole import Whole, WholePlan, whole_plan

__all__ = ["PlanError", "Planning", "Progress", "Watch", "plan_day", "plan_problem"]

Progress = Callable[[str, float], None]
"""Called with a stage and the share of it that is done."""
STRAY_PRICE = 1.0
"""Price of a person beyond the (rounded up) number of the fractional plan: keeps the rounded base
near the plan whose reliefs were proved."""


class PlanError(ValueError):
    """The operator cannot be planned at all; the message says why and what to do."""


@dataclass
class Watch:
    """Seconds per stage, by a clock given from outside (an engine has none of its own)."""

    now: Callable[[], float] = lambda: 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = 0.0

    def start(self) -> None:
        """Start timing."""
        self._since = self.now()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap under a stage."""
        now = self.now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


@dataclass(frozen=True)
class Planning:
    """A solved day before it is written out as a :class:`Plan`; kept for what-if questions."""

    problem: Problem
    layout: Layout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    base: WholePlan
    reliefs: tuple[Relief, ...]


def plan_problem(
    problem: Problem,
    contingencies: Sequence[Contingency],
    settings: PlanSettings,
    progress: Progress = lambda stage, share: None,
    watch: Watch | None = None,
    protect: bool = True,
) -> Planning:
    """Solve a day: floors, the N-1 programme, whole people, and a relief per contingency.

    ``protect`` False plans the base day as if nothing could be lost (for comparison).
    """
    watch = watch or Watch()
    layout = layout_of(problem)
    floors = client_floors(problem, contingencies, lambda d, n: progress("floors", d / n))
    watch.lap("floors")
    steps = _Iterations(progress)
    secure = secure_plan(problem, contingencies if protect else (), floors, settings, steps)
    watch.lap("n-1 programme")
    base = base_in_people(problem, layout, secure)
    watch.lap("whole people")
    reliefs = []
    for i, contingency in enumerate(contingencies):
        reliefs.append(
            relief_of(
                problem,
                layout,
                contingency,
                base,
                floor=floors[1 + i],
                regret=secure.regret.get(contingency.kind, 0.0),
                isolated=settings.isolated,
                move_price=settings.relief_move_price,
            )
        )
        progress("reliefs", (i + 1) / len(contingencies))
    watch.lap("reliefs")
    return Planning(problem, layout, tuple(contingencies), floors, secure, base, tuple(reliefs))


class _Iterations:
    """Turns the solver's log into progress: the logarithm of the gap that is left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._share = 0.0

    def __call__(self, line: str) -> None:
        cells = line.replace("*", " ").split()
        if len(cells) != 7 or not cells[0].isdigit():
            return
        try:
            gap = float(cells[5])
        except ValueError:
            return
        if gap > 0:
            done = min(1.0, max(0.0, (4.0 - float(np.log10(gap))) / 13.0))
            self._share = max(self._share, done)
            self._progress("n-1 programme", self._share)


def base_in_people(problem: Problem, layout: Layout, secure: SecurePlan) -> WholePlan:
    """Return the base plan in whole people, near the fractional plan.

    Each place is priced by what one more person there would cost the reliefs, so that rounding
    does not undo the protection.
    """
    want = Whole(
        allowed=np.ones(len(problem.group), dtype=np.bool_),
        price=problem.price + secure.exposure_price,
        stay=np.ceil(secure.assigned - 1e-6).astype(np.int64),
        available=problem.size,
        onsite=problem.size,
        limit=np.full(len(problem.clients), np.inf),
        move_price=STRAY_PRICE,
    )
    return whole_plan(problem, layout, want, secure.assigned, secure.on_pattern)


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
    """Plan a day and check it.

    ``wish[agent]`` = (place, programme) an agent keeps where it costs nothing. ``now`` is a clock
    for the timings in the result. Raises PlanError when nobody is rostered or nothing is required.
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
    plan = _plan(operator, need, settings, seats, planning, wish or {})
    watch.lap("names")
    found = check_plan(operator, plan, settings, need.aht_s)
    watch.lap("check")
    progress("check", 1.0)
    return replace(plan, violations=found, seconds=watch.seconds, version=version)


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
        verdict_of(client.id, [cell for cell in cells if cell.client == client.id], beyond)
        for client in operator.clients
    )
    usable = open_sites(operator, need.day)
    rostered = [agent for members in problem.groups.members for agent in members]
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
        bound=_bound(planning, cells, settings),
        missing=None,
        violations=(),
        settings={name: getattr(settings, name) for name in settings.__slots__},
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


def _bound(planning: Planning, cells: Sequence[Cell], settings: PlanSettings) -> Bound:
    """Return the proof. Reliefs count in fractions, as in the programme that gives the bound."""
    problem, secure = planning.problem, planning.secure
    weighted = float((problem.required @ problem.weight).sum())
    total = client_requirement(problem)
    short = by_client(problem, problem.required - planning.base.covered(problem))
    regret = {"site": float((short / total - planning.floors[0]).max())}
    reliefs = list(zip(planning.contingencies, planning.reliefs, planning.floors[1:], strict=True))
    for contingency, relief, floor in reliefs:
        if contingency.kind in secure.regret:
            missing = by_client(problem, relief.lp_missing)
            worst = float((missing / total - floor).max())
            regret[contingency.kind] = max(regret.get(contingency.kind, 0.0), worst)
    sites = [r.lp_penalty for c, r, _ in reliefs if c.kind == "site" and "site" in secure.regret]
    unit = settings.regret_weight * weighted / max(1, len(problem.clients))
    objective = (
        planning.base.penalty
        + float(planning.base.assigned @ problem.price)
        + unit * sum(KIND_WEIGHT[kind] * max(0.0, worst) for kind, worst in regret.items())
        + settings.average_weight * sum(sites) / max(1, len(sites))
    )
    difference = max(0.0, objective - secure.objective)
    return Bound(
        status=secure.status,
        objective=objective,
        lower_bound=secure.objective,
        penalty=planning.base.penalty,
        lp_penalty=secure.base_penalty,
        penalty_gap=_ratio(difference, secure.objective),
        requirement_gap=_ratio(difference, weighted),
        worst_regret=max((cell.regret for cell in cells), default=0.0),
        lp_worst_regret=secure.regret.get("site", 0.0),
        rows=secure.rows,
        columns=secure.columns,
        nonzeros=secure.nonzeros,
    )


def _ratio(difference: float, whole: float) -> float:
    if difference <= 1e-9:
        return 0.0
    return difference / whole if whole > 1e-9 else float("nan")
