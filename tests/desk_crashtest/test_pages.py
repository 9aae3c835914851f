"""The pages of the crash test and of the coming fourteen days: what they say, to whom, what they refuse."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import pytest
from django.conf import settings
from django.test import Client

from releve.accounts.grants import STREAM
from releve.accounts.permissions import OUTSIDE, Role
from releve.files.atomic import try_lock
from releve.ledger.chain import iter_entries
from releve.live import api as live
from releve.network import day_bounds
from releve.plugins.crashtest import crash_test_job, orders
from releve.plugins.crashtest.crash_test_job import OUTLOOKS, CrashTestJob, OutlookOrder, read_chances
from releve.plugins.crashtest.engine.ablation import Ablation
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.execution import write_json, write_part, write_result, write_step
from releve.plugins.crashtest.importation import CurveOutbreak, write_importation
from releve.plugins.crashtest.request import CrashTestRequest
from releve.runs import job_process
from releve.runs.job_process import run_job
from releve.runs.job_store import JobStore, RunError, note_asked
from tests.desk_crashtest.conftest import POLICIES, Maker, build_result, read
from tests.desk_live.conftest import Browsers, browsers
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario
from tests.runs.conftest import work_here

pytestmark = [pytest.mark.database, pytest.mark.django_db]

__all__ = ["_nothing_in_memory", "_own_home", "browsers", "known_times", "planned", "scenario", "work_here"]

Look = Callable[..., Client]


def plain(response: object) -> str:
    """The text of a page, spaces and all kinds of them made one."""
    content = response.content.decode()  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def test_the_list_says_of_every_run_how_it_stands(maker: Maker, looking: Look) -> None:
    maker.done("Hiver fini")
    run = maker.begun("Hiver arrêté")
    (run.folder / "stop").touch()
    page = plain(looking(Role.PLANNER).get("/crashtest/"))
    assert "Hiver fini" in page
    assert "terminé" in page
    assert "Hiver arrêté" in page
    assert "arrêté" in page
    assert "Nouveau crash test" in page


def test_an_auditor_reads_and_is_offered_nothing_to_start(maker: Maker, looking: Look) -> None:
    run = maker.begun()
    web = looking(Role.AUDITOR)
    assert "Nouveau crash test" not in plain(web.get("/crashtest/"))
    page = web.get(f"/crashtest/runs/{run.id}")
    assert page.status_code == 200
    assert b"<form" not in page.content.split(b"<main")[1]


def test_a_result_says_its_verdict_with_intervals_in_both_languages(maker: Maker, looking: Look) -> None:
    url = f"/crashtest/runs/{maker.done().id}"
    french = plain(looking(Role.PLANNER).get(url))
    assert "99,1 % (98,9–99,3) des appels servis" in french
    assert "dans un trimestre sur vingt, il en perd plus de 4 321" in french
    english = plain(looking(Role.PLANNER, "en").get(url))
    assert "Azur Énergie is served 99.1% (98.9–99.3) of its calls" in english
    assert "loses more than 4,321 calls" in english


def test_a_result_says_what_its_days_share_and_from_what(maker: Maker, looking: Look) -> None:
    run = maker.done()
    url = f"/crashtest/runs/{run.id}"
    words = plain(looking(Role.PLANNER, "en").get(url))
    assert "busier or quieter than forecast by 8–12%. Of that variance 25–31% is common to a whole quarter" in words
    assert "Their own history measures 0–60% of these shares" in words
    assert "8–12 %" in plain(looking(Role.PLANNER, "fr").get(url))
    first = build_result(POLICIES[0], 20.0)
    unmeasured = tuple(replace(one, measured=0.0) for one in first.day_spreads)
    write_result(run.run_folder, 0, replace(first, day_spreads=unmeasured))
    assert "No history measures these shares" in plain(looking(Role.PLANNER, "en").get(url))
    write_result(run.run_folder, 0, replace(first, day_spreads=()))
    assert "busier or quieter" not in plain(looking(Role.PLANNER, "en").get(url)), "an earlier run"


def test_two_kinds_of_outbreak_are_said_to_be_two(maker: Maker, looking: Look) -> None:
    page = plain(looking(Role.PLANNER, "en").get(f"/crashtest/runs/{maker.done().id}"))
    assert "Outbreaks are of two kinds" in page
    assert "75% of quarters" in page


def test_the_outbreak_on_named_curves_stands_beside_the_run_s_own(maker: Maker, looking: Look) -> None:
    run = maker.done()
    url = f"/crashtest/runs/{run.id}"
    assert "By the infections from outside" not in plain(looking(Role.PLANNER, "en").get(url)), "an earlier run"
    few, many = Estimate(1.5, 1.2, 1.8), Estimate(28.0, 27.0, 29.0)
    closes, days = Estimate(0.08, 0.07, 0.09), Estimate(0.3, 0.2, 0.4)
    own = CurveOutbreak("", 0.0, 2000, "casa-1", 500, 0.009, many, Estimate(0.74, 0.72, 0.76), days)
    spring = replace(own, curve="morocco-2020-spring", reported=0.2, outside=0.00121, infected=few, closes=closes)
    write_importation(run.run_folder, [own, spring])
    page = plain(looking(Role.PLANNER, "en").get(url))
    assert "outages and calm quarters do not" in page
    assert "As run 0.90%" in page
    assert "morocco-2020-spring, 20% reported 0.12%" in page
    assert "8.0%" in page or "8%" in page
    twin = looking(Role.PLANNER).get(url, {"format": "json"}).json()
    assert [row["curve"] for row in twin["found"]["importation"]] == ["", "morocco-2020-spring"]


def test_the_rule_is_told_with_tests_without_them_and_without_the_rule(maker: Maker, looking: Look) -> None:
    page = plain(looking(Role.PLANNER, "en").get(f"/crashtest/runs/{maker.done().id}"))
    assert "The closure rule, with tests of people with symptoms: 20 (17–23) infected" in page
    assert "No closure rule: fewer calls are lost under the same disasters, −200" in page
    assert "these quarters do not show whether" in page, "an interval that holds zero"
    assert "No study of what a closure of 48 hours" in page


def test_every_picture_has_a_title_and_a_description_of_its_own(maker: Maker, looking: Look) -> None:
    html = looking(Role.PLANNER).get(f"/crashtest/runs/{maker.done().id}").content.decode()
    ids = re.findall(r'<(?:title|desc) id="([^"]+)"', html)
    named = re.findall(r'role="img"\s+aria-labelledby="(\S+) (\S+)"', html)
    assert len(named) == 5, "a fan and a survival for each client, and the sizes"
    assert sorted(ids) == sorted(name for pair in named for name in pair)


def test_home_lines_cost_calls_but_no_days_of_sites(maker: Maker, looking: Look) -> None:
    html = looking(Role.PLANNER, "en").get(f"/crashtest/runs/{maker.done().id}").content.decode()
    words = re.findall(r'<span class="swatch cause-\d+"></span>([^<]+)', html)
    assert words == ["Sites closed by the rule", "Power cut that outlasts the generator"]
    matrix = html.split('<table class="list harm">')[1].split("</table>")[0]
    assert re.findall(r"<th[^>]*>([^<]+)", matrix.split("</thead>")[0])[-1] == ("Outage of a carrier of home lines")
    row = matrix.split("Azur Énergie")[1].split("</tr>")[0]
    assert re.findall(r'class="n shade-(\d)">([^<]+)', row)[-1] == ("1", "10")


def test_the_person_who_decides_reads_which_policy_and_why_a_calm_quarter_misses(maker: Maker, looking: Look) -> None:
    run = maker.done()
    address = f"/crashtest/runs/{run.id}/decision"
    answer = looking(Role.FLOW).get(address)
    said = plain(answer)
    assert "À retenir : « pas de règle de fermeture ». C’est moins cher que" in said
    assert "Moins d’appels perdus :" in said.replace("\u202f", " ").replace("\xa0", " ")
    assert "rive-fr doit 80,0 % d’appels pris dans le délai ; le plan atteint 87,4 % les jours de volume moyen" in said
    assert "mais les jours s’en écartent de 12 %, et un jour chargé perd plus qu’un jour creux ne rattrape" in said
    assert "et 38,0 % d’entre eux manquent l’objectif" in said
    assert answer.content.decode().count('class="bar"') == 3 + 3, "a bar for each policy, and for each cause"
    (run.run_folder / "calm.json").unlink()
    assert "did not look why calm quarters miss" in plain(looking(Role.FLOW, "en").get(address))


def test_no_policy_is_advised_that_is_not_shown_to_cost_less(maker: Maker, looking: Look) -> None:
    run = maker.done()
    beside = run.run_folder / "comparison.json"
    rows = json.loads(beside.read_text())
    rows["cases"][0]["penalty"] = {"value": -400.0, "low": -900.0, "high": 100.0}
    write_json(beside, rows)
    said = plain(looking(Role.FLOW, "en").get(f"/crashtest/runs/{run.id}/decision"))
    assert "Stay with “the closure rule, with tests of people with symptoms”" in said
    assert "Cheaper or dearer, these quarters do not show it:" in said


def test_a_case_has_its_own_address_and_a_wrong_one_is_not_there(maker: Maker, looking: Look) -> None:
    web, run = looking(Role.PLANNER, "en"), maker.done()
    page = web.get(f"/crashtest/runs/{run.id}?case=1")
    assert page.context["page"].case == 1
    (current,) = re.findall(r'aria-current="page">(no [^<]+)', page.content.decode())
    assert current == "no closure rule"
    assert web.get(f"/crashtest/runs/{run.id}?case=3").status_code == 404
    assert web.get(f"/crashtest/runs/{run.id}?case=x").status_code == 404


def test_the_twin_holds_the_results_and_an_unchanged_page_is_304(maker: Maker, looking: Look) -> None:
    web, run = looking(Role.FLOW), maker.done()
    twin = read(web.get(f"/crashtest/runs/{run.id}?format=json"))
    found = twin["found"]
    assert [row["label"] for row in found["results"]] == ["as-given", "no-rule", "no-tests"]
    assert found["comparison"][0]["lost"]["value"] == -200
    first = web.get(f"/crashtest/runs/{run.id}")
    again = web.get(f"/crashtest/runs/{run.id}", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304


def test_progress_counts_the_quarters_there_and_estimates_early(maker: Maker, looking: Look) -> None:
    run = maker.begun()
    maker.part(run, 0, 0, lost=100.5)
    note_asked(run.folder)
    web = looking(Role.PLANNER, "en")
    page = plain(web.get(f"/crashtest/runs/{run.id}"))
    assert "2 quarters of 4" in page
    assert "0 quarters of 4" in page
    assert "so far 89.9% (" in page
    part = web.get(f"/crashtest/runs/{run.id}?part=live")
    same = web.get(f"/crashtest/runs/{run.id}?part=live", headers={"if-none-match": part["ETag"]})
    assert (part.status_code, same.status_code) == (200, 304)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (None, "It prepares the arrays of the plan and its reliefs. At work for"),
        ("running", "the simulator is compiled first"),
        ("without", "to tell what each one costs: 1 of 2"),
    ],
)
def test_a_run_says_what_it_does_before_its_first_part(
    maker: Maker, looking: Look, what: str | None, said: str
) -> None:
    run = maker.begun()
    began = run.folder / "began"
    began.touch()
    os.utime(began, (time.time() - 45, time.time() - 45))
    if what:
        write_step(run.run_folder, 0, what)
    if what == "without":
        rerun = Ablation(0, np.zeros((1, 3, 2)), np.zeros((1, 3)), np.zeros((1, 3)))
        write_part(run.run_folder, 0, rerun)
    web = looking(Role.PLANNER, "en")
    with work_on(run):
        assert said in plain(web.get(f"/crashtest/runs/{run.id}"))
        (run.run_folder / "run.json").unlink()
        page = plain(looking(Role.PLANNER).get(f"/crashtest/runs/{run.id}"))
    assert "En cours depuis 40 secondes" in page
    assert "données de référence" in page


def work_on(run: CrashTestJob) -> IO[bytes]:
    """Hold a run as its process does."""
    lock = try_lock(run.folder / "lock")
    assert lock is not None
    return lock


def test_nought_is_singular_in_french(maker: Maker, looking: Look) -> None:
    run = maker.begun()
    note_asked(run.folder)
    web = looking(Role.PLANNER)
    assert "0 trimestre sur 4" in plain(web.get(f"/crashtest/runs/{run.id}"))
    maker.part(run, 0, 0, lost=1)
    assert "2 trimestres sur 4" in plain(web.get(f"/crashtest/runs/{run.id}"))


def test_a_run_that_stopped_is_removed_with_its_inputs_and_that_is_recorded(maker: Maker, looking: Look) -> None:
    run = maker.begun("Hiver arrêté")
    (run.folder / "stop").touch()
    web, url = looking(Role.PLANNER), f"/crashtest/runs/{run.id}/remove"
    assert f'href="{url}"' in web.get(f"/crashtest/runs/{run.id}").content.decode()
    assert "Supprimer définitivement" in plain(web.get(url))
    assert run.folder.exists(), "it is asked first"
    assert web.post(url)["Location"] == "/crashtest/"
    assert list(maker.home.root.iterdir()) == []
    (entry,) = [row for row in iter_entries(stream=STREAM) if row.kind == "crashtest.removed"]
    assert (entry.body["run"], entry.body["name"]) == (run.id, "Hiver arrêté")
    assert web.post(url).status_code == 404


def test_a_run_at_work_is_not_removed(maker: Maker, looking: Look) -> None:
    run = maker.begun()
    web, url = looking(Role.PLANNER, "en"), f"/crashtest/runs/{run.id}/remove"
    with work_on(run):
        answer = web.post(url)
    assert answer.status_code == 409
    assert "Stop it first" in plain(answer)
    assert run.folder.exists()
    assert not [row for row in iter_entries(stream=STREAM) if row.kind == "crashtest.removed"]


def test_an_auditor_removes_nothing(maker: Maker, looking: Look) -> None:
    run = maker.done()
    web = looking(Role.AUDITOR)
    assert "/remove" not in web.get(f"/crashtest/runs/{run.id}").content.decode()
    assert web.post(f"/crashtest/runs/{run.id}/remove").status_code == 404
    assert run.folder.exists()


def test_a_cause_is_told_by_what_a_quarter_loses_less_without_it(maker: Maker, looking: Look) -> None:
    url = f"/crashtest/runs/{maker.done(removed=True).id}"
    page = plain(looking(Role.PLANNER, "en").get(url))
    assert "2 quarters were lived again with one cause switched off" in page
    assert "700 (640–760) in 50% (49–51) of quarters · share of that day’s causes: 600" in page
    assert "+3.0 (−1.0 to +7.0)" in page, "an interval that holds zero shows both signs"
    assert "The closure rule spares more than it costs: without it, 40 (30–50) more calls" in page
    french = plain(looking(Role.PLANNER).get(url))
    assert "2 trimestres ont été revécus" in french
    other = plain(looking(Role.PLANNER, "en").get(f"{url}?case=1"))
    assert "a share, not what would be saved without the cause" in other


def test_a_cause_that_never_happened_is_not_listed_with_an_interval(maker: Maker, looking: Look) -> None:
    run, result = maker.done(), build_result(POLICIES[0], 20)
    never = replace(
        result.causes[0],
        cause="link",
        lost=Estimate(0.0, 0.0, 42_524.0),
        occurs=Estimate(0.0, 0.0, 0.0037),
        lost_by_client={},
    )
    write_result(run.run_folder, 0, replace(result, causes=(*result.causes, never)))
    page = plain(looking(Role.PLANNER, "en").get(f"/crashtest/runs/{run.id}"))
    assert "600 (560–640)" in page
    assert "42,524" not in page


def test_the_polled_part_of_a_run_that_ended_asks_for_the_whole_page(maker: Maker, looking: Look) -> None:
    answer = looking(Role.PLANNER).get(f"/crashtest/runs/{maker.done().id}?part=live")
    assert answer["HX-Refresh"] == "true"


def test_a_finished_run_that_cannot_be_read_is_said_on_each_of_its_pages(maker: Maker, looking: Look) -> None:
    run, web = maker.done(), looking(Role.PLANNER, "en")
    (run.run_folder / "certificate.json").write_text("{")
    own = f"/crashtest/runs/{run.id}"
    for path in (own, f"{own}/certificate", f"/crashtest/compare?one={run.id}&two={run.id}"):
        answer = web.get(path)
        assert answer.status_code == 503, path
        assert "This run cannot be read" in plain(answer)


def test_a_failed_run_says_why(maker: Maker, looking: Look) -> None:
    run = maker.begun()
    (run.folder / "failed.json").write_text('{"reason": "no plan for <Monday>"}')
    page = looking(Role.PLANNER).get(f"/crashtest/runs/{run.id}").content.decode()
    assert "no plan for &lt;Monday&gt;" in page
    assert "en échec" in page


def test_a_run_without_process_is_broken_off_and_goes_on_when_asked(
    maker: Maker, looking: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned: list[str] = []
    monkeypatch.setattr(job_process, "start_job", lambda folder: spawned.append(folder.name))
    run = maker.begun()
    assert run.state == "broken"
    looking(Role.PLANNER).post(f"/crashtest/runs/{run.id}/resume")
    assert spawned == [run.id]


def test_a_certificate_shows_settings_digests_and_the_command(maker: Maker, looking: Look) -> None:
    run = maker.done()
    web = looking(Role.AUDITOR, "en")
    page = plain(web.get(f"/crashtest/runs/{run.id}/certificate"))
    assert "releve crashtest OPERATOR --plan PLAN --rerun certificate.json" in page
    assert "a" * 64 in page
    assert "b" * 64 in page
    assert "c" * 64 in page
    assert "MA-COVID-CLOSE" in page
    sent = web.get(f"/crashtest/runs/{run.id}/certificate.json")
    assert sent.content == (run.run_folder / "certificate.json").read_bytes()


def test_runs_of_the_same_luck_are_compared_quarter_by_quarter(maker: Maker, looking: Look) -> None:
    one, two = maker.done("A", lost=100), maker.done("B", lost=160)
    web = looking(Role.PLANNER, "en")
    url = f"/crashtest/compare?one={one.id}&two={two.id}"
    page = plain(web.get(url))
    assert "Azur Énergie 99.1% (98.9–99.3) 99.1% (98.9–99.3) +60 (+60 to +60) 0 (0 to 0)" in page
    found = read(web.get(url + "&format=json"))["second_less_first"]
    assert found["total"]["lost"]["value"] == 60
    assert [found["lost"][name]["value"] for name in ("azur", "rive")] == [60, 0]


def test_two_runs_are_compared_place_by_place_and_case_by_case(maker: Maker, looking: Look) -> None:
    one, two = maker.done("A", lost=100), maker.done("B", lost=260)
    web = looking(Role.PLANNER, "en")
    url = f"/crashtest/compare?one={one.id}&two={two.id}"
    assert "Casablanca 1 2.5 (2.5–2.5) 2.5 (2.5–2.5) +1.0 (+1.0 to +1.0)" in plain(web.get(url))
    twin = read(web.get(f"{url}&case_first=1&case_second=2&format=json"))
    assert [side["result"]["label"] for side in twin["sides"]] == ["no-rule", "no-tests"]
    assert [side["case"] for side in twin["sides"]] == [1, 2]
    assert twin["second_less_first"]["closures"]["casa-1"]["value"] == 1
    html = web.get(f"{url}&case_second=2").content.decode().split('id="case_second"')[1]
    assert re.findall(r'value="(\d)" selected>([^<]+)', html) == [
        ("2", "the closure rule without tests of people with symptoms")
    ]
    assert web.get(f"{url}&case_second=3").status_code == 404


def test_a_run_that_does_not_say_whose_a_programme_is_has_no_difference_by_client(maker: Maker, looking: Look) -> None:
    one, two = maker.done("A"), maker.done("B")
    path = two.run_folder / "certificate.json"
    tree = json.loads(path.read_text())
    for case in tree["cases"]:
        del case["programmes"]
    path.write_text(json.dumps(tree))
    web = looking(Role.PLANNER, "en")
    answer = web.get(f"/crashtest/compare?one={one.id}&two={two.id}")
    assert "Azur Énergie 99.1% (98.9–99.3) 99.1% (98.9–99.3) – 0 (0 to 0)" in plain(answer)
    assert "Calls lost a quarter 0 (0 to 0)" in plain(answer), "the totals are still there"


def test_runs_of_other_luck_are_not_subtracted(maker: Maker, looking: Look) -> None:
    one, two = maker.done("A"), maker.done("B", seed=8)
    web = looking(Role.PLANNER, "en")
    url = f"/crashtest/compare?one={one.id}&two={two.id}"
    page = plain(web.get(url))
    assert "did not meet the same disasters" in page
    assert "Second less first" not in page
    assert "the seed" in page
    assert read(web.get(url + "&format=json"))["second_less_first"] is None


@pytest.mark.parametrize("name", ["..", "none", ".turn", "a/b", ""])
def test_what_is_no_run_is_not_there(maker: Maker, looking: Look, name: str) -> None:
    answer = looking(Role.PLANNER).get(f"/crashtest/compare?one={name}&two={name}")
    assert answer.status_code == 404


FORM = {
    "name": "Hiver", "plan": "folder", "beside": "", "policies": ["as-given", "no-rule"],
    "quarters": "10", "days": "5", "seed": "3", "hazards": "on",
}  # fmt: skip


def test_the_consequences_are_said_before_anything_starts(
    stocked: None, maker: Maker, looking: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned: list[str] = []
    monkeypatch.setattr(orders, "start_job", lambda folder: spawned.append(folder.name))
    web = looking(Role.PLANNER, "en")
    page = plain(web.post("/crashtest/start", FORM))
    assert "2 × 10 quarters of 5 days are simulated for 60 agents." in page
    assert "Without a plan, so left out:" in page
    assert maker.home.list_jobs() == []
    assert spawned == []
    answer = web.post("/crashtest/start", {**FORM, "confirmed": "1"})
    (run,) = maker.home.list_jobs()
    assert answer["Location"] == f"/crashtest/runs/{run.id}"
    assert spawned == [run.id]
    assert {path.name for path in (run.folder / "inputs").iterdir()} == {"operator", "plan"}
    assert (run.folder / "inputs" / "operator" / "agents.csv").exists()


@pytest.mark.parametrize(
    ("field", "value"), [("quarters", "0"), ("days", "901"), ("seed", "-1"), ("policies", []), ("beside", "folder")]
)
def test_a_wrong_field_is_named_and_nothing_typed_is_lost(
    stocked: None, maker: Maker, looking: Look, field: str, value: object
) -> None:
    answer = looking(Role.PLANNER).post("/crashtest/start", {**FORM, field: value, "confirmed": "1"})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert b'value="Hiver"' in answer.content
    assert maker.home.list_jobs() == []


HERE = "/crashtest/outlook"
_MADE = build_result("as-given", 7)
RESULT = replace(
    _MADE,
    days=14,
    quarters=200,
    sites=(replace(_MADE.sites[0], name="Casablanca 1", closes=Estimate(0.25, 0.2, 0.31)),),
    clients=(replace(_MADE.clients[0], name="Azur", survival=(1.0, 0.9), breaks_target=Estimate(0.05, 0.03, 0.09)),),
)


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose process would have been started."""
    found: list[Path] = []

    def start(folder: Path) -> None:
        note_asked(folder)
        found.append(folder)

    monkeypatch.setattr(orders, "start_job", start)
    return found


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, work_here: None) -> list[object]:
    """Let the simulation give RESULT without running; the requests it was asked for."""
    asked: list[object] = []

    def run(request: object, _execution: object, *, resume: bool) -> SimpleNamespace:
        asked.append(request)
        return SimpleNamespace(results=[RESULT])

    monkeypatch.setattr(crash_test_job, "run_crash_test", run)
    return asked


