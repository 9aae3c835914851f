"""The relief of a loss on a running day: placements stay as they are, and each move has a price.

From the loss on, agents stay, change programme where they are (at once), or go home or to another
site (after a delay), where enough of the shift is left. Shifts do not change, and breaks only where they would fall
into the way. Only the remaining intervals count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from releve.demand.requirement import INTERVAL, Requirement
from releve.kernels.arrays import Floats, Ints
from releve.network import HOME, Duty, Operator
from releve.network.duties import Away, BreakWindow
from releve.plan.day_fleet import build_day_fleet
from releve.plan.day_runs import time_home_by_stop
from releve.plan.integer_plan import IntegerGoal, IntegerPlan, find_integer_plan, find_routed_plan, reduce_moves
from releve.plan.kits import give_kits
from releve.plan.lp import solve_lp
from releve.plan.named_assignments import (
    HOME_DELAY,
    SITE_DELAY,
    MoveDelays,
    NamedAssignments,
    list_moves,
    list_placements,
    name_relief,
)
from releve.plan.problem import (
    AgentGroup,
    AgentGroups,
    DayProblem,
    Eligibility,
    compute_programme_weights,
    count_planned_seats,
)
from releve.plan.relief import (
    Staff,
    build_relief_program,
    find_available_staff,
    list_kept_breaks,
    price_excess,
    read_columns,
)
from releve.plan.result import Contingency, Move, Placement, Plan, read_agent
from releve.plan.ride_rows import find_ride_rooms
from releve.plan.roster import Pattern, build_pattern, clip_pattern, list_break_patterns, number_patterns, select_duties
from releve.plan.scenario_lp import ProblemLayout, build_layout, sum_by_client, sum_client_requirement
from releve.plan.settings import PlanSettings

CURVE = (0.5, 2.0, 8.0, 32.0)
"""Prices of a move, in agent-intervals of mean penalty, at which the curve is drawn."""


LEAST_WORK = 2 * INTERVAL
"""Work for which people go to another place at least, home too."""


@dataclass(frozen=True)
class AimedRelief:
    """A relief in fractions that holds clients within ``aim``, a share of the rest of its day, where that can be:
    people ``moved``, the ``worst`` client's share missing, and the penalty ``missing`` in total."""

    aim: float
    moved: float
    worst: float
    missing: float


@dataclass(frozen=True)
class IntradayRelief:
    """What to do now, in whole people.

    ``moves`` name who moves where, with the start from which the move is in effect; ``placed``
    counts from the loss on. ``first`` is the penalty of the first answer (no solver),
    ``lp_penalty`` of the fractional relief and ``penalty`` of this one; ``unrelieved`` without
    any move, then ``missing_unrelieved`` shares of each client's requirement are missing,
    ``missing`` with this one. ``curve`` holds (price, people moved, missing agent-intervals), in
    fractions. ``frontier`` has a row for each share of its day that a client may miss.
    """

    moves: tuple[Move, ...]
    placed: Floats
    required: Floats
    penalty: float
    first: float
    lp_penalty: float
    unrelieved: float
    missing: dict[str, float]
    missing_unrelieved: dict[str, float]
    curve: tuple[tuple[float, float, float], ...]
    frontier: tuple[AimedRelief, ...] = ()


@dataclass(frozen=True)
class RunningDay:
    """A running day as a problem from one instant on, built before anything is lost.

    ``stay[j]`` people of an assignment who are there now, ``seating`` by name.
    """

    problem: DayProblem
    layout: ProblemLayout
    stay: Ints
    on_pattern: Ints
    seating: NamedAssignments
    placements: Mapping[str, Placement]


def build_running_day(
    operator: Operator,
    plan: Plan,
    need: Requirement,
    at: datetime,
    settings: PlanSettings,
    *,
    home_delay: timedelta = HOME_DELAY,
    site_delay: timedelta = SITE_DELAY,
    away: Mapping[str, Sequence[Away]] | None = None,
) -> RunningDay:
    """Lay the rest of a running day out from the half hour of ``at``.

    ``away``: when agents are not available, beside what the operator's table says; the plan's placements are
    without these times already.

    ``home_delay`` and ``site_delay`` are how long people take to be at work at home or on another
    site where no run and no journey is known. ValueError when ``at`` is not on the planned day.
    """
    if not plan.starts[0] <= at < plan.starts[-1] + INTERVAL:
        raise ValueError(f"{at.isoformat()} is not on the planned day {plan.day}")
    now = max(start for start in plan.starts if start <= at)
    operator = give_kits(operator, plan.kit_holders)
    delays = MoveDelays(operator, home_delay, site_delay)
    build = _RunningDayBuilder(operator, plan, now, settings, delays, away or {})
    return build.build(need)


