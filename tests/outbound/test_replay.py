"""A past list judged again on two days, and the page that tells what it gives."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.plugins.outbound.commands.facts import read_facts
from releve.plugins.outbound.engine import Call, built_in_rules, judge_call
from releve.plugins.outbound.engine.fact_tables import build_facts_on

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