def recorded(kind: str) -> list[dict[str, Any]]:
    return [dict(row.body) for row in iter_entries(stream=STREAM) if row.kind == kind]


def started(web: Client, spawned: list[Path]) -> tuple[Path, OutlookOrder, str]:
    """Start an outlook without its process."""
    answer = web.post(HERE)
    assert answer.status_code == 302, answer.content
    folder = spawned[-1]
    return (folder, OutlookOrder(**json.loads((folder / "desk.json").read_text())), answer["Location"])


def test_it_takes_over_cases_and_lost_sites_and_nothing_else_of_them(scenario: Scenario) -> None:
    one, other, third, *_ = scenario.agents_at(scenario.site)
    scenario.positive(one)
    scenario.act("case.declared", site=scenario.site, agent=other, status="contact")
    scenario.positive(third)
    scenario.clear(third)
    situation = live.situation_now(scenario.stream)
    first, _ = day_bounds(scenario.plans[1].day, scenario.operator.row.time_zone)
    case, closed = orders.select_outlook_events(situation, first)
    assert (case.kind, case.agent, case.since, case.until) == ("case.declared", one, None, None)
    assert (closed.kind, closed.site) == ("site.closed", scenario.site), "by the rule, after two"


@pytest.mark.parametrize("role", [Role.HEALTH, Role.CONTINUITY])
def test_it_is_made_by_who_may_and_that_is_recorded_without_a_name(
    browsers: Browsers, scenario: Scenario, spawned: list[Path], role: Role
) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    web = browsers.sign_in(role)
    page = web.get(HERE)
    assert page["Cache-Control"] == "private, no-store"
    assert "Les quatorze jours à venir" in plain(page)
    folder, order, url = started(web, spawned)
    assert order.first == str(scenario.plans[1].day), "from tomorrow on: today's cases are known"
    assert agent in (folder / "inputs" / "events" / "events.jsonl").read_text()
    (made,) = recorded("outlook.made")
    assert (made["run"], made["of"]) == (folder.name, scenario.stream)
    assert agent not in json.dumps(made)
    assert "se recharge" in plain(web.get(url))
    assert recorded("outlook.seen") == [], "there is nothing to see yet"


