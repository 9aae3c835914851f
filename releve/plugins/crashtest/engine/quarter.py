"""The kernel of the quarters: agents present, calls served, and calls lost by cause.

Each day is simulated twice with the same busyness: with its disasters, and *calm*, with the base
plan and every agent present. The loss beyond the calm day is shared among the day's causes by the
agent-half hours that each took from the base plan; on a day without a cause it is left over from an
earlier one and shared as on the last day that had causes.

A day's busyness depends on numbers that it shares with its quarter, its week and its client's other programmes
(:class:`releve.demand.forecast.day_parts.DayParts`). All are drawn before the quarter's first day.

Home efficiency is known within an interval where it was measured: each quarter draws its value for
each programme, the same in both simulations. What closures and outages took is counted at the mean.
"""

from __future__ import annotations

import math
from typing import Any

from releve.demand.forecast.day_parts import WEEK_DAYS
from releve.demand.queue.draws import normal
from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel
from releve.plugins.crashtest.engine.call_outcomes import serve
from releve.plugins.crashtest.engine.kernel_types import BINS, Demand, Presence, Rows, Work
from releve.plugins.crashtest.engine.lost_places import ILLNESS, Losses
from releve.plugins.crashtest.engine.outbreak.rng import (
    WEEK,
    WHOLE_QUARTER,
    derive_key,
    derive_replication_key,
    draw_unit,
)
from releve.plugins.crashtest.engine.settings import INTERVALS

HALF_ROOT = math.sqrt(0.5)


@kernel
def simulate_quarters(
    demand: Demand, who: Presence, losses: Losses, state: Array, away: Array, seed: int,
    number: Array, work: Work, out: Rows, placed: Array,
) -> None:  # fmt: skip
    """Fill a row per replication ``number[r]`` of ``away[r, day, tally]`` agents.

    ``state[segment]`` numbers the state of each segment of ``losses``. ``placed[day, p, t]``
    receives the effective agents of the last replication when it has that many days.
    """
    days = len(who.calendar)
    for r in range(len(away)):
        key = derive_replication_key(seed, number[r])
        _draw_home(who, work, key)
        draw_day_factors(demand, key, work.shared, work.factor)
        work.queue.fill(0.0)
        work.opened.fill(0)
        work.done.fill(0.0)
        out.client[r, :, 3] = days
        out.worst[r, :] = -1.0
        since = 0
        for day in range(days):
            d = who.calendar[day]
            if d < 0:  # no agent is planned to answer callers who wait at midnight
                _lose_waiting(demand, work, out, losses.taken[r, since], r)
                continue
            begin, end = losses.pointer[r * days + day], losses.pointer[r * days + day + 1]
            taken = _count_present(who, work, away[r, day], d)
            calm = begin == end and taken == 0.0
            if not calm:
                _place_agents(who, losses, state, work, d, begin, end)
                losses.taken[r, day, ILLNESS] += taken
            if len(placed) == days:
                _copy(work.base[d] if calm else work.placed, placed[day])
            _serve_day(demand, work, d, day, calm)
            if losses.taken[r, day].sum() > 0.0:
                since = day
            _count_day(demand, work, out, losses.taken[r, since], r, day)
        _lose_waiting(demand, work, out, losses.taken[r, since], r)


@kernel
def _draw_home(who: Presence, work: Work, key: Any) -> None:
    """Draw how efficient home is in a quarter, and set the base plans by it."""
    bins = who.home_shift.shape[1]
    for p in range(len(work.shift)):
        u = draw_unit(derive_key(key, who.home_key[p]), 0)
        work.shift[p] = who.home_shift[p, min(int(u * bins), bins - 1)]
        for d in range(len(who.base)):
            for t in range(INTERVALS):
                work.base[d, p, t] = who.base[d, p, t] + who.base_home[d, p, t] * work.shift[p]


@inlined_kernel
def _count_heads(who: Presence, work: Work, d: int, c: int) -> float:
    """Return the effective agents of a cell in this quarter."""
    shift = work.shift[who.pair_programme[d, who.pair[c]]]
    return float(who.heads[c] + who.home[c] * shift)


@kernel
def _lose_waiting(demand: Demand, work: Work, out: Rows, taken: Array, r: int) -> None:
    """Count callers still waiting as lost to the quarter (to no day: the last one is counted), so
    that every offered call is either served or lost."""
    total = 0.0
    for cause in range(len(taken)):
        total += taken[cause]
    for p in range(len(demand.kind)):
        now, calm = work.queue[0, p], work.queue[1, p]
        out.programme[r, p, 1] += now
        out.programme[r, p, 4] += calm
        if total > 0.0:
            for cause in range(len(taken)):
                out.harm[r, cause, demand.client[p]] += (now - calm) * (taken[cause] / total)
    work.queue.fill(0.0)


@kernel
def _copy(source: Array, to: Array) -> None:
    for p in range(source.shape[0]):
        for t in range(source.shape[1]):
            to[p, t] = source[p, t]


@kernel
def _count_present(who: Presence, work: Work, away: Array, d: int) -> float:
    """Set the share of each tally that is present; return the agent-half hours that are not."""
    some = False
    for g in range(len(away)):
        work.share[g] = max(0.0, 1.0 - away[g] / who.tally_size[g])
        some = some or away[g] > 0
    if not some:
        return 0.0
    taken = 0.0
    for c in range(who.pointer[d], who.pointer[d + 1]):
        k = who.pair_pattern[d, who.pair[c]]
        heads = _count_heads(who, work, d, c)
        taken += (1.0 - work.share[who.tally[c]]) * heads * who.hours[d, k]
    return taken


