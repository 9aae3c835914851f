"""A day of draws by the commands, its pack, the stand-alone verifier, and Perl's second opinion."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.cli.main import main
from releve.evidence import verify, verify_draw
from releve.inspection import hash_present_list
from releve.ledger.keys import public_key
from releve.live import api
from releve.registry.service import apply_changes, preview_changes
from tests.homes import make_test_home
from tests.situation.rule_chain import operator

DAY, FOLLOWING = "2026-12-01", "2026-12-02"
Run = Callable[..., str]
pytestmark = pytest.mark.database


class Clock:
    """The clock of the desk, which the test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 30, 19, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def run(db: None, settings: Settings, tmp_path: Path, clock: Clock) -> Run:
    settings.LEDGER_KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    settings.HOME = make_test_home(tmp_path / "home")
    apply_changes(preview_changes(operator()), "tests")

    def invoke(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(main, [*map(str, arguments)])
        assert done.exit_code == code, done.output
        return done.output.strip()

    return invoke


def inspect(run: Run, command: str, *arguments: object, code: int = 0) -> str:
    return run("inspection", command, *arguments, code=code)


@pytest.fixture
def pack_file(run: Run, clock: Clock, tmp_path: Path) -> Path:
    """Two days: on the first the commission withholds its link until the second gives it away."""
    chains = {party: tmp_path / f"{party}.json" for party in ("operator", "commission")}
    anchors = {party: inspect(run, "chain", path, "--days", 30) for party, path in chains.items()}
    named = [f"--{party}-anchor={anchor}" for party, anchor in anchors.items()]
    inspect(run, "plan", "p1", "--first-day", DAY, "--days", 30, "--visits", 1,
            "--least", 100, *named)  # fmt: skip
    inspect(run, "frame", "p1")

    def reveal(party: str, day: str) -> None:
        inspect(run, "reveal", "p1", "--day", day, "--party", party, "--chain", chains[party])

    clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    reveal("operator", DAY)
    present, salted = tmp_path / "present.csv", tmp_path / "salted.json"
    present.write_text("agent,zone\n" + "".join(f"a{n},z{n % 2}\n" for n in range(1, 7)))
    inspect(run, "present", "p1", "casa", present, salted, "--day", DAY, "--tests", 3)
    listed = json.loads(salted.read_text())
    clock.at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    inspect(run, "draw", "p1", "--day", DAY, "--without", "commission")
    inspect(run, "frame", "p1")
    clock.at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    for party in chains:
        reveal(party, FOLLOWING)
    inspect(run, "draw", "p1", "--day", DAY)
    tested = inspect(run, "people", "p1", "casa", salted, "--day", DAY).splitlines()
    assert len(tested) == 3
    fixed = api.find_draw_plan("p1").present[datetime.fromisoformat(DAY).date(), "casa"]
    assert fixed.list_hash == hash_present_list([(r["zone"], r["commitment"]) for r in listed])
    for site in api.find_draw_plan("p1").list_visits(datetime.fromisoformat(DAY).date()):
        inspect(run, "missed", "p1", site, "--day", DAY, "--reason", "Road cut by snow")
    inspect(run, "pack", "p1", "--day", DAY, "--out", tmp_path / "draw.json", code=1)  # no root yet
    run("ledger", "seal", "--out", tmp_path)
    inspect(run, "pack", "p1", "--day", DAY, "--out", tmp_path / "draw.json",
            "--verifiers", tmp_path / "given")  # fmt: skip
    return tmp_path / "draw.json"


def check(pack: Any) -> list[str]:
    """Return the faults of the draw itself, taking the entries as they stand."""
    entries = [proof["entry"] for proof in pack["proofs"]]
    return verify_draw.Draw(pack["day"], entries).faults


def change(pack: Any, kind: str, which: int = 0) -> tuple[Any, Any]:
    """Return a copy of a pack, and in it an entry of a kind to be changed."""
    other = copy.deepcopy(pack)
    found = [proof["entry"] for proof in other["proofs"] if proof["entry"]["kind"] == kind]
    return other, found[which]


def test_a_draw_is_verified_alone_and_each_change_of_it_is_named(pack_file: Path) -> None:
    given, pack = pack_file.parent / "given", json.loads(pack_file.read_text())
    command = [sys.executable, "-I", "-S", given / "verify_draw.py", pack_file]
    done = subprocess.run([*command, "--key", public_key()], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "without the link of the commission" in done.stdout
    assert "Road cut by snow" in done.stdout
    assert done.stdout.endswith("VERIFIED\n")
    assert check(pack) == []
    other, frame = change(pack, "draw.framed")
    frame["body"]["units"][0]["weight"] += 1
    assert "the weight of casa is" in check(other)[0]
    faults, _ = verify_draw.check_pack(other, verify.Keys([public_key()]), verify)
    assert "its content or its hash was changed" in faults[0]
    other, frame = change(pack, "draw.framed")
    frame["seq"] = 10_000
    assert check(other)[0].startswith("late frame: it is entry 10000, after the link")
    other, link = change(pack, "draw.revealed", -1)
    link["body"]["link"] = "00" * 32
    assert "does not lead to its anchor" in check(other)[0]
    other, drawn_with = change(pack, "draw.drawn", -1)
    other["proofs"] = [p for p in other["proofs"] if p["entry"] != drawn_with]
    assert "the commission withheld its link, which a later one gives" in check(other)[0]
    other, revealed = change(pack, "draw.revealed", -1)
    assert revealed["body"]["party"] == "commission"
    other["proofs"] = [p for p in other["proofs"] if p["entry"] != revealed]
    assert check(other)[0].startswith("withheld link: that of the commission is not shown")
    other, drawn_first = change(pack, "draw.drawn")
    drawn_first["body"]["visits"] = ["lille", "rabat"]
    assert "on record are lille, rabat" in check(other)[0]
    other, frame = change(pack, "draw.framed")
    frame["body"]["units"] = []
    assert "the frame is empty, or names a site twice" in check(other)
    assert verify_draw.check_pack({}, None, verify)[0][0].startswith("the file is not a draw")


def test_a_draw_is_computed_again_in_perl(pack_file: Path) -> None:
    perl = shutil.which("perl")
    if perl is None:
        pytest.skip("no perl here")
    pack = json.loads(pack_file.read_text())
    script = Path(__file__).with_name("recompute.pl")
    again = subprocess.run([perl, script, pack_file], capture_output=True, text=True)
    assert again.stdout, again.stderr
    drawn = {
        proof["entry"]["body"]["withheld"]: proof["entry"]["body"]["visits"]
        for proof in pack["proofs"] if proof["entry"]["kind"] == "draw.drawn"
    }  # fmt: skip
    lines = dict(line.split(":") for line in again.stdout.splitlines())
    assert {party: sites.split() for party, sites in lines.items()} == drawn


def test_the_commands_name_what_is_wrong(run: Run, tmp_path: Path) -> None:
    chain = tmp_path / "chain.json"
    anchor = inspect(run, "chain", chain, "--days", 3)
    assert chain.stat().st_mode & 0o077 == 0
    assert "never replaced" in inspect(run, "chain", chain, code=1)
    assert verify_draw.climb(bytes.fromhex(inspect(run, "link", chain, 2)), 2).hex() == anchor
    assert "days 1 to 3" in inspect(run, "link", chain, 4, code=1)
    (tmp_path / "other").write_text("{}")
    assert "is not a chain" in inspect(run, "link", tmp_path / "other", 1, code=1)
    assert "no plan of draws" in inspect(run, "frame", "p9", code=1)
    said = inspect(run, "power", "--present", 220, "--carriers", 4, "--tests", 40, "--lang", "fr")
    assert "55 fois sur 100" in said
    assert "67 times" in inspect(run, "power", "--breach", 200, "--visits", 5)
    assert "give --present" in inspect(run, "power", code=2)
    assert "between 0" in inspect(
        run, "power", "--present", 2, "--carriers", 4, "--tests", 1, code=1
    )


def test_the_charter_is_judged_by_a_command(run: Run) -> None:
    assert run("charter", "standing").splitlines()[0].startswith("casa: 0 not_kept, 0 expired, 21")
    assert "masks (major): unknown" in run("charter", "standing", "--site", "casa")
    assert "no site 'oujda'" in run("charter", "standing", "--site", "oujda", code=1)
    assert "no rule asks for a label" in run("charter", "label", "--day", DAY, code=1)
