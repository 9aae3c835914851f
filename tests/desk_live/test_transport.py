"""A site closes in a drill: named vehicles move its people, and each agent reads when and where."""

from __future__ import annotations

import io
import re
from datetime import date, datetime

import polars
import pytest

from releve.accounts.permissions import Role
from releve.live import api as live
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.network import HOME, read_operator, sample_operator, write_operator, zone
from releve.network.sample import FIRST_DAY
from releve.plan import list_contingencies, plan_day
from releve.plan.day_fleet import cap_vehicles
from releve.plan.day_runs import DayRuns
from releve.plan.week import require_day
from releve.situation import ChosenPack
from releve.situation.shipped import load_rules_with
from releve.transport import FROM_SITE, TO_SITE, check_runs
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import faults, sent
from tests.live.scenario import Planned, Scenario, keep_planned

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(scope="session")
def planned() -> Planned:
    """Two sites of one town that share their minibuses, half full at most by the rule chosen."""
    return keep_planned("minibuses", plan_minibuses)


def plan_minibuses() -> Planned:
    made = sample_operator(60, 2, 1, vehicles=12, weeks_of_history=4)
    operator = read_operator(write_operator(made))
    rules = load_rules_with(chosen=(ChosenPack("health-2020", date.min),))
    capped = cap_vehicles(operator, FIRST_DAY, rules)
    lost = [row for row in list_contingencies(operator) if row.kind == "site"]
    return operator, (plan_day(capped, require_day(capped, FIRST_DAY), contingencies=lost),)


@pytest.fixture
def relieved(scenario: Scenario) -> Scenario:
    """The first site was closed at 10:40."""
    scenario.work()
    scenario.close()
    scenario.work()
    return scenario


def find_runs(scenario: Scenario) -> DayRuns:
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    runs = live.find_scene_runs(scene, scene.days[0], live.select_rules(scene.situation))
    assert runs is not None
    return runs


def write(agent: str) -> str:
    """Return the French text of an agent's last message."""
    row = Message.objects.filter(who=agent, kind="agent").latest("pk")
    return write_message("agent", row.about, "fr", "/ack", drill=False)[1]


def test_each_agent_reads_the_vehicle_the_stop_and_the_time_of_each_ride_ahead(relieved: Scenario) -> None:
    runs = find_runs(relieved)
    at = live.now(relieved.stream)
    broken = [fault for fault in check_runs(runs.fleet, runs.runs, ()) if "too many" not in fault]
    assert broken == []
    assert all(run.cap == 8 for run in runs.runs)
    rides = runs.list_rides()
    notified = {row.who for row in relieved.messages}
    ahead = {
        agent: ride
        for (agent, leg), ride in rides.items()
        if leg == FROM_SITE and ride.run.at_site > at and agent in notified
    }
    assert ahead
    for agent, ride in ahead.items():
        site = relieved.operator.site[ride.run.wave.site]
        clock = ride.at.astimezone(zone(site.time_zone)).strftime("%H:%M")
        stop = next(row.name for row in relieved.operator.stops if row.id == ride.stop)
        assert f"à {stop} à {clock} (véhicule {ride.run.vehicle})" in write(agent)


def test_the_relief_page_and_its_file_say_the_vehicle_of_each_message(browsers: Browsers, relieved: Scenario) -> None:
    web = browsers.sign_in()
    day = relieved.plans[0].day
    noted = live.list_notified_rides(relieved.stream, (row.who for row in relieved.messages), day)
    assert noted
    page = web.get(f"/relief.json?day={day}").json()
    shown = {row["agent"]: row["rides"] for row in page["changes"] if row["rides"]}
    assert set(shown) == set(noted) & {row["agent"] for row in page["changes"]}
    assert shown
    for agent, rides in shown.items():
        assert [row["vehicle"] for row in rides] == [ride.vehicle for ride in noted[agent]]
    html = web.get(f"/relief?day={day}").content.decode()
    file = io.BytesIO(web.get(f"/relief.xlsx?day={day}").content)
    moves = polars.read_excel(file, sheet_name="Qui va où")
    rows = dict(zip(moves["Téléconseiller"], moves["Navettes"], strict=True))
    for agent, (ride, *_) in noted.items():
        if agent not in shown:
            continue
        hour = ride.at.astimezone(zone(ride.time_zone)).strftime("%H:%M")
        assert f"navette {ride.vehicle}" in html
        assert f"navette {ride.vehicle}" in rows[agent]
        assert f"{ride.stop} à {hour}" in rows[agent]


