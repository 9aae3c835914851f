"""A day of draws: its pack and verifiers, links given away too early, draws of an earlier version."""

from __future__ import annotations

import copy
import importlib.util
import json
import py_compile
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.ledger import verify
from releve.ledger.keys import public_key
from releve.plugins.inspection import verify_draw
from releve.plugins.inspection.draws import find_draw_plan
from releve.plugins.inspection.engine.draw_days import hash_present_list
from releve.situation import EventFaults, event_from_json
from tests.accounts.people import signed_in
from tests.inspection.draw_story import DAY, EVENING, FOLLOWING, Draws, judge, run
from tests.inspection.test_draw_attacks import append

pytestmark = pytest.mark.database

STRANGE = "raise SystemExit('a module that came with the files ran')"


@pytest.fixture
def pack_file(draws: Draws) -> Path:
    """Two days: on the first the commission withholds its link until the second gives it away."""
    folder, do = draws.folder, draws.do
    draws.prepare()
    draws.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    draws.reveal("operator")
    present, salted = folder / "present.csv", folder / "salted.json"
    present.write_text("agent,zone\n" + "".join(f"a{n},z{n % 2}\n" for n in range(1, 7)))
    do("present", "p1", "casa", present, salted, "--day", DAY, "--tests", 3)
    listed = json.loads(salted.read_text())
    draws.clock.at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    draws.draw("--without", "commission")
    draws.frame()
    assert "is not under a signed root" in do(
        "reveal", "p1", "--day", FOLLOWING, "--party", "commission", "--chain", draws.chain, code=1
    )
    draws.seal()
    draws.clock.at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    for party in ("operator", "commission"):
        draws.reveal(party, FOLLOWING)
    draws.draw()
    tested = do("people", "p1", "casa", salted, "--day", DAY).splitlines()
    assert len(tested) == 3
    fixed = find_draw_plan("p1").present[datetime.fromisoformat(DAY).date(), "casa"]
    assert fixed.list_hash == hash_present_list([(r["zone"], r["commitment"]) for r in listed])
    for site in find_draw_plan("p1").list_visits(datetime.fromisoformat(DAY).date()):
        do("missed", "p1", site, "--day", DAY, "--reason", "Road cut by snow")
    do("pack", "p1", "--day", DAY, "--out", folder / "draw.json", code=1)  # no root yet
    draws.seal()
    draws.pack(DAY)
    return folder / "draw.json"


def check(pack: Any, anchor: str) -> list[str]:
    """Return the faults of the draw itself, taking the entries as they stand."""
    records = {row["entry"]["seq"]: row for row in pack["entries"]}
    with mock.patch.object(verify, "check_entries", return_value=(records, [])):
        return judge(pack, anchor=anchor).faults


def change(pack: Any, kind: str, which: int = 0) -> tuple[Any, Any]:
    """Return a copy of a pack, and in it an entry of a kind to be changed."""
    other = copy.deepcopy(pack)
    found = [row["entry"] for row in other["entries"] if row["entry"]["kind"] == kind]
    return other, found[which]


def leave_out(pack: Any, entry: Any) -> Any:
    """Leave an entry out of a pack, and return the pack."""
    pack["entries"] = [row for row in pack["entries"] if row["entry"] != entry]
    return pack


