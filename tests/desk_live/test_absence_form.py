"""The form of absences and activities: now and ahead, ended again; the reason for who noted it and health alone."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest

from releve.accounts.permissions import Role
from releve.live import api as live
from releve.network import zone
from releve.situation import AgentUnavailable
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import count, faults, sent
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
PATH = "/record/absence"


def clocks(scenario: Scenario, **ahead: float) -> str:
    """Return a time ahead on the clocks of the first site, as a form sends it."""
    site = scenario.operator.sites[0]
    return f"{(live.now(scenario.stream) + timedelta(**ahead)).astimezone(zone(site.time_zone)):%Y-%m-%dT%H:%M}"


def absences_of(scenario: Scenario, agent: str) -> Any:
    return live.situation_now(scenario.stream).absences.get(agent, ())


@pytest.mark.parametrize("role", [Role.PLANNER, Role.FLOW, Role.SITE, Role.CONTINUITY])
def test_tomorrows_absence_is_accepted_on_the_clocks_of_the_home_site(
    browsers: Browsers, scenario: Scenario, role: Role
) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    times = {"start": clocks(scenario, days=1), "until": clocks(scenario, days=2)}
    answer = sent(browsers.sign_in(role), PATH, agent=agent, reason="sickness", **times)
    assert answer.status_code == 302
    (row,) = absences_of(scenario, agent)
    assert (row.until - row.start, row.reason) == (timedelta(days=1), "sickness")
    assert abs(row.start - live.now(scenario.stream) - timedelta(days=1)) < timedelta(minutes=2)
    assert row.start.tzinfo == UTC


def test_an_absence_without_times_begins_now_and_ends_by_the_form(browsers: Browsers, scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    web = browsers.sign_in(Role.PLANNER)
    assert sent(web, PATH, agent=agent).status_code == 302
    (row,) = absences_of(scenario, agent)
    assert (row.until, row.reason) == (None, "")
    assert sent(web, PATH, agent=agent, what="back").status_code == 302
    (row,) = absences_of(scenario, agent)
    assert row.back


def test_an_absence_ahead_is_withdrawn_by_the_one_who_noted_it(browsers: Browsers, scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    web = browsers.sign_in(Role.PLANNER)
    times = {"start": clocks(scenario, days=1), "until": clocks(scenario, days=2)}
    assert sent(web, PATH, agent=agent, reason="training", **times).status_code == 302
    (row,) = absences_of(scenario, agent)
    own = dict(web.get(PATH).context["form"].fields["absence"].choices)
    assert row.event in own
    assert agent in own[row.event]
    assert "formation" in own[row.event] or "training" in own[row.event]
    other = browsers.sign_in(Role.FLOW)
    assert row.event not in dict(other.get(PATH).context["form"].fields["absence"].choices)
    assert sent(web, PATH, what="back", absence=row.event).status_code == 302
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    assert agent not in scene.absent


def test_an_agent_of_another_site_or_of_none_is_refused_by_the_field(browsers: Browsers, scenario: Scenario) -> None:
    other = next(row.id for row in scenario.operator.agents if row.home_site != scenario.site)
    lead = browsers.sign_in(Role.SITE)
    for agent in (other, "a9999", ""):
        assert set(faults(sent(lead, PATH, agent=agent))) == {"agent"}
    ends = {"start": clocks(scenario, hours=2), "until": clocks(scenario, hours=1)}
    mine = next(row.id for row in scenario.operator.agents if row.home_site == scenario.site)
    assert set(faults(sent(lead, PATH, agent=mine, **ends))) == {"until"}
    assert count(scenario, AgentUnavailable.kind) == 0


def test_the_reason_is_on_no_page_of_others(browsers: Browsers, scenario: Scenario) -> None:
    agents = scenario.agents_at(scenario.site)[:3]
    for agent in agents:
        scenario.act(AgentUnavailable.kind, agent=agent, reason="coaching")
    scenario.work()
    for role in (Role.PLANNER, Role.FLOW, Role.CONTINUITY):
        web = browsers.sign_in(role)
        for path in ("/now/", "/relief/", "/ledger/", "/sites/", PATH):
            page = web.get(path, follow=True).content.decode().replace('value="coaching"', "")
            assert page.count("coaching") <= page.count(">coaching</option>"), (role, path)
