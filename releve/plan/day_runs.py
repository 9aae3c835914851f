"""Solve one day as arrays, and choose its runs again when a relief changes who rides.

A day is a first list of placements and those of its reliefs, each from an instant on. Vehicles that
left before a relief keep to their runs, but skip agents who no longer work there; from then on the
runs are chosen again for the placements in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from releve.kernels.arrays import Floats
from releve.network import Operator, zone
from releve.plan.day_fleet import list_riders
from releve.plan.integer_plan import IntegerPlan
from releve.plan.integer_problem import IntegerProblem, Progress, StageTimer, round_large_plan
from releve.plan.integer_search import IntegerSearch, solve_fractions
from releve.plan.n1_program import SecurePlan
from releve.plan.named_assignments import SET_UP, round_up
from releve.plan.problem import DayProblem
from releve.plan.relief import SolvedRelief
from releve.plan.result import Contingency, Placement
from releve.plan.scenario_lp import ProblemLayout, build_layout, compute_client_floors
from releve.plan.settings import PlanSettings
from releve.transport import FROM_SITE, TO_SITE, Fleet, Rider, Run, TransportPlan, Wave, route_riders

NEAR_DUTY = timedelta(hours=4)
"""How long before its start or after its end a run still belongs to a duty; two duties are further apart."""
ROUNDS = 5
"""How often agents sent home without a seat are tried on later runs."""


@dataclass(frozen=True, slots=True)
class Ride:
    """One agent's ride: the run, the stop, and when the vehicle is there."""

    run: Run
    stop: str
    at: datetime


@dataclass(frozen=True)
class PlacementsFrom:
    """Who works where from an instant on; the first of a day has no ``since``."""

    since: datetime | None
    placements: tuple[Placement, ...]


@dataclass(frozen=True)
class DayRuns:
    """The runs of a day, and the riders without a seat."""

    fleet: Fleet
    runs: tuple[Run, ...]
    left_behind: tuple[Rider, ...]

    def write_hour(self, run: Run) -> str:
        """Return the time of day at the site when a run is there."""
        site = self.fleet.operator.site[run.wave.site]
        return f"{run.at_site.astimezone(zone(site.time_zone)):%H:%M}"

    def list_rides(self) -> Mapping[tuple[str, str], Ride]:
        """Return each agent's rides, by agent and leg; of several to work the last."""
        found: dict[tuple[str, str], Ride] = {}
        for run in self.runs:
            for stop, at, names in zip(run.stops, run.times, run.agents, strict=True):
                for agent in names:
                    ride = Ride(run, stop, at)
                    held = found.get((agent, run.wave.leg))
                    if held is None or held.at < at:
                        found[agent, run.wave.leg] = ride
        return found


def route_day(operator: Operator, fleet: Fleet, steps: Sequence[PlacementsFrom]) -> DayRuns:
    """Return the runs of a day; ``steps`` in the order of time. Those carried in have the run home in the day
    in which they began, unless a step moves them.

    At each step the runs that have left are kept, without riders who no longer work where they were
    going; a rider boards one run to work. Agents at work in a place that the step takes from them
    are taken home at once, agents on the way when they arrive, in up to ROUNDS waves.
    """
    found, before = TransportPlan((), (), 0, 0, 0), PlacementsFrom(None, ())
    elsewhere = {row for step in steps[:1] for row in step.placements if row.carried}
    spans: dict[str, tuple[datetime, datetime]] = {}
    for row in (row for step in steps for row in step.placements):
        first, last = spans.get(row.key, (row.start, row.end))
        spans[row.key] = min(first, row.start), max(last, row.end)

    def is_brought(row: Placement, rider: Rider) -> bool:
        first, last = spans[row.key]
        runs = brought.get((rider.agent, rider.wave.leg), ())
        return any(first - NEAR_DUTY <= at <= last + NEAR_DUTY for at in runs)

    for step in steps:
        if step.placements == before.placements:
            continue
        since = step.since
        held = () if since is None else _keep_runs(found.runs, step, since)
        brought: dict[tuple[str, str], list[datetime]] = {}
        for run in held:
            for agent in (agent for names in run.agents for agent in names):
                brought.setdefault((agent, run.wave.leg), []).append(run.wave.at)
        riders = [
            rider
            for row in step.placements
            if row not in elsewhere
            for rider in list_riders(operator, (row,))
            if not is_brought(row, rider) and (since is None or rider.wave.at >= since)
        ]
        sent = [] if since is None else _list_sent_home(operator, before, step, since, held)
        sent = [
            rider
            for rider in sent
            if not any(abs(rider.wave.at - at) < 2 * NEAR_DUTY for at in brought.get((rider.agent, FROM_SITE), ()))
        ]
        again = _route_with_sent(replace(fleet, since=since), riders, sent, held)
        ordered = sorted(
            (*held, *again.runs), key=lambda run: (run.wave.at, run.wave.leg == TO_SITE, run.wave, run.times)
        )
        runs = tuple(replace(run, id=f"r{n:04d}") for n, run in enumerate(ordered, 1))
        found, before = replace(again, runs=runs), step
    return DayRuns(fleet, found.runs, found.left_behind)


