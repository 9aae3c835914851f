"""``releve effect``: measured, applied, and a rota that was committed to."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from releve.cli.main import main
from releve.files.operator_folder import write_operator_files
from releve.network import read_operator, write_operator
from releve.network.sample import sample_operator
from tests.demand.telework.panels import Design, draw_panel, write_records
from tests.demand.telework.test_telework import follow, make_draw


def _run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def test_records_change_the_efficiency_of_what_was_measured_alone(tmp_path: Path) -> None:
    operator = sample_operator(50, 2, 1, weeks_of_history=1)
    write_operator_files(tmp_path / "before", write_operator(operator))
    first, second, *_ = (row.id for row in operator.programmes)
    moved = write_records(draw_panel(Design(effect=-0.1, noise=0.02), 1), first)
    at_once = write_records(draw_panel(Design(all_at=9, never=0.0), 2, whole=True), second)
    (tmp_path / "records.csv").write_bytes(moved + at_once.partition(b"\n")[2])
    found = tmp_path / "e.json"
    status, said = _run("effect", "estimate", tmp_path / "records.csv", "--out", found)
    assert status == 0
    assert f"{second}: nothing can be learnt" in said
    measured = json.loads(found.read_text())["programmes"]
    by_name = {row["programme"]: row for row in measured}
    low, high = by_name[first]["interval"]
    assert low < 0.9048 < high
    assert "refusal" in by_name[second]
    status, said = _run("effect", "apply", tmp_path / "before", found, "--out", tmp_path / "after")
    assert status == 0, said
    files = {path.name: path.read_bytes() for path in (tmp_path / "after").iterdir()}
    after = read_operator(files)
    assert after.programme[first].home_efficiency == by_name[first]["home_efficiency"]
    changed = [
        new.id
        for old, new in zip(operator.programmes, after.programmes, strict=True)
        if old.home_efficiency != new.home_efficiency
    ]
    assert changed == [first]
    assert f"{second}: {operator.programme[second].home_efficiency:g}, assumed" in said


def test_what_cannot_be_used_is_refused_with_its_rows(tmp_path: Path) -> None:
    records = tmp_path / "records.csv"
    records.write_bytes(write_records(draw_panel(Design(), 1)).replace(b",home,", b",casa,", 1))
    status, said = _run("effect", "estimate", records)
    assert status == 1
    assert "write site or home" in said
    records.write_bytes(write_records(draw_panel(Design(agents=10), 1, whole=True)))
    status, said = _run("effect", "estimate", records)
    assert status == 1
    assert "at least 20 are needed" in said
    operator, other = tmp_path / "operator", tmp_path / "other.json"
    other.write_text("{}")
    write_operator_files(operator, write_operator(sample_operator(50, 2, 1, weeks_of_history=1)))
    status, said = _run("effect", "apply", operator, tmp_path / "other.json", "--out", tmp_path / "x")
    assert status == 2
    assert not (tmp_path / "x").exists()


def test_a_value_that_no_column_holds_is_named_and_changes_nothing(tmp_path: Path) -> None:
    operator = sample_operator(50, 2, 1, weeks_of_history=1)
    write_operator_files(tmp_path / "before", write_operator(operator))
    name = operator.programmes[0].id
    records = tmp_path / "records.csv"
    records.write_bytes(write_records(draw_panel(Design(effect=0.6, noise=0.02), 1), name))
    assert _run("effect", "estimate", records, "--out", tmp_path / "e.json")[0] == 0
    (row,) = json.loads((tmp_path / "e.json").read_text())["programmes"]
    status, said = _run("effect", "apply", tmp_path / "before", tmp_path / "e.json", "--out", tmp_path / "after")
    assert status == 0, said
    line = next(line for line in said.splitlines() if line.startswith(f"{name}: "))
    low, high = row["interval"]
    assert f"assumed: {row['home_efficiency']:g} ({low:g} to {high:g}) was measured" in line
    assert "at most 1.5, with an interval up to 3" in line
    files = {path.name: path.read_bytes() for path in (tmp_path / "after").iterdir()}
    assert read_operator(files).programmes == operator.programmes


def test_a_rota_that_was_followed_is_applied_as_randomised(tmp_path: Path) -> None:
    operator = sample_operator(50, 2, 1, weeks_of_history=1)
    write_operator_files(tmp_path / "before", write_operator(operator))
    name = operator.programmes[0].id
    draw, found, after = (tmp_path / one for one in ("draw.json", "e.json", "after"))
    draw.write_text(make_draw().to_json())
    records = tmp_path / "records.csv"
    records.write_bytes(write_records(follow(make_draw(), -0.05, 1), name))
    status, said = _run("effect", "estimate", records, "--draw", draw, "--out", found)
    assert status == 0, said
    assert "all are where the lot put the agent (randomised)" in said
    assert _run("effect", "apply", tmp_path / "before", found, "--out", after)[0] == 0
    files = {path.name: path.read_bytes() for path in after.iterdir()}
    assert read_operator(files).programme[name].home_efficiency_design == "randomised"
    draw.write_text(draw.read_text().replace("south", "north"))
    status, said = _run("effect", "estimate", records, "--draw", draw)
    assert status == 2
    assert "not what was committed to" in said


def test_a_rota_is_drawn_from_what_was_committed_to_alone(tmp_path: Path) -> None:
    protocol, nonce = tmp_path / "protocol.json", tmp_path / "nonce"
    agents = {f"a{n}": "team" for n in range(10)}
    values = {"agents": agents, "first_monday": "2026-03-02", "weeks": 1, "blocks": 2}
    protocol.write_text(json.dumps(values))
    status, commitment = _run("effect", "rota", "commit", protocol, "--nonce", nonce)
    assert status == 0
    given = ("--nonce", nonce, "--root", "ab" * 32, "--commitment", commitment.strip())
    drawn = tmp_path / "draw.json"
    status, rota = _run("effect", "rota", "draw", protocol, *given, "--out", drawn)
    assert status == 0
    assert commitment.strip() in drawn.read_text()
    assert rota.count("2026-03-02") == rota.count("2026-03-09") == 5
    assert _run("effect", "rota", "commit", protocol, "--nonce", nonce)[0] == 1
    protocol.write_text(json.dumps(values | {"agents": agents | {"a9": "other"}}))
    status, said = _run("effect", "rota", "draw", protocol, *given)
    assert status == 1
    assert "not what was committed to" in said