def test_only_chances_are_kept_and_each_look_is_recorded(
    browsers: Browsers, scenario: Scenario, spawned: list[Path], simulated: list[object]
) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    web = browsers.sign_in(Role.HEALTH)
    folder, _order, url = started(web, spawned)
    run_job(folder)
    assert {path.name for path in folder.iterdir()} == {"desk.json", "found.json", "lock"}
    kept = "".join(path.read_text() for path in folder.iterdir())
    assert agent not in kept
    assert "infected" not in kept
    page = web.get(url)
    assert page["Cache-Control"] == "private, no-store"
    assert "Casablanca 1 25,0 % (20,0–31,0)" in plain(page)
    assert "Azur 10,0 % (6,6–14,9)" in plain(page)
    twin = web.get(f"{url}?format=json").json()
    assert twin["chances"]["sites"][0]["closes"]["value"] == 0.25
    looks = recorded("outlook.seen")
    assert [row["run"] for row in looks] == [folder.name] * 2
    assert "Casablanca" not in json.dumps(looks)


def test_a_failure_leaves_no_inputs_and_says_why(
    browsers: Browsers, spawned: list[Path], simulated: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: object, _execution: object, *, resume: bool) -> None:
        raise RunError("no plan for that day")

    monkeypatch.setattr(crash_test_job, "run_crash_test", fail)
    folder, _order, url = started(browsers.sign_in(Role.HEALTH), spawned)
    run_job(folder)
    assert not (folder / "inputs").exists()
    page = plain(browsers.sign_in(Role.HEALTH).get(url))
    assert "no plan for that day" in page
    assert "n’a pas pu être" in page


