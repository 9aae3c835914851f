"""Reliefs compared in whole people, and which of them each aim takes.

Whole people are found near an optimum, not at it: a relief solved for the fewest moves may move more people than one
solved for coverage, or hold a client less. So several are made, measured, and taken by what they do: *few* never moves
more people than *coverage*, and *coverage* holds every client where another does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.live.plans import read_settings
from releve.live.relief_aims import AIMS
from releve.live.roster_changes import compare_rosters, count_roster_kinds
from releve.live.stream_state import Changes, Scene
from releve.plan import PlanSettings
from releve.plan.coverage import NOTHING, Timeline, count_placed
from releve.plan.problem import compute_programme_weights
from releve.plan.work_changes import KindCount, count_asked


@dataclass(frozen=True)
class MeasuredRelief:
    """What a relief does, in whole people, from now on and on the days on which something is lost.

    ``taken`` is its name in :data:`releve.live.relief_aims.RELIEFS`. ``kinds`` of people work differently from the
    plan, ``notified`` from what is in force; ``missing`` is the share of the rest of its day that each client misses,
    by day and client; ``hours`` of agents are missing in all, and ``penalty`` weighs them by that of a missed call.
    """

    taken: str
    kinds: tuple[KindCount, ...]
    notified: int = 0
    hours: float = 0.0
    penalty: float = 0.0
    missing: Mapping[tuple[date, str], float] = field(default_factory=dict)

    @property
    def moved(self) -> int:
        """The people who work differently from the plan."""
        return count_asked(self.kinds)

    @property
    def worst(self) -> float:
        """The largest share that a client misses of a day."""
        return max(self.missing.values(), default=0.0)

    @property
    def worst_client(self) -> str:
        """The client that misses it; empty: none misses anything."""
        (_day, client) = max(self.missing, key=lambda cell: self.missing[cell], default=(None, ""))
        return client if self.worst > NOTHING else ""

    def does_as(self, other: MeasuredRelief) -> bool:
        """Return whether another relief moves as many people and leaves every client the same, with any people."""
        return self.moved == other.moved and all(
            abs(share - other.missing.get(cell, 0.0)) <= NOTHING for cell, share in self.missing.items()
        )

    def list_below(self, target: float) -> list[str]:
        """Return the clients that miss more than a share of a day."""
        return sorted({client for (_, client), share in self.missing.items() if share > target + NOTHING})


def take_reliefs(scene: Scene, made: Mapping[str, Mapping[date, Changes]]) -> dict[str, MeasuredRelief]:
    """Return the relief that each aim takes, of those that were made: their changes by day."""
    measured = {name: measure_relief(scene, changes, name) for name, changes in made.items()}
    settings = read_settings(scene.day_plan(scene.days[0]).plan)
    return {aim: measured[choose_relief(aim, measured, settings)] for aim in AIMS}


def choose_relief(aim: str, made: Mapping[str, MeasuredRelief], settings: PlanSettings) -> str:
    """Return which relief an aim takes, of those that were made.

    *coverage*: of the reliefs that hold every client within the target, or, where none does, of all, those with which
    the client that is served least misses least, to the tolerance; of these the one with the least penalty. Without a
    tolerance a tenth of a per cent for one client would weigh more than half of all that is missing.
    *few*: of the reliefs that hold every client within the target, or, where none does, that leave no client worse
    than *coverage* by more than the tolerance, the one that moves the fewest people.
    """
    if aim not in ("few", "coverage"):
        return aim
    target, tolerance = settings.target + NOTHING, settings.relief_tolerance
    held = [name for name, row in made.items() if row.worst <= target] or list(made)
    least = min(made[name].worst for name in held) + tolerance + NOTHING
    widest = min((name for name in held if made[name].worst <= least), key=lambda name: made[name].penalty)
    if aim == "coverage":
        return widest
    best = made[widest].missing
    most = {cell: target if share <= target else share + tolerance + NOTHING for cell, share in best.items()}
    near = [name for name in held if all(share <= most[cell] for cell, share in made[name].missing.items())]
    return min(near, key=lambda name: (made[name].moved, made[name].penalty))


def measure_relief(scene: Scene, changes: Mapping[date, Changes], aim: str = "") -> MeasuredRelief:
    """Return what changes of the plans do to a scene; nothing is stored."""
    supposed = replace(scene, changes=changes)
    kinds = count_roster_kinds(compare_rosters(supposed, day) for day in scene.days)
    missing: dict[tuple[date, str], float] = {}
    hours = penalty = 0.0
    for day in scene.days:
        if not scene.wanted[day]:
            continue
        found = scene.day_to_relieve(day)
        ahead = np.array([start + INTERVAL > scene.at for start in found.plan.starts])
        placed = count_placed(found.operator, Timeline(found.plan.starts), supposed.list_placements(day))
        required = np.nan_to_num(found.need.agents)[ahead]
        short = np.maximum(0.0, required - placed[ahead])
        hours += float(short.sum()) * (INTERVAL / timedelta(hours=1))
        penalty += float((short @ compute_programme_weights(found.operator, found.need)).sum())
        client_of = np.array([found.operator.programme[name].client for name in found.need.programmes])
        for client, _name in found.plan.clients:
            own = client_of == client
            needs = float(required[:, own].sum())
            if needs > NOTHING:
                missing[day, client] = float(short[:, own].sum()) / needs
    moves = tuple(row for row in kinds if row.kind.is_move)
    return MeasuredRelief(aim, moves, count_asked(scene.count_changes(changes)), hours, penalty, missing)
