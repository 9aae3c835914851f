"""``releve crashtest``: a run on its folder, stopped, resumed, run again, spread, refused; and its tables."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from releve.files.plan_folder import write_plans
from releve.plugins.crashtest import commands, execution
from releve.plugins.crashtest.engine.comparison import Difference
from releve.plugins.crashtest.engine.outbreak import Band, Estimate
from releve.plugins.crashtest.engine.policies import Mix
from releve.plugins.crashtest.engine.result import ClientResult, CrashResult, OutbreakResult
from releve.plugins.crashtest.engine.run import join_quarters, run
from releve.plugins.crashtest.engine.run_arrays import build_run_arrays
from releve.plugins.crashtest.engine.settings import Settings
from releve.plugins.crashtest.execution import (
    CaseProgress,
    Execution,
    missing_parts,
    read_parts,
    read_result,
    read_step,
    run_ablation,
    run_case,
)
from releve.plugins.crashtest.request import ClusterError, count_ablation_quarters
from releve.situation import ChosenPack
from tests.cli.folders import run as command
from tests.cli.folders import write_folder
from tests.crashtest.rough_quarter import DAYS, are_same, build_test, plan_operator

QUIET = ("--days", 10, "--nearest", "--threads", 1, "--outside", 1e-3, "--without", 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an operator and a plan of it."""
    path = tmp_path_factory.mktemp("crashtest")
    operator, plan = plan_operator()
    write_folder(operator, path / "operator")
    stamp, packs = datetime(2026, 11, 24, tzinfo=UTC), [ChosenPack("health-2020", date.min)]
    write_plans(path / "plan", [plan], stamp=stamp, calendars=False, packs=packs)
    write_plans(path / "plain", [plan], stamp=stamp, calendars=False)
    return path


