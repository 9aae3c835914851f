"""``releve relief``: who moves where now, in words and as JSON; faults that say what to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result

from releve.cli import relief as relief_command
from releve.files.plan_folder import read_plans
from releve.network import TravelTime
from releve.plan import Plan
from tests.cli.folders import run, sample, write_folder

AT = "2026-11-30T10:30"


@dataclass(frozen=True)
class Running:
    """An operator folder and its plan folder."""

    folder: Path
    plan: Path

    def relief(self, *arguments: object) -> Result:
        return run("relief", self.folder, "--plan", self.plan, *arguments)

    def read(self) -> Plan:
        (plan,) = read_plans(self.plan)
        return plan


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Running:
    place = tmp_path_factory.mktemp("relief")
    made = Running(write_folder(sample(150), place / "operator"), place / "plan")
    result = run("plan", made.folder, "--no-missing", "--out", made.plan)
    assert result.exit_code == 0, result.output
    return made


def test_a_closure_is_described_in_words_with_its_curve(running: Running) -> None:
    result = running.relief("--close", "casa-1", "--at", AT)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "casa-1 lost on Monday 30 November at 10:30" in text
    figures = re.search(r"the day: ([\d,]+) without a move, .* ([\d,]+) by this relief", text)
    assert figures is not None
    alone, relieved = (int(one.replace(",", "")) for one in figures.groups())
    assert relieved < alone
    assert len(re.findall(r"at [\d.]+ half hours a move", text)) == 4
    assert re.search(r"first answer after [\d.]+ s", text)


def test_a_time_alone_is_of_the_first_planned_day_that_is_not_over(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = datetime.combine(running.read().day, time(12), UTC)
    whole = json.loads(running.relief("--close", "casa-1", "--at", AT, "--json").stdout)
    for now in (planned - timedelta(days=3), planned):
        monkeypatch.setattr(relief_command, "_now", partial(datetime.astimezone, now))
        alone = running.relief("--close", "casa-1", "--at", AT[-5:], "--json")
        assert json.loads(alone.stdout) == whole
    monkeypatch.setattr(relief_command, "_now", lambda: planned + timedelta(days=1))
    over = running.relief("--close", "casa-1", "--at", AT[-5:])
    assert over.exit_code == 2
    assert f"every day of the plan is over; write the day too, like {AT}" in over.output


def test_it_says_by_what_an_arrival_on_another_site_is_counted(running: Running, tmp_path: Path) -> None:
    drive = TravelTime("casa-1", "casa-2", 20)
    near = write_folder(replace(sample(150), travel=(drive,)), tmp_path / "near")
    close = ("--plan", running.plan, "--close", "casa-1", "--at", AT, "--no-exposure")
    said = run("relief", running.folder, *close).stdout
    assert re.search(r"^  \d+ to casa-2 at work 120 min after the call, the default", said, re.M)
    assert "by the journeys" not in said
    result = run("relief", near, *close)
    assert result.exit_code == 0, result.output
    said = result.stdout
    assert re.search(r"^  \d+ to casa-2 at work 60 min after the call, by the journeys", said, re.M)


def test_json_is_alone_on_standard_output_and_holds_the_moves(running: Running) -> None:
    result = running.relief("--close", "casa-1", "--at", AT, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["lost"] == {"sites": ["casa-1"], "carriers": [], "at": "2026-11-30T09:30:00+00:00"}
    assert found["penalty"] < found["unrelieved"]
    plan = running.read()
    assert set(found["missing"]) == {client for client, _ in plan.clients}
    exposed = {
        row.agent for row in plan.placements if row.place == "casa-1" and row.end.isoformat() > found["lost"]["at"]
    }
    moves = {move["agent"]: move for move in found["moves"]}
    assert exposed
    assert exposed <= moves.keys()
    assert {moves[agent]["place"] for agent in exposed} <= {"home", None}
    assert all(move["place"] != "casa-1" for move in moves.values())
    assert all((move["place"] is None) == (move["from"] is None) for move in moves.values())


def test_a_line_for_each_kind_of_move_adds_up_to_the_people(running: Running) -> None:
    text = running.relief("--close", "casa-2", "--at", AT, "--names").stdout
    (people,) = re.findall(r"^(\d+) people$", text, re.MULTILINE)
    counts = re.findall(r"^ +(\d+)  \S.* -> ", text, re.MULTILINE)
    assert sum(map(int, counts)) == int(people)
    names = re.findall(r"\ba\d{5}\b", text)
    assert len(set(names)) == len(names) == int(people)


def test_an_instant_with_an_offset_is_the_same_as_the_local_time(running: Running) -> None:
    local, offset = (
        json.loads(running.relief("--close", "casa-1", "--at", at, "--json").stdout)
        for at in (AT, "2026-11-30T09:30+00:00")
    )
    assert local == offset


def test_a_carrier_is_cut_and_no_agent_stays_home_on_its_lines(running: Running) -> None:
    plan, operator = running.read(), sample(150)
    lines = {row.agent: operator.agent[row.agent].carrier for row in plan.placements if row.place == "home"}
    assert lines, "no agent works at home in this plan"
    carrier = max(set(lines.values()), key=list(lines.values()).count)
    found = json.loads(running.relief("--cut", carrier, "--at", AT, "--json").stdout)
    moved = {move["agent"]: move["place"] for move in found["moves"]}
    when = found["lost"]["at"]
    cut = {row.agent for row in plan.placements if lines.get(row.agent) == carrier and row.end.isoformat() > when}
    assert found["lost"]["carriers"] == [carrier]
    assert cut <= moved.keys()
    assert "home" not in {moved[agent] for agent in cut}


def test_without_exposure_people_of_the_site_may_go_to_other_sites(running: Running) -> None:
    bound, free = (
        json.loads(running.relief("--close", "casa-2", "--at", AT, "--json", *more).stdout)
        for more in ((), ("--no-exposure",))
    )
    here = {row.agent for row in running.read().placements if row.place == "casa-2"}
    assert any(move["agent"] in here and move["place"] not in ("home", None) for move in free["moves"])
    assert not [move for move in free["moves"] if move["reason"] == "isolated"]
    assert free["penalty"] <= bound["penalty"] * 1.01


def test_dearer_moves_are_fewer(running: Running) -> None:
    few, many = (
        json.loads(running.relief("--close", "casa-2", "--at", AT, "--json", "--move-price", price).stdout)["moves"]
        for price in (32, 0)
    )
    assert len([move for move in few if move["place"]]) < len([move for move in many if move["place"]])


def test_the_aim_is_chosen_and_the_frontier_says_what_each_costs(running: Running) -> None:
    """The first row holds as much as can be, the last twice the target: fewer move for it."""
    trees = {
        aim: json.loads(running.relief("--close", "casa-2", "--at", AT, "--json", "--aim", aim).stdout)
        for aim in ("plan", "promise")
    }
    plain = json.loads(running.relief("--close", "casa-2", "--at", AT, "--json").stdout)
    assert plain == trees["promise"], "the promise is what a running day aimed at"
    rows = trees["plan"]["frontier"]
    assert rows == trees["promise"]["frontier"]
    regret = running.read().bound.regret["site"]
    assert regret < 0.05
    assert [row["aim"] for row in rows] == [0.0, regret, 0.05, 0.1]
    assert rows[-1]["moved"] < rows[0]["moved"]
    arrivals = {aim: sum(1 for move in tree["moves"] if move["place"]) for aim, tree in trees.items()}
    assert arrivals["promise"] <= arrivals["plan"]
    text = " ".join(running.relief("--close", "casa-2", "--at", AT).stdout.split())
    assert re.search(r"within 5.0%: [\d.,]+ moved, the worst client misses [\d.]+%, [\d.,]+ penalty-weighted", text)


def test_an_unknown_site_is_answered_with_the_known_ones(running: Running) -> None:
    result = running.relief("--close", "atlantis", "--at", AT)
    assert result.exit_code == 2
    assert "no site 'atlantis'; sites: casa-1, casa-2, lyon-1, tunis-1" in result.stderr


def test_an_unknown_carrier_is_answered_with_the_known_ones(running: Running) -> None:
    result = running.relief("--cut", "pigeon", "--at", AT)
    assert result.exit_code == 2
    assert "no carrier 'pigeon'; known: " in result.stderr
    assert "Maroc Telecom" in result.stderr


def test_a_day_outside_the_plan_names_the_days_it_holds(running: Running) -> None:
    result = running.relief("--close", "casa-1", "--at", "2026-12-07T10:30")
    assert result.exit_code == 1
    assert "the plan folder has no plan of 2026-12-07; it holds 2026-11-30" in result.stderr


@pytest.mark.parametrize("at", ["24:30", "now", "2026-11-30T25:00"])
def test_a_time_that_is_none_is_refused(running: Running, at: str) -> None:
    result = running.relief("--close", "casa-1", "--at", at)
    assert result.exit_code == 2
    assert "Invalid value for '--at'" in result.stderr


def test_nothing_lost_is_refused(running: Running) -> None:
    result = running.relief("--at", AT)
    assert result.exit_code == 2
    assert "nothing is lost: give --close SITE or --cut CARRIER" in result.stderr


def test_a_folder_without_a_plan_is_refused(running: Running) -> None:
    result = run("relief", running.folder, "--plan", running.folder, "--close", "casa-1", "--at", AT)
    assert result.exit_code == 1
    assert "no plan-YYYY-MM-DD.json in it" in result.stderr


def test_a_plan_of_other_programmes_is_refused(running: Running, tmp_path: Path) -> None:
    other = write_folder(sample(600), tmp_path / "other")
    result = run("relief", other, "--plan", running.plan, "--close", "casa-1", "--at", AT)
    assert result.exit_code == 1
    assert "the programmes of the folder are not those of the plan: plan again" in result.stderr


@pytest.mark.slow
def test_a_plan_of_a_quantile_is_relieved_for_that_quantile(running: Running, tmp_path: Path) -> None:
    high = tmp_path / "high"
    run("plan", running.folder, "--no-missing", "--quantile", "0.9", "--out", high)
    mean, more = (
        json.loads(run("relief", running.folder, "--plan", plan, "--close", "lyon-1", "--at", AT, "--json").stdout)[
            "unrelieved"
        ]
        for plan in (running.plan, high)
    )
    assert more > mean
