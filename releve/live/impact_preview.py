"""Preview a closure or an outage in numbers, before it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from releve.live.clock import LIVE
from releve.live.coverage import Coverage, compute_scene_coverage
from releve.live.lost_places import Loss
from releve.live.relief_solver import look_up_relief
from releve.live.stream_state import load_scene
from releve.network import HOME

__all__ = ["ImpactPreview", "preview_impact"]


@dataclass(frozen=True)
class ImpactPreview:
    """``seats`` usable seats lost, ``working`` people at work there, or at home on those lines,
    now or later today, ``moved`` the people the relief moves (None: no relief is planned, it will
    be solved), and the coverage of every client ``before``, ``unrelieved`` and ``after`` the
    planned relief (None likewise)."""

    seats: int
    working: int
    moved: int | None
    before: Coverage
    unrelieved: Coverage
    after: Coverage | None


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
    alone = not any(scene.wanted.values()) and not any(scene.changes.values())
    found = {day: look_up_relief(scene.day_plan(day), lost, scene.at) for day in scene.days}
    known = {day: changes for day, changes in found.items() if changes is not None}
    today = scene.days[0]
    plan = scene.day_plan(today).plan
    line = (
        {row.id: row.carrier for row in scene.day_plan(today).operator.agents} if carriers else {}
    )
    there = [
        row
        for row in scene.list_placements(today)
        if row.end > scene.at
        and (row.place in sites or (row.place == HOME and line.get(row.agent) in carriers))
    ]
    unrelieved = replace(scene, wanted=wanted)
    complete = alone and len(known) == len(scene.days)
    return ImpactPreview(
        seats=sum(len(site.usable_seats) for site in plan.sites if site.id in sites and site.open),
        working=len(there),
        moved=len({agent for changes in known.values() for agent in changes}) if complete else None,
        before=compute_scene_coverage(scene),
        unrelieved=compute_scene_coverage(unrelieved, supposed=True),
        after=compute_scene_coverage(replace(unrelieved, changes=known), supposed=True)
        if complete
        else None,
    )
