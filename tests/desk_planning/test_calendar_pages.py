"""The calendar on the desk: weeks, the plans of a day, a day put back, older data said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.cli import live as commands
from releve.cli import main
from releve.files.plan_folder import write_plans
from releve.live import api as live
from releve.network.sample import FIRST_DAY
from releve.plan.result import PlannedKits
from releve.registry.service import apply_changes, get_current_version, preview_changes
from releve.runs.orders import propose_plan, start_plan_run
from tests.accounts.people import signed_in
from tests.desk_planning.conftest import MakeRun
from tests.live.moved_plans import choose_agents, move_plan, send_home
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]

MONDAY, TUESDAY = FIRST_DAY, FIRST_DAY + timedelta(days=1)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def on_monday(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.PLAN_FOLDER = None
    shift, real = datetime.combine(MONDAY, time(9), UTC) - timezone.now(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + shift)


def read_states(web: Client, query: str = "") -> dict[str, str]:
    page = web.get(f"/calendar/?format=json{query}").json()
    return {row["day"]: row["state"] for week in page["weeks"] for row in week}


def test_the_weeks_show_what_is_in_force_computed_running_and_past(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    past, following = move_plan(scenario.plans[0], -WEEK), move_plan(scenario.plans[0], WEEK)
    live.put_in_force([past], by="planner", version=1)
    job = made_run([following])
    states = read_states(planner)
    assert len(states) == 35
    assert {day: state for day, state in states.items() if state != "none"} == {
        "2026-11-23": "past",
        "2026-11-30": "running",
        "2026-12-01": "in_force",
        "2026-12-02": "in_force",
        "2026-12-07": "draft",
    }
    html = planner.get("/calendar/").content.decode()
    assert f"/planning/runs/{job.id}" in html
    planner.post(f"/planning/runs/{job.id}/activate")
    assert read_states(planner)["2026-12-07"] == "in_force"
    (row,) = planner.get("/calendar/2026-12-07?format=json").json()["row"]["records"]
    assert row["by"] == "planner"
    assert planner.get("/calendar/2026-12-07?format=json").json()["row"]["run"] == job.id
    far = read_states(planner, "&from=2031-01-01")
    assert min(far) == "2030-12-30"
    assert set(far.values()) == {"none"}
    assert planner.get("/calendar/?from=x").status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "x"])
def test_a_day_at_the_ends_of_the_calendar_is_not_there(scenario: Scenario, planner: Client, day: str) -> None:
    assert planner.get(f"/calendar/?from={day}").status_code == 404
    assert planner.get(f"/calendar/{day}").status_code == 404


def test_a_day_is_put_back_after_its_consequences_were_shown(scenario: Scenario, planner: Client) -> None:
    tuesday = scenario.plans[1]
    moved = choose_agents(tuesday, 2)
    live.put_in_force([send_home(tuesday, moved)], by="other", version=1)
    page = planner.get(f"/calendar/{TUESDAY}?format=json").json()
    assert (page["before"]["moved"], page["before"]["kinds"]) == (2, [{"kind": "site", "people": 2}])
    newest, oldest = page["row"]["records"]
    html = planner.get(f"/calendar/{TUESDAY}").content.decode()
    assert moved[0] in html
    earlier = planner.get(f"/?day={TUESDAY}&record={oldest['record']}")
    assert earlier.status_code == 200
    assert f"record={oldest['record']}" in earlier.content.decode(), "its cells are those of the same plan"
    stale = planner.post(f"/calendar/{TUESDAY}/back", {"record": oldest["record"]})
    assert stale.status_code == 409
    answer = planner.post(f"/calendar/{TUESDAY}/back", {"record": newest["record"]})
    assert answer.headers["Location"] == f"/calendar/{TUESDAY}"
    assert live.list_days_in_force()[TUESDAY].digest == oldest["digest"]
    assert signed_in(Role.FLOW).post(f"/calendar/{TUESDAY}/back").status_code == 403
    assert signed_in(Role.CLIENT).get("/calendar/").status_code == 404


def test_a_run_of_older_data_says_what_differs_and_goes_in_force_where_that_breaks_nothing(
    scenario: Scenario, planner: Client, made_run: MakeRun
) -> None:
    operator, plan = scenario.operator, replace(scenario.plans[1], required=scenario.plans[1].required * 1.1)
    job = made_run([plan])
    rows = tuple(replace(row, offered=2 * row.offered) for row in operator.history)
    apply_changes(preview_changes(replace(operator, history=rows)), "tests")
    page = planner.get(f"/planning/runs/{job.id}?format=json").json()
    assert (page["data"]["made_of"], page["data"]["current"], page["data"]["calls"]) == (1, 2, True)
    assert "Mettre en vigueur" in planner.get(f"/planning/runs/{job.id}").content.decode()
    (gone,) = choose_agents(plan, 1)
    left = replace(
        operator,
        agents=tuple(row for row in operator.agents if row.id != gone),
        shifts=tuple(row for row in operator.shifts if row.agent != gone),
    )
    apply_changes(preview_changes(left), "tests")
    html = planner.get(f"/planning/runs/{job.id}").content.decode()
    assert "Mettre en vigueur" not in html
    assert gone in html
    refused = planner.post(f"/planning/runs/{job.id}/activate")
    assert refused.status_code == 409
    assert gone in refused.content.decode()
    apply_changes(preview_changes(operator), "tests")
    assert planner.post(f"/planning/runs/{job.id}/activate").status_code == 302
    assert live.list_days_in_force()[TUESDAY].version == 1


def test_the_next_run_is_proposed_for_the_days_after_those_in_force(scenario: Scenario) -> None:
    proposed = propose_plan()
    rostered = sorted({row.start.date() for row in scenario.operator.shifts})
    assert proposed.first == next(day for day in rostered if day > scenario.plans[-1].day)


def test_a_hybrid_week_stays_near_the_days_in_force_of_its_own_week(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("releve.runs.orders.start_job", asked.append)
    live.put_in_force([move_plan(plan, WEEK) for plan in scenario.plans], by="planner", version=1)
    version = get_current_version()
    assert version is not None
    for first in (TUESDAY, MONDAY + 2 * WEEK):
        start_plan_run(version, first, 2, by="planner", hybrid=True)
    names = [sorted(path.name for path in (folder / "inputs" / "force").iterdir()) for folder in asked]
    assert names[0] == [f"plan-{plan.day}.json" for plan in scenario.plans]
    assert names[1] == [f"plan-{plan.day + WEEK}.json" for plan in scenario.plans], "the last week, else"


def test_a_run_takes_the_last_plan_in_force_along_where_agents_share_kits(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the holders of its kits stay; on another day than the one before, nothing is carried in from it."""
    asked: list[Path] = []
    version = get_current_version()
    assert version is not None
    shared = replace(scenario.operator, agents=tuple(replace(row, home_kit=True) for row in scenario.operator.agents))
    monkeypatch.setattr("releve.runs.orders.start_job", asked.append)
    later = scenario.plans[-1].day + timedelta(days=3)
    start_plan_run(version, later, 1, by="planner")
    monkeypatch.setattr("releve.runs.orders.load_operator", lambda version: shared)
    for first in (later, MONDAY):
        start_plan_run(version, first, 1, by="planner")
    without, after, same = ([path.name for path in sorted((folder / "inputs").glob("before/*"))] for folder in asked)
    assert without == []
    assert after == [f"plan-{scenario.plans[-1].day}.json"]
    assert same == [f"plan-{MONDAY}.json"], "of the day itself, where none was in force before"


