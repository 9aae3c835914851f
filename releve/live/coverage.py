"""Coverage of every client now and for the hours ahead, from the people who will be there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.demand.tables import INTERVAL
from releve.live.clock import LIVE
from releve.live.identity_cache import IdentityCache
from releve.live.plans import find_first_start
from releve.live.stream_state import Scene, load_scene
from releve.plan import Plan
from releve.plan.coverage import Timeline, count_placed, measure_coverage

__all__ = ["ClientCoverage", "Coverage", "compute_coverage", "compute_scene_coverage"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClientCoverage:
    """One client's half hours ahead.

    ``required`` and ``covered`` are effective agents per interval; ``share`` covered over
    required, NaN where nothing is required. ``now`` is the first interval's share (None: nothing
    is required), ``worst`` the least of all and ``worst_at`` when; ``missing`` the share of the
    agent-intervals required that is not covered.
    """

    client: str
    name: str
    required: Floats
    covered: Floats
    share: Floats
    now: float | None
    worst: float | None
    worst_at: datetime | None
    missing: float


@dataclass(frozen=True)
class Coverage:
    """Every client's coverage from ``at`` on; ``starts`` names the half hours.

    ``planned_until`` is the end of the plan in force, which may come before the hours asked for.
    When the plan covers none of them, ``planned_from`` is its start after them, or None when it is
    over.
    """

    stream: str
    at: datetime
    starts: tuple[datetime, ...]
    clients: tuple[ClientCoverage, ...]
    planned_until: datetime | None
    generation: int
    planned_from: datetime | None = None


def compute_coverage(stream: str = LIVE, hours: int = 48) -> Coverage | None:
    """Return the coverage of every client; None when no plan is in force.

    Losses, absences and the relief in force are all taken into account.
    """
    scene = load_scene(stream)
    return None if scene is None else compute_scene_coverage(scene, hours)


def compute_scene_coverage(scene: Scene, hours: int = 48, *, supposed: bool = False) -> Coverage:
    """Return the coverage of a scene; ``supposed``: of a supposed one, which is not cached."""
    until = scene.at + timedelta(hours=hours)
    generation = scene.relief.generation if scene.relief else 0
    days = [scene.day_plan(day).plan for day in scene.days]
    if not days:
        begins = find_first_start(scene.activation, until)
        return Coverage(scene.stream, scene.at, (), (), None, generation, begins)
    starts = [start for plan in days for start in plan.starts]
    wanted = [at for at, start in enumerate(starts) if scene.at - INTERVAL < start < until]
    if supposed:
        clients = _cover_clients(scene, days, wanted, _count_agents)
    else:
        key = (scene.stream, scene.activation.pk, scene.relief.pk if scene.relief else 0,
               scene.days, wanted[0], len(wanted), _find_losses(scene))  # fmt: skip
        sources = (scene.situation, *days)
        clients = _known.get(
            key, sources, lambda: _cover_clients(scene, days, wanted, _load_headcount)
        )
    return Coverage(
        stream=scene.stream,
        at=scene.at,
        starts=tuple(starts[at] for at in wanted),
        clients=clients,
        planned_until=starts[-1] + INTERVAL,
        generation=generation,
    )


def _cover_clients(
    scene: Scene,
    days: Sequence[Plan],
    wanted: Sequence[int],
    placed: Callable[[Scene, date], Floats],
) -> tuple[ClientCoverage, ...]:
    """Return the coverage of every client in the half hours wanted, of those of the days."""
    starts = [start for plan in days for start in plan.starts]
    people = np.concatenate([placed(scene, day) for day in scene.days])[wanted]
    required = np.concatenate([plan.required for plan in days])[wanted]
    covered = np.nan_to_num(np.minimum(required, people))
    chosen = tuple(starts[at] for at in wanted)
    columns: dict[str, list[int]] = {client: [] for client, _ in days[0].clients}
    for column, (_, client, _) in enumerate(days[0].programmes):
        columns[client].append(column)
    return tuple(
        _cover_client(
            client, name, chosen, required[:, columns[client]], covered[:, columns[client]]
        )
        for client, name in days[0].clients
    )


def _find_losses(scene: Scene) -> tuple[frozenset[str], ...]:
    """Return the losses of each day, which also change as time passes."""
    return tuple(scene.wanted[day].sites | scene.wanted[day].carriers for day in scene.days)


def _cover_client(
    client: str, name: str, starts: Sequence[datetime], required: Floats, covered: Floats
) -> ClientCoverage:
    need, got = np.nansum(required, axis=1), covered.sum(axis=1)
    share = measure_coverage(required, covered)
    some = np.isfinite(share)
    worst = int(np.nanargmin(share)) if some.any() else -1
    return ClientCoverage(
        client=client,
        name=name,
        required=need,
        covered=got,
        share=share,
        now=float(share[0]) if len(some) and some[0] else None,
        worst=float(share[worst]) if worst >= 0 else None,
        worst_at=starts[worst] if worst >= 0 else None,
        missing=float((need - got).sum()) / max(1.0, float(need.sum())),
    )


_known: IdentityCache[tuple[ClientCoverage, ...]] = IdentityCache()
_people: IdentityCache[Floats] = IdentityCache(64)


def _load_headcount(scene: Scene, day: date) -> Floats:
    """Return effective agents ``[interval, programme]`` of a day, cached while nothing changes."""
    loss = scene.wanted[day]
    relief = scene.relief.pk if scene.relief else 0
    key = (scene.stream, scene.activation.pk, relief, day, loss.sites | loss.carriers)
    return _people.get(key, (scene.situation,), lambda: _count_agents(scene, day))


def _count_agents(scene: Scene, day: date) -> Floats:
    found = scene.day_plan(day)
    return count_placed(found.operator, Timeline(found.plan.starts), scene.list_placements(day))
