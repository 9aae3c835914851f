"""How many people a plan and its reliefs can lose before a client's verdict changes.

The rules, of each scenario (the base day and every relief):

* on the base day no half hour of a programme loses an agent that it needs;
* under a loss a client that meets its target still meets it, and no half hour that stands above the
  thin limit falls below it; a client that misses its target misses no more;
* people lent on a site have a seat there, beside those of the scenario;
* the share of a client's people on one site stays within the client's limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from releve.kernels.arrays import Floats, Ints
from releve.network import HOME, Operator
from releve.plan.checker.rules import apply_moves
from releve.plan.coverage import Timeline
from releve.plan.result import BASE, Placement, Plan
from releve.plan.settings import PlanSettings

HAIR = 1e-7


@dataclass(frozen=True)
class AlikePeople:
    """Interchangeable people: the same skill, place when lent, and work everywhere.

    ``work[s]``: the placement in scenario ``s`` (of any one of them), None without one.
    ``half_hours`` that one of them can be lent for.
    """

    skill: str
    destination: str
    place: str
    half_hours: tuple[int, ...]
    work: tuple[Placement | None, ...]
    agents: tuple[str, ...]


class SpareRoom:
    """What is left to take, scenario by scenario; ``take`` takes one person or refuses.

    Axes: s scenarios (the base day first), t half hours, p programmes, c clients, m sites.
    """

    def __init__(self, operator: Operator, plan: Plan, settings: PlanSettings, *, to_target: bool) -> None:
        self._timeline = Timeline(plan.starts)
        self._efficiency = {row.id: row.home_efficiency for row in operator.programmes}
        self.scenarios = (BASE, *(row.id for row in plan.contingencies))
        self.programmes = [name for name, _, _ in plan.programmes]
        self.clients = [name for name, _ in plan.clients]
        self.client = np.array([self.clients.index(owner) for _, owner, _ in plan.programmes])
        required = np.nan_to_num(plan.required)
        placed = np.stack([plan.scenarios[name].placed for name in self.scenarios])
        self.surplus = np.maximum(0.0, placed - required)
        """Agents beyond those required, ``[s, t, p]``."""
        self.taken = np.zeros_like(placed)
        self.room, self.thin_room = self._measure_rooms(plan, settings, required, placed, to_target)
        self._sites = [row.id for row in operator.sites]
        self._seats = self._count_free_seats(operator, plan)
        self._heads = Counter(
            (self.client[self.programmes.index(one.programme)], one.place) for one in plan.placements if not one.carried
        )
        self._share = np.ones(len(self.clients))
        for p, name in enumerate(self.programmes):
            c = self.client[p]
            self._share[c] = min(self._share[c], operator.programme[name].max_site_share)
        self._known: dict[tuple[object, ...], Floats] = {}

    def _measure_rooms(
        self, plan: Plan, settings: PlanSettings, required: Floats, placed: Floats, to_target: bool
    ) -> tuple[Floats, Floats]:
        """Return agent half hours that may go missing more, ``[s, c]`` and ``[s, c, t]``."""
        short = np.maximum(0.0, required - placed)
        cells = {(cell.contingency, cell.client): cell.status for cell in plan.cells}
        room = np.zeros((len(self.scenarios), len(self.clients)))
        thin = np.zeros((*room.shape, required.shape[0]))
        for c, client in enumerate(self.clients):
            mine = self.client == c
            need = required[:, mine].sum(axis=1)
            for s, name in enumerate(self.scenarios):
                if not to_target or name == BASE or not cells[name, client].is_met:
                    continue
                missing = short[s][:, mine].sum(axis=1)
                room[s, c] = settings.target * max(1.0, need.sum()) - missing.sum()
                thin[s, c] = (1 - settings.thin) * need - missing
        return np.maximum(0.0, room - HAIR), np.maximum(0.0, thin - HAIR)

    def _count_free_seats(self, operator: Operator, plan: Plan) -> Floats:
        """Return the seats that stay free, ``[s, m, t]``; without limit on a site that is lost."""
        day = plan.day
        most = {row.id: len(row.usable_seats) if row.open else 0 for row in plan.sites}
        for row in operator.measures:
            if row.kind == "max_people" and row.valid_from <= day <= row.valid_to:
                most[row.site] = min(most[row.site], int(row.value))
        free = np.empty((len(self.scenarios), len(self._sites), len(plan.starts)))
        free[:] = np.array([most[name] for name in self._sites])[None, :, None]
        lost = [frozenset[str](), *(row.sites for row in plan.contingencies)]
        for s, name in enumerate(self.scenarios):
            for one in apply_moves(plan.placements, plan.scenarios[name].moves):
                if one.place != HOME:
                    free[s, self._sites.index(one.place)] -= self._timeline.find_seated(one)
            free[s, [m for m, site in enumerate(self._sites) if site in lost[s]]] = np.inf
        return free

    def measure_work(self, one: Placement) -> Floats:
        """Return effective agents per half hour of a placement."""
        effect = self._efficiency[one.programme] if one.place == HOME else 1.0
        key = (effect, one.start, one.end, one.break_start, one.break_end, one.pauses)
        if key not in self._known:
            self._known[key] = effect * self._timeline.measure_worked(one)
        return self._known[key]

    def take(self, people: AlikePeople) -> bool:
        """Take one person out of the plan; False, with nothing taken, where a rule forbids it."""
        at = [s for s, one in enumerate(people.work) if one is not None]
        column = np.array(
            [self.programmes.index(one.programme) for one in people.work if one is not None], dtype=np.int64
        )
        taken, room, thin = self._lose(people.work, at, column)
        if room.min(initial=0.0) < 0 or thin.min(initial=0.0) < 0:
            return False
        if not self._has_seat(people) or not self._keeps_share(people.work[0]):
            return False
        owner = self.client[column]
        self.taken[at, :, column] = taken
        self.room[at, owner], self.thin_room[at, owner] = room, thin
        self._occupy(people)
        return True

    def _lose(self, work: Sequence[Placement | None], at: list[int], column: Ints) -> tuple[Floats, Floats, Floats]:
        """Return what would be taken, and the rooms that would be left, per scenario in ``at``."""
        lost = np.array([self.measure_work(one) for one in work if one is not None])
        lost = lost.reshape(len(at), self.taken.shape[1])
        before = self.taken[at, :, column]
        surplus = self.surplus[at, :, column] + HAIR / 10
        more = np.maximum(0.0, before + lost - surplus) - np.maximum(0.0, before - surplus)
        owner = self.client[column]
        return (before + lost, self.room[at, owner] - more.sum(axis=1), self.thin_room[at, owner] - more)

    def _list_new_seats(self, people: AlikePeople) -> tuple[list[int], int, Floats]:
        """Return the scenarios in which a person lent on a site takes a seat more, and when."""
        present = np.zeros(self.taken.shape[1])
        if people.place == HOME:
            return [], 0, present
        present[people.half_hours[0] : people.half_hours[-1] + 1] = 1.0
        new = [s for s, one in enumerate(people.work) if one is None or one.place != people.place]
        return new, self._sites.index(people.place), present

    def _has_seat(self, people: AlikePeople) -> bool:
        new, site, present = self._list_new_seats(people)
        return not new or bool((self._seats[new, site] - present >= 0)[:, present > 0].all())

    def _occupy(self, people: AlikePeople) -> None:
        new, site, present = self._list_new_seats(people)
        if new:
            self._seats[new, site] -= present
        base = people.work[0]
        if base is not None:
            self._heads[self.client[self.programmes.index(base.programme)], base.place] -= 1

    def _keeps_share(self, base: Placement | None) -> bool:
        """Return whether one person less keeps a client's people spread over the sites."""
        if base is None:
            return True
        c = int(self.client[self.programmes.index(base.programme)])
        at = {place: count for (owner, place), count in self._heads.items() if owner == c}
        total = sum(at.values())
        return not any(
            count - (place == base.place) > ceil(self._share[c] * (total - 1) - 1e-9)
            and count <= ceil(self._share[c] * total - 1e-9)
            for place, count in at.items()
            if place != HOME
        )
