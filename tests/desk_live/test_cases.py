"""Cases, clusters and contacts as the health officer alone sees them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from releve.accounts.grants import STREAM
from releve.accounts.permissions import OUTSIDE, Role
from releve.desk.live.page import ShownStream
from releve.desk.places.page import StreamContext, load_stream_context
from releve.ledger.chain import iter_entries
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live import partners
from releve.network import day_bounds
from releve.situation import Stay
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def twin(web: Client, path: str = "/health/") -> dict[str, Any]:
    found = web.get(f"{path}?format=json")
    assert found.status_code == 200
    return dict(found.json())


def case_path(web: Client, agent: str) -> str:
    (event,) = [row["event"] for row in twin(web)["cases"] if row["pseudonym"] == agent]
    return f"/health/{event}"


def looks() -> list[dict[str, Any]]:
    return [dict(row.body) for row in iter_entries(stream=STREAM) if row.kind == "contacts.seen"]


def seats_of(scenario: Scenario, site: str) -> list[str]:
    """Return the seats of a site, those of one zone side by side."""
    floors = {row.id for row in scenario.operator.floors if row.site == site}
    zones = [row.id for row in scenario.operator.zones if row.floor in floors]
    rows = sorted(scenario.operator.seats, key=lambda seat: (seat.zone, seat.y_m, seat.x_m))
    return [row.id for row in rows if row.zone in zones]


def pairs(scenario: Scenario) -> tuple[str, str]:
    """Return two agents of the site who work at the same time on the first day."""
    rows = [row for row in scenario.plans[0].placements if row.place == scenario.site]
    at = live.now(scenario.stream)
    there = sorted((row for row in rows if row.start < at < row.end), key=lambda row: row.agent)
    return there[0].agent, there[1].agent


def moment(scenario: Scenario) -> StreamContext:
    return load_stream_context(ShownStream(scenario.stream))


def find_stays(
    now: StreamContext, since: datetime, until: datetime, of: tuple[str, ...] | None = None
) -> tuple[Stay, ...]:
    return live.find_stays(now.stream, now.operator, now.situation, (since, until), of=of)


def test_a_case_is_listed_by_status_dates_and_site_and_by_nothing_else(browsers: Browsers, scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    web = browsers.sign_in(Role.HEALTH)
    (row,) = twin(web)["cases"]
    assert set(row) == {"event", "pseudonym", "status", "since", "until", "site"}
    first = scenario.plans[0].day
    assert (row["pseudonym"], row["status"], row["site"]) == (agent, "declared_case", scenario.site)
    assert (row["since"], row["until"]) == (str(first), str(first + timedelta(days=9)))
    page = web.get("/health/")
    assert page["Cache-Control"] == "private, no-store"
    assert "Cas déclaré" in page.content.decode()


def test_a_case_that_is_cleared_or_over_is_not_open(browsers: Browsers, scenario: Scenario) -> None:
    one, other, *_ = scenario.agents_at(scenario.site)
    scenario.positive(one)
    scenario.act("case.declared", site=scenario.site, agent=other, status="contact")
    web = browsers.sign_in(Role.HEALTH)
    path = case_path(web, one)
    scenario.clear(one)
    assert [row["pseudonym"] for row in twin(web)["cases"]] == [other]
    assert web.get(path).status_code == 404
    scenario.later(days=8)
    assert twin(web)["cases"] == []


def test_cases_of_one_shift_and_of_one_zone_are_clusters(browsers: Browsers, scenario: Scenario) -> None:
    one, other = pairs(scenario)
    scenario.later(days=1)
    scenario.positive(one)
    scenario.positive(other)
    web = browsers.sign_in(Role.HEALTH)
    assert not {"zone", "floor"} & {row["kind"] for row in twin(web)["clusters"]}
    seats = seats_of(scenario, scenario.site)
    form = {"seating": f"{one};{seats[0]}\n{other} ; {seats[1]}\n\n"}
    answer = web.post("/health/?format=json", form)
    rows = [row for row in answer.json()["clusters"] if row["kind"] in ("zone", "floor")]
    assert {row["kind"] for row in rows} == {"zone", "floor"}
    assert all(set(row["agents"]) == {one, other} for row in rows)
    assert "Plateau " in web.post("/health/", form).content.decode()
    scenario.later(days=15)
    assert twin(web)["clusters"] == [], "too long ago"


def test_the_contacts_of_a_case_say_why_and_how_long_and_the_look_is_recorded_first(
    browsers: Browsers, scenario: Scenario
) -> None:
    one, other = pairs(scenario)
    scenario.positive(one)
    web = browsers.sign_in(Role.HEALTH)
    path = case_path(web, one)
    assert twin(web, path)["contacts"] is None
    assert looks() == [], "the page of the case alone shows no contact"
    seats = seats_of(scenario, scenario.site)
    form = {"seating": f"{one};{seats[0]}\n{other};{seats[1]}"}
    page = web.post(path, form)
    assert page.status_code == 200
    assert page["Cache-Control"] == "private, no-store"
    text = page.content.decode()
    assert "même zone, " in text
    rows = {row["agent"]: row for row in web.post(f"{path}?format=json", form).json()["contacts"]}
    assert rows[other]["zone_minutes"] > 0
    (seen, again) = looks()
    assert seen == again
    assert (seen["case"], seen["of"]) == (path.rpartition("/")[2], scenario.stream)
    bodies = LedgerEntry.objects.filter(kind="contacts.seen").values_list("body", flat=True)
    assert not any(one in body or other in body for body in bodies), "it names no agent"


def test_a_look_at_contacts_is_listed_for_both_roles_and_names_no_agent(browsers: Browsers, scenario: Scenario) -> None:
    one, other = pairs(scenario)
    scenario.positive(one)
    web = browsers.sign_in(Role.HEALTH)
    path = case_path(web, one)
    assert twin(web, "/identity")["contacts"] == []
    assert web.post(path, {"seating": ""}).status_code == 200
    for role in (Role.HEALTH, Role.ADMINISTRATOR):
        reader = browsers.sign_in(role)
        (row,) = twin(reader, "/identity")["contacts"]
        assert (row["case"], row["actor"]) == (path.rpartition("/")[2], looks()[0]["actor"])
        assert row["of"].startswith("drill:")
        page = reader.get("/identity").content.decode()
        assert "exercice" in page.split('id="contacts-title"')[1]
        assert row["case"] in page
        assert one not in page
        assert other not in page


def test_without_seats_it_says_that_neighbours_are_not_known(browsers: Browsers, scenario: Scenario) -> None:
    one, _ = pairs(scenario)
    scenario.positive(one)
    web = browsers.sign_in(Role.HEALTH)
    page = web.post(case_path(web, one), {"seating": ""}).content.decode()
    assert "Aucune position n’a été indiquée" in page


def test_a_line_of_seats_that_says_nothing_known_is_named_and_nothing_is_looked_at(
    browsers: Browsers, scenario: Scenario
) -> None:
    one, other = pairs(scenario)
    scenario.positive(one)
    web = browsers.sign_in(Role.HEALTH)
    seat = seats_of(scenario, scenario.site)[0]
    lines = f"{one};{seat}\n<b>x;{seat}\n{other};nowhere\n{one};{seat}"
    page = web.post(case_path(web, one), {"seating": lines})
    assert page.status_code == 422
    text = page.content.decode()
    assert all(f"Ligne {number}\N{NARROW NO-BREAK SPACE}:" in text for number in (2, 3, 4))
    assert "&lt;b&gt;x" in text
    assert looks() == []


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.HEALTH}))
def test_nobody_else_enters_or_is_told_that_a_case_is_there(browsers: Browsers, scenario: Scenario, role: Role) -> None:
    scenario.positive(scenario.agents_at(scenario.site)[0])
    path = case_path(browsers.sign_in(Role.HEALTH), scenario.agents_at(scenario.site)[0])
    web = browsers.sign_in(role)
    wanted = 404 if role in OUTSIDE else 403
    assert {web.get(place).status_code for place in ("/health/", path)} == {wanted}
    assert web.post(path, {"seating": ""}).status_code == wanted
    assert looks() == []
    assert 'href="/health/"' not in web.get("/now").content.decode()


def test_people_were_where_the_plan_had_them_and_from_a_relief_on_where_it_had_them(scenario: Scenario) -> None:
    day = scenario.plans[0].day
    since, until = day_bounds(day, scenario.operator.row.time_zone)
    before = {row.agent for row in find_stays(moment(scenario), since, until)}
    placed = scenario.plans[0].placements
    assert before >= {row.agent for row in placed if row.place in scenario.operator.site}
    assert not before & {row.agent for row in placed if row.place == "home"}
    at = live.now(scenario.stream)
    scenario.close()
    scenario.work()
    now = moment(scenario)
    rows = [row for row in find_stays(now, since, until) if row.site == scenario.site]
    assert {row.agent for row in rows} >= set(pairs_at(scenario, at))
    assert max(row.end for row in rows) <= at + timedelta(minutes=1), "the site is closed then"


def pairs_at(scenario: Scenario, at: Any) -> list[str]:
    rows = scenario.plans[0].placements
    return [row.agent for row in rows if row.place == scenario.site and row.start < at < row.end]


def test_who_was_away_or_not_among_those_present_was_not_there(scenario: Scenario) -> None:
    one, other = pairs(scenario)
    day = scenario.plans[0].day
    since, until = day_bounds(day, scenario.operator.row.time_zone)
    scenario.act("agent.unavailable", agent=one, start=since, until=until)
    there = find_stays(moment(scenario), since, until, of=(one, other))
    assert {row.agent for row in there} == {other}
    scenario.act("agents.present", site=scenario.site, day=day, count=1, agents=(one,))
    assert find_stays(moment(scenario), since, until, of=(one, other)) == ()


class Lendings:
    """A source of partners that lends what a test says, and hires no agent."""

    def __init__(self, *rows: live.Lending) -> None:
        self.rows = rows

    def list_lendings(self, stream: str) -> tuple[live.Lending, ...]:
        return self.rows

    def list_lent(self, stream: str) -> dict[str, tuple[tuple[datetime, datetime | None], ...]]:
        return {one.agent: ((one.start, one.until),) for one in self.rows}

    def list_agents(self, stream: str, instants: object) -> tuple[()]:
        return ()

    def list_addresses(self, stream: str) -> dict[str, str]:
        return {}


@pytest.mark.parametrize("by_plan", [True, False])
def test_an_agent_lent_from_home_was_not_on_the_site_while_lent(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, by_plan: bool
) -> None:
    day = scenario.plans[0 if by_plan else -1].day + timedelta(days=0 if by_plan else 1)
    since, until = day_bounds(day, scenario.operator.row.time_zone)
    before = find_stays(moment(scenario), since, until)
    row = max((one for one in before if one.start >= since), key=lambda one: one.end - one.start)
    begin = row.start + timedelta(hours=1)
    end = begin + timedelta(hours=1)
    lending = live.Lending(row.agent, begin, end, at_home=True)
    monkeypatch.setattr(partners, "_list_sources", lambda: [Lendings(lending)])
    after = find_stays(moment(scenario), since, until)
    own = [(one.start, one.end) for one in after if one.agent == row.agent]
    assert own == [(row.start, begin), (end, row.end)]
    rest = [one for one in before if one.agent != row.agent]
    assert [one for one in after if one.agent != row.agent] == rest


def test_an_agent_lent_on_site_stays_there_in_spite_of_a_relief_until_the_recall(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored moves of a relief wait for the recall; a closed site is empty."""
    since, until = day_bounds(scenario.plans[0].day, scenario.operator.row.time_zone)
    lost = scenario.operator.sites[0]
    at = live.now(scenario.stream)
    scenario.close(lost.id)
    scenario.work()
    home = {row.id: row.home_site for row in scenario.operator.agents}
    base = {row.agent: row for row in scenario.plans[0].placements}
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    moved = [name for name in scene.changes[scenario.plans[0].day] if name in base]
    moved = [name for name in moved if base[name].end > at + timedelta(hours=2)]
    stays = sorted(name for name in moved if home[name] not in (lost.id, ""))
    shut = sorted(name for name in moved if home[name] == lost.id == base[name].place)
    assert stays
    assert shut
    recall = at + timedelta(hours=1)
    rows = [live.Lending(name, since, recall, at_home=False) for name in (stays[0], shut[0])]
    before = find_stays(moment(scenario), since, until)
    monkeypatch.setattr(partners, "_list_sources", lambda: [Lendings(*rows)])
    after = find_stays(moment(scenario), since, until)

    def list_sites(found: tuple[Stay, ...], agent: str, instant: datetime) -> list[str]:
        return [one.site for one in found if one.agent == agent and one.start <= instant < one.end]

    during, later = recall - timedelta(minutes=10), recall + timedelta(minutes=10)
    assert list_sites(before, stays[0], during) != [home[stays[0]]], "the relief moved it"
    assert list_sites(after, stays[0], during) == [home[stays[0]]]
    assert list_sites(after, stays[0], later) == list_sites(before, stays[0], later)
    assert list_sites(after, shut[0], at - timedelta(minutes=10)) == [lost.id]
    assert list_sites(after, shut[0], during) == []


def test_on_a_day_without_a_plan_people_were_where_the_roster_has_them(scenario: Scenario) -> None:
    day = scenario.plans[-1].day + timedelta(days=1)
    since, until = day_bounds(day, scenario.operator.row.time_zone)
    wanted = {
        (row.agent, scenario.operator.agent[row.agent].home_site, row.start)
        for row in scenario.operator.shifts
        if since <= row.start < until
    }
    found = find_stays(moment(scenario), since, until)
    assert wanted
    assert {(row.agent, row.site, row.start) for row in found if row.start >= since} == wanted