class _RunningDayBuilder:
    """Collects groups and assignments of people who are at work or rostered later."""

    def __init__(
        self,
        operator: Operator,
        plan: Plan,
        now: datetime,
        settings: PlanSettings,
        delays: MoveDelays,
        away: Mapping[str, Sequence[Away]],
    ) -> None:
        self._operator = operator
        self._plan = plan
        self._now = now
        self._settings = settings
        self._delays, self._away = delays, away
        self._legality = Eligibility(operator, plan.day, settings)
        self._placed = {row.key: row for row in plan.placements}
        self._fleet = build_day_fleet(operator, plan.day, settings)
        self._ways_home: dict[str, dict[str, timedelta]] = {}
        self._meals: dict[tuple[AgentGroup, Placement | None], tuple[BreakWindow, ...]] = {}

    def build(self, need: Requirement) -> RunningDay:
        groups = self._group_agents()
        sites = tuple(site.id for site in self._operator.sites)
        place_index = {name: i for i, name in enumerate((*sites, HOME))}
        programme_index = {name: i for i, name in enumerate(need.programmes)}
        classes: dict[tuple[Pattern, ...], int] = {}
        rows: list[tuple[int, int, int, float, int, int]] = []
        for g, (key, members) in enumerate(groups.items()):
            for place, name, patterns, here in self._list_options(key):
                c = classes.setdefault(patterns, len(classes))
                people = len(members) if here else 0
                rows.append((g, place_index[place], programme_index[name], 0.0, c, people))
        table = np.array(rows, dtype=np.float64).reshape(-1, 6)
        whole = table.astype(np.int64)
        links, link = np.unique(whole[:, [4, 1, 2]], axis=0, return_inverse=True)
        problem = self._build_problem(need, groups, sites, whole, links, link, classes)
        layout = build_layout(problem)
        return self._build_running_day(problem, layout, groups, whole[:, 5])

    def _group_agents(self) -> dict[tuple[AgentGroup, Placement | None], list[str]]:
        found: dict[tuple[AgentGroup, Placement | None], list[str]] = {}
        duties = select_duties(self._operator, self._plan.day)
        for name in {**duties, **self._placed}:
            placed, agent = self._placed.get(name), self._operator.agent[read_agent(name)]
            patterns = (build_pattern(placed),) if placed else self._list_patterns(duties[name])
            if not patterns or patterns[0].end <= self._now:
                continue
            legal = self._legality.find_pairs(agent)
            at_home = any(place == HOME for place, _ in legal)
            group = AgentGroup(
                agent.home_site,
                agent.skills[0],
                agent.carrier if at_home else "",
                patterns,
                legal,
                self._delays.find_stop(name),
            )
            anonymous = replace(placed, agent="") if placed else None
            found.setdefault((group, anonymous), []).append(name)
            if (group, anonymous) not in self._meals and name in duties:
                periods = self._operator.give_breaks(duties[name]).periods
                self._meals[group, anonymous] = tuple(period.meal for period in periods if period.meal is not None)
        return found

    def _list_patterns(self, duty: Duty) -> tuple[Pattern, ...]:
        """Return the ways to work what absences leave of a duty; none where it is nothing."""
        left = duty.leave_out(self._away.get(duty.agent, ()))
        return () if left is None else list_break_patterns(self._operator.give_breaks(left))

    def _list_options(
        self, key: tuple[AgentGroup, Placement | None]
    ) -> list[tuple[str, str, tuple[Pattern, ...], bool]]:
        """Return (place, programme, patterns from when it works, is where they are now)."""
        group, placed = key
        out = []
        for place, name in sorted(group.legal, key=lambda pair: (pair[1], pair[0])):
            here = placed is not None and (placed.place, placed.programme) == (place, name)
            wait = self._find_delay(group, placed, place)
            if self._lacks_run(group, placed, place, wait):
                continue
            clipped = (
                clip_pattern(pattern, self._now + wait, self._now, self._meals.get(key, ()))
                for pattern in group.patterns
            )
            stays = placed is not None and placed.place == place
            least = timedelta() if stays else self._find_least_work(group, place, wait)
            patterns = tuple(late for late in clipped if late is not None and late.end - late.start >= least)
            if patterns:
                out.append((place, name, patterns, here))
        return out

    def _find_least_work(self, group: AgentGroup, place: str, wait: timedelta) -> timedelta:
        """Return how long people work in another place at least, else they do not go there: those who are at work
        go to no other site for less than the way takes, since the way back is as long."""
        begun = group.patterns[0].start < self._now + wait
        return max(LEAST_WORK, wait) if begun and place != HOME else LEAST_WORK

    def _lacks_run(self, group: AgentGroup, placed: Placement | None, place: str, wait: timedelta) -> bool:
        """Return whether riders would have to change site when their run to work is over, or go to
        another one before a run could bring them."""
        stays = placed is not None and placed.place == place
        if not group.stop or place == HOME or stays:
            return False
        return group.patterns[0].start < self._now + wait

    def _find_delay(self, group: AgentGroup, placed: Placement | None, place: str) -> timedelta:
        """Return how long after now people are at work in a place; they can leave early enough
        for a shift that has not begun."""
        if placed is not None and placed.place == place:
            return timedelta()
        if place != HOME:
            return self._delays.find_site_delay(group.stop, placed, place, self._now)
        if placed is None or not group.stop or placed.place == HOME or placed.start > self._now:
            return self._delays.home
        return self._time_ways_home(placed.place).get(group.stop, self._delays.home)

    def _time_ways_home(self, site: str) -> dict[str, timedelta]:
        """Return how long after now the riders of each stop are at work at home, by the runs that
        would take the whole site home; a stop that one rider cannot be taken to is left out."""
        if site not in self._ways_home and self._fleet is not None:
            self._ways_home[site] = time_home_by_stop(
                self._operator, self._fleet, self._plan.placements, site, self._now
            )
        return self._ways_home.get(site, {})

    def _build_problem(
        self,
        need: Requirement,
        groups: Mapping[tuple[AgentGroup, Placement | None], list[str]],
        sites: tuple[str, ...],
        whole: Ints,
        links: Ints,
        link: Ints,
        classes: dict[tuple[Pattern, ...], int],
    ) -> DayProblem:
        operator = self._operator
        clients = tuple(client.id for client in operator.clients)
        keys = [group for group, _ in groups]
        carriers = tuple(sorted({group.carrier for group in keys} - {""}))
        left = np.array([start >= self._now for start in need.starts])
        capacity = count_planned_seats(operator, self._plan)
        programmes = [operator.programme[name] for name in need.programmes]
        return DayProblem(
            day=self._plan.day,
            sites=sites,
            programmes=need.programmes,
            clients=clients,
            carriers=carriers,
            groups=AgentGroups(tuple(keys), tuple(tuple(members) for members in groups.values())),
            patterns=number_patterns(classes, need.starts),
            size=np.array([len(members) for members in groups.values()], dtype=np.int64),
            carrier=np.array([carriers.index(g.carrier) if g.carrier else -1 for g in keys], dtype=np.int64),
            group=whole[:, 0],
            place=whole[:, 1],
            programme=whole[:, 2],
            price=np.zeros(len(whole)),
            link=link.reshape(-1).astype(np.int64),
            link_class=links[:, 0],
            link_place=links[:, 1],
            link_programme=links[:, 2],
            required=np.where(left[:, None], np.nan_to_num(need.agents), 0.0),
            weight=compute_programme_weights(operator, need),
            efficiency=np.array([row.home_efficiency for row in programmes]),
            seats=np.array([capacity[site] for site in sites], dtype=np.int64),
            client=np.array([clients.index(row.client) for row in programmes], dtype=np.int64),
            cap=np.ones(len(clients)),
            fleet=self._fleet,
            run_since=self._now,
        )

    def _build_running_day(
        self,
        problem: DayProblem,
        layout: ProblemLayout,
        groups: Mapping[tuple[AgentGroup, Placement | None], list[str]],
        stay: Ints,
    ) -> RunningDay:
        slot_of = np.searchsorted(layout.y_link, np.arange(len(problem.link_class)))
        at: dict[str, tuple[int, int]] = {}
        on_pattern = np.zeros(len(layout.y_link), dtype=np.int64)
        members = problem.groups.members
        for j in np.nonzero(stay)[0]:
            slot = int(slot_of[problem.link[j]])
            on_pattern[slot] += stay[j]
            at.update({agent: (int(j), slot) for agent in members[problem.group[j]]})
        seating = NamedAssignments(at)
        return RunningDay(problem, layout, stay, on_pattern, seating, list_placements(problem, layout, seating))