@pytest.mark.slow
def test_policies_meet_the_same_disasters_and_a_certificate_gives_the_same_figures(place: Path) -> None:
    out = place / "run"
    first = command(
        "crashtest", place / "operator", "--plan", place / "plan", "--quarters", 70, *QUIET,
        "--policies", "as-given,no-rule", "--without", 4, "--out", out, "--json",
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    content = json.loads(first.stdout)
    assert [one["removed_quarters"] for one in content["results"]] == [4, 0]
    assert {row["cause"] for row in content["results"][0]["removed"]} > {"outbreak", "closure"}
    assert read_step(out) is None, "nothing is done there any more"
    assert [one["label"] for one in content["results"]] == ["as-given", "no-rule"]
    change = content["comparison"][0]["site_days_closed"]
    assert change["value"] < 0, "without the rule no site is closed by it"
    assert read_result(out, 1).sites[0].closures.value == 0
    again = command("crashtest", place / "operator", "--plan", place / "plan", "--threads", 2, "--rerun", out)
    assert again.exit_code == 0, again.output
    assert "The same figures" in again.output
    assert "4 quarters rerun with it removed, all else the same" in " ".join(again.output.split())
    other = command("crashtest", place / "operator", "--plan", place / "plan", "--rerun", out, "--seed", 9)
    assert other.exit_code == 1
    assert "settings.seed: 0, now 9" in other.output


def test_a_killed_run_goes_on_from_its_folder(place: Path) -> None:
    out = place / "killed"
    words = ("crashtest", place / "operator", "--plan", place / "plan", "--quarters", 130, *QUIET, "--out", out)
    assert command(*words).exit_code == 0
    whole = join_quarters(read_parts(out, 0))
    lost = sorted((out / "cases" / "0").glob("part-*.npz"))[1]
    lost.unlink()  # what a run killed in its second part leaves
    (out / "cases" / "0" / "result.json").unlink()
    (out / "cases" / "0" / ".part-00000064.npz.99").write_bytes(b"half")
    assert "--resume" in command(*words).output
    assert command(*words, "--resume").exit_code == 0
    assert are_same(join_quarters(read_parts(out, 0)), whole)
    other = command(*words, "--resume", "--seed", 5)
    assert "holds another run (settings.seed: 0, now 5): name another folder" in other.output


def test_what_makes_no_sense_is_refused_with_its_fix(place: Path) -> None:
    begin = ("crashtest", place / "operator", "--plan", place / "plan")
    mix, events = ("--policies", "as-given,masks", "--budget", 5), place / "list.jsonl"
    events.write_text("[1]\n", encoding="utf-8")
    for words, message in (
        (("--quarters", 0), "expected quarters >= 1, got 0"),
        (("--days", 0), "1 <= days"),
        (("--reproduction", -1), "expected 0 <= reproduction <= 30, got -1"),
        (("--policies", "prayer"), "policy is one of as-given, no-rule"),
        (("--budget", 5), "--budget needs measures"),
        (("--policies", "as-given,as-given"), "as-given stands there twice"),
        (("--policies", "as-given,masks", "--budget", "nan"), "write EUR, 0 or more"),
        ((*mix, "--cost", "mask=9"), "'mask' is none of the measures tried: masks"),
        ((*mix, "--cost", "masks=-9"), "write POLICY=EUR, 0 or more"),
        (("--cost", "masks=9"), "give --budget EUR too"),
        (("--resume",), "--out RUN"),
        (("--outlook", events), "line 1"),
    ):
        found = command(*begin, "--quarters", 1, "--days", 3, *words)
        assert found.exit_code != 0, words
        assert message in found.output.replace("\n", " "), (words, found.output)


@pytest.mark.slow
def test_a_named_curve_decides_the_outbreak_and_its_certificate_names_it(place: Path) -> None:
    base = ("crashtest", place / "operator", "--plan", place / "plan", "--quarters", 30, "--days", 60, "--nearest",
            "--threads", 1, "--without", 0, "--no-hazards")  # fmt: skip
    found = {}
    for name in ("morocco-2020-spring", "morocco-2020-autumn"):
        answer = command(*base, "--curve", name, "--out", place / name, "--json")
        assert answer.exit_code == 0, answer.output
        found[name] = json.loads(answer.stdout)
        assert found[name]["certificate"]["curves"] == [["", name]]
        rows = found[name]["importation"]
        same = next(row for row in rows[1:] if row["curve"] == name)
        assert {**same, "curve": "", "reported": 0.0} == rows[0], "the run's own, at the share assumed"
    infected = [tree["results"][0]["outbreak"]["infected"]["value"] for tree in found.values()]
    assert infected[0] < infected[1]
    again = command("crashtest", place / "operator", "--plan", place / "plan", "--rerun", place / name, "--no-hazards")
    assert again.exit_code == 0, again.output
    words = " ".join(again.output.split())
    assert "The outbreak by its importation" in words
    assert "Outages and calm quarters do not depend on it." in words
    for curve, message in (
        ("morocco", "no curve 'morocco': there are morocco-2020-spring"),
        ("paris=morocco-2020-spring", "no site is at destination 'paris': there are"),
    ):
        answer = command(*base, "--curve", curve)
        assert answer.exit_code == 1
        assert message in " ".join(answer.output.split())


def test_rows_of_an_installation_replace_the_shipped_closure_rule(place: Path) -> None:
    table = place / "rules.yaml"
    table.write_text(
        "- id: THREE\n  kind: closure\n  from: 2026-01-01\n  ends: MA-COVID-CLOSE\n"
        "  source: a test\n  confidence: certain\n  parameters: {n: 3, days: 14, hours: 72}\n",
        encoding="utf-8",
    )
    words = ("crashtest", place / "operator", "--plan", place / "plan", "--quarters", 20, *QUIET)
    words = (*words, "--days", 30, "--outside", 3e-3)
    found = {}
    plain = ("crashtest", place / "operator", "--plan", place / "plain", "--quarters", 20, *QUIET)
    plain = (*plain, "--days", 30, "--outside", 3e-3)
    for name, asked in (
        ("shipped", words),
        ("amended", (*words, "--rules", table)),
        ("none", plain),
        ("named", (*plain, "--pack", "health-2020")),
    ):
        answer = command(*asked, "--no-hazards", "--json")
        assert answer.exit_code == 0, answer.output
        found[name] = json.loads(answer.stdout)
    orders = {
        name: sum(site["closures"]["value"] for site in tree["results"][0]["sites"]) for name, tree in found.items()
    }
    assert 0 < orders["amended"] < orders["shipped"]
    assert found["shipped"]["certificate"]["closure_rules"] == ["MA-COVID-CLOSE"]
    assert found["amended"]["certificate"]["closure_rules"] == ["THREE"]
    assert "rules" in found["amended"]["certificate"]["inputs"]
    assert orders["none"] == 0, "no pack is in force by default"
    assert found["none"]["certificate"]["closure_rules"] == []
    assert found["named"]["results"] == found["shipped"]["results"], "the plan folder names it"
    unknown = command(*plain, "--pack", "healthy")
    assert "no pack of rules 'healthy': choose one of health-2020" in unknown.output
    table.write_text("- id: THREE\n", encoding="utf-8")
    refused = command(*words, "--rules", table)
    assert refused.exit_code == 1
    assert "kind" in refused.output


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("2026-11-01,5\n2026-11-03,5\n", "row 3: 2026-11-03 follows 2026-11-01"),
        ("2026-11-01,5\n2026-11-02,-3\n", "row 3, column 'cases': -3 cases"),
    ],
    ids=["a hole", "a negative day"],
)
def test_a_curve_with_holes_or_negative_days_is_refused(place: Path, rows: str, message: str) -> None:
    (place / "curve.csv").write_text("date,cases\n" + rows, encoding="utf-8")
    found = command(
        "crashtest", place / "operator", "--plan", place / "plan", "--quarters", 1,
        "--incidence", f"{place / 'curve.csv'}:cases",
    )  # fmt: skip
    assert found.exit_code == 1
    assert message in found.output.replace("\n", " ")


