"""The runs of a day as people read them: per site, and per vehicle for its driver."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from releve.plan.day_fleet import build_day_fleet
from releve.plan.day_runs import DayRuns, PlacementsFrom, route_day
from releve.plan.timetable import build_site_timetable, build_vehicle_sheet
from releve.transport import TO_SITE, Rider
from tests.plan.test_rides import SETTINGS, build_operator, plan_day


@cache
def find_runs() -> DayRuns:
    """Return the runs of a day of 60 agents on two sites."""
    operator, plan = build_operator(12), plan_day(12)
    fleet = build_day_fleet(operator, plan.day, SETTINGS)
    assert fleet is not None
    return route_day(operator, fleet, [PlacementsFrom(None, plan.placements)])


def test_a_site_has_its_own_runs_with_the_heads_that_were_counted() -> None:
    found = find_runs()
    run = next(run for run in found.runs if run.wave.leg == TO_SITE)
    heads = {(run.vehicle, found.write_hour(run)): 3}
    table = build_site_timetable(found, run.wave.site, run.busy_from, heads)
    assert table.riders == sum(row.riders for row in table.runs)
    (row,) = (row for row in table.runs if row.run == run.id)
    assert row.under_way
    assert (row.boarded, row.riders) == (3, run.count)
    assert row.calls[-1].place == run.wave.site
    assert sum(call.riders for call in row.calls[:-1]) == run.count
    assert {place.kind for place in table.places} == {"stop", "site", "depot"}
    assert not build_site_timetable(found, run.wave.site, run.busy_until, {}).runs[0].boarded


def test_who_has_no_seat_is_named_only_where_that_is_asked_for() -> None:
    found = find_runs()
    run = found.runs[0]
    riders = [rider for rider in _list_all(found) if rider.wave == run.wave]
    crowded = replace(found, left_behind=tuple(riders))
    table = build_site_timetable(crowded, run.wave.site, run.busy_from, {})
    assert {agent for row in table.left for agent in row.agents} == {one.agent for one in riders}
    hidden = table.without_agents()
    assert [row.riders for row in hidden.left] == [row.riders for row in table.left]
    assert all(row.agents == () and row.reason for row in hidden.left)


def test_a_driver_has_the_runs_of_the_vehicle_in_the_order_of_the_day() -> None:
    found = find_runs()
    vehicle = found.runs[0].vehicle
    sheet = build_vehicle_sheet(found, vehicle, found.runs[0].busy_from)
    assert sheet is not None
    own = [run.id for run in found.runs if run.vehicle == vehicle]
    assert sorted(row.run for row in sheet.runs) == sorted(own)
    shifts = [row.calls[0].at for row in sheet.runs]
    assert shifts == sorted(shifts)
    assert build_vehicle_sheet(found, "none", found.runs[0].busy_from) is None


def _list_all(found: DayRuns) -> list[Rider]:
    """Return every rider of a day, as if none had a seat."""
    return [
        Rider(agent, stop, run.wave)
        for run in found.runs
        for stop, names in zip(run.stops, run.agents, strict=True)
        for agent in names
    ]