def time_home_by_stop(
    operator: Operator, fleet: Fleet, placements: Iterable[Placement], site: str, at: datetime
) -> dict[str, timedelta]:
    """Return how long after ``at`` the riders of a site work at home, by stop, in whole half hours.

    Of several runs to a stop the last counts; SET_UP passes from the stop to the first call. A stop
    with a rider that no run takes home is left out.
    """
    here = [row for row in placements if row.place == site and row.is_present(at)]
    riders = {one.agent: one.stop for one in list_riders(operator, here)}
    ways = time_ways_home(operator, fleet, here, site, at)
    found: dict[str, timedelta] = {}
    for agent, stop in riders.items():
        if agent in ways:
            wait = round_up(ways[agent] + SET_UP - at)
            found[stop] = max(found.get(stop, timedelta()), wait)
    left = {stop for agent, stop in riders.items() if agent not in ways}
    return {stop: wait for stop, wait in found.items() if stop not in left}


def time_ways_home(
    operator: Operator, fleet: Fleet, placements: Iterable[Placement], site: str, at: datetime
) -> dict[str, datetime]:
    """Return when each rider who is at work on a site is back at the stop, were it left at ``at``.

    Every vehicle that serves the site counts as free from then on. Riders whom no run takes home
    are left out.
    """
    here = [row for row in placements if row.place == site and row.is_present(at)]
    sent = [
        replace(rider, wave=replace(rider.wave, at=at))
        for rider in list_riders(operator, here)
        if rider.wave.leg == FROM_SITE
    ]
    found = _route_with_sent(replace(fleet, since=at), (), sent, ()) if sent else None
    return {
        agent: when
        for run in (found.runs if found is not None else ())
        for when, names in zip(run.times, run.agents, strict=True)
        for agent in names
    }


def _list_working(step: PlacementsFrom, since: datetime) -> set[tuple[str, str]]:
    """Return each agent with the place where they work after an instant."""
    return {(row.agent, row.place) for row in step.placements if row.end > since}


def _keep_runs(runs: Iterable[Run], step: PlacementsFrom, since: datetime) -> tuple[Run, ...]:
    """Return the runs that left before, without riders who have not boarded yet and will not work
    at the site; a vehicle with no rider left turns back."""
    working, kept = _list_working(step, since), []
    for run in (run for run in runs if run.busy_from < since):
        home, calls = run.wave.leg == FROM_SITE, []
        for stop, at, names in zip(run.stops, run.times, run.agents, strict=True):
            riders = tuple(agent for agent in names if home or at < since or (agent, run.wave.site) in working)
            if riders:
                calls.append((stop, at, riders))
        if calls:
            stops, times, agents = zip(*calls, strict=True)
            kept.append(replace(run, stops=stops, times=times, agents=agents))
    return tuple(kept)


def _list_sent_home(
    operator: Operator, before: PlacementsFrom, step: PlacementsFrom, since: datetime, held: Sequence[Run]
) -> list[Rider]:
    """Return the riders who are at work on a site, or on their way to it, and work there no
    longer."""
    after = _list_working(step, since)
    stay = {(row.key, row.place) for row in step.placements if row.end > since}
    left = [row for row in before.placements if row.is_present(since) and (row.key, row.place) not in stay]
    at_work = [
        replace(rider, wave=replace(rider.wave, at=since))
        for rider in list_riders(operator, left)
        if rider.wave.leg == FROM_SITE
    ]
    known = {rider.agent for rider in at_work}
    return at_work + [
        Rider(agent, stop, Wave(run.wave.site, FROM_SITE, run.at_site))
        for run in held
        if run.wave.leg == TO_SITE and run.at_site >= since
        for stop, names in zip(run.stops, run.agents, strict=True)
        for agent in names
        if (agent, run.wave.site) not in after and agent not in known
    ]


def _route_with_sent(
    fleet: Fleet, riders: Sequence[Rider], sent: Sequence[Rider], held: Sequence[Run]
) -> TransportPlan:
    """Return the runs of riders; agents sent home without a seat are tried on later runs."""
    for _ in range(ROUNDS):
        found = route_riders(fleet, (*riders, *sent), held)
        left = {rider.agent for rider in found.left_behind} & {rider.agent for rider in sent}
        if not left:
            break
        later = timedelta(minutes=fleet.settings.earliest_minutes)
        sent = [
            replace(rider, wave=replace(rider.wave, at=rider.wave.at + later)) if rider.agent in left else rider
            for rider in sent
        ]
    return found


@dataclass(frozen=True)
class Planning:
    """A solved day before it is written out as a :class:`Plan`; kept for what-if questions."""

    problem: DayProblem
    layout: ProblemLayout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    base: IntegerPlan
    objective: float
    reliefs: tuple[SolvedRelief, ...]


def solve_problem(
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    settings: PlanSettings,
    progress: Progress = lambda stage, share: None,
    watch: StageTimer | None = None,
    protect: bool = True,
    proved: bool = True,
) -> Planning:
    """Solve a day: floors, the N-1 programme, whole people, and a relief per contingency.

    ``protect`` False plans the base day as if nothing could be lost (for comparison). ``proved``
    False leaves the objective of a large operator out (NaN), where it changes nothing in the plan.
    """
    watch = watch or StageTimer()
    layout = build_layout(problem)
    floors = compute_client_floors(problem, contingencies, lambda d, n: progress("floors", d / n))
    watch.lap("floors")
    secure, guides = solve_fractions(problem, layout, contingencies if protect else (), floors, settings, progress)
    watch.lap("n-1 programme")
    case = IntegerProblem(problem, layout, tuple(contingencies), floors, secure, settings)
    if guides:
        base, objective, reliefs = IntegerSearch(case).find_best(guides, progress, watch, proved)
    else:
        base, objective, reliefs = round_large_plan(case, progress, watch, proved)
    return Planning(problem, layout, tuple(contingencies), floors, secure, base, objective, reliefs)
