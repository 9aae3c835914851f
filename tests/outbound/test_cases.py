"""Every case of the tables gets the verdict that its row demands."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from releve.plugins.outbound.engine import built_in_rules, find_next_allowed, judge_call
from tests.outbound.reasons import NAMES, all_cases
from tests.outbound.table import Case

CASES = all_cases()
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_verdict_is_the_one_that_the_row_demands(case: Case) -> None:
    found = judge_call(case.call, case.facts, built_in_rules(), case.known_at)
    legal = {finding.id for finding in found.findings if finding.legal}
    ours = {finding.id for finding in found.findings if not finding.legal}
    assert (legal, ours) == (case.legal, case.policy)
    assert (found.legal, found.allowed) == (not legal, not legal | ours)
    if case.basis is not None:
        assert found.basis == case.basis
    if found.allowed:
        assert found.next_allowed == case.call.at
    if case.says_next:
        assert found.next_allowed == case.next


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_refusal_says_why_in_both_languages(case: Case) -> None:
    found = judge_call(case.call, case.facts, built_in_rules(), case.known_at)
    for finding in found.findings:
        french, english = finding.says("fr"), finding.says("en")
        assert french != english
        assert not {"{", "}"}.intersection(french + english)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_next_allowed_instant_is_allowed_and_the_one_just_before_is_not(case: Case) -> None:
    found = find_next_allowed(case.call, case.facts, built_in_rules(), case.known_at)
    if found is None:
        return
    assert is_allowed(case, found)
    assert found == case.call.at or not is_allowed(case, found - TICK)
    assert found >= case.call.at


def is_allowed(case: Case, at: datetime) -> bool:
    """Return whether the call of a case is allowed at another instant, its registers read again."""
    call = case.call.moved_to(at)
    found = judge_call(call, case.facts, built_in_rules(), case.known_at, timed=False)
    return all(finding.row.parameters.get("what") == "stale" for finding in found.findings)


def test_the_cases_are_many_and_each_names_a_row_of_the_table() -> None:
    rows = {row.id for row in built_in_rules().rows}
    named = {case.row for case in CASES}
    assert len(CASES) >= 19 + 150
    assert len({case.id for case in CASES}) == len(CASES)
    assert named <= rows
    checked = {row.id for row in built_in_rules().rows if row.refuses is not None}
    assert checked == {row for case in CASES for row in case.legal | case.policy}


def test_every_file_of_cases_is_read() -> None:
    files = sorted((Path(__file__).parent / "cases").iterdir())
    assert [file.name for file in files] == sorted(f"{name}.yaml" for name in NAMES)
