"""Rows of the law: nonsense refused by name, a change shown before it is loaded, past lists judged again, pacing."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from releve.cli import main
from releve.plugins.outbound.commands.facts import read_facts
from releve.plugins.outbound.engine.errors import CallFault, LegalRowFaults
from releve.plugins.outbound.engine.fact_tables import build_facts_on
from releve.plugins.outbound.engine.facts import Contract, Facts, Watermark, compute_abandoned_share, estimate_abandoned
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.rule_files import built_in_rules, built_in_texts, load_rules
from releve.plugins.outbound.engine.rule_impact import find_flips, read_calls
from releve.plugins.outbound.engine.verdict import judge_call
from tests.outbound.table import FEEDS, case_of

SOUND = {
    "id": "FR-NEW",
    "gate": "P",
    "kind": "cap",
    "from": date(2027, 1, 1),
    "parameters": {"most": 2, "days": 7},
    "rule": {"fr": "Deux appels par semaine.", "en": "Two calls a week."},
    "refuses": {"fr": "{count} appels.", "en": "{count} calls."},
    "reference": "R",
    "source": "S",
    "sure": ["P"],
}


def texts_with(*entries: dict) -> dict[str, str]:
    added = yaml.safe_dump({"jurisdiction": "FR", "rows": list(entries)}, allow_unicode=True)
    return {**built_in_texts(), "zz.yaml": added}


def test_a_sound_row_is_loaded_and_changes_the_version() -> None:
    rules = load_rules(texts_with(SOUND))
    assert any(row.id == "FR-NEW" for row in rules.rows)
    assert rules.version != load_rules(built_in_texts()).version


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gate": "X"}, "gate 'X'"),
        ({"kind": "caps"}, "write 'cap'"),
        ({"parameters": {"most": 2}}, "either days or hours"),
        ({"parameters": {"most": -2, "days": 7}}, "not a count"),
        ({"parameters": {"days": 7}}, "most is missing"),
        ({"parameters": {"most": 2, "days": 7, "weeks": 1}}, "no parameter 'weeks'"),
        ({"to": date(2026, 1, 1)}, "before it starts"),
        ({"from": "soon"}, "not a day"),
        ({"refuses": {"fr": "{who}", "en": "{count}"}}, "quotes"),
        ({"refuses": {"fr": "{count}"}}, "both languages"),
        ({"refuses": None}, "refuses does not fit"),
        ({"sure": ["certain"]}, "sure"),
        ({"exceptions": ["FR-EXC-CONTRAC-2"]}, "no row that lifts"),
        ({"applies": {"modes": ["telepathy"]}}, "unknown"),
        ({"sourc": "x"}, "unknown key"),
        ({"gate": "N"}, "does not fit kind"),
        (
            {"kind": "silence", "parameters": {"days": 60, "not_counted": ["not-interested"]}},
            "not-interested is not one of not-now",
        ),
    ],
)
def test_nonsense_is_refused_with_the_row_and_the_fix(change: dict, said: str) -> None:
    with pytest.raises(LegalRowFaults, match=said) as caught:
        load_rules(texts_with({**SOUND, **change}))
    assert "FR-NEW" in str(caught.value)


def test_two_rows_that_overlap_are_refused() -> None:
    with pytest.raises(LegalRowFaults, match="bind on 2027-06-01"):
        load_rules(texts_with(SOUND, {**SOUND, "from": date(2027, 6, 1)}))


def test_an_alias_is_refused_before_it_is_written_out() -> None:
    """Nine lines of aliases stand for a hundred million values: minutes, and the whole memory."""
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"
    text = "\n".join([first, *lines, "jurisdiction: FR", "rows:", "- {id: *a8}", ""])
    with pytest.raises(LegalRowFaults, match="it refers to &a0: write it out"):
        load_rules({"~house.yaml": text})


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(LegalRowFaults, match="given twice"):
        load_rules({**built_in_texts(), "zz.yaml": "jurisdiction: FR\njurisdiction: ES\nrows: []\n"})


def test_a_suspended_decree_closes_its_row_and_leaves_the_past() -> None:
    closing = {"closes": "FR-HOURS-1", "from": date(2026, 12, 1), "reason": "suspended"}
    rules = load_rules(texts_with(closing))
    values = {"id": "x", "row": "x", "consents": ["2026-09-15 11:00"]}
    before = case_of({**values, "at": "2026-11-30 22:00"})
    after = case_of({**values, "at": "2026-12-01 22:00"})
    assert judge_call(before.call, before.facts, rules, before.known_at).rules == ("FR-HOURS-1",)
    assert judge_call(after.call, after.facts, rules, after.known_at).allowed


def test_an_amended_row_binds_from_its_day_with_what_it_gives() -> None:
    amending = {"amends": "FR-FREQ-1", "gate": "H", "from": date(2026, 12, 1), "parameters": {"most": 1}}
    rules = load_rules(texts_with(amending))
    values = {"id": "x", "row": "x", "consents": ["2026-09-15 11:00"], "attempts": ["2026-11-30 11:00"]}
    before = case_of({**values, "at": "2026-11-30 12:00"})
    after = case_of({**values, "at": "2026-12-01 12:00"})
    assert judge_call(before.call, before.facts, rules, before.known_at).allowed
    assert judge_call(after.call, after.facts, rules, after.known_at).rules == ("FR-FREQ-1",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"closes": "FR-NONE", "from": date(2027, 1, 1)}, "in force the day before"),
        ({"closes": "FR-HOURS-1"}, "no from"),
        ({"amends": "FR-FREQ-1", "from": date(2027, 1, 1)}, "rows are meant"),
        ({"closes": "FR-HOURS-1", "from": date(2027, 1, 1), "colour": "red"}, "unknown keys"),
    ],
)
def test_a_change_of_nothing_is_refused(change: dict, said: str) -> None:
    with pytest.raises(LegalRowFaults, match=said):
        load_rules(texts_with(change))


CALLS = b"""id,client,number,at,object,sector,caller,person,address
Q1,CLIENT-A,+33199000001,2026-11-24T12:30:00+01:00,electricity,energy-supply,3001,P1,75011
Q2,CLIENT-A,+33199000002,2026-11-24T15:30:00+01:00,electricity,energy-supply,3001,P2,75011
Q3,CLIENT-A,+33199000003,2026-11-24T12:30:00+01:00,electricity,energy-supply,3001,P3,75011
Q4,CLIENT-A,+33199000004,2026-11-22T15:30:00+01:00,electricity,energy-supply,3001,P1,75011
"""
SHORTER = """jurisdiction: FR
rows:
- amends: FR-HOURS-1
  from: 2026-11-23
  parameters: {windows: {monday-friday: ["10:00-12:00", "14:00-20:00"]}}
