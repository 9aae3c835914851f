"""The grid on the desk: rows, filters, an edit with its effect, a draft put in force, two planners at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.live import api as live
from releve.network import HOME
from releve.network.moments import zone
from releve.plan.plan_json import plan_to_json
from releve.registry.service import get_current_version, load_operator
from releve.runs.roster_draft import apply_draft, load_draft
from tests.desk_grid.conftest import ask_home, editor_of, find_home_ready, sign_in_as
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def plan_in_force(scenario: Scenario, day: int = 0) -> str:
    date = scenario.plans[day].day
    return plan_to_json(live.list_days_in_force(date, date)[date].load().plan)


def test_a_row_is_an_agent_and_a_column_a_day_with_place_and_times(scenario: Scenario, planner: Client) -> None:
    page = planner.get("/grid/?days=14&format=json").json()
    assert [head["planned"] for head in page["days"]][:3] == [True] * 3
    assert page["total"] == len(scenario.operator.agents)
    assert len(page["rows"]) == 40
    row = page["rows"][0]
    placed = {one.agent: one for one in scenario.plans[0].placements}
    (cell,) = row["days"][0]
    found = placed[row["agent"]]
    assert cell["programme"] == found.programme
    assert cell["state"] == ("home" if found.place == HOME else "site" if found.place == row["site"] else "other")
    html = planner.get("/grid/?days=14").content.decode()
    assert html.count('<th scope="row">') == 40
    assert row["agent"] in html
    assert 'hx-trigger="intersect once"' in html


def test_rows_that_come_into_view_are_read_as_a_part(planner: Client) -> None:
    part = planner.get("/grid/?rows=1&part=1", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith("<tbody>")
    assert part.count('<th scope="row">') == 20
    assert planner.get("/grid/?part=9").status_code == 404


def test_the_grid_is_filtered_by_site_team_client_skill_and_pseudonym(scenario: Scenario, planner: Client) -> None:
    operator = scenario.operator
    site, skill, client = operator.sites[0].id, operator.agents[0].skills[0], operator.clients[0].id

    def agents(query: str) -> set[str]:
        first = planner.get(f"/grid/?format=json&days=7&{query}").json()
        return {row["agent"] for row in first["rows"]}

    own = {row.id for row in operator.agents if row.home_site == site}
    assert agents(f"site={site}") >= own if len(own) <= 40 else len(agents(f"site={site}")) == 40
    assert all(skill in operator.agent[name].skills for name in agents(f"skill={skill}"))
    mine = {row.id for row in operator.programmes if row.client == client}
    works = {row.agent for plan in scenario.plans for row in plan.placements if row.programme in mine}
    assert agents(f"client={client}") <= works
    name = operator.agents[7].id
    assert agents(f"agent={name}") == {name}


def test_a_day_is_seen_by_half_hours_with_letters(scenario: Scenario, planner: Client) -> None:
    day = scenario.plans[0].day
    html = planner.get(f"/grid/?from={day}&scale=half").content.decode()
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", html, re.DOTALL)
    spans = [sum(map(int, re.findall(r'colspan="(\d+)"', row))) for row in rows]
    assert spans == [48] * 40
    assert 'class="run is-break"' in html


def test_the_effect_is_shown_before_an_edit_is_kept_and_nothing_changes(scenario: Scenario, planner: Client) -> None:
    row = find_home_ready(scenario.plans[0], editor_of(scenario))[0]
    asked = ask_home(row, scenario.plans[0])
    page = planner.get("/grid/edit", {**asked, "format": "json"}).json()
    assert page["effect"]["faults"] == []
    assert page["effect"]["duties"][0]["after"]["state"] == "home"
    names = {one["client"] for one in page["effect"]["clients"]}
    assert len(names) <= 1
    assert load_draft("planner").edits == ()
    html = planner.get("/grid/edit", asked).content.decode()
    assert "Garder" in html or "Keep it" in html


def test_what_breaks_a_rule_is_named_and_not_kept(scenario: Scenario, planner: Client) -> None:
    editor = editor_of(scenario)
    row = next(
        one
        for one in scenario.plans[0].placements
        if one.place != HOME
        and editor.rules.explain_refusal(editor.operator.agent[one.agent], HOME, one.programme) is not None
    )
    asked = ask_home(row, scenario.plans[0])
    (fault,) = planner.get("/grid/edit", {**asked, "format": "json"}).json()["effect"]["faults"]
    assert fault.startswith(row.agent)
    assert planner.post("/grid/keep", asked).status_code == 422
    assert load_draft("planner").edits == ()


def test_a_draft_is_seen_in_the_grid_and_put_in_force_as_one_record(scenario: Scenario, planner: Client) -> None:
    plan = scenario.plans[0]
    first, second, *_ = find_home_ready(plan, editor_of(scenario))
    assert planner.post("/grid/keep", ask_home(first, plan)).status_code == 302
    assert planner.post("/grid/keep", ask_home(second, plan, 1)).status_code == 302
    shown = planner.get(f"/grid/?agent={first.agent}&format=json").json()
    assert shown["draft"]["edits"] == 2
    assert shown["rows"][0]["days"][0][0]["edited"] is True
    before = live.load_activation()
    assert planner.get("/grid/draft").status_code == 200
    response = planner.post("/grid/draft/publish", {"draft": "2", "comment": "two at home"})
    assert response.status_code == 302, response.content.decode()
    after = live.load_activation()
    assert before is not None
    assert after is not None
    assert after.pk == before.pk + 1
    now = live.list_days_in_force(plan.day, plan.day)[plan.day].load().plan
    places = {row.key: row.place for row in now.placements}
    assert places[first.key] == places[second.key] == HOME
    assert now.violations == ()
    assert load_draft("planner").edits == ()


def test_other_times_are_one_version_of_the_roster_made_with_the_plan(scenario: Scenario, planner: Client) -> None:
    plan, editor = scenario.plans[0], editor_of(scenario)
    row = find_home_ready(plan, editor)[0]
    (shift,) = editor.list_rows(row.key, ())
    zone_of = editor.operator.site[editor.operator.agent[row.agent].home_site].time_zone
    local = [at.astimezone(zone(zone_of)) for at in (row.start, row.end - timedelta(minutes=30))]
    asked = {"day": plan.day.isoformat(), "key": row.key, "act": "times"}
    asked |= {"start": f"{local[0]:%H:%M}", "end": f"{local[1]:%H:%M}", "draft": "0"}
    version = get_current_version()
    assert version is not None
    assert planner.post("/grid/keep", asked).status_code == 302
    response = planner.post("/grid/draft/publish", {"draft": "1"})
    assert response.status_code == 302, response.content.decode()
    made = get_current_version()
    assert made is not None
    assert made.number == version.number + 1
    assert made.summary == {"shifts": {"added": 1, "removed": 1}} or made.summary == {"shifts": {"changed": 1}}
    shifts = [one for one in load_operator(made).shifts if one.agent == row.agent]
    assert any(one.start == shift.start and one.end == shift.end - timedelta(minutes=30) for one in shifts)
    force = live.list_days_in_force(plan.day, plan.day)[plan.day]
    assert force.version == made.number
    (placed,) = [one for one in force.load().plan.placements if one.key == row.key]
    assert placed.end == row.end - timedelta(minutes=30)


def test_twenty_edits_are_taken_back_to_equal_bits(scenario: Scenario, planner: Client) -> None:
    plan, before = scenario.plans[0], plan_in_force(scenario)
    rows = [row for row in plan.placements if not row.duty][:20]
    assert len(rows) == 20
    texts = []
    for n, row in enumerate(rows):
        texts.append(plan_to_json(apply_draft(load_draft("planner"), plan.day)))
        response = planner.post("/grid/keep", {**ask_home(row, plan, n), "place": "reserve"})
        assert response.status_code == 302, response.content.decode()
    for n in range(20, 0, -1):
        number = load_draft("planner").number
        assert planner.post("/grid/draft/undo", {"draft": number}).status_code == 302
        assert plan_to_json(apply_draft(load_draft("planner"), plan.day)) == texts[n - 1]
    assert texts[0] == before == plan_in_force(scenario)


def test_two_planners_at_once_lose_nothing(scenario: Scenario, planner: Client, other: Client) -> None:
    plan = scenario.plans[0]
    shared, mine, theirs, *_ = find_home_ready(plan, editor_of(scenario))
    for client, rows in ((planner, (shared, mine)), (other, (shared, theirs))):
        for n, row in enumerate(rows):
            assert client.post("/grid/keep", ask_home(row, plan, n)).status_code == 302
    assert planner.post("/grid/draft/publish", {"draft": "2"}).status_code == 302
    refused = other.post("/grid/draft/publish", {"draft": "2"})
    assert refused.status_code == 409
    assert "planner" in refused.content.decode()
    page = other.get("/grid/draft?format=json").json()
    assert [one["by"] for one in page["drift"]] == ["planner"]
    assert [one["met"] for one in page["edits"]] == [True, False]
    assert other.get("/grid/?format=json").json()["draft"]["outdated"] is True
    assert other.post("/grid/draft/redo", {"draft": "2"}).status_code == 302
    kept = load_draft("other")
    assert [one.edit.duties[0].key for one in kept.edits] == [theirs.key]
    assert other.post("/grid/draft/publish", {"draft": str(kept.number)}).status_code == 302
    now = {row.key: row.place for row in live.list_days_in_force(plan.day, plan.day)[plan.day].load().plan.placements}
    assert now[shared.key] == now[mine.key] == now[theirs.key] == HOME


def test_two_windows_of_one_planner_lose_nothing(scenario: Scenario, planner: Client) -> None:
    plan = scenario.plans[0]
    first, second, *_ = find_home_ready(plan, editor_of(scenario))
    assert planner.post("/grid/keep", ask_home(first, plan)).status_code == 302
    assert planner.post("/grid/keep", ask_home(second, plan)).status_code == 409
    assert planner.post("/grid/draft/undo", {"draft": "0"}).status_code == 409
    assert len(load_draft("planner").edits) == 1


def test_a_window_of_a_draft_that_was_dropped_touches_no_later_one(scenario: Scenario, planner: Client) -> None:
    plan = scenario.plans[0]
    first, second, *_ = find_home_ready(plan, editor_of(scenario))
    assert planner.post("/grid/keep", ask_home(first, plan)).status_code == 302
    assert planner.post("/grid/draft/discard", {"draft": "1"}).status_code == 302
    assert load_draft("planner").edits == ()
    assert planner.post("/grid/keep", ask_home(second, plan, load_draft("planner").number)).status_code == 302
    for act in ("undo", "discard", "publish"):
        assert planner.post(f"/grid/draft/{act}", {"draft": "1"}).status_code == 409, act
    assert [one.edit.duties[0].key for one in load_draft("planner").edits] == [second.key]


def test_the_rows_are_printed_by_team_without_a_way_to_edit(planner: Client) -> None:
    html = planner.get("/grid/print?days=7").content.decode()
    assert 'class="sheet wide team"' in html
    assert "/grid/edit" not in html
    assert html.count('<th scope="row">') == 60


@pytest.mark.usefixtures("planner")
def test_who_sees_the_grid_without_the_right_to_publish_gets_no_form() -> None:
    flow = sign_in_as("flow", Role.FLOW)
    html = flow.get("/grid/").content.decode()
    assert "grid/edit" not in html
    assert flow.get("/grid/draft").status_code == 403
