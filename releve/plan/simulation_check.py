"""Check a plan against the queue simulator: promised and simulated service, and the correction.

The requirement comes from Erlang formulas, which treat each half hour alone and every day as an
average day; here the planned day is simulated call by call. Where it misses a target, the
requirement is corrected and the caller plans again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from releve.demand.queue import Verification, correct_requirement, predict_by_erlang, verify
from releve.demand.requirement import Forecast, Requirement
from releve.kernels.arrays import Floats, Truths
from releve.network import Operator
from releve.plan.result import BASE, Plan

HALF_HOUR = 0.5
MIN_CALLS = 5.0
"""Calls of a half hour below which Erlang is not judged: one call more or less is noise."""
ERLANG_TOLERANCE = 0.05
"""Difference of Erlang and simulator, in service level, above which a relief is reported."""


@dataclass(frozen=True)
class SimulatedDay:
    """One simulated scenario of a plan; half hours down to ``tolerance`` below a target hold it."""

    plan: Plan
    scenario: str
    found: Verification
    tolerance: float

    def misses(self) -> Truths:
        """Return which half hours miss: bool[interval, programme]."""
        return self.found.misses(self.tolerance)

    @property
    def badness(self) -> tuple[int, float]:
        """Half hours that miss, and the calls answered late or lost in them: smaller is better."""
        missed = self.misses()
        late = self.found.calls * (1.0 - np.nan_to_num(self.found.service.value, nan=1.0))
        return int(missed.sum()), float(late[missed].sum())


def simulate_plan(
    operator: Operator,
    plan: Plan,
    need: Requirement,
    forecast: Forecast,
    *,
    scenario: str = BASE,
    replications: int = 200,
    tolerance: float = 0.01,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedDay:
    """Simulate the calls of a plan's day, or of its relief for a contingency.

    ``need`` is the requirement that the plan was made for. Volumes and the busyness of days are
    those of the forecast. A relief is simulated as if the loss lasted the whole day.
    """
    found = verify(
        need,
        operator.programmes,
        plan.scenarios[scenario].placed,
        forecast=forecast,
        replications=replications,
        threads=threads,
        progress=progress,
    )
    return SimulatedDay(plan, scenario, found, tolerance)


def tighten_requirement(day: SimulatedDay) -> Requirement | None:
    """Return the requirement that would hold the targets, or None when a higher one cannot help.

    That is the case when no target is missed, and when the half hours that miss have fewer agents
    than required already.
    """
    given = day.found.requirement
    asked = correct_requirement(day.found, tolerance=day.tolerance)
    return asked if (asked.on_phone > given.on_phone).any() else None


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """Service of a client's inbound calls on one day; service levels are means over its calls.

    ``promised`` by Erlang for the agents placed, ``found`` by the simulator. ``missed`` half hours
    (of a programme) below target; of them ``short`` have fewer agents than required.
    ``worst_interval`` is the one farthest below a target (-1 when none misses), ``worst`` its
    service level and ``worst_answered`` its answer rate (1 when none misses).
    ``required_hours`` and ``placed_hours`` are agent hours of all its programmes.
    """

    client: str
    promised: float
    found: float
    missed: int
    short: int
    worst: float
    worst_answered: float
    worst_interval: int
    required_hours: float
    placed_hours: float


def compute_client_figures(day: SimulatedDay) -> tuple[ClientFigures, ...]:
    """Return the figures of each client with inbound calls, in the plan's order."""
    return tuple(_iterate_figures(day))


def _iterate_figures(day: SimulatedDay) -> Iterator[ClientFigures]:
    found, erlang, missed = day.found, predict_by_erlang(day.found), day.misses()
    asked = found.requirement.on_phone
    short = missed & (found.on_phone < np.nan_to_num(asked))
    placed = day.plan.scenarios[day.scenario].placed
    for client, _ in day.plan.clients:
        mine = np.array([row.client == client for row in found.programmes])
        calls = np.where(np.isnan(found.service.value[:, mine]), 0.0, found.calls[:, mine])
        if not calls.sum() > 0.0:
            continue
        at, p = _find_worst(found, missed & mine)
        yield ClientFigures(
            client,
            _average_over_calls(erlang[:, mine], calls),
            _average_over_calls(found.service.value[:, mine], calls),
            int(missed[:, mine].sum()),
            int(short[:, mine].sum()),
            float(found.service.value[at, p]) if at >= 0 else 1.0,
            float(found.answer_rate.value[at, p]) if at >= 0 else 1.0,
            at,
            HALF_HOUR * float(np.nansum(found.requirement.agents[:, mine])),
            HALF_HOUR * float(placed[:, mine].sum()),
        )


def _find_worst(found: Verification, missed: Truths) -> tuple[int, int]:
    """Return the interval and the programme that are farthest below a target; -1 if none misses."""
    if not missed.any():
        return -1, -1
    target = np.array([row.service_target for row in found.programmes])
    least = np.array([row.answer_rate for row in found.programmes])
    gap = np.maximum(target - found.service.value, least - found.answer_rate.value)
    at, p = np.unravel_index(int(np.where(missed, gap, -np.inf).argmax()), missed.shape)
    return int(at), int(p)


def _average_over_calls(level: Floats, calls: Floats) -> float:
    """Return the mean of a level over the calls that are known."""
    return float((np.nan_to_num(level) * calls).sum() / calls.sum())


def group_equal_scenarios(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Group the scenarios with equal placed agents, so that one of each group is simulated."""
    groups: dict[bytes, list[str]] = {}
    for name, scenario in plan.scenarios.items():
        groups.setdefault(scenario.placed.tobytes(), []).append(name)
    return tuple(tuple(names) for names in groups.values())


@dataclass(frozen=True, slots=True)
class ReliefError:
    """Scenarios in which Erlang errs: in how many half hours, and the worst of them.

    The ``scenarios`` all place the same; ``base`` may be among them. ``promised`` and ``found`` are
    the service levels of ``programme`` in ``interval``.
    """

    scenarios: tuple[str, ...]
    half_hours: int
    programme: str
    interval: int
    promised: float
    found: float


def find_relief_error(
    day: SimulatedDay, scenarios: tuple[str, ...], *, by: float = ERLANG_TOLERANCE
) -> ReliefError | None:
    """Return where Erlang errs by more than ``by``, or None.

    ``scenarios`` have the placed agents that were simulated. The near end of the simulator's
    interval has to lie that far away; half hours below :data:`MIN_CALLS` calls do not count.
    """
    found, erlang = day.found, predict_by_erlang(day.found)
    near = np.clip(erlang, found.service.low, found.service.high)
    wrong = np.where(found.calls >= MIN_CALLS, np.nan_to_num(np.abs(near - erlang)), 0.0)
    if not (wrong > by).any():
        return None
    interval, p = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return ReliefError(
        scenarios,
        int((wrong > by).sum()),
        found.programmes[p].id,
        int(interval),
        float(erlang[interval, p]),
        float(found.service.value[interval, p]),
    )
