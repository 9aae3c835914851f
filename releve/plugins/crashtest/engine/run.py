"""Run quarters: outbreak, outages, states of days and calls, one row a quarter.

A quarter depends on the inputs, the seed and its number alone. Rows are concatenated and histograms
are sums of whole numbers, so a run gives the same bits however it is split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import pairwise
from threading import Lock, local

import numpy as np
from numpy.typing import NDArray

from releve.demand.forecast.day_parts import WEEK_DAYS
from releve.plugins.crashtest.engine.kernel_types import BINS, CLIENT, PROGRAMME, Cells, Presence, Rows, Work
from releve.plugins.crashtest.engine.lost_places import Losses, OutageArrays, find_losses
from releve.plugins.crashtest.engine.outages import draw_outages
from releve.plugins.crashtest.engine.outbreak import Controls, Detail, Outcome
from releve.plugins.crashtest.engine.outbreak import simulate as simulate_outbreak
from releve.plugins.crashtest.engine.quarter import simulate_quarters
from releve.plugins.crashtest.engine.relief_rule import (
    RuleBuffers,
    Start,
    allocate_buffers,
    build_changes,
    build_start,
    find_base_changes,
)
from releve.plugins.crashtest.engine.run_arrays import RunArrays
from releve.plugins.crashtest.engine.settings import INTERVALS, require

CHUNK = 64
_CELLS_KEPT = 20_000_000
"""Cells of states cached for the next chunk; beyond this number they are computed again."""

Progress = Callable[[int, int], None]


def _ignore_progress(done: int, of: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Quarters:
    """The quarters ``first`` .. ``first + len(programme) - 1``.

    ``programme[r, p, PROGRAMME]``, ``client[r, c, CLIENT]``, ``worst[r, c]``, ``harm[r, cause, c]``
    and ``fan[day, c, bin]`` as in :class:`~releve.plugins.crashtest.engine.kernel_types.Rows`;
    ``lost[r, place, cause]`` half hours and ``closures[r, place]`` orders as in
    :class:`~releve.plugins.crashtest.engine.lost_places.Losses`; ``outbreak[r, field]`` the fields
    of the outbreak.
    """

    first: int
    programme: NDArray[np.float64]
    client: NDArray[np.int32]
    worst: NDArray[np.float64]
    harm: NDArray[np.float64]
    fan: NDArray[np.int64]
    lost: NDArray[np.int32]
    closures: NDArray[np.int32]
    outbreak: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.programme)


def join_quarters(parts: Iterable[Quarters]) -> Quarters:
    """Join parts of a run in the order of their quarters; CrashTestError for a gap or overlap."""
    ordered = sorted(parts, key=lambda one: one.first)
    require(bool(ordered), "a part at least", 0)
    for one, following in pairwise(ordered):
        wanted = one.first + len(one)
        require(following.first == wanted, f"the next part begins at {wanted}", following.first)
    rows = {
        item.name: np.concatenate([getattr(one, item.name) for one in ordered])
        for item in fields(Quarters)
        if item.name not in ("first", "fan")
    }
    fan = np.sum([one.fan for one in ordered], axis=0)
    return Quarters(first=ordered[0].first, fan=fan, **rows)


class Runner:
    """Runs parts of a test; caches the states of days that occurred."""

    def __init__(self, prepared: RunArrays) -> None:
        self._prepared = prepared
        self._cells: dict[int, Cells] = {}
        self._reliefs: dict[tuple[int, int], tuple[Cells, Start]] = {}
        self._kept = 0
        self._lock = Lock()
        self._own = local()

    def run(self, first: int, count: int, placed: NDArray[np.float64] | None = None) -> Quarters:
        """Return the quarters ``first`` .. ``first + count - 1``.

        ``placed[day, programme, half hour]`` receives the effective agents of the last.
        """
        ill = self.draw_outbreak(first, count)
        number = np.arange(first, first + count)
        rows, losses = self.simulate(number, ill.closed, ill.away, self.draw_outages(first, count), placed)
        return Quarters(first, *rows, lost=losses.lost, closures=losses.closures, outbreak=ill.rows)

    def draw_outbreak(self, first: int, count: int, controls: Controls | None = None) -> Outcome:
        """Return the outbreak of some quarters, under other controls than the test's if given."""
        ready = self._prepared
        return simulate_outbreak(
            ready.scenario,
            controls or ready.controls,
            replications=count,
            seed=ready.settings.seed,
            first=first,
            detail=Detail(closed=True, away=True, tally_of=ready.tally_of),
        )

    def simulate(
        self,
        number: NDArray[np.int64],
        closed: NDArray[np.bool_],
        away: NDArray[np.int32],
        events: OutageArrays,
        placed: NDArray[np.float64] | None = None,
    ) -> tuple[Rows, Losses]:
        """Simulate the quarters ``number[r]`` with given disasters: ``closed[r, day, site]`` and
        ``away[r, day, tally]`` of the outbreak, and outages."""
        ready = self._prepared
        losses = find_losses(ready.where, closed, events, len(ready.causes))
        who, state = self._number_states(losses)
        work, rows = allocate_work(ready, who), _allocate_rows(ready, len(number))
        simulate_quarters(
            ready.demand, who, losses, state, away, ready.settings.seed, number, work, rows,
            np.zeros((0, 0, 0)) if placed is None else placed,
        )  # fmt: skip
        return rows, losses

    def draw_outages(self, first: int, count: int) -> OutageArrays:
        ready = self._prepared
        if not ready.hazards:
            nothing = np.zeros(0)
            pointer = np.zeros(count + 1, dtype=np.int64)
            return OutageArrays(pointer, nothing, nothing, np.zeros(0, np.int32), np.zeros(0, np.int16))
        found = draw_outages(
            ready.hazards,
            ready.numbers.places,
            days=ready.settings.days,
            seed=ready.settings.seed,
            replications=count,
            first=first,
            start=ready.start,
        )
        return OutageArrays(found.pointer, found.begin, found.end, found.place, found.hazard)

    def _number_states(self, losses: Losses) -> tuple[Presence, NDArray[np.int64]]:
        """Return the cells of every state that occurs and the state of every segment."""
        used = int(losses.n[0])
        keys, at, state = np.unique(losses.key[:used], return_index=True, return_inverse=True)
        cells = [self._find_cells(int(key), losses, int(i)) for key, i in zip(keys, at, strict=True)]
        base = self._prepared.presence
        sizes = [len(one.heads) for one in cells]
        who = base._replace(
            pointer=np.concatenate([base.pointer, base.pointer[-1] + np.cumsum(sizes)]).astype(np.int64),
            tally=np.concatenate([base.tally, *(one.tally for one in cells)]),
            pair=np.concatenate([base.pair, *(one.pair for one in cells)]),
            heads=np.concatenate([base.heads, *(one.heads for one in cells)]),
            home=np.concatenate([base.home, *(one.home for one in cells)]),
        )
        return who, state.reshape(-1) + len(self._prepared.days)

    def _find_cells(self, key: int, losses: Losses, segment: int) -> Cells:
        known = self._cells.get(key)
        if known is not None:
            return known
        found = self._build_cells(losses, segment)
        with self._lock:
            self._kept += len(found.heads)
            if self._kept > _CELLS_KEPT:
                self._cells.clear()
                self._kept = len(found.heads)
            self._cells[key] = found
        return found

    def _build_cells(self, losses: Losses, segment: int) -> Cells:
        ready = self._prepared
        begin, end = losses.place_pointer[segment], losses.place_pointer[segment + 1]
        day = int(np.searchsorted(losses.pointer, segment, side="right")) - 1
        d = int(ready.where.calendar[day % ready.settings.days])
        places, answered = losses.place[begin:end], losses.answered[begin:end]
        lost = np.zeros(len(ready.days[d].damage), dtype=np.bool_)
        lost[places] = True
        busy = ready.where.first_busy[d, places] < INTERVALS
        scenario, refill = self._choose_start(d, frozenset(places[answered & busy].tolist()))
        relief, start = self._prepare_relief(d, scenario)
        changes = build_changes(ready.days[d], scenario, lost, refill, self._get_buffers(d), start)
        return Cells(*(np.concatenate(pair) for pair in zip(relief, changes, strict=True)))

    def _prepare_relief(self, d: int, scenario: int) -> tuple[Cells, Start]:
        """Return what a relief of a day changes and has at work, worked out once."""
        found = self._reliefs.get((d, scenario))
        if found is None:
            day = self._prepared.days[d]
            found = (find_base_changes(day, scenario), build_start(day, scenario, self._get_buffers(d)))
            self._reliefs[d, scenario] = found
        return found

    def _get_buffers(self, d: int) -> RuleBuffers:
        """Return this thread's room for the states of a day."""
        rooms: dict[int, RuleBuffers] = getattr(self._own, "rooms", {})
        if d not in rooms:
            rooms[d] = allocate_buffers(self._prepared.days[d])
            self._own.rooms = rooms
        return rooms[d]

    def _choose_start(self, d: int, answered: frozenset[int]) -> tuple[int, bool]:
        """Return the scenario of the plan to start from, and whether the fast rule follows."""
        relieved = self._prepared.relieved[d]
        if not answered:
            return 0, False
        if answered in relieved:
            return relieved[answered], False
        damage, names = self._prepared.days[d].damage, self._prepared.numbers.places.names
        single = [m for m in answered if frozenset((m,)) in relieved]
        if not single:
            return 0, True
        worst = max(single, key=lambda m: (damage[m], names[m]))
        return relieved[frozenset((worst,))], True


