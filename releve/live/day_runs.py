"""The vehicles of a stream's days: which runs there are, and who rides when and where.

Runs are not stored: the plan and the reliefs decide them, so that each process finds the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from releve.live.current_rules import select_rules
from releve.live.identity_cache import IdentityCache
from releve.live.lost_places import NO_LOSS
from releve.live.models import ReliefDay
from releve.live.plans import DayPlan, load_day_plan, read_settings
from releve.live.stream_state import Scene, cap_day_vehicles, list_working, load_scene
from releve.network import Operator, zone
from releve.plan import Placement
from releve.plan.day_fleet import build_day_fleet
from releve.plan.day_runs import DayRuns, PlacementsFrom, route_day
from releve.plan.timetable import SiteTimetable, build_site_timetable
from releve.situation import SituationRules, count_boarded
from releve.transport import TO_SITE

__all__ = ["find_day_runs", "find_scene_runs", "find_timetable", "list_runs_to"]


def find_scene_runs(
    scene: Scene, day: date, rules: SituationRules, *, until: int | None = None
) -> DayRuns | None:
    """Return the runs of a day of a scene; None where the operator has no vehicles.

    ``until`` a generation of reliefs, by default the one in force. Absent people keep their seats.
    """
    if until is None:
        until = 0 if scene.relief is None else scene.relief.generation
    found = load_day_plan(scene.activation.days[day.isoformat()], scene.activation.version)
    return find_day_runs(scene.stream, found, rules, until)


def find_timetable(scene: Scene, day: date, site: str) -> SiteTimetable | None:
    """Return the runs of a site on a day, with the heads that its daily check counted.

    None where the operator has no vehicles.
    """
    found = find_scene_runs(scene, day, select_rules(scene.situation))
    if found is None:
        return None
    return build_site_timetable(found, site, scene.at, count_boarded(scene.situation, site, day))


def list_runs_to(stream: str, site: str) -> tuple[str, ...]:
    """Return the runs of today to a site, as the daily check names them: vehicle and hour."""
    scene = load_scene(stream)
    if scene is None:
        return ()
    tz = zone(scene.day_plan(scene.days[0]).operator.site[site].time_zone) if scene.days else None
    today = scene.at.astimezone(tz).date()
    runs = None
    if today in scene.days:
        runs = find_scene_runs(scene, today, select_rules(scene.situation))
    if runs is None:
        return ()
    return tuple(
        f"{run.vehicle} {runs.write_hour(run)}"
        for run in runs.runs
        if run.wave.site == site and run.wave.leg == TO_SITE
    )


def find_day_runs(
    stream: str, found: DayPlan, rules: SituationRules, until: int | None = None
) -> DayRuns | None:
    """Return the runs of a planned day under the reliefs of a stream, up to a generation if given.

    None where the operator has no vehicles.
    """
    if not found.operator.vehicles:
        return None
    rows = ReliefDay.objects.filter(
        relief__stream=stream, plan_id=found.digest, day=found.plan.day
    ).exclude(relief__source="first")
    if until is not None:
        rows = rows.filter(relief__generation__lte=until)
    reliefs = list(rows.select_related("relief").order_by("relief__generation"))
    key = (found.digest, tuple(row.pk for row in reliefs))
    return _known_runs.get(key, (found, rules), lambda: _route(found, rules, reliefs))


_known_runs: IdentityCache[DayRuns | None] = IdentityCache(64)
"""By plan and reliefs, while the rules of transport are the same."""


def _route(found: DayPlan, rules: SituationRules, reliefs: list[ReliefDay]) -> DayRuns | None:
    operator = cap_day_vehicles(found, rules).operator
    fleet = build_day_fleet(operator, found.plan.day, read_settings(found.plan))
    if fleet is None:
        return None
    steps = [PlacementsFrom(None, _drop_erased(operator, found.plan.placements))]
    for row in reliefs:
        placements = list_working(found, row.changes, NO_LOSS, {})
        steps.append(PlacementsFrom(row.relief.from_at, _drop_erased(operator, placements)))
    return route_day(operator, fleet, steps)


def _drop_erased(operator: Operator, rows: Iterable[Placement]) -> tuple[Placement, ...]:
    """Return the placements of people who are still in the reference data."""
    return tuple(row for row in rows if row.agent in operator.agent)
