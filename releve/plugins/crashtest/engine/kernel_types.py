"""NamedTuples of arrays that the kernels of a crash test read and fill."""

from __future__ import annotations

from typing import NamedTuple

from releve.kernels.arrays import Array

PROGRAMME = ("offered", "lost", "within", "short", "calm_lost", "calm_within", "calm_short")
"""What is counted per quarter and programme: calls, contacts or items that came in; those lost;
inbound calls served within the threshold, and hung up within it. *Calm*: the same quarter, as busy
on every day, without illness, closures and outages."""

CLIENT = ("days", "served", "calm_served", "first_missed", "worst_day")
"""What is counted per quarter and client: days with something to serve; those on which each of its
programmes served its least share, with and without disasters; the first that did not (the number
of days if none) and the one with the largest share lost."""

BINS = 101
"""Bins of the share served on a day: whole percents, rounded down."""


class Day(NamedTuple):
    """A planned day and its reliefs as arrays (``plan_arrays.build_day``).

    Axes: t half hours, p programmes, k patterns (a shift with its break), q pairs (pattern,
    programme), n kinds of people that nothing tells apart, m places, s scenarios (0 the base plan,
    then the reliefs of the plan).

    ``need[t, p]``; ``weight[p]`` penalty of a missing agent-interval; ``home_effect[p]``;
    ``worked[k, t]``, ``present[k, t]``; ``first[k]``, ``end[k]`` the half hours a pattern spans;
    ``pair_pattern[q]``, ``pair_programme[q]``, ``pair_of[k, p]`` (-1 = none); ``tally[n]``; the
    options of a kind, ``option_pointer[n]`` up to the next, as ``option_place`` and
    ``option_programme``; ``seats[m]`` of sites. The people of scenario s, ``cell_pointer[s]`` up
    to the next: ``cell_kind``, ``cell_place``, ``cell_pair``, ``cell_base`` (where the base plan
    has them, -1 = nowhere), ``cell_heads``; those without work, ``idle_pointer[s]``: ``idle_kind``,
    ``idle_pattern``, ``idle_base``, ``idle_heads``. ``at_place[m, t]`` effective agents of the base
    plan; ``first_busy[m]`` the half hour the first of them is due; ``damage[m]`` what their loss
    costs without relief.
    """

    need: Array
    weight: Array
    home_effect: Array
    worked: Array
    present: Array
    first: Array
    end: Array
    pair_pattern: Array
    pair_programme: Array
    pair_of: Array
    tally: Array
    option_pointer: Array
    option_place: Array
    option_programme: Array
    seats: Array
    cell_pointer: Array
    cell_kind: Array
    cell_place: Array
    cell_pair: Array
    cell_base: Array
    cell_heads: Array
    idle_pointer: Array
    idle_kind: Array
    idle_pattern: Array
    idle_base: Array
    idle_heads: Array
    at_place: Array
    first_busy: Array
    damage: Array


class Cells(NamedTuple):
    """Effective agents of a state of a day: ``heads[c]`` of tally ``tally[c]`` on the pair
    ``pair[c]``; ``home[c]`` of them work at home."""

    tally: Array
    pair: Array
    heads: Array
    home: Array


class Demand(NamedTuple):
    """What comes in; d planned days, p programmes, t half hours.

    ``calls[d, p, t]``; ``log_load[d, p, t]`` of the load in Erlang; ``open[d, p, t]``; ``pace[d, p,
    t]`` calls an agent ends in the half hour. Per programme: ``kind`` 0 inbound, 1 outbound, 2 back
    office; ``available`` = 1 - shrinkage; ``patience`` in half hours (infinite = no caller hangs
    up); ``occupancy``; ``deadline`` in half hours; ``least`` share of a day to serve; ``client``;
    ``penalty``; ``key``; ``busy[p, bin]`` the day's factor at each quantile; ``table[p]`` of
    :func:`~releve.plugins.crashtest.engine.call_outcomes.build_queue_table`; ``part_weight[p, 6]`` of
    :attr:`releve.demand.forecast.day_parts.DayParts.weights`. ``client_key[c]`` of each client."""

    calls: Array
    log_load: Array
    open: Array
    pace: Array
    kind: Array
    available: Array
    patience: Array
    occupancy: Array
    deadline: Array
    least: Array
    client: Array
    penalty: Array
    key: Array
    busy: Array
    table: Array
    part_weight: Array
    client_key: Array


class Presence(NamedTuple):
    """Who is where; k patterns and q pairs of each planned day d, filled up to the longest.

    ``calendar[day]`` the planned day or -1; ``worked[d, k, t]``, ``hours[d, k]`` their sum,
    ``first[d, k]``, ``end[d, k]``;
    ``pair_pattern[d, q]``, ``pair_programme[d, q]``, ``pairs[d]``; ``base[d, p, t]`` effective
    agents of the base plan; the cells of a state, ``pointer[state]`` up to the next: ``tally``,
    ``pair``, ``heads``, ``home`` (the states 0 .. d - 1 are the base plans, the others what a state
    adds to that of its day or takes from it); ``tally_size``. What is at home counts at the mean of
    what is known of home efficiency: ``base_home[d, p, t]`` is that part of ``base``,
    ``home_shift[p, bin]`` by how much a quarter's efficiency may differ from the mean, at equally
    likely quantiles, and ``home_key[p]`` the stream that a quarter's is drawn from.
    """

    calendar: Array
    worked: Array
    hours: Array
    first: Array
    end: Array
    pair_pattern: Array
    pair_programme: Array
    pairs: Array
    base: Array
    pointer: Array
    tally: Array
    pair: Array
    heads: Array
    home: Array
    tally_size: Array
    base_home: Array
    home_shift: Array
    home_key: Array


class Work(NamedTuple):
    """A thread's working arrays: ``shift[p]`` of home efficiency in this quarter, and with it
    ``base[d, p, t]``; ``share[tally]`` present; ``people[q]``; ``placed[p, t]``;
    ``queue[2, p]`` callers waiting and work left; ``come[2, p, i]`` work come in by opening half
    hour, ``opened[2, p]`` of them; ``done[2, p]`` work done; ``out[2, p, 4]`` of a day: offered,
    lost, within, short; ``day[client, 4]``: offered, lost, held, calm held; ``factor[day, p]`` how
    busy, and ``shared[client, i]`` room to draw it.
    """

    shift: Array
    base: Array
    share: Array
    people: Array
    placed: Array
    queue: Array
    come: Array
    opened: Array
    done: Array
    out: Array
    day: Array
    factor: Array
    shared: Array


class Rows(NamedTuple):
    """What is kept of every quarter: ``programme[r, p, PROGRAMME]``, ``client[r, c, CLIENT]``
    (int32), ``worst[r, c]`` share lost on the worst day, ``harm[r, cause, client]`` calls lost to
    each cause beyond the calm quarter; ``fan[day, c, bin]`` (int64) quarters by share served.
    """

    programme: Array
    client: Array
    worst: Array
    harm: Array
    fan: Array
