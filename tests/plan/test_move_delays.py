"""Who moves is at work after the journey that the operator's tables give, or after the setting."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from releve.network import HOME, Operator, TravelTime, Vehicle
from releve.plan import Placement
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.named_assignments import HOME_DELAY, SITE_DELAY, MoveDelays, SiteArrival
from tests.plan.running_day import clock, list_site_losses, running_day

MINUTE = timedelta(minutes=1)


def connect_sites(operator: Operator, minutes: float, source: str = "measured") -> Operator:
    """Return an operator whose table of travel has each pair of sites."""
    names = [site.id for site in operator.sites]
    rows = tuple(TravelTime(a, b, minutes, source=source) for a in names for b in names if a < b)
    return replace(operator, travel=rows)


def place(agent: str, where: str, start: datetime) -> Placement:
    """Return eight hours of an agent somewhere."""
    return Placement(agent, where, "p", start, start + timedelta(hours=8), None, None)


@pytest.mark.parametrize(("drive", "delay"), [(20, 60), (30, 60), (31, 90), (170, 210)])
def test_the_drive_between_sites_and_the_set_up_count_in_half_hours(drive: int, delay: int) -> None:
    case, _ = running_day(300)
    at = clock(case, "10:30")
    one, two = (site.id for site in case.operator.sites[:2])
    delays = MoveDelays(connect_sites(case.operator, drive))
    working = place("a", one, at - MINUTE)
    assert delays.find_site_delay("", working, two, at) == delay * MINUTE
    assert delays.find_site_delay("", place("a", two, at), one, at + MINUTE) == delay * MINUTE


def test_where_no_journey_is_given_the_setting_counts() -> None:
    case, _ = running_day(300)
    operator, at = case.operator, clock(case, "10:30")
    one, two = (site.id for site in operator.sites[:2])
    working = place("a", one, at)
    for delays in (MoveDelays(operator), MoveDelays(connect_sites(operator, 20, "estimated"))):
        assert delays.find_site_delay("", working, two, at) == SITE_DELAY
    known = MoveDelays(connect_sites(operator, 20), site=45 * MINUTE)
    for placed in (None, place("a", HOME, at), place("a", one, at + MINUTE)):
        assert known.find_site_delay("", placed, two, at) == 45 * MINUTE, "not on a site by then"


def test_who_rides_sets_out_from_the_stop_and_others_from_where_they_live() -> None:
    case, _ = running_day(300)
    operator, at = case.operator, clock(case, "06:00")
    shuttle = operator.shuttles[0]
    agent = next(row for row in operator.agents if row.stop == shuttle.stop)
    later = place(agent.id, "elsewhere", at + timedelta(hours=6))
    assert MoveDelays(operator).find_stop(agent.id) == "", "no vehicle brings anybody"
    fleet = replace(operator, vehicles=(Vehicle("v", "depot", 16),))
    delays = MoveDelays(fleet)
    assert delays.find_stop(agent.id) == shuttle.stop
    drive = delays.measure_drive(shuttle.stop, later, shuttle.site, at)
    assert drive == (shuttle.ride_minutes - 6) * MINUTE
    own = replace(agent, own_transport=True)
    rows = tuple(own if row.id == own.id else row for row in operator.agents)
    assert MoveDelays(replace(fleet, agents=rows)).find_stop(own.id) == ""
    assert delays.find_stop("erased") == ""


def test_a_known_journey_shorter_than_the_setting_never_serves_fewer_calls() -> None:
    case, plan = running_day(300)
    when = clock(case, "10:30")
    near = connect_sites(case.operator, 20)
    arrived = set()
    for lost in list_site_losses(case.operator):
        penalty = []
        for operator, wait in ((case.operator, SITE_DELAY), (near, 60 * MINUTE)):
            day = build_running_day(operator, plan, case.requirement, when, case.settings)
            found = solve_intraday_relief(day, replace(lost, exposed=False), case.settings, curve=False)
            penalty.append(found.lp_penalty)
            for move in found.moves:
                before, after = move.before, move.after
                if before is None or after is None or before.place in (HOME, after.place):
                    continue
                if after.place == HOME or before.start > when:
                    continue
                assert after.start >= when + wait
                arrived.add(after.start - when)
        assert penalty[1] <= penalty[0] * (1 + 1e-6)
    assert 60 * MINUTE in arrived, "some are sooner on another site"


def test_arrivals_are_counted_by_site_and_by_how_they_are_known() -> None:
    case, _ = running_day(300)
    at = clock(case, "10:30")
    one, two, three = (site.id for site in case.operator.sites[:3])
    operator = replace(case.operator, travel=(TravelTime(one, two, 20), TravelTime(three, two, 50)))
    names = [agent.id for agent in operator.agents[:5]]
    before = {
        names[0]: place(names[0], one, at),
        names[1]: place(names[1], three, at),
        names[2]: place(names[2], HOME, at),
        names[3]: place(names[3], two, at),
    }
    after = {name: place(name, two, at) for name in names[:4]} | {names[4]: place(names[4], HOME, at)}
    assert MoveDelays(operator).list_site_arrivals(before, after, at) == (
        SiteArrival(two, 1, 120, 120, False),
        SiteArrival(two, 2, 60, 90, True),
    )
    assert HOME_DELAY < SITE_DELAY
