"""Groups that planning adds (one laptop or skill more) or merges (stops that make no difference).

By stop there are two to three times as many groups, in every block of the N-1 programme. Where the
vehicles carry everyone a plan sends, stops do not change its optimum: people of a merged group are
spread over its groups afterwards, and a check of the vehicles says whether that held.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import HOME, Operator
from releve.plan.problem import AgentGroup, AgentGroups, DayProblem
from releve.plan.result import read_agent
from releve.plan.ride_rows import RideLayout
from releve.plan.settings import PlanSettings

LEARNERS = 40
"""Largest groups that may learn a programme; more would hardly be cheaper, only slower."""
MOST_LEARNERS = 600
"""Most groups that learn, over all programmes: what a large operator's programme can carry."""


@dataclass(frozen=True)
class CandidateGroups:
    """A problem with an empty candidate group for every purchase.

    Purchase i moves people from group ``source[i]`` to group ``twin[i]``; ``kind[i]`` is laptop or
    skill, ``learns[i]`` the programme of a skill. ``spare[g]`` are the agents of a group for whom
    something can be bought. ``hiring``: groups that know one of the programmes, which people hired
    like their first member would join. ``room[m]`` is how many seats can be added to a site, within a measure
    on its people.
    """

    problem: DayProblem
    source: Ints
    twin: Ints
    kind: tuple[str, ...]
    learns: tuple[str, ...]
    spare: tuple[tuple[str, ...], ...]
    hiring: Ints
    room: Floats

    def fill_candidates(self) -> DayProblem:
        """Return the problem with candidate groups of full size, to find scarce seats."""
        size = self.problem.size.copy()
        size[self.twin] = size[self.source]
        return replace(self.problem, size=size)


def find_short_programmes(problem: DayProblem, wanted: Collection[tuple[str, str]]) -> list[int]:
    """Return the programmes of the clients of some cells (loss, client)."""
    clients = {client for _, client in wanted}
    return [p for p, c in enumerate(problem.client) if problem.clients[c] in clients]