def solve_intraday_relief(
    day: RunningDay,
    contingency: Contingency,
    settings: PlanSettings,
    *,
    curve: bool = True,
    aims: Sequence[float] = (),
    first_answer: Callable[[IntegerPlan], None] = lambda plan: None,
) -> IntradayRelief:
    """Return the relief of a loss on a running day.

    ``aims``: shares that a client may miss, for each of which the frontier has a row.
    ``first_answer`` is called as soon as there is something to act on, before the optimum.
    """
    problem, layout = day.problem, day.layout
    staff = find_available_staff(problem, contingency, day.stay, settings.isolated)
    base = np.zeros(problem.required.shape)
    limit = np.full(len(problem.clients), settings.target)
    want = _build_goal(problem, staff, limit, settings.relief_move_price)
    kept = staff.kept.astype(float)
    if layout.rides is not None:  # whom the plan brings; newcomers wait for the runs
        want = replace(want, rooms=layout.rides.sum_by_row(kept).astype(np.int64))
    patterns = list_kept_breaks(problem, layout, staff, day.on_pattern).astype(float)
    first = find_integer_plan(problem, layout, replace(want, rounds=0), kept, patterns)
    first_answer(first)
    nothing = find_integer_plan(problem, layout, replace(want, sweeps=0, rounds=0), kept, patterns)
    lp, block = build_relief_program(problem, layout, staff, limit, settings.relief_move_price)
    solution = solve_lp(lp, method="simplex")
    people = read_columns(solution.x, block.w)
    if layout.rides is not None:
        want = replace(want, rooms=find_ride_rooms(layout.rides, people))
    best = find_routed_plan(problem, layout, want, people, read_columns(solution.x, block.y))
    best = reduce_moves(problem, layout, want, best, limit, settings.relief_tolerance)
    short = np.zeros_like(base)
    short[layout.cov_t, layout.cov_p] = solution.x[block.u]
    named, isolated = name_relief(problem, layout, day.seating, staff, best.assigned, best.on_pattern)
    lost = frozenset(agent for agent, (j, _) in day.seating.at.items() if staff.lost[j])
    moves = list_moves(day.placements, list_placements(problem, layout, named), isolated, lost)
    return IntradayRelief(
        moves=moves,
        placed=best.placed,
        required=problem.required,
        penalty=best.penalty,
        first=first.penalty,
        lp_penalty=problem.penalty(short),
        unrelieved=nothing.penalty,
        missing=_share_missing(problem, best),
        missing_unrelieved=_share_missing(problem, nothing),
        curve=tuple(_trace_curve(day, staff, limit, CURVE)) if curve else (),
        frontier=tuple(_solve_aim(day, staff, aim, settings.relief_move_price) for aim in aims),
    )


