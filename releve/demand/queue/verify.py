"""Simulate a plan's day: which half hours miss, and what the requirement should have been.

The stationary formulas take each half hour alone. With long calls a falling day meets the calls of
the half hour before, and misses by many points (Green, Kolesar & Whitt 2007,
doi:10.1111/j.1937-5956.2007.tb00164.x). A half hour that misses behaves as if it got more calls:
these *effective calls* are the volume for which Erlang gives the simulated figure with the same
agents, and the agents for that volume are the new requirement.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.demand.erlang import metrics, required_agents
from releve.demand.queue.model import Centre, CentreSpec, Distribution
from releve.demand.queue.prepare import QueueEstimate, QueueOutcome, simulate
from releve.demand.requirement import INTERVAL_S, Forecast, Requirement
from releve.kernels.arrays import Floats, Ints, Truths, fit
from releve.network import Programme
from releve.network.history_grid import FINE_DECIMALS, round_to_grid

PART = 1e-9
"""An agent present for all but this share counts as present."""


@dataclass(frozen=True)
class Teams:
    """Groups that answer several programmes; ranks ``[programme, group]`` as in
    :class:`releve.demand.queue.Centre`, the programmes those of the requirement, in its order;
    ``shrinkage`` the share of rostered time not available, per group."""

    names: tuple[str, ...]
    call_rank: Ints
    agent_rank: Ints
    shrinkage: tuple[float, ...]


@dataclass(frozen=True)
class Verification:
    """What a day's calls meet. Axes ``[interval, programme]`` of the requirement, or
    ``[programme]`` for the whole day; NaN where the volume is not known, where a programme takes
    no calls (closed, or not inbound) the service level and answer rate are 1 and the wait 0.

    ``calls`` are the volumes simulated (0 where not known, and of what does not queue) and
    ``aht_s`` their handling time.
    ``service`` by each programme's own definition and threshold; ``wait_s`` the mean over those
    answered and those who hung up. ``on_phone`` the whole agents that answered each programme, NaN
    where groups answer several. ``low`` and ``high`` of the estimates at ``confidence``.
    """

    requirement: Requirement
    programmes: tuple[Programme, ...]
    calls: Floats
    aht_s: Floats
    on_phone: Floats
    service: QueueEstimate
    answer_rate: QueueEstimate
    wait_s: QueueEstimate
    day_service: QueueEstimate
    day_answer_rate: QueueEstimate
    day_wait_s: QueueEstimate
    confidence: float
    outcome: QueueOutcome

    def misses(self, tolerance: float = 0.0) -> Truths:
        """Return where the service level or the answer rate is below its target by more than
        ``tolerance``."""
        return self._below(self.service.value + tolerance, self.answer_rate.value + tolerance)

    def surely_misses(self) -> Truths:
        """Return where even the top of the interval is below the target."""
        return self._below(self.service.high, self.answer_rate.high)

    def _below(self, service: Floats, answered: Floats) -> Truths:
        target = np.array([row.service_target for row in self.programmes])
        least = np.array([row.answer_rate for row in self.programmes])
        return np.asarray((service < target) | (answered < least))


@dataclass(frozen=True)
class _Day:
    """What is simulated: ``[interval, programme]`` without unknowns, and where they were."""

    calls: Floats
    aht_s: Floats
    unknown: Truths
    day_factor_cv: Floats


def verify(
    requirement: Requirement,
    programmes: Sequence[Programme],
    coverage: ArrayLike,
    *,
    forecast: Forecast | None = None,
    teams: Teams | None = None,
    service: Distribution | Sequence[Distribution] = Distribution("lognormal", 1.0),  # noqa: B008  frozen
    patience: Distribution | Sequence[Distribution] = Distribution(),  # noqa: B008
    replications: int = 200,
    seed: int = 0,
    threads: int = 1,
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Simulate the day of a requirement with the agents a plan gives.

    ``coverage[interval, programme]`` rostered agents, as ``requirement.agents``; with ``teams``
    ``[interval, group]``. On the phone are the whole ones of coverage x (1 - shrinkage). With a
    ``forecast`` the volumes, handling times and busyness of days are its (its mean, not the
    quantile one has staffed for); without, the requirement's, and every day is an average one.
    Half hours without a volume are simulated without calls and come out as NaN. Only inbound
    programmes queue. ValueError quotes the condition that is not met.
    """
    rows = _ordered(requirement, programmes)
    day = _day(requirement, rows, forecast)
    columns = {"programme": len(rows)} if teams is None else {"group": len(teams.names)}
    axes = {"interval": len(requirement.starts), **columns}
    rostered = fit("coverage", "rostered agents", np.asarray(coverage, dtype=np.float64), axes)
    if not np.all(rostered >= 0.0):  # NaN too
        raise ValueError("expected 0 <= coverage, got a negative or an unknown one")
    shrinkage = np.array([r.shrinkage for r in rows] if teams is None else teams.shrinkage)
    agents = np.floor(rostered * (1.0 - shrinkage) + PART)
    centre = _centre(requirement, rows, day, agents, teams, (service, patience))
    outcome = simulate(centre, replications, seed, threads=threads, progress=progress)
    own = agents if teams is None else np.full(day.calls.shape, np.nan)
    return _verification(requirement, rows, day, own, outcome, confidence)


