"""From fractional people to whole people: round, then improve person by person.

A linear plan is rounded group by group (largest remainder) and its breaks link by link; the kernel
then moves single people as long as that lowers the cost. Rules that rounding broke (a seat, a share
of a site) cost more than anything, so the same moves mend them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from releve.kernels.arrays import Floats, Ints, Truths
from releve.plan.local_search import EXCHANGED, KernelProblem, KernelState, exchange_people, improve_state
from releve.plan.lp import CutTable, build_empty_cut_table
from releve.plan.problem import DayProblem
from releve.plan.ride_rows import find_served_rooms
from releve.plan.rounding import fill_patterns, round_groups
from releve.plan.scenario_lp import ProblemLayout, sum_by_client, sum_client_requirement

SEED = 20200320
ROUTED_TRIES = 8
"""Times that a plan is improved again because its runs leave riders behind."""


@dataclass(frozen=True)
class IntegerGoal:
    """Limits and prices for placing whole people.

    ``allowed[j]``; ``price[j]``; ``stay[j]`` people expected there, each above them costs
    ``move_price[j]``; ``available[g]`` people who can work, ``onsite[g]`` of them on a site;
    ``limit[client]`` missing agent-intervals above which ``excess[client]`` is paid for each;
    ``cuts`` the cost of reliefs [none]; ``rounds`` of exchanges tried per person, which may cost up
    to ``threshold`` at first, drawn by ``seed``; ``sweeps`` of single moves at most; ``rooms``
    riders of each ride row at most, None where no vehicle is needed; ``keep[i]`` people expected on
    the pattern of slot i, each above them costs ``break_price`` (None: none are expected, at no cost).
    """

    allowed: Truths
    price: Floats
    stay: Ints
    available: Ints
    onsite: Ints
    limit: Floats
    excess: Floats
    move_price: Floats
    capped: bool = True
    cuts: CutTable | None = None
    rounds: int = 2
    threshold: float = 0.0
    seed: int = SEED
    sweeps: int = 200
    rooms: Ints | None = None
    keep: Ints | None = None
    break_price: float = 0.0


@dataclass(frozen=True)
class IntegerPlan:
    """``assigned[j]`` and ``on_pattern[i]`` whole people; ``placed[t, p]``; ``penalty`` weighted
    missing agent-intervals; ``missing[client]``; ``broken`` rules still broken (0 when it is a
    plan)."""

    assigned: Ints
    on_pattern: Ints
    placed: Floats
    penalty: float
    missing: Floats
    broken: int

    def count_covered(self, problem: DayProblem) -> Floats:
        """Return what of the requirement is covered, [interval, programme]."""
        return np.minimum(self.placed, problem.required)


def build_kernel_problem(problem: DayProblem, layout: ProblemLayout, want: IntegerGoal) -> KernelProblem:
    """Return the kernel's view of a problem: in arrays of one layout, which it is compiled for."""
    pointer = np.searchsorted(problem.group, np.arange(len(problem.size) + 1))
    link_pointer = np.searchsorted(layout.y_link, np.arange(len(problem.link_class) + 1))
    worked = problem.patterns.worked
    busy = (problem.patterns.present > 0) | (worked > 0)
    at_home = problem.place == problem.home
    cuts = want.cuts or build_empty_cut_table(problem)
    cap = np.ones(len(problem.clients))
    if want.capped:
        cap[layout.clients_capped] = problem.cap[layout.clients_capped]
    found = KernelProblem(
        pointer=pointer.astype(np.int64),
        group=problem.group,
        place=problem.place,
        programme=problem.programme,
        link=problem.link,
        effect=np.where(at_home, problem.efficiency[problem.programme], 1.0),
        price=want.price.astype(np.float64),
        stay=want.stay.astype(np.int64),
        allowed=want.allowed.astype(np.bool_),
        link_pointer=link_pointer.astype(np.int64),
        link_patterns=layout.y_pattern,
        worked=worked,
        present=problem.patterns.present,
        first=busy.argmax(axis=1).astype(np.int64),
        last=(busy.shape[1] - busy[:, ::-1].argmax(axis=1)).astype(np.int64),
        required=problem.required,
        weight=problem.weight,
        client=problem.client,
        limit=want.limit.astype(np.float64),
        seats=problem.seats.astype(np.int64),
        cap=cap,
        available=want.available.astype(np.int64),
        onsite=want.onsite.astype(np.int64),
        move_price=want.move_price.astype(np.float64),
        excess=want.excess.astype(np.float64),
        loss_pointer=cuts.loss_pointer,
        losses=cuts.losses,
        slope=cuts.slope,
        ride_row=np.full(len(problem.group), -1) if layout.rides is None else layout.rides.row,
        ride_room=np.zeros(1, np.int64) if want.rooms is None else want.rooms.astype(np.int64),
        counted=problem.counted.astype(np.int64),
        keep=np.zeros(len(layout.y_link), np.int64) if want.keep is None else want.keep.astype(np.int64),
        break_price=np.array([0.0 if want.keep is None else want.break_price]),
    )
    return KernelProblem._make(map(np.ascontiguousarray, found))


def build_empty_state(problem: DayProblem, layout: ProblemLayout, cuts: CutTable | None = None) -> KernelState:
    """Return the state in which everyone is in reserve."""
    return KernelState(
        w=np.zeros(len(problem.group), np.int64),
        y=np.zeros(len(layout.y_link), np.int64),
        placed=np.zeros(problem.required.shape),
        seated=np.zeros((problem.required.shape[0], len(problem.sites) + 1), np.int64),
        heads=np.zeros((len(problem.sites) + 1, len(problem.clients)), np.int64),
        missing=sum_by_client(problem, problem.required),
        relief=(cuts or build_empty_cut_table(problem)).constant.copy(),
        riders=np.zeros(1 if layout.rides is None else len(layout.rides.stop), np.int64),
        strayed=np.zeros(1, np.int64),
    )