def test_a_draw_is_verified_alone_and_each_change_of_it_is_named(draws: Draws, pack_file: Path) -> None:
    given, pack, anchor = (pack_file.parent / "given", json.loads(pack_file.read_text()), draws.anchor)
    command = [sys.executable, "-I", "-S", given / "verify_draw.py", pack_file]
    held = ["--root", draws.folder / "roots" / "root-000002.json", "--anchor", anchor]
    done = subprocess.run([*command, "--key", public_key(), *held], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "without the link of the commission" in done.stdout
    assert "Road cut by snow" in done.stdout
    assert done.stdout.endswith("\nVERIFIED\n")
    for said in ("plan 'p1': entry", f"anchor of the commission: {anchor}",
                 "anchor of the operator", "it is bound to root 1:", "root 2: ",
                 "sealed, as it says, at ",
                 "list of those present at casa: 6 people, 3 tests, hash"):  # fmt: skip
        assert said in done.stdout
    (given / "secrets.py").write_text(STRANGE)
    (given / "strange.py").write_text(STRANGE)
    compiled = importlib.util.cache_from_source(str(given / "verify.py"))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(given / "strange.py"), compiled, invalidation_mode=unchecked)
    plain = [sys.executable, *command[3:], "--key", public_key(), *held]
    assert subprocess.run(plain, capture_output=True, text=True).returncode == 0
    alone = subprocess.run([*command, "--key", public_key()], capture_output=True, text=True)
    assert alone.returncode == 1
    assert "NOT VERIFIED: no fault was found" in alone.stdout
    assert alone.stdout.count("\nMISSING ") == 2
    two = [*command, given.parent / "draw.json", "--key", public_key(), *held]
    both = subprocess.run(two, capture_output=True, text=True)
    assert both.returncode == 0
    assert "no contradiction between" in both.stdout
    assert check(pack, anchor) == []
    other, frame = change(pack, "draw.framed")
    frame["body"]["units"][0]["weight"] += 1
    assert "the weight of casa is" in check(other, anchor)[0]
    assert "its content or its hash was changed" in judge(other, anchor=anchor).faults[0]
    for given in ({"agents": 2**60, "weight": 2**60 + 367}, {"agents": 6.0}, {"closed": "no"},
                  {"days": 367, "weight": 374}, {"findings": -1}):  # fmt: skip
        other, frame = change(pack, "draw.framed")
        frame["body"]["units"][0] |= given
        assert "a number of casa in the frame is out of bounds" in check(other, anchor)
    other, frame = change(pack, "draw.framed")
    frame["seq"] = 10_000
    assert any(fault.startswith("late frame: it is entry 10000, after the link") for fault in check(other, anchor))
    other, link = change(pack, "draw.revealed", -1)
    link["body"]["link"] = "00" * 32
    assert "does not lead to its anchor" in check(other, anchor)[0]
    other, drawn_with = change(pack, "draw.drawn", -1)
    assert "the commission withheld its link" in check(leave_out(other, drawn_with), anchor)[0]
    other, revealed = change(pack, "draw.revealed", -1)
    assert revealed["body"]["party"] == "commission"
    said = check(leave_out(other, revealed), anchor)[0]
    assert said.startswith("withheld link: that of the commission is not shown")
    other, drawn_first = change(pack, "draw.drawn")
    drawn_first["body"]["withheld"] = "inspector"
    assert "a draw names 'inspector', which is not a party" in check(other, anchor)
    other, drawn_first = change(pack, "draw.drawn")
    drawn_first["body"]["visits"] = ["lille", "rabat"]
    assert "on record are lille, rabat" in check(other, anchor)[0]
    other, frame = change(pack, "draw.framed")
    frame["body"]["units"] = []
    assert "the frame is empty, or names a site twice" in check(other, anchor)
    other, listed = change(pack, "draw.present")
    other["entries"] = [row for row in other["entries"] if row["entry"] != listed]
    other["entries"].append({"entry": {**listed, "seq": 10_000}, "values": []})
    assert "the list of casa came after the commission's link" in check(other, anchor)
    other, joined = change(pack, "draw.joined")
    joined["body"]["root_size"] += 1
    assert "which binds the anchor, is not shown" in check(other, anchor)[0]
    other, planned = change(pack, "draw.planned")
    planned["stream"] = "drill:1"
    assert "is of a drill, which no tally lists" in check(other, anchor)[0]
    assert judge({}).faults[0].startswith("the file is not a draw")