- closes: FR-CLI-1
  kind: caller_mandate
  from: 2026-11-20
  reason: "for the test"
"""
OPEN = SHORTER.replace('["10:00-12:00"', '["10:00-13:00"')
NOON = datetime(2026, 11, 24, 14, tzinfo=UTC)


def facts() -> Facts:
    early = datetime(2020, 1, 1, tzinfo=UTC)
    objects = frozenset({"electricity"})
    running = [Contract(p, "CLIENT-A", p, date(2024, 1, 1), None, early, objects) for p in ("P1", "P2")]
    marks = [Watermark(feed, NOON) for feed in FEEDS]
    return Facts(contracts=running, watermarks=marks)


def test_calls_flip_by_the_rows_that_changed_and_the_others_stay() -> None:
    texts = built_in_texts()
    before = load_rules({**texts, "~open.yaml": OPEN})
    after = load_rules({**texts, "~shorter.yaml": SHORTER})
    found = {flip.call.id: flip for flip in find_flips(read_calls(CALLS), facts(), before, after, NOON)}
    assert set(found) == {"Q1", "Q3"}
    assert (found["Q1"].direction, found["Q1"].before.allowed) == ("refused", True)
    assert (found["Q1"].gained, found["Q1"].lost) == (("FR-HOURS-1@2026-11-23",), ())
    assert (found["Q3"].direction, found["Q3"].gained) == ("moved", ("FR-HOURS-1@2026-11-23",))
    back = find_flips(read_calls(CALLS), facts(), after, before, NOON)
    assert {flip.call.id: flip.direction for flip in back} == {"Q1": "allowed", "Q3": "moved"}
    assert find_flips(read_calls(CALLS), facts(), before, before, NOON) == ()


def test_the_command_shows_the_flips_and_loads_nothing(tmp_path: Path) -> None:
    calls, rows = tmp_path / "calls.csv", tmp_path / "rows.yaml"
    calls.write_bytes(CALLS)
    rows.write_text(SHORTER, encoding="utf-8")
    version = built_in_rules().version
    given = CliRunner().invoke(main, ["outbound", "flips", str(calls), str(rows), "--json"])
    assert given.exit_code == 0, given.output
    moved = json.loads(given.output)
    assert {one["becomes"] for one in moved} == {"moved"}
    assert built_in_rules().version == version
    shown = CliRunner().invoke(main, ["outbound", "flips", str(calls), str(rows), "--lang", "en"])
    assert "calls: 4" in shown.output
    assert "-FR-CLI-1@2014-03-19" in shown.output
    rows.write_text("jurisdiction: FR\nrows:\n- closes: FR-NONE\n  from: 2026-11-23\n", "utf-8")
    wrong = CliRunner().invoke(main, ["outbound", "flips", str(calls), str(rows)])
    assert (wrong.exit_code, "FR-NONE" in wrong.output) == (2, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"client,number,at\n", "object is missing"),
        (CALLS.replace(b"caller,", b"calller,", 1), "unknown column calller"),
        (CALLS.replace(b"+01:00", b"", 1), "line 2: at has no offset"),
        (CALLS.replace(b"CLIENT-A", b"", 1), "line 2: client is empty"),
        (CALLS + b"Q5,CLIENT-A\n", "line 6: it has not as many cells"),
        (CALLS.replace(b"2026-11-24T12", b"tomorrow", 1), "line 2"),
    ],
)
def test_a_file_of_calls_that_cannot_be_read_names_its_line(data: bytes, said: str) -> None:
    with pytest.raises(CallFault, match=said):
        read_calls(data)


def test_a_french_file_of_calls_is_read() -> None:
    semicolons = CALLS.replace(b",", b";").replace(b"electricity", "électricité".encode("cp1252"))
    assert [call.object for call in read_calls(semicolons)] == ["electricity"] * 4


ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "outbound-replay.md"
FOLDER = ROOT / "examples" / "campaign"
DAYS = ("2026-08-10", "2026-08-11")
OPTIONS = ["--client", "CLIENT-A", "--object", "electricity", "--sector", "energy-supply"]
OPTIONS += ["--caller", "+33162000001"]


def replayed(*more: str, path: Path = FOLDER / "list.csv") -> Result:
    days = [part for day in DAYS for part in ("--on", day)]
    command = ["outbound", "replay", str(path), *days, *OPTIONS]
    return CliRunner().invoke(main, [*command, *more], catch_exceptions=False)


def test_the_page_shows_what_its_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = PAGE.read_text(encoding="utf-8")
    command, shown = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "releve"
    given = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    assert given.exit_code == 0
    assert given.stdout == shown


def test_each_day_is_judged_by_its_rules_with_what_was_known_then() -> None:
    given = json.loads(replayed("--facts", str(FOLDER / "facts"), "--json").stdout)
    rules, (frames, _) = built_in_rules(), read_facts(FOLDER / "facts")
    base = Call("CLIENT-A", "", datetime.now().astimezone(), "electricity", "+33162000001", sector="energy-supply")
    rows = pl.read_csv(FOLDER / "list.csv", infer_schema=False).fill_null("").to_dicts()
    found = []
    for day in given["days"]:
        at = datetime.fromisoformat(day["at"])
        facts = build_facts_on(frames, rules.numbers, at.date())
        one = [judge_call(replace(base, at=at, **row), facts, rules, at) for row in rows]
        found.append([verdict_.allowed for verdict_ in one])
        assert day["callable"] == sum(found[-1])
        assert day["refused"] == len(rows) - day["callable"]
        assert day["by_policy_only"] == sum(v.legal and not v.allowed for v in one)
        ids = [name for verdict_ in one for name in verdict_.rules]
        assert day["by_rule"] == {name: ids.count(name) for name in sorted(set(ids))}
    pairs = list(zip(*found, strict=True))
    moves = {tuple(move["callable"]): move["rows"] for move in given["moves"]}
    assert moves == {pair: pairs.count(pair) for pair in set(pairs)}


def test_broken_lines_are_counted_and_a_bad_clock_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("number,person\n+33199000001,S1\nonly one cell\n", encoding="utf-8")
    assert "lignes illisibles\u00a0: 1" in replayed(path=path).output
    days = ["--on", DAYS[0], "--time", "half past ten"]
    given = CliRunner().invoke(main, ["outbound", "replay", str(path), *days, *OPTIONS])
    assert given.exit_code == 2


def test_the_share_is_of_the_live_calls() -> None:
    assert compute_abandoned_share(3, 97) == pytest.approx(0.03)
    assert compute_abandoned_share(0, 0) == 0
    assert compute_abandoned_share(2, 0) == 1


def test_people_taken_for_machines_were_abandoned() -> None:
    assert estimate_abandoned(3, 50, 0.02) == pytest.approx(4)
    assert estimate_abandoned(3, 50, 0) == 3
    assert estimate_abandoned(3, 50, 1) == 53


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        estimate_abandoned(3, 50, share)


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1)])
def test_counts_below_nothing_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        compute_abandoned_share(*counts)