def _solve_aim(day: RunningDay, staff: Staff, aim: float, price: float) -> AimedRelief:
    """Return the relief in fractions that holds every client within a share of the rest of its day."""
    problem, layout = day.problem, day.layout
    lp, block = build_relief_program(problem, layout, staff, np.full(len(problem.clients), aim), price)
    x = solve_lp(lp, method="simplex").x
    short = np.zeros(problem.required.shape)
    short[layout.cov_t, layout.cov_p] = x[block.u]
    worst = (sum_by_client(problem, short) / sum_client_requirement(problem)).max()
    moved = np.maximum(0.0, read_columns(x, block.w) - staff.kept).sum()
    return AimedRelief(aim, float(moved), float(worst), float(problem.penalty(short)))


def _share_missing(problem: DayProblem, plan: IntegerPlan) -> dict[str, float]:
    """Return the share of each client's requirement that a plan does not cover."""
    missing = sum_by_client(problem, problem.required - plan.count_covered(problem))
    shares = missing / sum_client_requirement(problem)
    return dict(zip(problem.clients, shares.tolist(), strict=True))


def _build_goal(problem: DayProblem, staff: Staff, limit: Floats, price: float) -> IntegerGoal:
    return IntegerGoal(
        allowed=~staff.lost,
        price=problem.price,
        stay=staff.kept,
        available=staff.available,
        onsite=staff.onsite,
        limit=limit * sum_client_requirement(problem),
        move_price=np.full(len(problem.group), price),
        excess=price_excess(problem),
        capped=False,
    )


def _trace_curve(
    day: RunningDay, staff: Staff, limit: Floats, prices: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Return (price of a move, people moved, missing agent-intervals) for each price."""
    out = []
    for price in prices:
        lp, block = build_relief_program(day.problem, day.layout, staff, limit, price)
        x = solve_lp(lp, method="simplex").x
        moved = np.maximum(0.0, read_columns(x, block.w) - staff.kept).sum()
        out.append((price, float(moved), float(x[block.u].sum())))
    return out
