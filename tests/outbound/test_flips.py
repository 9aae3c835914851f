"""A change of the rules is shown before it is loaded: which calls that wait would flip."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.plugins.outbound.engine import (
    CallFault,
    Contract,
    Facts,
    Watermark,
    built_in_rules,
    built_in_texts,
    load_rules,
)
from releve.plugins.outbound.engine.rule_impact import find_flips, read_calls
from tests.outbound.table import FEEDS

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