def test_it_goes_by_the_rules_of_the_installation(
    browsers: Browsers, spawned: list[Path], simulated: list[object]
) -> None:
    own = settings.HOME / "rules" / "own.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text(
        "- id: THREE\n  kind: closure\n  from: 2026-01-01\n  ends: MA-COVID-CLOSE\n"
        "  source: a test\n  confidence: certain\n  parameters: {n: 3, days: 14, hours: 72}\n"
    )
    folder, _order, _url = started(browsers.sign_in(Role.HEALTH), spawned)
    assert (folder / "inputs" / "rules" / "own.yaml").read_text() == own.read_text()
    run_job(folder)
    (request,) = simulated
    assert isinstance(request, CrashTestRequest)
    assert request.rules == (folder / "inputs" / "rules" / "own.yaml",)


def test_inputs_that_a_killed_process_left_and_old_outlooks_are_swept(
    browsers: Browsers, spawned: list[Path], simulated: list[object]
) -> None:
    web = browsers.sign_in(Role.HEALTH)
    killed, _, url = started(web, spawned)
    working, _, _ = started(web, spawned)
    old, _order, _ = started(web, spawned)
    run_job(old)
    while_ago = datetime.now(UTC) - timedelta(seconds=90)
    made = ((old, datetime(2026, 1, 1, 8, tzinfo=UTC)), (killed, while_ago), (working, while_ago))
    for folder, at in made:
        tree = json.loads((folder / "desk.json").read_text())
        (folder / "desk.json").write_text(json.dumps({**tree, "at": at.isoformat()}))
    lock = try_lock(working / "lock")
    assert lock is not None
    with lock:
        web.get(HERE)
    assert not (killed / "inputs").exists()
    assert (working / "inputs").exists(), "its process is at work"
    assert not old.exists()
    assert "n’a pas pu être" in plain(web.get(url))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.HEALTH, Role.CONTINUITY}))