def add_candidate_groups(
    operator: Operator,
    problem: DayProblem,
    programmes: Sequence[int],
    settings: PlanSettings,
    served: Collection[str] = (),
) -> CandidateGroups:
    """Add a candidate group per purchase: laptops for agents who are not home-ready, and each of
    ``programmes`` for agents who could learn it; none for agents already ``served``."""
    spare = _list_spare(problem.groups.members, served)
    found = [*_list_laptop_candidates(operator, problem), *_list_skill_candidates(operator, problem, set(programmes))]
    found = [one for one in found if spare[one.source]]
    first = len(problem.size)
    groups = [*problem.groups.groups, *(one.group for one in found)]
    carriers = tuple(sorted({g.carrier for g in groups} - {""}))
    class_of = np.zeros(first, dtype=np.int64)
    class_of[problem.group] = problem.link_class[problem.link]
    rows = [
        (first + i, place, programme, price, int(class_of[one.source]))
        for i, one in enumerate(found)
        for place, programme, price in _price_legal_pairs(operator, problem, one.group, settings)
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    group = np.concatenate([problem.group, table[:, 0].astype(np.int64)])
    place = np.concatenate([problem.place, table[:, 1].astype(np.int64)])
    programme = np.concatenate([problem.programme, table[:, 2].astype(np.int64)])
    of_class = np.concatenate([problem.link_class[problem.link], table[:, 4].astype(np.int64)])
    links, link = np.unique(np.stack([of_class, place, programme], axis=1), axis=0, return_inverse=True)
    extended = replace(
        problem,
        carriers=carriers,
        groups=AgentGroups(tuple(groups), (*problem.groups.members, *(() for _ in found))),
        size=np.concatenate([problem.size, np.zeros(len(found), dtype=np.int64)]),
        carrier=np.array([carriers.index(g.carrier) if g.carrier else -1 for g in groups], dtype=np.int64),
        group=group,
        place=place,
        programme=programme,
        price=np.concatenate([problem.price, table[:, 3]]),
        link=link.reshape(-1).astype(np.int64),
        link_class=links[:, 0],
        link_place=links[:, 1],
        link_programme=links[:, 2],
    )
    return CandidateGroups(
        problem=extended,
        source=np.array([one.source for one in found], dtype=np.int64),
        twin=np.arange(first, first + len(found), dtype=np.int64),
        kind=tuple(one.kind for one in found),
        learns=tuple(one.learns for one in found),
        spare=(*spare, *(() for _ in found)),
        hiring=np.unique(problem.group[np.isin(problem.programme, programmes)]),
        room=_count_addable_seats(operator, problem),
    )


def _count_addable_seats(operator: Operator, problem: DayProblem) -> Floats:
    room = np.full(len(problem.sites), np.inf)
    for row in operator.measures:
        if row.kind == "max_people" and row.valid_from <= problem.day <= row.valid_to:
            m = problem.sites.index(row.site)
            room[m] = max(0.0, min(room[m], int(row.value) - problem.seats[m]))
    return room


@dataclass(frozen=True)
class _Candidate:
    source: int
    kind: str
    learns: str
    group: AgentGroup


def _list_laptop_candidates(operator: Operator, problem: DayProblem) -> list[_Candidate]:
    carrier = choose_new_carriers(operator)
    found = []
    for g, group in enumerate(problem.groups.groups):
        if any(place == HOME for place, _ in group.legal):
            continue
        destination = operator.site[group.home_site].destination
        at_home = {
            (HOME, name)
            for _, name in group.legal
            if operator.programme[name].place == "home_allowed" and _is_destination_allowed(operator, name, destination)
        }
        if at_home:
            line = carrier.get(destination, "")
            better = replace(group, carrier=line, legal=group.legal | at_home)
            found.append(_Candidate(g, "laptop", "", better))
    return found


def choose_new_carriers(operator: Operator) -> dict[str, str]:
    """Return the carrier of new lines per destination: the one with the fewest agents there."""
    count: dict[str, dict[str, int]] = {}
    for agent in operator.agents:
        if agent.home_ready and agent.carrier:
            lines = count.setdefault(operator.site[agent.home_site].destination, {})
            lines[agent.carrier] = lines.get(agent.carrier, 0) + 1
    return {place: min(lines, key=lambda name: (lines[name], name)) for place, lines in count.items()}


def _list_skill_candidates(operator: Operator, problem: DayProblem, wanted: set[int]) -> list[_Candidate]:
    found = []
    order = np.argsort(-problem.size, kind="stable")
    most = min(LEARNERS, max(4, MOST_LEARNERS // max(1, len(wanted))))
    for p in sorted(wanted):
        name = problem.programmes[p]
        learners = 0
        for g in order:
            group = problem.groups.groups[g]
            if any(known == name for _, known in group.legal) or not problem.size[g]:
                continue
            legal = _list_learnt_places(operator, group, name)
            if legal:
                more = replace(group, legal=group.legal | legal)
                found.append(_Candidate(int(g), "skill", name, more))
                learners += 1
                if learners == most:
                    break
    return found


def _list_learnt_places(operator: Operator, group: AgentGroup, name: str) -> frozenset[tuple[str, str]]:
    """Return where people of a group could work on a programme they have learnt."""
    programme = operator.programme[name]
    places = set()
    for place in {place for place, _ in group.legal}:
        site = group.home_site if place == HOME else place
        at_home = place == HOME
        if at_home and programme.place != "home_allowed":
            continue
        if _is_destination_allowed(operator, name, operator.site[site].destination):
            places.add((place, name))
    return frozenset(places)


def _is_destination_allowed(operator: Operator, name: str, destination: str) -> bool:
    allowed = operator.programme[name].allowed_destinations
    return not allowed or destination in allowed


def _list_spare(groups: Sequence[Sequence[str]], served: Collection[str]) -> list[tuple[str, ...]]:
    """Return the agents of each group for whom something can be bought, each once: agents with two duties in
    the day count where their first one does."""
    first = {key for members in groups for key in members if key == read_agent(key)}
    return [
        tuple(
            read_agent(key)
            for key in members
            if read_agent(key) not in served and (key in first or read_agent(key) not in first)
        )
        for members in groups
    ]


def _price_legal_pairs(
    operator: Operator, problem: DayProblem, group: AgentGroup, settings: PlanSettings
) -> list[tuple[int, int, float]]:
    place_index = {name: i for i, name in enumerate((*problem.sites, HOME))}
    programme_index = {name: i for i, name in enumerate(problem.programmes)}
    out = []
    for place, name in sorted(group.legal, key=lambda pair: (pair[1], pair[0])):
        steps = (place != group.home_site) + (name != group.primary) + 0.5 * (place == HOME)
        out.append((place_index[place], programme_index[name], settings.move_price * steps))
    return out


@dataclass(frozen=True)
class MergedGroups:
    """A smaller ``problem``, with the ``group[g]`` and ``assignment[j]`` of it for each of the
    ``full`` one; links and patterns are the same in both."""

    full: DayProblem
    problem: DayProblem
    group: Ints
    assignment: Ints

    def spread_in_turn(self, people: Floats) -> Floats:
        """Return people[j] of the full problem: the groups of a merged group are used up one after
        the other, assignment after assignment, so that few people are cut in parts."""
        if len(self.problem.size) == len(self.full.size):
            return people
        size, group = self.full.size.astype(float), self.full.group
        first_person = _sum_before(self.group, size)
        first_placed = _sum_before(self.problem.group, people)
        begin = np.maximum(first_person[group], first_placed[self.assignment])
        last = (first_person + size)[group], (first_placed + people)[self.assignment]
        return np.asarray(np.maximum(0.0, np.minimum(*last) - begin))

    def spread_evenly(self, people: Floats, room: Floats) -> Floats:
        """Return people[j] of the full problem in proportion to the ``room[g]`` of its groups."""
        whole = np.bincount(self.group, room, len(self.problem.size))[self.group]
        share = np.divide(room, whole, out=np.zeros_like(room), where=whole > 0)
        return people[self.assignment] * share[self.full.group]


def keep_groups(problem: DayProblem) -> MergedGroups:
    """Return a problem without merged groups."""
    return MergedGroups(problem, problem, np.arange(len(problem.size)), np.arange(len(problem.group)))


def merge_groups(problem: DayProblem, rides: RideLayout | None) -> MergedGroups:
    """Merge the groups of a problem that differ in their stop alone.

    Groups with a place to which, or from which, no run could bring them stay apart.
    """
    apart = np.zeros(len(problem.size), dtype=np.bool_)
    if rides is not None:
        riding = np.nonzero(rides.row >= 0)[0]
        apart[problem.group[riding[~_find_served_rows(rides)[rides.row[riding]]]]] = True
    found: dict[AgentGroup, int] = {}
    of_group = np.array(
        [
            found.setdefault(group if alone else replace(group, stop=""), len(found))
            for group, alone in zip(problem.groups.groups, apart.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    members: list[list[str]] = [[] for _ in found]
    for g, names in zip(of_group.tolist(), problem.groups.members, strict=True):
        members[g] += names
    found_pairs: dict[tuple[int, int, int], int] = {}
    pairs = zip(of_group[problem.group].tolist(), problem.place.tolist(), problem.programme.tolist(), strict=True)
    assignment = np.array([found_pairs.setdefault(pair, len(found_pairs)) for pair in pairs], dtype=np.int64)
    _, first = np.unique(assignment, return_index=True)
    _, some = np.unique(of_group, return_index=True)
    smaller = replace(
        problem,
        groups=AgentGroups(tuple(found), tuple(map(tuple, members))),
        size=np.bincount(of_group, problem.size, len(found)).astype(np.int64),
        carrier=problem.carrier[some],
        group=of_group[problem.group[first]],
        place=problem.place[first],
        programme=problem.programme[first],
        price=problem.price[first],
        link=problem.link[first],
    )
    return MergedGroups(problem, smaller, of_group, assignment)


def _find_served_rows(rides: RideLayout) -> Truths:
    """Return the ride rows with a run for both of their ways."""
    served = np.zeros(len(rides.visits), dtype=np.bool_)
    served[rides.runs.call_visit] = True
    return np.asarray(served[rides.visit_to] & served[rides.visit_from])


def _sum_before(group: Ints, amount: Floats) -> Floats:
    """Return the sum of the amounts of one group that stand before each."""
    order = np.argsort(group, kind="stable")
    before = np.cumsum(amount[order]) - amount[order]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    counts = np.diff(np.append(starts, len(group)))
    out = np.empty(len(group))
    out[order] = before - np.repeat(before[starts], counts)
    return out
