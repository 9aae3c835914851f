"""Plans computed on the desk: compared with the plan in force, put in force, shown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from releve.demand.log_table import read_log
from releve.desk import planning
from releve.files.operator_folder import read_operator_files
from releve.live import api as live
from releve.live.api import load_activation
from releve.network import HOME, Operator, read_operator, sample_operator
from releve.plan import Plan, WhatIsMissing
from releve.plan.day_fleet import cap_vehicles
from releve.plan.plan_json import plan_to_json
from releve.plan.result import PlannedTeam
from releve.plan.week.hybrid_week import read_week_table
from releve.runs.job_store import note_asked
from releve.runs.orders import open_plan_runs
from releve.runs.plan_job import PlanProgress
from releve.situation import ChosenPack
from releve.situation.shipped import load_rules_with
from tests.desk_planning.conftest import MakeRun
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def no_folder(settings: Settings) -> None:
    settings.PLAN_FOLDER = None


@pytest.mark.usefixtures("none_in_force")
def test_a_plan_put_in_force_is_what_the_desk_shows_without_a_folder(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    assert planner.get("/").headers["Location"] == "/planning/"
    job = made_run(scenario.plans[:2])
    page = planner.get(f"/planning/runs/{job.id}")
    assert "Mettre en vigueur" in page.content.decode()
    response = planner.post(f"/planning/runs/{job.id}/activate")
    assert response.headers["Location"] == f"/calendar/?from={scenario.plans[0].day}"
    shown = planner.get("/?format=json").json()
    assert shown["plan"]["days"] == [plan.day.isoformat() for plan in scenario.plans[:2]]
    assert planner.get("/").status_code == 200
    assert planner.get(f"/planning/runs/{job.id}?format=json").json()["in_force"] is True


def test_the_plan_in_force_comes_before_the_folder_of_an_installation(
    scenario: Scenario, planner: Client, settings: Settings
) -> None:
    settings.PLAN_FOLDER = settings.HOME / "no-such-folder"
    shown = planner.get("/?format=json").json()
    assert shown["plan"]["days"] == [plan.day.isoformat() for plan in scenario.plans]


def test_a_run_stands_beside_the_plan_in_force_and_says_who_moves(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    plan = scenario.plans[0]
    first, *others = plan.placements
    verdict = replace(plan.verdicts[0], secure=False, missed=("base",))
    changed = replace(
        plan,
        placements=tuple(others),
        reserve=tuple(sorted((*plan.reserve, first.agent))),
        verdicts=(verdict, *plan.verdicts[1:]),
    )
    page = planner.get(f"/planning/runs/{made_run([changed]).id}?format=json").json()
    (day,) = page["planned"]
    assert (day["moved"], day["moves"][0]["agents"]) == (1, [first.agent])
    assert day["moves"][0]["after"] is None
    assert day["clients"][0]["after"] == "missed"
    assert (day["change"], day["kinds"]) == ("replaced", [{"kind": "released", "people": 1}])
    html = planner.get(f"/planning/runs/{made_run([changed]).id}").content.decode()
    assert first.agent in html
    assert "1 téléconseiller travaille autrement" in html


def test_a_plan_that_is_not_computed_yet_is_not_put_in_force(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    job, before = made_run(scenario.plans[:1]), load_activation()
    (job.folder / "planned.json").unlink()
    answer = planner.post(f"/planning/runs/{job.id}/activate")
    assert answer.status_code == 409
    assert "n’est pas encore calculé" in answer.content.decode()
    assert load_activation() == before


def test_a_plan_that_broke_a_rule_is_not_put_in_force(scenario: Scenario, planner: Client, made_run: MakeRun) -> None:
    broken = replace(scenario.plans[0], violations=("seats: one too many",))
    answer = planner.post(f"/planning/runs/{made_run([broken]).id}/activate")
    assert answer.status_code == 409
    assert "one too many" in answer.content.decode()


@pytest.mark.usefixtures("none_in_force")
def test_what_is_missing_appears_on_a_plan_that_was_put_in_force_before(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    plan = replace(scenario.plans[0], missing=None)
    job = made_run([plan], done=False)
    assert planner.post(f"/planning/runs/{job.id}/activate").status_code == 302
    assert planner.get("/?format=json").json()["missing"] is None
    whole = replace(plan, missing=WhatIsMissing((), 0.0, 0.0, ()))
    (job.folder / "plan" / f"plan-{plan.day}.json").write_text(plan_to_json(whole), "utf-8")
    assert planner.get("/?format=json").json()["missing"]["cost"] == 0.0
    assert planner.get(f"/planning/runs/{job.id}?format=json").json()["in_force"] is True


def test_a_run_is_ordered_watched_stopped_resumed_and_removed(
    scenario: Scenario, planner: Client, made_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("releve.runs.orders.start_job", lambda folder: asked.append(folder.name))
    monkeypatch.setattr(planning, "resume_job", lambda job: asked.append(f"again {job.id}"))
    assert "Calculer" in planner.get("/planning/").content.decode()
    response = planner.post("/planning/start", {"first": "2026-11-30", "days": "2"})
    run = asked[0]
    assert response.headers["Location"] == f"/planning/runs/{run}"
    page = planner.get(f"/planning/runs/{run}?format=json").json()
    assert (page["run"]["order"]["days"], page["progress"]["step"], page["planned"]) == (2, "reading", [])
    monkeypatch.setattr(
        "releve.desk.planning.read_plan_progress",
        lambda job: PlanProgress("planning", "2026-11-30", 0, 2, "reliefs", 0.4),
    )
    part = planner.get(f"/planning/runs/{run}?part=live")
    assert part.status_code == 200
    planner.post(f"/planning/runs/{run}/resume")
    assert planner.post("/planning/start", {"first": "x", "days": "2"}).status_code == 422
    done = made_run(scenario.plans[:1])
    assert planner.post(f"/planning/runs/{done.id}/remove").headers["Location"] == "/planning/"
    assert planner.get(f"/planning/runs/{done.id}").status_code == 404


def test_a_person_has_three_plans_waiting_and_a_fourth_is_refused_with_the_way_out(
    scenario: Scenario, planner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []

    def start(folder: Path) -> None:
        note_asked(folder)
        started.append(folder)

    monkeypatch.setattr("releve.runs.orders.start_job", start)
    chosen = {"first": "2026-11-30", "days": "2"}
    for _number in range(3):
        assert planner.post("/planning/start", chosen).status_code == 302
    refused = planner.post("/planning/start", chosen, headers={"accept-language": "en"})
    assert refused.status_code == 409
    assert "3 runs of yours wait or are at work" in refused.content.decode()
    assert len(started) == 3
    assert planner.post(f"/planning/runs/{started[0].name}/stop").status_code == 302
    (started[0] / "asked").unlink()  # as its process is gone
    assert planner.post("/planning/start", chosen).status_code == 302
    again = planner.post(f"/planning/runs/{started[0].name}/resume")
    assert again.status_code == 409, "it would wait, too"
    open_plan_runs().require_room("another")


def test_a_hybrid_week_is_ordered_where_there_are_teams_and_proposed_after_one(
    scenario: Scenario, planner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("releve.runs.orders.start_job", asked.append)
    chosen = {"first": "2026-11-30", "days": "2", "hybrid": "on"}
    planner.post("/planning/start", chosen)
    assert scenario.operator.teams
    page = planner.get(f"/planning/runs/{asked[0].name}?format=json").json()
    assert page["run"]["order"]["hybrid"] is True
    words = planner.get(f"/planning/runs/{asked[0].name}").content.decode()
    assert "en semaine hybride" in words
    before = {path.name for path in (asked[0] / "inputs" / "force").iterdir()}
    assert before == {f"plan-{plan.day}.json" for plan in scenario.plans}, "to stay near them"
    assert "checked" not in find_check_box(planner)
    team = PlannedTeam("t", "casa-1", "", (), meets=False)
    live.put_in_force([replace(plan, teams=(team,)) for plan in scenario.plans], by="tests")
    assert "checked" in find_check_box(planner)
    monkeypatch.setattr(live, "operator_now", lambda: replace(scenario.operator, teams=()))
    assert 'name="hybrid"' not in planner.get("/planning/").content.decode()
    planner.post("/planning/start", chosen)
    assert 'hybrid": false' in (asked[1] / "desk.json").read_text("utf-8")


def test_a_hybrid_week_goes_to_a_spreadsheet_and_back_into_the_next_plan(
    scenario: Scenario, planner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("releve.runs.orders.start_job", asked.append)
    assert planner.get("/week/sheet").status_code == 404
    live.put_in_force([make_hybrid(plan, scenario.operator) for plan in scenario.plans], by="tests")
    (planned, *_more) = scenario.plans
    assert "/week/sheet?day=" in planner.get("/week").content.decode()
    sheet = planner.get(f"/week/sheet?day={planned.day}").content
    header, first, *_rows = sheet.decode("utf-8-sig").splitlines()
    assert header.startswith(f"agent;équipe;site;{planned.day}")
    assert {"télétravail", "site", "réunion"} & set(first.split(";"))
    chosen = {"first": str(planned.day), "days": "1"}
    answer = planner.post("/planning/start", chosen | {"week": upload(sheet)})
    assert answer.status_code == 302
    job = open_plan_runs().get(asked[0].name)
    assert job is not None
    assert job.order.hybrid
    given = read_week_table(
        scenario.operator, pl.read_csv(job.folder / "inputs" / "week" / "hybrid-week.csv", infer_schema=False)
    )
    assert given == read_week_table(scenario.operator, read_log("a.csv", sheet).whole_frame())
    wrong = sheet.replace("télétravail".encode(), b"parfois", 1)
    answer = planner.post("/planning/start", chosen | {"week": upload(wrong)})
    assert answer.status_code == 422
    assert "parfois" in answer.content.decode()
    assert len(asked) == 1, "nothing was begun"


def find_check_box(planner: Client) -> str:
    """Return the tag that orders a hybrid week."""
    (found,) = re.findall(r'<input[^>]*name="hybrid"[^>]*>', planner.get("/planning/").content.decode())
    return found


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("semaine.csv", content)


def make_hybrid(plan: Plan, operator: Operator) -> Plan:
    """Return a plan as the day of a hybrid week, on which every team meets."""
    home = tuple(row.agent for row in plan.placements if row.place == HOME)
    teams = (PlannedTeam(row.id, row.site, row.supervisor, (), True) for row in operator.teams)
    return replace(plan, home_days=home, teams=tuple(teams))


def test_a_plan_is_computed_with_vehicles_as_full_as_the_rule_of_its_first_day_allows(
    scenario: Scenario, planner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("releve.runs.orders.start_job", asked.append)
    fleet = sample_operator(60, 2, 1, vehicles=4, weeks_of_history=2)
    monkeypatch.setattr("releve.runs.orders.load_operator", lambda version: fleet)
    rules = load_rules_with(chosen=(ChosenPack("health-2020", date.min),))
    monkeypatch.setattr("releve.runs.orders.rules_now", lambda: rules)
    planner.post("/planning/start", {"first": "2026-11-30", "days": "1"})
    planned = read_operator(read_operator_files(asked[0] / "inputs" / "operator"))
    assert planned.vehicles == cap_vehicles(fleet, date(2026, 11, 30), rules).vehicles
    assert {row.fill_cap for row in planned.vehicles} != {row.fill_cap for row in fleet.vehicles}


def test_without_a_folder_publishing_leads_to_where_plans_are_computed(planner: Client) -> None:
    assert planner.get("/reliefs/publish").headers["Location"] == "/planning/"