def _ordered(requirement: Requirement, programmes: Sequence[Programme]) -> tuple[Programme, ...]:
    """Return the programmes in the order of the requirement's columns."""
    by_id = {row.id: row for row in programmes}
    missing = [name for name in requirement.programmes if name not in by_id]
    if missing:
        raise ValueError(f"every programme of the requirement is given, got none for {missing[0]!r}")
    return tuple(by_id[name] for name in requirement.programmes)


def _day(requirement: Requirement, rows: tuple[Programme, ...], forecast: Forecast | None) -> _Day:
    calls, aht = requirement.calls.copy(), requirement.aht_s.copy()
    cv = np.zeros(len(rows))
    if forecast is not None:
        row_of = {start: i for i, start in enumerate(forecast.starts)}
        pairs = [(i, row_of[s]) for i, s in enumerate(requirement.starts) if s in row_of]
        ours, theirs = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
        for p, row in enumerate(rows):
            if row.id in forecast.programmes:
                column = forecast.programmes.index(row.id)
                open_ = forecast.open[theirs, column]
                calls[ours, p] = np.where(open_, forecast.mean[theirs, column], 0.0)
                known = ~np.isnan(forecast.aht_s[theirs, column])
                aht[ours[known], p] = forecast.aht_s[theirs[known], column]
                cv[p] = np.nan_to_num(forecast.day_factor_cv[column])
    calls[:, [row.kind != "inbound" for row in rows]] = 0.0
    unknown = np.isnan(calls) | ((calls > 0.0) & np.isnan(aht))
    calls[unknown] = 0.0
    return _Day(calls, np.where(np.isnan(aht), 1.0, aht), unknown, cv)


def _centre(
    requirement: Requirement,
    rows: tuple[Programme, ...],
    day: _Day,
    agents: Floats,
    teams: Teams | None,
    distributions: tuple[Distribution | Sequence[Distribution], Distribution | Sequence[Distribution]],
) -> Centre:
    return CentreSpec(
        requirement.programmes,
        INTERVAL_S * np.arange(len(requirement.starts) + 1),
        day.calls,
        day.aht_s,
        agents,
        groups=None if teams is None else teams.names,
        call_rank=None if teams is None else teams.call_rank,
        agent_rank=None if teams is None else teams.agent_rank,
        patience_s=[math.inf if row.patience_s is None else row.patience_s for row in rows],
        threshold_s=[row.service_threshold_s for row in rows],
        day_factor_cv=day.day_factor_cv,
        service=distributions[0],
        patience=distributions[1],
    ).build()


def _verification(
    requirement: Requirement,
    rows: tuple[Programme, ...],
    day: _Day,
    on_phone: Floats,
    outcome: QueueOutcome,
    confidence: float,
) -> Verification:
    parts = [outcome.service_parts(row.service_definition) for row in rows]
    above = np.stack([pair[0][:, :, p] for p, pair in enumerate(parts)], axis=2)
    below = np.stack([pair[1][:, :, p] for p, pair in enumerate(parts)], axis=2)

    def both(
        top: NDArray[np.generic], bottom: NDArray[np.generic], nothing: float
    ) -> tuple[QueueEstimate, QueueEstimate]:
        found = [
            outcome.estimate(top, bottom, by=by, confidence=confidence, nothing=nothing) for by in ("interval", "day")
        ]
        return _known(found[0], day.unknown), _known(found[1], np.asarray(day.unknown.any(axis=0)))

    service = both(above, below, 1.0)
    answered = both(outcome.answered, outcome.offered, 1.0)
    waited = both(outcome.wait_answered_s + outcome.wait_abandoned_s, outcome.answered + outcome.abandoned, 0.0)
    interval, whole = zip(service, answered, waited, strict=True)
    return Verification(
        requirement, rows, day.calls, day.aht_s, on_phone, *interval, *whole, confidence=confidence, outcome=outcome
    )