def test_quarters_lived_without_each_cause_are_kept_and_not_lived_again(tmp_path: Path) -> None:
    test = replace(
        build_test(),
        settings=Settings(quarters=70, days=10, seed=3, nearest=True),
        scenario=replace(build_test().scenario, days=10, importation=None),
    )
    how = Execution(folder=tmp_path)
    reported: list[tuple[str, int]] = []

    def report(progress: CaseProgress) -> None:
        reported.append((progress.step, progress.done))

    case = run_case(0, "rough", test, how, report)
    whole = run_ablation(0, case, 66, how, report)
    assert whole is not None
    assert reported[:3] == [("running", 0), ("running", 64), ("running", 70)]
    assert reported[3:] == [("without", 0), ("without", 64), ("without", 66)]
    assert read_step(tmp_path) == (0, "without")
    (tmp_path / "cases" / "0" / "without-00000064.npz").unlink()
    again = run_ablation(0, case, 66, how, report)
    assert reported[6:] == [("without", 64), ("without", 66)], "the saved part is read"
    assert again is not None
    assert np.array_equal(again.calls, whole.calls)
    assert run_ablation(0, case, 0, how, report) is None


@pytest.mark.parametrize(
    ("asked", "quarters", "found"),
    [(None, 1000, 200), (None, 5000, 1000), (None, 50, 50), (7, 50, 7), (70, 50, 50), (0, 50, 0)],
)
def test_a_fifth_is_lived_again_unless_asked_otherwise(asked: int | None, quarters: int, found: int) -> None:
    assert count_ablation_quarters(asked, quarters) == found


def test_parts_that_are_there_are_not_run_again() -> None:
    settings = Settings(quarters=130, days=DAYS, seed=3, nearest=True)
    first = run(build_run_arrays(build_test(settings=settings)), count=64)
    assert missing_parts(130, [first]) == [(64, 64), (128, 2)]


def test_the_share_served_so_far_is_reported_after_each_part() -> None:
    reported: list[CaseProgress] = []
    test = build_test(settings=Settings(quarters=70, days=DAYS, seed=3, nearest=True))
    run_case(0, "rough", test, Execution(), reported.append)
    assert [(row.done, row.total) for row in reported] == [(0, 70), (64, 70), (70, 70)]
    assert reported[0].served is None
    for row in reported[1:]:
        assert row.served is not None
        assert 0.5 < row.served.low <= row.served.value <= row.served.high <= 1.0


