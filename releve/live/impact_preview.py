"""Preview a closure or an outage in numbers, before it is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from releve.live.clock import LIVE
from releve.live.coverage import Coverage, compute_scene_coverage
from releve.live.lost_places import Loss
from releve.live.relief_solver import ReliefRequest, look_up_relief, solve_first_answer
from releve.live.stream_state import Changes, Scene, load_scene
from releve.network import HOME

__all__ = ["ImpactPreview", "preview_impact"]


@dataclass(frozen=True)
class ImpactPreview:
    """``seats`` usable seats lost, ``working`` people at work there, or at home on those lines,
    now or later today, ``moved`` the people whose work the relief changes, and the coverage of
    every client ``before``, ``unrelieved`` and ``after`` the relief: the planned one, else the
    first answer of the solver."""

    seats: int
    working: int
    moved: int
    before: Coverage
    unrelieved: Coverage
    after: Coverage


def preview_impact(
    *, sites: frozenset[str] = frozenset(), carriers: frozenset[str] = frozenset(),
    home_only: bool = True, stream: str = LIVE,
) -> ImpactPreview | None:  # fmt: skip
    """Return what losing places would do; None when no plan is in force.

    ``home_only``: the people of the sites may work at home only, as after a closure for health.
    """
    scene = load_scene(stream)
    if scene is None or not scene.days:
        return None
    lost = Loss(sites, carriers, sites if home_only else frozenset())
    wanted = {
        day: Loss(old.sites | sites, old.carriers | carriers, old.home_only | lost.home_only)
        for day, old in scene.wanted.items()
    }
    unrelieved = replace(scene, wanted=wanted)
    relieved = {day: _find_relief(scene, day, loss) for day, loss in wanted.items()}
    plan = scene.day_plan(scene.days[0]).plan
    return ImpactPreview(
        seats=sum(len(site.usable_seats) for site in plan.sites if site.id in sites and site.open),
        working=_count_working(scene, sites, carriers),
        moved=_count_moved(scene, relieved),
        before=compute_scene_coverage(scene),
        unrelieved=compute_scene_coverage(unrelieved, supposed=True),
        after=compute_scene_coverage(replace(unrelieved, changes=relieved), supposed=True),
    )


def _find_relief(scene: Scene, day: date, loss: Loss) -> Changes:
    """Return the relief of a day: the one in force, the planned one, or one solved now."""
    found, changes = scene.day_to_relieve(day), scene.changes.get(day, {})
    if loss == scene.answered(day):
        return changes
    known = None if changes else look_up_relief(found, loss, scene.at)
    if known is not None:
        return known
    number = scene.relief.pk if scene.relief and changes else 0
    at = max(scene.at, found.plan.starts[0])
    return solve_first_answer(ReliefRequest(found, changes, number, loss, scene.absent, at))


def _count_working(scene: Scene, sites: frozenset[str], carriers: frozenset[str]) -> int:
    """Return the people at work at places that would be lost, now or later today."""
    today = scene.days[0]
    agents = scene.day_plan(today).operator.agents if carriers else ()
    line = {row.id: row.carrier for row in agents}
    return sum(
        row.place in sites or (row.place == HOME and line.get(row.agent) in carriers)
        for row in scene.list_placements(today)
        if row.end > scene.at
    )


def _count_moved(scene: Scene, relieved: Mapping[date, Changes]) -> int:
    return scene.count_moved(
        {
            day: {
                agent: change
                for agent, change in changes.items()
                if scene.changes.get(day, {}).get(agent) != change
            }
            for day, changes in relieved.items()
        }
    )