def _known(found: QueueEstimate, unknown: Truths) -> QueueEstimate:
    return QueueEstimate(*(np.where(unknown, np.nan, part) for part in (found.value, found.low, found.high)))


HALVINGS = 40


def correct_requirement(verification: Verification, *, tolerance: float = 0.005, most: float = 1.5) -> Requirement:
    """Return the requirement tightened where the verified day misses by more than ``tolerance``.

    There it is at least one agent more than were simulated, elsewhere it stays. The effective
    calls are at most ``most`` times the calls, so that one round does not overshoot: verify,
    correct and plan again until the result ``is`` the requirement, which means that nothing misses
    any more. Pure; volumes and handling times stay as they were.
    """
    if not 1.0 < most < 100.0:
        raise ValueError(f"expected 1 < most < 100, got {most!r}")
    given, missed = verification.requirement, verification.misses(tolerance)
    if not missed.any():
        return given
    on_phone = given.on_phone.copy()
    for p, row in enumerate(verification.programmes):
        where = np.flatnonzero(missed[:, p])
        if where.size:
            on_phone[where, p] = _tighten(verification, row, p, where, most)
    available = np.array([1.0 - row.shrinkage for row in verification.programmes])
    agents = np.where(on_phone > given.on_phone, on_phone / available, given.agents)
    return dataclasses.replace(given, on_phone=on_phone, agents=round_to_grid(agents, FINE_DECIMALS))


def _tighten(
    found: Verification, row: Programme, p: int, where: np.ndarray[tuple[int], np.dtype[np.intp]], most: float
) -> Floats:
    """Return the agents on the phone that the missing half hours ``where`` should have."""
    given = found.requirement
    calls, aht = given.calls[where, p], given.aht_s[where, p]
    agents = np.where(np.isnan(found.on_phone[where, p]), given.on_phone[where, p], found.on_phone[where, p])
    service, answered = found.service.value[where, p], found.answer_rate.value[where, p]
    effective = np.maximum(
        _effective_agents(row, calls, aht, agents, service, "service", most),
        _effective_agents(row, calls, aht, agents, answered, "answered", most),
    )
    needed = required_agents(
        effective,
        INTERVAL_S,
        aht,
        math.inf if row.patience_s is None else row.patience_s,
        row.service_threshold_s,
        row.service_target,
        row.service_definition,
        row.answer_rate,
        row.max_occupancy,
    )
    tightened: Floats = np.maximum(np.maximum(needed, given.on_phone[where, p]), agents + 1.0)
    return tightened


def _effective_agents(
    row: Programme, calls: Floats, aht_s: Floats, agents: Floats, seen: Floats, what: str, most: float
) -> Floats:
    """Return the volume between calls and ``most`` x calls that Erlang says gives ``seen``."""
    patience = math.inf if row.patience_s is None else row.patience_s
    low, high = calls.copy(), calls * most
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        queue = metrics(middle, INTERVAL_S, aht_s, patience, agents, row.service_threshold_s)
        level = queue.service_level(row.service_definition) if what == "service" else 1.0 - queue.p_abandon
        better: Truths = level > seen
        low, high = np.where(better, middle, low), np.where(better, high, middle)
    return low


def predict_by_erlang(found: Verification) -> Floats:
    """Return Erlang's service level: float64[interval, programme], each half hour by itself.

    By each programme's own definition, of the whole agents on the phone; 1 where there are no
    calls, 0 where there are calls and no agents; NaN where the volume is not known, or where
    groups answer several programmes.
    """
    columns = [_programme(found, p) for p in range(len(found.programmes))]
    level = np.stack(columns, axis=1)
    level[np.isnan(found.service.value) | np.isnan(found.on_phone)] = np.nan
    return level


def _programme(found: Verification, p: int) -> Floats:
    row, agents = found.programmes[p], np.nan_to_num(found.on_phone[:, p])
    level = np.where(found.calls[:, p] > 0.0, 0.0, 1.0)
    asked = (found.calls[:, p] > 0.0) & (agents > 0.0)
    if asked.any():
        queue = metrics(
            found.calls[asked, p],
            INTERVAL_S,
            found.aht_s[asked, p],
            math.inf if row.patience_s is None else row.patience_s,
            agents[asked],
            row.service_threshold_s,
        )
        level[asked] = queue.service_level(row.service_definition)
    return level