def run(
    prepared: RunArrays,
    *,
    first: int = 0,
    count: int | None = None,
    threads: int = 1,
    progress: Progress = _ignore_progress,
) -> Quarters:
    """Run ``count`` quarters [all] from the ``first`` on; ``progress(done, of)``."""
    total = prepared.settings.quarters - first if count is None else count
    require(total >= 1, "quarters >= 1", total)
    require(first >= 0, "first >= 0", first)
    require(threads >= 1, "threads >= 1", threads)
    runner, done = Runner(prepared), 0
    begins = range(first, first + total, CHUNK)
    parts = []

    def one(begin: int) -> Quarters:
        return runner.run(begin, min(CHUNK, first + total - begin))

    with ThreadPoolExecutor(threads) as pool:
        for part in pool.map(one, begins):
            parts.append(part)
            done += len(part)
            progress(done, total)
    return join_quarters(parts)


def allocate_work(ready: RunArrays, who: Presence) -> Work:
    """Return working arrays for a run of one thread."""
    programmes, days = len(ready.demand.kind), ready.settings.days
    clients = int(ready.demand.client.max(initial=-1)) + 1
    return Work(
        shift=np.zeros(programmes),
        base=np.zeros_like(who.base),
        share=np.ones(len(who.tally_size)),
        people=np.zeros(who.pair_pattern.shape[1]),
        placed=np.zeros((programmes, INTERVALS)),
        queue=np.zeros((2, programmes)),
        come=np.zeros((2, programmes, days * INTERVALS)),
        opened=np.zeros((2, programmes), dtype=np.int64),
        done=np.zeros((2, programmes)),
        out=np.zeros((2, programmes, 4)),
        day=np.zeros((clients, 4)),
        factor=np.zeros((days, programmes)),
        shared=np.zeros((len(ready.demand.client_key), 1 + -(-days // WEEK_DAYS) + days)),
    )


def _allocate_rows(ready: RunArrays, count: int) -> Rows:
    programmes, days = len(ready.demand.kind), ready.settings.days
    clients = int(ready.demand.client.max(initial=-1)) + 1
    return Rows(
        programme=np.zeros((count, programmes, len(PROGRAMME))),
        client=np.zeros((count, clients, len(CLIENT)), dtype=np.int32),
        worst=np.zeros((count, clients)),
        harm=np.zeros((count, len(ready.causes), clients)),
        fan=np.zeros((days, clients, BINS), dtype=np.int64),
    )
