"""``releve plan --verify``: rounds that end, what they cost, and what cannot be met."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from releve.cli.plan_verify import build_verification_json, list_verification_rows, print_verification
from releve.files.plan_folder import VERIFICATION_COLUMNS
from releve.plan.plan_json import plan_from_json
from releve.plan.week import VerifiedDay
from tests.cli.folders import run, sample, write_folder
from tests.plan.wave_day import verify_wave


def rendered_text(found: VerifiedDay) -> str:
    stream = io.StringIO()
    print_verification(found, Console(file=stream, width=200))
    return stream.getvalue()


@pytest.fixture(scope="module")
def held() -> VerifiedDay:
    return verify_wave(30)


def test_the_text_says_what_was_promised_found_and_paid(held: VerifiedDay) -> None:
    text = rendered_text(held)
    (client,) = build_verification_json(held)["clients"]
    before, after = client["before"], client["after"]
    assert f"{before['promised']:.1%}" in text
    assert f"{after['found']:.1%}" in text
    assert f"{before['missed']} -> 0" in text
    more = after["required_hours"] - before["required_hours"]
    assert more > 0
    assert f"It takes {more:,.1f} agent hours more to be required" in text
    assert "Every half hour simulated holds its targets, within 1 point of them." in text
    assert "Where Erlang errs by more than 5 points (no relief is planned again):" in text
    assert "  site:a" in text


def test_the_json_is_plain_and_names_half_hours_by_their_start(held: VerifiedDay) -> None:
    document = json.loads(json.dumps(build_verification_json(held)))
    assert document["ended"] == "held"
    assert document["clients"][0]["before"]["worst_interval"].endswith("Z")
    assert document["clients"][0]["after"]["worst_interval"] is None
    named = {name for one in document["erlang_errs"] for name in one["scenarios"]}
    assert {"site:a"} <= named <= {"base", "site:a", "site:b", "carrier:Red"}


def test_where_people_lack_it_ends_and_says_so() -> None:
    found = verify_wave(14, rounds=20)
    assert found.why in ("no people", "no better")
    assert found.round < 20
    assert found.after.badness <= found.before.badness
    text = rendered_text(found)
    assert "NOT met, and it ends here because" in text
    assert "fewer people than required" in text


def test_a_programme_without_a_forecast_is_said_not_to_be_simulated(held: VerifiedDay) -> None:
    need = replace(held.solved.need, unknown={"mail": "no history"})
    changed = replace(held, solved=replace(held.solved, need=need))
    assert "mail is not simulated: no history" in rendered_text(changed)
    assert build_verification_json(changed)["unknown"] == {"mail": "no history"}


def test_no_round_at_all_only_simulates() -> None:
    found = verify_wave(30, rounds=0)
    assert (found.round, found.why) == (0, "rounds")
    assert found.after is found.before
    assert "no more rounds were allowed" in rendered_text(found)
    assert "agent hours more" not in rendered_text(found)


def test_the_command_writes_it_beside_the_plan_and_into_the_json(tmp_path: Path) -> None:
    folder = write_folder(sample(), tmp_path / "operator")
    result = run(
        "plan", folder, "--unprotected", "--no-missing", "--json", "--out", tmp_path / "plan",
        "--verify", "--rounds", 0, "--replications", 20,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert plan_from_json(result.stdout).day.isoformat() == "2026-11-30"
    clients = document["verification"]["clients"]
    with (tmp_path / "plan" / "verification.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["client"] for row in rows] == [one["client"] for one in clients]
    assert float(rows[0]["found_after"]) == clients[0]["after"]["found"]
    assert "round 0: calls" in result.stderr


def test_the_rows_have_the_columns_of_the_plan_folder(held: VerifiedDay) -> None:
    (row,) = list_verification_rows(held)
    assert len(row) == len(VERIFICATION_COLUMNS)
    named = dict(zip(VERIFICATION_COLUMNS, row, strict=True))
    assert named["missed_after"] == 0
    assert named["worst_start_utc"] is None
