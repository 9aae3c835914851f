"""Place the agents of a day, given the places lost and the losses that are answered.

Nothing answered: the base plan without the people of the lost places. One loss answered: its
relief in the plan, without the people of what else is lost. Several answered: a fast rule. It
starts with the relief of the loss that would cost most, drops placements at the other lost places,
and gives each person without work the work worth most where they may do it: weight x missing agents
covered, with seats left. Then people whose work is covered without them change to what is missing,
as long as that is worth more. People whom the base plan has on a lost site may work at home only,
as in the plan's reliefs; agents at home stay there.

A state is kept as its *changes* to the base plan (people who leave and join a pair), so its size
grows with the people moved, not with the operator.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel
from releve.plugins.crashtest.engine.kernel_types import Cells, Day


class RuleBuffers(NamedTuple):
    """Working arrays of the rule: ``placed[t, p]`` effective agents, ``used[site, t]`` seats;
    people without work ``kind``, ``pattern``, ``exposed``, ``heads``; people at work ``at_*``;
    ``short_first[p]`` up to ``short_last[p]`` the half hours outside which no agent is missing;
    ``out_*`` the changes to the scenario; ``n`` their numbers: without work, at work, changes.

    Of a pair, on site and at home: ``gain[q, h]`` what one more person is worth, ``worth[q, h]`` what one of its
    people is, each as of the ``changed[p]`` of its programme that stands in ``gain_at`` and ``worth_at``; ``tick``
    numbers the changes of all states.
    """

    placed: Array
    used: Array
    kind: Array
    pattern: Array
    exposed: Array
    heads: Array
    at_kind: Array
    at_place: Array
    at_pair: Array
    at_heads: Array
    at_bound: Array
    short_first: Array
    short_last: Array
    out_tally: Array
    out_pair: Array
    out_heads: Array
    out_home: Array
    n: Array
    gain: Array
    gain_at: Array
    worth: Array
    worth_at: Array
    changed: Array
    tick: Array


class Start(NamedTuple):
    """A scenario as it stands before anything is lost: ``placed[t, p]``, ``used[site, t]``."""

    placed: Array
    used: Array


def build_start(day: Day, scenario: int, room: RuleBuffers) -> Start:
    """Return the agents at work of a scenario, the start of its states."""
    _load_scenario(day, scenario, room)
    return Start(room.placed.copy(), room.used.copy())


def allocate_buffers(day: Day) -> RuleBuffers:
    """Return room for any state of a day."""
    cells = int(np.diff(day.cell_pointer).max(initial=0))
    idle = int(np.diff(day.idle_pointer).max(initial=0))
    people = int(day.cell_heads[: int(day.cell_pointer[1])].sum())
    people += int(day.idle_heads[: int(day.idle_pointer[1])].sum())
    most, waiting = cells + 2 * people + 8, cells + idle + 8
    pairs = (len(day.pair_pattern), 2)
    return RuleBuffers(
        placed=np.zeros_like(day.need),
        used=np.zeros((len(day.seats), len(day.need))),
        kind=np.zeros(waiting, dtype=np.int32),
        pattern=np.zeros(waiting, dtype=np.int32),
        exposed=np.zeros(waiting, dtype=np.bool_),
        heads=np.zeros(waiting, dtype=np.int32),
        at_kind=np.zeros(most, dtype=np.int32),
        at_place=np.zeros(most, dtype=np.int32),
        at_pair=np.zeros(most, dtype=np.int32),
        at_heads=np.zeros(most, dtype=np.int32),
        at_bound=np.zeros(most, dtype=np.bool_),
        short_first=np.zeros(len(day.weight), dtype=np.int32),
        short_last=np.zeros(len(day.weight), dtype=np.int32),
        out_tally=np.zeros(3 * most, dtype=np.int32),
        out_pair=np.zeros(3 * most, dtype=np.int32),
        out_heads=np.zeros(3 * most),
        out_home=np.zeros(3 * most),
        n=np.zeros(3, dtype=np.int64),
        gain=np.zeros(pairs),
        gain_at=np.zeros(pairs, dtype=np.int64),
        worth=np.zeros(pairs),
        worth_at=np.zeros(pairs, dtype=np.int64),
        changed=np.zeros(len(day.weight), dtype=np.int64),
        tick=np.zeros(1, dtype=np.int64),
    )


def build_cells(day: Day, scenario: int, lost: Array, refill: bool, room: RuleBuffers) -> Cells:
    """Return the effective agents of a scenario without the lost places, bool[place].

    ``refill``: whether people without work are given some.
    """
    _build_state(day, scenario, lost, refill, room, build_start(day, scenario, room))
    n = int(room.n[1])
    pair = room.at_pair[:n].copy()
    at_home = room.at_place[:n] >= len(day.seats)
    effect = np.where(at_home, day.home_effect[day.pair_programme[pair]], 1.0)
    heads = room.at_heads[:n] * effect
    return Cells(day.tally[room.at_kind[:n]], pair, heads, heads * at_home)


def build_changes(day: Day, scenario: int, lost: Array, refill: bool, room: RuleBuffers, start: Start) -> Cells:
    """Return what the state differs by from its scenario, as :func:`build_cells` would have it: who
    leaves a pair has negative heads. ``start``: :func:`build_start` the scenario."""
    _build_state(day, scenario, lost, refill, room, start)
    n = int(room.n[2])
    return Cells(*(a[:n].copy() for a in (room.out_tally, room.out_pair, room.out_heads, room.out_home)))


def find_base_changes(day: Day, scenario: int) -> Cells:
    """Return what a scenario differs by from the base plan, by tally and pair."""
    found: dict[tuple[int, int, bool], int] = {}
    for which, sign in ((scenario, 1), (0, -1)):
        part = slice(int(day.cell_pointer[which]), int(day.cell_pointer[which + 1]))
        rows = (
            day.tally[day.cell_kind[part]],
            day.cell_pair[part],
            day.cell_place[part] >= len(day.seats),
            day.cell_heads[part],
        )
        for tally, pair, home, heads in zip(*(row.tolist() for row in rows), strict=True):
            key = (tally, pair, home)
            found[key] = found.get(key, 0) + sign * heads
    keys = sorted(key for key, heads in found.items() if heads)
    pair = np.array([key[1] for key in keys], dtype=np.int32)
    home = np.array([key[2] for key in keys], dtype=np.bool_)
    heads = np.array([found[key] for key in keys], dtype=np.float64)
    heads *= np.where(home, day.home_effect[day.pair_programme[pair]], 1.0)
    return Cells(np.array([key[0] for key in keys], dtype=np.int32), pair, heads, heads * home)


@kernel
def _load_scenario(day: Day, scenario: int, r: RuleBuffers) -> None:
    r.placed.fill(0.0)
    r.used.fill(0.0)
    for c in range(day.cell_pointer[scenario], day.cell_pointer[scenario + 1]):
        _count_work(day, r, day.cell_place[c], day.cell_pair[c], day.cell_heads[c])


@kernel
def _build_state(day: Day, scenario: int, lost: Array, refill: bool, r: RuleBuffers, start: Start) -> None:
    r.n.fill(0)
    r.tick[0] += 1
    r.changed.fill(r.tick[0])
    _copy(start.placed, r.placed)
    _copy(start.used, r.used)
    for c in range(day.cell_pointer[scenario], day.cell_pointer[scenario + 1]):
        pair, place = day.cell_pair[c], day.cell_place[c]
        kind, heads = day.cell_kind[c], day.cell_heads[c]
        exposed = _is_exposed(day, day.cell_base[c], lost)
        if lost[place] or (exposed and refill and place < len(day.seats)):
            _add_waiting(r, kind, day.pair_pattern[pair], exposed or place < len(day.seats), heads)
            _note_change(day, r, kind, place, pair, -heads)
            if refill:
                _count_work(day, r, place, pair, -heads)
        else:
            _add_working(r, kind, place, pair, heads, place >= len(day.seats))
    if not refill:
        return
    for i in range(day.idle_pointer[scenario], day.idle_pointer[scenario + 1]):
        exposed = _is_exposed(day, day.idle_base[i], lost)
        _add_waiting(r, day.idle_kind[i], day.idle_pattern[i], exposed, day.idle_heads[i])
    _find_short(day, r)
    for i in range(r.n[0]):
        _assign_work(day, r, i, lost)
    for i in range(r.n[1]):
        _reassign_work(day, r, i, lost)
    for i in range(r.n[0]):
        _assign_work(day, r, i, lost)


@kernel
def _find_short(day: Day, r: RuleBuffers) -> None:
    """Note the half hours in which a programme lacks agents: in all others one more agent is worth
    nothing, which need not be computed."""
    for p in range(len(day.weight)):
        r.short_first[p], r.short_last[p] = len(day.need), 0
        for t in range(len(day.need)):
            if day.need[t, p] > r.placed[t, p] + 1e-12:
                r.short_first[p] = min(r.short_first[p], t)
                r.short_last[p] = t + 1


@inlined_kernel
def _may_be_short(day: Day, r: RuleBuffers, k: int, p: int) -> bool:
    """Return whether a programme may lack agents while a pattern lasts."""
    return bool(r.short_first[p] < day.end[k] and r.short_last[p] > day.first[k])


@kernel
def _note_change(day: Day, r: RuleBuffers, kind: int, place: int, pair: int, heads: int) -> None:
    """Note that people join a pair, or leave it when ``heads`` is negative."""
    i = r.n[2]
    on_site = place < len(day.seats)
    effect = 1.0 if on_site else day.home_effect[day.pair_programme[pair]]
    r.out_tally[i], r.out_pair[i], r.out_heads[i] = day.tally[kind], pair, heads * effect
    r.out_home[i] = 0.0 if on_site else heads * effect
    r.n[2] = i + 1


@inlined_kernel
def _is_exposed(day: Day, base: int, lost: Array) -> bool:
    """Return whether people belong to a lost site in the base plan."""
    return bool(0 <= base < len(day.seats) and lost[base])


@inlined_kernel
def _add_waiting(r: RuleBuffers, kind: int, pattern: int, exposed: bool, heads: int) -> None:
    i = r.n[0]
    r.kind[i], r.pattern[i], r.exposed[i], r.heads[i] = kind, pattern, exposed, heads
    r.n[0] = i + 1


@kernel
def _copy(source: Array, to: Array) -> None:
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            to[i, j] = source[i, j]


@kernel
def _put_to_work(day: Day, r: RuleBuffers, kind: int, place: int, pair: int, heads: int, bound: bool) -> None:
    """Put people to work beyond those the scenario has."""
    _add_working(r, kind, place, pair, heads, bound)
    _count_work(day, r, place, pair, heads)


@inlined_kernel
def _add_working(r: RuleBuffers, kind: int, place: int, pair: int, heads: int, bound: bool) -> None:
    """Note people at work; ``bound``: they may not go on a site."""
    i = r.n[1]
    r.at_kind[i], r.at_place[i], r.at_pair[i], r.at_heads[i] = kind, place, pair, heads
    r.at_bound[i] = bound
    r.n[1] = i + 1


@kernel
def _count_work(day: Day, r: RuleBuffers, place: int, pair: int, heads: int) -> None:
    """Count people at work, or off it when ``heads`` is negative."""
    k, p = day.pair_pattern[pair], day.pair_programme[pair]
    on_site = place < len(day.seats)
    effect = 1.0 if on_site else day.home_effect[p]
    r.tick[0] += 1
    r.changed[p] = r.tick[0]
    for t in range(day.first[k], day.end[k]):
        r.placed[t, p] += heads * effect * day.worked[k, t]
        if on_site:
            r.used[place, t] += heads * day.present[k, t]


@kernel
def _compute_gain(day: Day, r: RuleBuffers, k: int, p: int, effect: float, without: float) -> float:
    """Return what one person of a pattern is worth on a programme, beyond those at work but for ``without``."""
    gain = 0.0
    for t in range(day.first[k], day.end[k]):
        missing = day.need[t, p] - (r.placed[t, p] - without * day.worked[k, t])
        if missing > 0.0:
            gain += min(missing, effect * day.worked[k, t])
    return float(gain * day.weight[p])


@inlined_kernel
def _find_gain(day: Day, r: RuleBuffers, pair: int, p: int, on_site: bool) -> float:
    """Return what one more person of a pair is worth, computed where its programme has changed since."""
    home = 0 if on_site else 1
    if r.gain_at[pair, home] != r.changed[p]:
        effect = 1.0 if on_site else day.home_effect[p]
        r.gain[pair, home] = _compute_gain(day, r, day.pair_pattern[pair], p, effect, 0.0)
        r.gain_at[pair, home] = r.changed[p]
    return float(r.gain[pair, home])


@inlined_kernel
def _find_worth(day: Day, r: RuleBuffers, pair: int, p: int, on_site: bool) -> float:
    """Return what one of the people of a pair is worth, computed where its programme has changed since."""
    home = 0 if on_site else 1
    if r.worth_at[pair, home] != r.changed[p]:
        effect = 1.0 if on_site else day.home_effect[p]
        r.worth[pair, home] = _compute_gain(day, r, day.pair_pattern[pair], p, effect, effect)
        r.worth_at[pair, home] = r.changed[p]
    return float(r.worth[pair, home])


@kernel
def _has_seat(day: Day, r: RuleBuffers, k: int, place: int) -> bool:
    """Return whether a site has a seat left for as long as a pattern is there."""
    for t in range(day.first[k], day.end[k]):
        if r.used[place, t] + day.present[k, t] > day.seats[place] + 1e-9:
            return False
    return True


@kernel
def _find_best_option(
    day: Day, r: RuleBuffers, kind: int, k: int, bound: bool, lost: Array, least: float, at: int, on: int
) -> int:
    """Return the option of a kind that is worth most and more than ``least``, or -1.

    ``at`` and ``on``: the place and the programme that the person would leave; -1: they have none.
    """
    best, found, sites = least + 1e-9, -1, len(day.seats)
    for o in range(day.option_pointer[kind], day.option_pointer[kind + 1]):
        p = day.option_programme[o]
        if not _may_be_short(day, r, k, p):
            continue
        place = day.option_place[o]
        on_site = place < sites
        pair = day.pair_of[k, p]
        if lost[place] or (bound and on_site) or pair < 0:
            continue
        if p == on:  # as without them; no place is worth more where they are no more effective
            effect, before = 1.0 if on_site else day.home_effect[p], 1.0 if at < sites else day.home_effect[p]
            if effect <= before:
                continue
            gain = _compute_gain(day, r, k, p, effect, before)
        else:
            gain = _find_gain(day, r, pair, p, on_site)
        if gain > best and (not on_site or place == at or _has_seat(day, r, k, place)):
            best, found = gain + 1e-9, o
    return found


@kernel
def _assign_work(day: Day, r: RuleBuffers, i: int, lost: Array) -> None:
    """Give the people of an entry work, one by one, until nothing is worth it."""
    while r.heads[i] > 0:
        o = _find_best_option(day, r, r.kind[i], r.pattern[i], r.exposed[i], lost, 0.0, -1, -1)
        if o < 0:
            return
        p = day.option_programme[o]
        pair = day.pair_of[r.pattern[i], p]
        _put_to_work(day, r, r.kind[i], day.option_place[o], pair, 1, r.exposed[i])
        _note_change(day, r, r.kind[i], day.option_place[o], pair, 1)
        r.heads[i] -= 1


@kernel
def _reassign_work(day: Day, r: RuleBuffers, i: int, lost: Array) -> None:
    """Let people of an entry change to work that is worth more than what they leave."""
    kind, place, pair, bound = r.at_kind[i], r.at_place[i], r.at_pair[i], r.at_bound[i]
    k, p = day.pair_pattern[pair], day.pair_programme[pair]
    while r.at_heads[i] > 0 and r.n[1] < len(r.at_kind):
        worth = _find_worth(day, r, pair, p, place < len(day.seats))
        o = _find_best_option(day, r, kind, k, bound, lost, worth, place, p)
        if o < 0:
            return
        r.at_heads[i] -= 1
        _count_work(day, r, place, pair, -1)
        r.short_first[p] = min(r.short_first[p], day.first[k])
        r.short_last[p] = max(r.short_last[p], day.end[k])
        to = day.pair_of[k, day.option_programme[o]]
        _put_to_work(day, r, kind, day.option_place[o], to, 1, bound)
        _note_change(day, r, kind, place, pair, -1)
        _note_change(day, r, kind, day.option_place[o], to, 1)