def test_nobody_else_makes_or_sees_one(
    browsers: Browsers, spawned: list[Path], simulated: list[object], role: Role
) -> None:
    folder, _order, url = started(browsers.sign_in(Role.CONTINUITY), spawned)
    run_job(folder)
    web, wanted = browsers.sign_in(role), 404 if role in OUTSIDE else 403
    assert {web.get(HERE).status_code, web.get(url).status_code} == {wanted}
    assert web.post(HERE).status_code == wanted
    assert len(spawned) == 1
    assert recorded("outlook.seen") == []
    assert HERE not in web.get("/now").content.decode()


@pytest.mark.parametrize("name", ["none", ".hidden"])
def test_what_is_no_outlook_is_not_there(browsers: Browsers, name: str) -> None:
    assert browsers.sign_in(Role.HEALTH).get(f"{HERE}/{name}").status_code == 404


@pytest.mark.slow
def test_the_whole_way_from_a_case_to_chances(
    browsers: Browsers, scenario: Scenario, spawned: list[Path], work_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_test_job, "QUARTERS", 60)
    scenario.positive(scenario.agents_at(scenario.site)[0])
    folder, _order, _ = started(browsers.sign_in(Role.HEALTH), spawned)
    run_job(folder)
    look = JobStore(settings.HOME, OUTLOOKS).get(folder.name)
    assert look is not None
    assert look.state == "done", look.reason
    found = read_chances(look)
    assert found is not None
    assert {row.site for row in found.sites} == {site.id for site in scenario.operator.sites}
    assert all(row.misses_a_day.high >= 0 for row in found.clients)