@pytest.fixture
def cluster() -> Iterator[str]:
    """Two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made.scheduler_address


@pytest.mark.slow
def test_two_processes_give_the_same_bits_and_a_lost_worker_changes_nothing(cluster: str) -> None:
    from distributed import Client

    ready = build_run_arrays(build_test(settings=Settings(quarters=24, days=DAYS, seed=3, nearest=True)))
    parts = [(first, 4) for first in range(0, 24, 4)]
    found = []
    for part in execution.run_on_cluster(ready, parts, cluster, execution.run_part):
        if not found:
            with Client(cluster) as client:
                worker = sorted(client.scheduler_info()["workers"])[0]
                client.run(_die, workers=[worker], wait=False, on_error="ignore")
        found.append(part)
    assert are_same(join_quarters(found), run(ready))


def _die() -> None:
    import os

    os._exit(1)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "CONNECT_S", 1)
    with pytest.raises(ClusterError, match=r"no Dask scheduler at tcp://.*start one"):
        next(
            execution.run_on_cluster(build_run_arrays(build_test()), [(0, 1)], "tcp://127.0.0.1:1", execution.run_part)
        )


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(20061.4, 18800.0, 1234567.8), "20,061 (18,800 to 1,234,568)"),
        (Estimate(0.03125, -0.003904, 0.0925), "0.031 (0 to 0.092)"),
        (Estimate(12.34, 9.876, 14.8), "12.3 (9.88 to 14.8)"),
        (Estimate(4.0, -math.inf, math.inf), "4.00 (0 to not known)"),
    ],
)
def test_a_quantity_has_no_exponent_and_no_interval_below_zero(estimate: Estimate, text: str) -> None:
    assert commands._format_number(estimate) == text


def test_a_change_keeps_its_sign_and_nothing_is_no_minus_nothing() -> None:
    assert commands._format_change(Estimate(-20061.4, -25000.0, 3.0)) == "-20,061 (-25,000 to +3.00)"
    assert commands._format_change(Estimate(-0.0001, -0.0002, 0.0)) == "0 (0 to 0)"


def test_the_harm_of_what_never_happened_is_no_wide_interval() -> None:
    never, seen = Estimate(0.0, 0.0, 0.0037), Estimate(0.25, 0.2, 0.3)
    assert commands._format_harm(Estimate(0.0, 0.0, 42524.0), never) == "never happened"
    assert commands._format_harm(Estimate(0.0, 0.0, 42524.0), seen) == "0 (0 to +42,524)"


def _shown(table: object) -> str:
    room = io.StringIO()
    Console(file=room, width=80).print(table)
    return room.getvalue()


def test_no_number_is_broken_at_80_columns() -> None:
    share, money = Estimate(0.9777, 0.9771, 0.9784), Estimate(1234567.8, 1134567.0, 1334567.0)
    band = Band(0.06, 0.04, 0.083)
    client = ClientResult(
        "a", "Altimbre Boutique", share, share, share, share, money, band, money, share, share,
        money, band, money, band, 0.1, 3, (), (), (),
    )  # fmt: skip
    none = OutbreakResult(share, band, share, share, (), share, band)
    result = CrashResult(
        "x", True, "as-given", "2026-11-30", 90, 1000, 0, {}, (), (), share, money, (client,), (), (), none
    )
    change = Difference("masks", "as-given", money, money, money, money, 7210.0, ())
    for shown in (_shown(commands.build_client_table(result)), _shown(commands.build_difference_table([change]))):
        assert all(number in shown for number in ("1,234,568", "1,134,567", "1,334,567"))
        assert max(map(len, shown.splitlines())) <= 80
        assert "…" not in shown
        assert not re.search(r"\de[+-]\d", shown)


def test_a_mix_that_costs_more_than_it_saves_is_said_to() -> None:
    mixes = (Mix(("masks",), 1440.0, 4922.0), Mix((), 0.0, 4928.0))
    first, second, *_ = commands.describe_mixes(mixes, 20000.0)
    assert "costs 1,440, penalties 4,922 instead of 4,928" in first
    assert "costs more than it saves: nothing has the least" in second
    assert "4,928 against 6,362" in second
    worth = tuple(commands.describe_mixes((Mix(("masks",), 5.0, 4900.0), mixes[1]), 20000.0))
    assert not any("more than it saves" in line for line in worth)
