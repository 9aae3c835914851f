"""What a finished run says of the closure rule, and of two runs of other inputs."""

from __future__ import annotations

from releve.plugins.crashtest.engine.comparison import Difference
from releve.plugins.crashtest.results import RunResults
from tests.desk_crashtest.conftest import POLICIES, build_result, of


def difference(label: str, against: str) -> Difference:
    return Difference(label, against, of(1), of(1), of(1), of(1), 1.0, ())


def test_the_rule_is_told_by_its_cases_those_with_it_first() -> None:
    results = tuple(build_result(label, 20) for label in (*POLICIES, "masks"))
    rows = (difference("no-rule", "as-given"), difference("masks", "as-given"), difference("no-rule", "masks"))
    found = RunResults(results, rows, {})
    assert [one.label for one in found.rule_cases] == ["as-given", "no-tests", "no-rule"]
    assert found.rule_differences == [rows[0]]
    alone = RunResults(results[-1:], (), {})
    assert (alone.rule_cases, alone.rule_differences) == ([], [])