def test_the_command_line_says_whose_kits_a_publication_changes(
    scenario: Scenario, tmp_path: Path, command: Callable[..., str]
) -> None:
    plan, folder = scenario.plans[1], tmp_path / "plan"
    holders = tuple(row.id for row in scenario.operator.agents[:3])
    kits = (PlannedKits(scenario.operator.agents[0].home_site, 3, 9, holders),)
    write_plans(folder, [replace(plan, kits=kits)], stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    assert ", kits taken home 3, brought back 0\n" in command("activate", str(folder), "--dry-run", "--version", "1")


def test_the_command_line_prints_the_calendar_and_puts_days_back(
    scenario: Scenario, tmp_path: Path, command: Callable[..., str]
) -> None:
    tuesday = scenario.plans[1]
    moved = choose_agents(tuesday, 2)
    folder = tmp_path / "plan"
    write_plans(folder, [send_home(tuesday, moved)], stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    made_of = ("--version", "1")
    said = command("activate", str(folder), "--dry-run", *made_of)
    assert f"{TUESDAY} replaced:" in said
    assert "agents to notify: 2 (work at home: 2)" in said
    before = live.list_days_in_force()
    assert "in force" not in said
    command("activate", str(folder), "--by", "cli", *made_of)
    assert live.list_days_in_force()[TUESDAY] != before[TUESDAY]
    lines = command("calendar", "--from", str(MONDAY), "--weeks", "1").splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("2026-11-30 running since 2026-11-30")
    assert "by cli" in lines[1]
    assert lines[1].endswith("earlier plans 1")
    assert lines[6] == "2026-12-06 none"
    command("put-back", str(TUESDAY))
    assert live.list_days_in_force()[TUESDAY].digest == before[TUESDAY].digest
    assert "never had a plan" in command("put-back", "2026-12-20", status=1)
    assert "there is no version 9" in command("activate", str(folder), "--version", "9", status=1)


@pytest.fixture
def command(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A function that runs ``releve live`` on the database of the test."""
    monkeypatch.setattr(commands, "open_database", lambda **_how: None)

    def run(*words: str, status: int = 0) -> str:
        found = CliRunner().invoke(main, ["live", *words])
        assert found.exit_code == status, found.output
        return found.output

    return run
