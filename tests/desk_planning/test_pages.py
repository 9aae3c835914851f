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
from releve.errors import Phrase
from releve.files.operator_folder import read_operator_files
from releve.live import api as live
from releve.live.api import load_activation
from releve.network import HOME, Fault, Operator, OperatorFaults, read_operator, sample_operator, zone
from releve.plan import Plan, PlanError, WhatIsMissing
from releve.plan.coverage import round_coverage
from releve.plan.day_fleet import cap_vehicles
from releve.plan.plan_json import plan_to_json
from releve.plan.result import PlannedTeam
from releve.plan.service_status import Status
from releve.plan.week.hybrid_week import read_week_table
from releve.runs import plan_job
from releve.runs.job_process import execute_job
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
        cells=tuple(
            replace(row, status=Status.MISSED) if (row.client, row.contingency) == (verdict.client, "base") else row
            for row in plan.cells
        ),
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


def test_a_run_says_before_it_is_in_force_what_it_covers_takes_and_lacks(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    plan = scenario.plans[0]
    first, *others = plan.placements
    cells = tuple(replace(row, worst_coverage=0.5, shortfall=0.25, status=Status.MISSED) for row in plan.cells)
    missed = replace(plan.verdicts[0], secure=False, missed=("base",))
    changed = replace(
        plan,
        placements=tuple(others),
        reserve=tuple(sorted((*plan.reserve, first.key))),
        cells=cells,
        verdicts=(missed, *plan.verdicts[1:]),
    )
    page = planner.get(f"/planning/runs/{made_run([changed]).id}?format=json").json()
    (day,) = page["planned"]
    (row,) = [one for one in day["clients"] if one["client"] == missed.client]
    assert (row["day_after"], row["worst_after"], row["loss_after"]["coverage"]) == (0.75, 0.5, 0.5)
    assert row["worst_before"] == plan.cell[missed.client, "base"].worst_coverage
    assert day["figures_before"]["placed"] - day["figures"]["placed"] == 1
    assert day["figures"]["hours"] < day["figures_before"]["hours"]
    assert day["figures"]["penalty"] is not None
    (gaps,) = page["gaps"].values()
    assert (gaps[0]["client"], gaps[0]["reason"]["code"]) == (missed.client, "missed")
    html = planner.get(f"/planning/runs/{made_run([changed]).id}").content.decode()
    assert "Manques, et ce qui les comble" in html
    assert "Il manque 25,0\u202f% de la journée" in html


def test_a_run_is_confirmed_by_its_numbers_and_refused_where_another_plan_came_meanwhile(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    plan = scenario.plans[0]
    first, *others = plan.placements
    job = made_run([replace(plan, placements=tuple(others), reserve=tuple(sorted((*plan.reserve, first.key))))])
    html = planner.get(f"/planning/runs/{job.id}/confirm").content.decode()
    assert "1 jour reçoit un autre plan" in html
    assert "1 téléconseiller est prévenu, car son travail change" in html
    (force,) = re.findall(r'name="force" value="([^"]+)"', html)
    assert force == f"{plan.day}={live.list_digests([plan.day])[plan.day]}"
    live.put_in_force([replace(plan, version="another")], by="another planner")
    answer = planner.post(f"/planning/runs/{job.id}/activate", {"force": force})
    assert answer.status_code == 409
    assert "entre-temps" in answer.content.decode()
    (force,) = re.findall(
        r'name="force" value="([^"]+)"', planner.get(f"/planning/runs/{job.id}/confirm").content.decode()
    )
    assert planner.post(f"/planning/runs/{job.id}/activate", {"force": force}).status_code == 302
    assert planner.get(f"/planning/runs/{job.id}/confirm").status_code == 302, "it is in force: nothing is asked"


def test_two_runs_stand_side_by_side(scenario: Scenario, planner: Client, made_run: MakeRun) -> None:
    plan = scenario.plans[0]
    first, *others = plan.placements
    one = made_run([plan])
    two = made_run([replace(plan, placements=tuple(others), reserve=tuple(sorted((*plan.reserve, first.key))))])
    page = planner.get(f"/planning/runs/{two.id}?with={one.id}&format=json").json()
    assert (page["beside"]["id"], [row["id"] for row in page["others"]]) == (one.id, [one.id])
    (day,) = page["planned"]
    assert (day["figures"]["placed"], day["figures_before"]["placed"]) == (len(others), len(others) + 1)
    html = planner.get(f"/planning/runs/{two.id}?with={one.id}").content.decode()
    assert "L’autre plan" in html
    assert planner.get(f"/planning/runs/{two.id}?with=none").status_code == 404


def test_a_plan_goes_out_as_excel_before_and_after_it_is_in_force(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    plan = scenario.plans[0]
    answer = planner.get(f"/planning/runs/{made_run([plan]).id}.xlsx")
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="plan-{plan.day}')
    sheets = pl.read_excel(answer.content, sheet_id=0)
    posts = sheets["Qui travaille où"]
    assert len(posts) == len(plan.placements) + len(plan.reserve)
    row = min(plan.placements, key=lambda one: (one.agent, one.start))
    site = scenario.operator.agent[row.agent].home_site if row.place == HOME else row.place
    local = row.start.astimezone(zone(scenario.operator.site[site].time_zone)).replace(tzinfo=None)
    assert (posts["Téléconseiller"][0], posts["Commence à"][0]) == (row.agent, local)
    moves = sum(len(one.moves) for one in plan.scenarios.values())
    assert len(sheets["Qui va où"]) == moves
    assert len(sheets["Couverture"]) == len(plan.cells)
    (base,) = [one for one in sheets["Couverture"].iter_rows() if one[1:3] == (plan.clients[0][1], "Aucune perte")]
    assert base[4] == int(round_coverage(plan.cell[plan.clients[0][0], "base"].worst_coverage))
    again = planner.get(f"/plan.xlsx?day={plan.day}")
    assert pl.read_excel(again.content, sheet_id=0)["Qui travaille où"].equals(posts)
    assert f"/plan.xlsx?day={plan.day}" in planner.get(f"/?day={plan.day}").content.decode()


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
    assert planner.get("/week.xlsx").status_code == 404
    live.put_in_force([make_hybrid(plan, scenario.operator) for plan in scenario.plans], by="tests")
    (planned, *_more) = scenario.plans
    assert "/week.xlsx?day=" in planner.get("/week").content.decode()
    sheet = planner.get(f"/week.xlsx?day={planned.day}").content
    table = pl.read_excel(sheet)
    assert table.columns[:4] == ["agent", "équipe", "site", str(planned.day)]
    assert {"télétravail", "site", "réunion"} & set(table.row(0))
    chosen = {"first": str(planned.day), "days": "1"}
    answer = planner.post("/planning/start", chosen | {"week": SimpleUploadedFile("semaine.xlsx", sheet)})
    assert answer.status_code == 302
    job = open_plan_runs().get(asked[0].name)
    assert job is not None
    assert job.order.hybrid
    given = read_week_table(
        scenario.operator, pl.read_csv(job.folder / "inputs" / "week" / "hybrid-week.csv", infer_schema=False)
    )
    assert given == read_week_table(scenario.operator, read_log("a.xlsx", sheet).whole_frame())
    wrong = table.with_columns(pl.lit("parfois").alias(str(planned.day))).write_csv().encode()
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


@pytest.mark.parametrize(
    ("error", "said", "english"),
    [
        (
            PlanError(
                Phrase(
                    "nothing is required on {0}: every programme is closed or without a"
                    " forecast; choose an open day or import a history",
                    "2026-12-25",
                )
            ),
            "rien n’est demandé le 2026-12-25",
            "nothing is required",
        ),
        (
            OperatorFaults((Fault("history", 6242, "start", "8", Phrase("is empty"), Phrase("name what is lost")),)),
            "Historique",
            "history row 6242",
        ),
    ],
)
def test_why_a_run_failed_is_read_in_the_readers_language(
    planner: Client,
    scenario: Scenario,
    made_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
    english: str,
) -> None:
    job = made_run(scenario.plans[:1], done=False)

    def refuse(files: object) -> None:
        raise error

    monkeypatch.setattr(plan_job, "read_operator_files", lambda folder: {})
    monkeypatch.setattr(plan_job, "read_operator", refuse)
    assert not execute_job(job.folder)
    html = planner.get(f"/planning/runs/{job.id}").content.decode()
    alert = re.search(r'<div class="fault" role="alert">(.*?)</div>', html, re.DOTALL)
    assert alert is not None
    assert said in alert[1]
    assert english not in alert[1]
    planner.post("/language", {"language": "en"})
    reason = planner.get(f"/planning/runs/{job.id}?format=json").json()["run"]["reason"]
    assert "6242" in reason or english in reason