def find_integer_plan(
    problem: DayProblem, layout: ProblemLayout, want: IntegerGoal, assigned: Floats, on_pattern: Floats
) -> IntegerPlan:
    """Return a plan in whole people near a fractional one (``assigned[j]``, ``on_pattern[i]``)."""
    fixed = build_kernel_problem(problem, layout, want)
    state = build_empty_state(problem, layout, want.cuts)
    start = round_groups(fixed, assigned)
    by_link = np.argsort(problem.link, kind="stable")
    link_first = np.searchsorted(problem.link[by_link], np.arange(len(problem.link_class) + 1))
    fill_patterns(fixed, state, start, by_link, link_first, on_pattern)
    improve_state(fixed, state, want.sweeps)
    if state.w.any() and want.rounds:
        order = np.argsort(fixed.programme, kind="stable")
        pointer = np.searchsorted(fixed.programme[order], np.arange(len(problem.programmes) + 1))
        exchange_people(
            fixed,
            state,
            order,
            pointer,
            want.rounds * int(state.w.sum()),
            want.seed,
            want.threshold,
            np.empty(EXCHANGED, np.int64),
        )
        improve_state(fixed, state, want.sweeps)
    return _read_integer_plan(problem, fixed, state)


def find_routed_plan(
    problem: DayProblem, layout: ProblemLayout, want: IntegerGoal, assigned: Floats, on_pattern: Floats
) -> IntegerPlan:
    """Return a plan as :func:`find_integer_plan` does, with a seat for every rider."""
    plan = find_integer_plan(problem, layout, want, assigned, on_pattern)
    return settle_rides(problem, layout, want, plan)


def settle_rides(problem: DayProblem, layout: ProblemLayout, want: IntegerGoal, plan: IntegerPlan) -> IntegerPlan:
    """Return a plan near a given one, with a seat for every rider.

    Rooms come from runs chosen for other riders. Where runs chosen for these leave some behind,
    their ride rows lose that room and the plan is improved again; after :data:`ROUTED_TRIES` no
    agent rides.
    """
    rides, rooms = layout.rides, want.rooms
    if rides is None or rooms is None:
        return plan
    for turn in range(ROUTED_TRIES):
        riders, served = find_served_rooms(rides, plan.assigned)
        if (served >= riders).all():
            return plan
        kept = np.minimum(rooms, riders) if turn else rooms
        least = served if turn < ROUTED_TRIES // 2 else np.zeros_like(served)
        rooms = np.where(served < riders, least, kept)
        plan = _improve_within(problem, layout, replace(want, rooms=rooms), plan)
    return _improve_within(problem, layout, replace(want, rooms=np.zeros_like(rooms)), plan)


FEWER = 4.0
"""How many times dearer a move, and a miss beyond the tolerance, is where a relief is to move fewer people."""


def reduce_moves(
    problem: DayProblem, layout: ProblemLayout, want: IntegerGoal, plan: IntegerPlan, limit: Floats, tolerance: float
) -> IntegerPlan:
    """Return a relief that moves fewer people than a given one and covers nearly as much; else that one.

    No client misses more than ``tolerance`` of its day above what the given relief leaves missing, nor more
    than ``limit[client]`` of its day unless it did. Rooms in vehicles stay those of the goal.
    """
    if tolerance <= 0.0:
        return plan
    total = sum_client_requirement(problem)
    most = np.maximum(plan.missing, np.minimum(plan.missing + tolerance * total, limit * total))
    dear = replace(
        want, limit=most, move_price=want.move_price * FEWER,
        excess=want.excess * FEWER, threshold=0.0,
    )  # fmt: skip
    start, breaks = plan.assigned.astype(float), plan.on_pattern.astype(float)
    fewer = find_routed_plan(problem, layout, dear, start, breaks)
    holds = fewer.broken <= plan.broken and bool((fewer.missing <= most + 1e-6).all())
    moved = [np.maximum(0, one.assigned - want.stay).sum() for one in (plan, fewer)]
    return fewer if holds and moved[1] <= moved[0] else plan


def _improve_within(problem: DayProblem, layout: ProblemLayout, want: IntegerGoal, plan: IntegerPlan) -> IntegerPlan:
    """Return the plan nearest to one that keeps to the rooms of a goal."""
    start, breaks = plan.assigned.astype(float), plan.on_pattern.astype(float)
    return find_integer_plan(problem, layout, replace(want, rounds=0), start, breaks)


def _read_integer_plan(problem: DayProblem, fixed: KernelProblem, state: KernelState) -> IntegerPlan:
    short = np.maximum(0.0, problem.required - state.placed)
    over = np.maximum(0, state.seated[:, :-1] - fixed.seats).sum()
    totals = state.heads.sum(axis=0)
    share = np.ceil(fixed.cap * totals - 1e-9)
    if fixed.ride_row.max(initial=-1) >= 0:
        over += np.maximum(0, state.riders - fixed.ride_room).sum()
    over += np.maximum(0, state.heads[:-1] - np.where(fixed.cap < 1, share, totals)).sum()
    return IntegerPlan(
        assigned=state.w,
        on_pattern=state.y,
        placed=state.placed,
        penalty=problem.penalty(short),
        missing=sum_by_client(problem, short),
        broken=int(over),
    )
