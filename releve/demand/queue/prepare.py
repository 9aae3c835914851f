"""From a centre to the arrays of the kernel.

Programmes and groups are put in the order of the hash of their names: their order in the centre,
and others beside them, then cannot matter, to the last bit. Nor may that order matter: where it
would break a tie, the kernel draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.demand.queue.draws import DECISIONS, day_numbers, label_key
from releve.demand.queue.layout import CentreArrays
from releve.demand.queue.model import DISTRIBUTIONS, LEAVING, Centre, Distribution, Ints
from releve.demand.tables import Floats
from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = OptionalModule("scipy.special")

__all__ = ["PreparedCentre", "count_planned_seconds", "draw_day_factors", "prepare_centre"]


class PreparedCentre(NamedTuple):
    """The arrays, and which programme and group of the centre stands where in them."""

    work: CentreArrays
    programme: Ints
    group: Ints


def prepare_centre(centre: Centre) -> PreparedCentre:
    """Return the arrays of a centre."""
    programme = _order(centre.programmes)
    group = _order(centre.groups)
    hours = np.diff(centre.edges_s)
    steps = _steps(centre, group)
    distributions = [(centre.service[p], centre.patience[p]) for p in programme]
    samples, first = _samples(distributions)
    ranks = (
        centre.call_rank[np.ix_(programme, group)],
        centre.agent_rank[np.ix_(programme, group)],
    )
    least = centre.least_waiting[np.ix_(programme, group)]
    groups_at, groups, groups_rank, groups_least = _lists(ranks[0], least)
    serves_at, serves, serves_rank, serves_least = _lists(ranks[1].T, least.T)
    transfer = centre.transfer[np.ix_(programme, programme)]
    work = CentreArrays(
        edges=centre.edges_s.copy(),
        rate=_by_programme(centre.calls / hours[:, None], programme),
        aht=_by_programme(centre.aht_s, programme),
        patience=_by_programme(centre.patience_s, programme),
        threshold=centre.threshold_s[programme],
        distribution=np.array(
            [[DISTRIBUTIONS.index(one.kind) for one in pair] for pair in distributions]
        ).reshape(-1, 2),
        shape=np.array([[one.shape for one in pair] for pair in distributions]).reshape(-1, 2),
        first=first,
        samples=samples,
        keys=np.array([label_key(centre.programmes[p]) for p in programme], dtype=np.uint64),
        group_keys=np.array(
            [label_key(f"group {centre.groups[g]}") for g in group], dtype=np.uint64
        ),
        places=centre.waiting_places[programme],
        redial=centre.redial[programme],
        redial_delay=centre.redial_delay_s[programme],
        transfer=np.ascontiguousarray(transfer),
        transfers=(transfer.sum(axis=1) > 0.0).astype(np.int64),
        groups_at=groups_at,
        groups=groups,
        groups_rank=groups_rank,
        groups_least=groups_least,
        serves_at=serves_at,
        serves=serves,
        serves_rank=serves_rank,
        serves_least=serves_least,
        overflow=np.any((ranks[0] >= 0) & (least > 1), axis=1).astype(np.int64),
        **steps,
    )
    return PreparedCentre(work, programme, group)


def draw_day_factors(
    centre: Centre, prepared: PreparedCentre, seed: int, replications: range
) -> Floats:
    """Return the gamma factor ``[replication, programme]`` of each day, in the kernel's order.

    The quantile of one keyed number a day and programme, or a day for all: a busier day is busier
    for every plan.
    """
    cv = centre.day_factor_cv[prepared.programme]
    out = np.ones((len(replications), cv.size))
    moved = np.flatnonzero(cv > 0.0)
    if moved.size == 0:
        return out
    keys = prepared.work.keys
    if centre.one_day_factor:
        keys = np.array([label_key("every programme")], dtype=np.uint64)
    u = np.empty((len(replications), keys.size))
    streams = np.empty((keys.size, DECISIONS), np.uint64)
    day_numbers(np.uint64(seed), replications.start, keys, streams, u)
    shape = cv[moved] ** -2.0
    drawn = u if centre.one_day_factor else u[:, moved]
    out[:, moved] = special.gammaincinv(shape, drawn) / shape
    return out


def count_planned_seconds(work: CentreArrays) -> tuple[Floats, Ints]:
    """Return the agent seconds ``[interval, group]`` of the steps alone, and the last numbers."""
    groups = work.serves_at.size - 1
    seconds = np.zeros((work.edges.size - 1, groups))
    last = np.zeros(groups, dtype=np.int64)
    for g in range(groups):
        own = work.step_group == g
        start, agents = work.step_s[own], work.step_agents[own]
        stop = np.append(start[1:], work.edges[-1])
        until = np.clip(work.edges[:, None], start, np.maximum(start, stop)) - start
        seconds[:, g] = np.diff((until * agents).sum(axis=1))
        last[g] = agents[-1] if agents.size else 0
    return seconds, last


def _order(names: tuple[str, ...]) -> Ints:
    return np.array(sorted(range(len(names)), key=lambda i: label_key(names[i])), dtype=np.int64)


def _by_programme(values: Floats, programme: Ints) -> Floats:
    return np.ascontiguousarray(values[:, programme].T)


def _samples(distributions: list[tuple[Distribution, Distribution]]) -> tuple[Floats, Ints]:
    """Return all samples in one array, and where each begins ``[programme, 2]``."""
    first = np.zeros((len(distributions), 2), dtype=np.int64)
    values: list[float] = []
    for p, pair in enumerate(distributions):
        for which, one in enumerate(pair):
            first[p, which] = len(values)
            values.extend(one.values)
    return np.array(values or [0.0]), first


def _lists(rank: Ints, least: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return, row after row, the columns with a rank, the lowest rank first: where each row
    begins, the columns, their ranks, their least line."""
    at, columns, ranks, lines = [0], [], [], []
    for row, needs in zip(rank, least, strict=True):
        allowed = np.flatnonzero(row >= 0)
        best_first = allowed[np.argsort(row[allowed], kind="stable")]
        columns.extend(best_first.tolist())
        ranks.extend(row[best_first].tolist())
        lines.extend(needs[best_first].tolist())
        at.append(len(columns))
    return tuple(np.array(found, dtype=np.int64) for found in (at, columns, ranks, lines))  # type: ignore[return-value]


def _steps(centre: Centre, group: Ints) -> dict[str, NDArray[np.float64] | Ints]:
    """Return when a group's agents change: at the edges, and by the centre's changes."""
    mode = LEAVING.index(centre.leaving)
    place = {int(g): i for i, g in enumerate(group)}
    edge = [
        (float(centre.edges_s[cell]), place[g], int(centre.agents[cell, g]), mode)
        for cell in range(centre.edges_s.size - 1)
        for g in range(len(centre.groups))
    ]
    change = [
        (row.at_s, place[centre.groups.index(row.group)], row.agents, LEAVING.index(row.calls))
        for row in centre.changes
    ]
    rows = sorted([*edge, *change], key=lambda row: row[:2])
    now: dict[int, int] = {}
    kept = []
    for row in rows:  # only true changes
        if row[2] != now.get(row[1], 0):
            kept.append(row)
            now[row[1]] = row[2]
    ints = np.array([row[1:] for row in kept], dtype=np.int64).reshape(-1, 3)
    columns = (np.ascontiguousarray(column) for column in ints.T)
    return {
        "step_s": np.array([row[0] for row in kept], dtype=np.float64),
        **dict(zip(("step_group", "step_agents", "step_mode"), columns, strict=True)),
    }