def test_people_of_the_closed_site_are_taken_home_by_runs_and_begin_when_they_are_there(relieved: Scenario) -> None:
    runs = find_runs(relieved)
    scene = live.load_scene(relieved.stream)
    assert scene is not None
    rides = runs.list_rides()
    before = {row.agent: row for row in relieved.plans[0].placements}
    after = {row.agent: row for row in scene.list_placements(scene.days[0])}
    sent = [
        agent
        for agent, row in before.items()
        if row.place == relieved.site and row.start <= scene.at < row.end
        if (agent, TO_SITE) in rides
    ]
    assert sent
    for agent in sent:
        ride = rides[agent, FROM_SITE]
        assert ride.run.wave.site == relieved.site
        assert ride.run.at_site >= scene.at
        if agent in after and after[agent].place == HOME:
            assert after[agent].start >= ride.at


def test_the_page_lists_the_runs_with_their_routes_and_no_agent_with_a_seat(
    browsers: Browsers, relieved: Scenario
) -> None:
    web = browsers.sign_in()
    other = relieved.operator.sites[1].id
    page = web.get(f"/transport/runs.json?site={other}").json()
    assert page["timetable"]["runs"]
    assert page["timetable"]["left"] == []
    (run, *_) = page["timetable"]["runs"]
    assert 0 < run["riders"] <= run["cap"] == 8
    html = web.get(f"/transport/?site={other}").content.decode()
    assert html.count("<polyline") > 1
    assert re.search(r"\ba0\d{4}\b", html) is None
    sheet = web.get(f"/transport/vehicles/{run['vehicle']}?day={page['day']}")
    assert sheet.status_code == 200
    assert run["vehicle"] in sheet.content.decode()
    assert re.search(r"\ba0\d{4}\b", sheet.content.decode()) is None
    assert web.get("/transport/vehicles/none").status_code == 404


def test_a_daily_check_compares_heads_with_the_plan_and_refuses_more_than_seats(
    browsers: Browsers, scenario: Scenario
) -> None:
    scenario.work()
    web = browsers.sign_in(Role.SITE)
    page = web.get(f"/transport/runs.json?site={scenario.site}").json()
    run = next(row for row in page["timetable"]["runs"] if row["leg"] == TO_SITE)
    arrived = datetime.fromisoformat(run["calls"][-1]["at"])
    hour = arrived.astimezone(zone(scenario.operator.site[scenario.site].time_zone))
    label = f"{run['vehicle']} {hour:%H:%M}"
    assert label in web.get("/record/check").content.decode()
    full = sent(web, "/record/check", site=scenario.site, boarded=f"{label} 17")
    assert set(faults(full)) == {"boarded"}
    empty = sent(web, "/record/check", site=scenario.site, boarded=label)
    assert "__all__" in faults(empty), "a planned run without a count is not looked at"
    done = sent(web, "/record/check", site=scenario.site, boarded=f"{label} 9")
    assert done.status_code == 302
    page = web.get(f"/transport/runs.json?site={scenario.site}").json()
    counted = {row["boarded"] for row in page["timetable"]["runs"]} - {None}
    assert counted == {9}
    html = web.get(f"/transport/?site={scenario.site}").content.decode()
    assert "is-missed" in html


def test_the_page_says_by_what_an_arrival_on_another_site_is_counted(browsers: Browsers, relieved: Scenario) -> None:
    web = browsers.sign_in()
    web.cookies["releve_stream"] = relieved.stream
    (row,) = web.get("/relief.json").json()["arrivals"]
    assert (row["known"], row["least"], row["most"]) == (False, 120, 120), "no table of travel"
    french, english = (
        web.get("/relief", headers={"accept-language": language}).content.decode() for language in ("fr", "en")
    )
    assert f"{row['people']} personnes en poste 120 min après l’appel, délai" in french
    assert f"{row['people']} people at work 120 min after the call, the default" in english