def test_the_commission_makes_its_chain_and_computes_its_visits_alone(draws: Draws) -> None:
    """With the two files of the verifier, Python and what it was sent; its link leaves it later."""
    folder = draws.folder
    draws.plan()
    root = draws.seal()
    draws.pack(name="plan.json")

    def verify_alone(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", folder / "given" / "verify_draw.py"]
        return subprocess.run([*map(str, command), *map(str, arguments), "--key", public_key()],
                              capture_output=True, text=True)  # fmt: skip

    of_day = ("--chain", draws.chain, "--day", DAY)
    new = ("plan.json", "--new-chain", draws.chain)
    refused = verify_alone(folder / new[0], *new[1:])
    assert refused.returncode == 1
    assert "MISSING no root that you gave covers the plan" in refused.stdout
    assert not draws.chain.exists()
    made = verify_alone(folder / new[0], *new[1:], "--root", root)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "VERIFIED: the plan alone, it shows no draw" in made.stdout
    assert draws.chain.stat().st_mode & 0o077 == 0
    again = verify_alone(folder / new[0], *new[1:], "--root", root)
    assert (again.returncode, "FileExistsError" in again.stderr) == (2, True)
    (line,) = (row for row in made.stdout.splitlines() if row.startswith("your anchor"))
    draws.anchor = line.split()[-1]
    draws.do("join", "p1", "--anchor", draws.anchor, "--root", root)
    draws.frame()
    evening = draws.seal()
    draws.pack(DAY, "early.json")
    early = verify_alone(folder / "early.json", "--root", evening, *of_day)
    assert "the operator's link is missing: ask for it, until 8 h" in early.stdout
    draws.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    draws.reveal("operator")
    draws.seal()
    draws.pack(DAY, "morning.json")
    done = verify_alone(folder / "morning.json", "--root", evening, *of_day)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("VERIFIED: the frame and the links; no draw is on record yet\n")
    visits = [row.split()[2].strip(",") for row in done.stdout.splitlines() if row.startswith("to visit:")]
    (link,) = (row.split()[-1] for row in done.stdout.splitlines() if row.startswith("your link"))
    draws.do("reveal", "p1", "--day", DAY, "--party", "commission", "--link", link)
    assert [draws.draw()] == visits
    other = json.loads(draws.chain.read_text()) | {"binding": "00" * 32}
    (folder / "strange.json").write_text(json.dumps(other))
    strange = verify_alone(folder / "morning.json", "--root", evening, "--day", DAY, "--chain", folder / "strange.json")
    assert "FAULT the anchor of the commission is" in strange.stdout
    another = (*of_day[:-1], FOLLOWING)  # by default the day that it is
    late = verify_alone(folder / "morning.json", "--root", evening, *another)
    without_root = verify_alone(folder / "morning.json", *of_day)
    assert "FAULT the file is of 2026-12-01, and you draw for" in late.stdout
    assert "MISSING no root" in without_root.stdout
    for done in (late, without_root):
        assert done.returncode == 1
        assert link not in done.stdout
        assert "your link is not shown" in done.stdout


def test_a_draw_is_computed_again_in_perl(pack_file: Path) -> None:
    perl = shutil.which("perl")
    if perl is None:
        pytest.skip("no perl here")
    pack = json.loads(pack_file.read_text())
    script = Path(__file__).with_name("recompute.pl")
    again = subprocess.run([perl, script, pack_file], capture_output=True, text=True)
    assert again.stdout, again.stderr
    drawn = {
        row["entry"]["body"]["withheld"]: row["entry"]["body"]["visits"]
        for row in pack["entries"] if row["entry"]["kind"] == "draw.drawn"
    }  # fmt: skip
    lines = dict(line.split(":") for line in again.stdout.splitlines())
    assert {party: sites.split() for party, sites in lines.items()} == drawn


def test_the_commands_name_what_is_wrong(draws: Draws) -> None:
    chain, do = draws.folder / "chain.json", draws.do
    do("chain", chain, "--days", 3)
    assert chain.stat().st_mode & 0o077 == 0
    assert "never replaced" in do("chain", chain, code=1)
    draws.prepare()
    by_file = ("reveal", "p1", "--day", DAY, "--party", "operator", "--chain")
    (draws.folder / "other").write_text("{}")
    assert "is not a chain" in do(*by_file, draws.folder / "other", code=1)
    later = ("reveal", "p1", "--day", "2026-12-09", "--party", "operator", "--chain", chain)
    assert "days 1 to 3" in do(*later, code=1)
    assert "no plan of draws" in do("frame", "p9", code=1)
    said = do("power", "--present", 220, "--carriers", 4, "--tests", 40, "--lang", "fr")
    assert "55 fois sur 100" in said
    assert "67 times" in do("power", "--breach", 200, "--visits", 5)
    assert "give --present" in do("power", code=2)
    assert "between 0" in do("power", "--present", 2, "--carriers", 4, "--tests", 1, code=1)


@pytest.mark.usefixtures("draws")
def test_the_charter_is_judged_by_a_command() -> None:
    assert run("charter", "standing").splitlines()[0].startswith("casa: 0 not_kept, 0 expired, 21")
    assert "masks (major): unknown" in run("charter", "standing", "--site", "casa")
    assert "no site 'oujda'" in run("charter", "standing", "--site", "oujda", code=1)
    assert "no rule asks for a label" in run("charter", "label", "--day", DAY, code=1)


def say(draw: verify_draw.Draw, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command prints of a draw."""
    capsys.readouterr()
    verify_draw.report(Path("draw.json"), draw)
    return capsys.readouterr().out


def test_a_second_plan_under_the_anchor_takes_no_secret_from_the_chain(
    draws: Draws, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan whose last day is today: its link of today would be the first one of the chain.

    Both plans stand under the root that the commission was sent, so no root shows anything.
    """
    anchor = draws.do("chain", draws.folder / "x.json", "--days", 30)
    draws.clock.at = datetime(2026, 11, 1, 19, tzinfo=UTC)
    draws.do("plan", "x", "--first-day", "2026-11-02", "--days", 30, "--visits", 1,
             "--least", 100, "--operator-anchor", anchor)  # fmt: skip
    draws.clock.at = EVENING
    draws.plan()
    first = draws.seal()
    draws.join(first)
    root = json.loads(first.read_text())["root"]
    at = "2026-11-30T19:00:00.000000Z"
    append("draw.joined", {
        "id": "j", "actor": "x", "happened_at": at, "recorded_at": at, "plan": "x",
        "commission_anchor": draws.anchor, "root_number": root["number"],
        "root_size": root["size"], "root_tree": root["tree"],
    }, draws.clock.now())  # fmt: skip
    draws.frame()
    draws.do("frame", "x")
    evening = draws.seal()
    draws.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    draws.reveal("operator")
    draws.do("reveal", "x", "--day", DAY, "--party", "operator", "--chain", draws.folder / "x.json")
    draws.seal()
    secret = json.loads(draws.chain.read_text())["first"]
    genuine = judge(draws.pack(DAY), first, evening, chain=draws.chain)
    assert "your link of 2026-12-01, to reveal after" in say(genuine, capsys)
    forged = Draws(draws.folder, draws.clock, "x").pack(DAY, "x-draw.json")
    found = judge(forged, first, evening, chain=draws.chain)
    assert secret not in say(found, capsys)
    assert any("your chain was not made for" in fault for fault in found.faults)


def test_a_file_of_another_day_draws_nothing_today(draws: Draws, capsys: pytest.CaptureFixture[str]) -> None:
    """A link of tomorrow tells that of today; the visits of yesterday are known."""
    draws.prepare()
    draws.do("frame", "p1", "--day", FOLLOWING)
    evening = draws.seal()
    pack = draws.pack(FOLLOWING)
    found = judge(pack, evening, chain=draws.chain)
    assert found.faults[0].startswith("the file is of 2026-12-02, and you draw for 2026-12-01")
    said = say(found, capsys)
    assert "to visit" not in said
    assert "your link is not shown" in said
    on_its_day = judge(pack, evening, chain=draws.chain, day=FOLLOWING)
    assert "your link of 2026-12-02" in say(on_its_day, capsys)


PLAN: dict[str, Any] = {
    "first_day": DAY, "days": 30, "operator_anchor": "a" * 64, "commission_anchor": "b" * 64,
    "visits": 1, "most_permille": 900, "least_permille": 0, "per_agent": 1, "per_day": 1,
    "per_finding": 50, "deadline_hour": 8,
}  # fmt: skip
UNITS = [{"site": site, "weight": 372, "agents": 6, "days": 366, "findings": 0} for site in ("casa", "rabat", "fes")]


def write_earlier_draw() -> None:
    """Write the entries of a plan and of one day as the earlier version wrote them."""
    story: list[tuple[str, datetime, dict[str, Any]]] = [
        ("draw.planned", datetime(2026, 11, 30, 18, tzinfo=UTC), PLAN),
        ("draw.framed", datetime(2026, 11, 30, 19, tzinfo=UTC), {"day": DAY, "units": UNITS}),
    ]
    morning = datetime(2026, 12, 1, 7, tzinfo=UTC)
    story += [
        ("draw.revealed", morning, {"day": DAY, "party": party, "link": link * 64})
        for party, link in (("operator", "c"), ("commission", "d"))
    ]
    drawn = {"day": DAY, "withheld": "", "closed": ["casa"], "visits": ["rabat"]}
    story.append(("draw.drawn", morning, drawn))
    with transaction.atomic():
        for number, (kind, at, fields) in enumerate(story):
            time = at.isoformat().replace("+00:00", "Z")
            body = {"id": f"e{number}", "plan": "old", "actor": "inès",
                    "happened_at": time, "recorded_at": time, **fields}  # fmt: skip
            ledger.append_all([ledger.Draft(kind, body, at, stream="live")])


def test_draws_of_an_earlier_version_stand_as_they_were_and_go_no_further(draws: Draws) -> None:
    write_earlier_draw()
    plan = find_draw_plan("old")
    assert plan.is_older
    assert plan.list_visits(date.fromisoformat(DAY)) == ("rabat",)
    draws.clock.at = datetime(2026, 12, 2, 7, tzinfo=UTC)
    answer = signed_in(Role.INSPECTOR).get(f"/draws/?day={DAY}&format=json")
    (card,) = answer.json()["cards"]
    assert (card["state"], card["revealed"]) == ("older", ["operator", "commission"])
    assert [row["site"] for row in card["visits"]] == ["rabat"]
    assert signed_in(Role.INSPECTOR).get(f"/draws/?day={DAY}").status_code == 200
    assert "nothing can be drawn" in draws.do("draw", "old", "--day", DAY, code=1)


def test_a_new_event_has_no_field_of_an_earlier_version() -> None:
    with pytest.raises(EventFaults, match="commission_anchor"):
        event_from_json("draw.planned", {"plan": "new", **PLAN})


def test_a_new_plan_is_drawn_beside_one_of_an_earlier_version(draws: Draws) -> None:
    write_earlier_draw()
    draws.clock.at = datetime(2026, 11, 30, 19, tzinfo=UTC)
    draws.prepare()
    assert draws.finish()["plan"] == draws.plan_id
    assert not find_draw_plan(draws.plan_id).is_older