@kernel
def _place_agents(who: Presence, losses: Losses, state: Array, work: Work, d: int, begin: int, end: int) -> None:
    """Set the effective agents of a day: those present of the base plan, and in each segment what
    its state changes."""
    work.placed.fill(0.0)
    work.people.fill(0.0)
    for c in range(who.pointer[d], who.pointer[d + 1]):
        work.people[who.pair[c]] += _count_heads(who, work, d, c) * work.share[who.tally[c]]
    for q in range(who.pairs[d]):
        _add_people(who, work, d, q, work.people[q], 0, INTERVALS)
    for segment in range(begin, end):
        at = state[segment]
        for c in range(who.pointer[at], who.pointer[at + 1]):
            people = _count_heads(who, work, d, c) * work.share[who.tally[c]]
            _add_people(who, work, d, who.pair[c], people, losses.begin[segment], losses.end[segment])


@inlined_kernel
def _add_people(who: Presence, work: Work, d: int, q: int, people: float, begin: int, end: int) -> None:
    """Add people on a pair, or take them away, in the half hours ``begin`` up to ``end``."""
    k, p = who.pair_pattern[d, q], who.pair_programme[d, q]
    if people != 0.0:
        for t in range(max(begin, who.first[d, k]), min(end, who.end[d, k])):
            work.placed[p, t] += people * who.worked[d, k, t]


@kernel
def draw_day_factors(demand: Demand, key: Any, shared: Array, factor: Array) -> None:
    """Fill ``factor[day, p]``: how busy each day of a quarter is.

    A sum of normal numbers of the quarter, of the week and of the day, each of the client's and of
    the programme's own, gives the quantile of the programme's law. ``shared[c]`` is room for those
    of each client: of the quarter, then of its weeks, then of its days.
    """
    days, programmes = factor.shape
    weeks, bins = (days + WEEK_DAYS - 1) // WEEK_DAYS, demand.busy.shape[1]
    for c in range(len(demand.client_key)):
        stream = derive_key(key, demand.client_key[c])
        shared[c, 0] = normal(draw_unit(stream, WHOLE_QUARTER))
        for week in range(weeks):
            shared[c, 1 + week] = normal(draw_unit(stream, WEEK + week))
        for day in range(days):
            shared[c, 1 + weeks + day] = normal(draw_unit(stream, day))
    for p in range(programmes):
        stream, weight, of = derive_key(key, demand.key[p]), demand.part_weight[p], shared[demand.client[p]]
        quarter = weight[0] * of[0] + weight[1] * normal(draw_unit(stream, WHOLE_QUARTER))
        for week in range(weeks):
            common = quarter + weight[2] * of[1 + week] + weight[3] * normal(draw_unit(stream, WEEK + week))
            for day in range(WEEK_DAYS * week, min(WEEK_DAYS * week + WEEK_DAYS, days)):
                own = weight[4] * of[1 + weeks + day] + weight[5] * normal(draw_unit(stream, day))
                u = 0.5 * math.erfc(-(common + own) * HALF_ROOT)
                factor[day, p] = demand.busy[p, min(int(u * bins), bins - 1)]


@kernel
def _serve_day(demand: Demand, work: Work, d: int, day: int, calm: bool) -> None:
    """Serve the calls of a day, as it came and calm; once where both are the same."""
    for p in range(len(demand.kind)):
        factor = work.factor[day, p]
        same = calm and demand.kind[p] < 2 and work.queue[0, p] == work.queue[1, p]
        serve(demand, work, work.base[d], 1, d, p, factor)
        if same:
            for i in range(4):
                work.out[0, p, i] = work.out[1, p, i]
            work.queue[0, p] = work.queue[1, p]
        else:
            serve(demand, work, work.base[d] if calm else work.placed, 0, d, p, factor)


@kernel
def _count_day(demand: Demand, work: Work, out: Rows, taken: Array, r: int, day: int) -> None:
    work.day.fill(0.0)
    work.day[:, 2:] = 1.0
    total = 0.0
    for cause in range(len(taken)):
        total += taken[cause]
    for p in range(len(demand.kind)):
        now, calm, c = work.out[0, p], work.out[1, p], demand.client[p]
        offered = now[0]
        out.programme[r, p, 0] += offered
        for i in range(3):
            out.programme[r, p, 1 + i] += now[1 + i]
            out.programme[r, p, 4 + i] += calm[1 + i]
        work.day[c, 0] += offered
        work.day[c, 1] += now[1]
        if now[1] > (1.0 - demand.least[p]) * offered + 1e-9:
            work.day[c, 2] = 0.0
        if calm[1] > (1.0 - demand.least[p]) * offered + 1e-9:
            work.day[c, 3] = 0.0
        if total > 0.0:
            for cause in range(len(taken)):
                out.harm[r, cause, c] += (now[1] - calm[1]) * (taken[cause] / total)
    _count_clients(work, out, r, day)


@kernel
def _count_clients(work: Work, out: Rows, r: int, day: int) -> None:
    for c in range(len(work.day)):
        offered, lost = work.day[c, 0], work.day[c, 1]
        if offered <= 0.0:
            continue
        out.client[r, c, 0] += 1
        out.client[r, c, 1] += int(work.day[c, 2])
        out.client[r, c, 2] += int(work.day[c, 3])
        if work.day[c, 2] == 0.0 and out.client[r, c, 3] > day:
            out.client[r, c, 3] = day
        share = min(1.0, lost / offered)
        if share > out.worst[r, c]:
            out.worst[r, c] = share
            out.client[r, c, 4] = day
        out.fan[day, c, min(BINS - 1, int((1.0 - share) * (BINS - 1) + 1e-9))] += 1
