"""What finished crash tests found, read from their folders, and two of them compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releve.files.run_folder import read_result, read_run
from releve.plugins.crashtest.crash_test_job import CrashTestJob
from releve.plugins.crashtest.engine import CrashResult
from releve.plugins.crashtest.engine.ablation import estimate_mean
from releve.plugins.crashtest.engine.comparison import Difference, decode_difference
from releve.plugins.crashtest.engine.outbreak import FIELDS, Estimate
from releve.runs.progress import QuarterColumns, read_quarter_columns

_SAME: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "seed": lambda tree: tree["settings"]["seed"],
    "days": lambda tree: tree["settings"]["days"],
    "quarters": lambda tree: tree["settings"]["quarters"],
    "start": lambda tree: tree["start"] or tree["cases"][0]["days"][0],
    "operator": lambda tree: tree["inputs"]["operator"],
    "hazards": lambda tree: (tree["hazards"], tree["inputs"].get("hazards")),
    "outbreak": lambda tree: (
        tree["illness"],
        tree["reproduction"],
        tree["outside"],
        tree["inputs"].get("incidence"),
        tree["inputs"].get("events"),
    ),
}
"""What must be the same for two runs to have met the same disasters."""
_RULE_CASES = ("as-given", "no-tests", "no-rule")
"""The closure rule with tests of people with symptoms, without them, and no rule."""


@dataclass(frozen=True)
class RunResults:
    """What a run found: the result of each case, and the others beside the first."""

    results: tuple[CrashResult, ...]
    comparison: tuple[Difference, ...]
    certificate: Mapping[str, Any]

    @property
    def rule_cases(self) -> list[CrashResult]:
        known = {one.label: one for one in self.results}
        return [known[label] for label in _RULE_CASES if label in known]

    @property
    def rule_differences(self) -> list[Difference]:
        """The cases without the rule or its tests less the one with both."""
        first, *others = _RULE_CASES
        rows = (row for row in self.comparison if row.against == first)
        return [row for row in rows if row.label in others]


@dataclass(frozen=True, slots=True)
class ComparedCase:
    """One of the two: a run, what it found, and which of its cases is compared."""

    run: CrashTestJob
    found: RunResults
    case: int

    @property
    def result(self) -> CrashResult:
        return self.found.results[self.case]

    @property
    def columns(self) -> QuarterColumns:
        return read_quarter_columns(self.run.run_folder, self.case)

    @property
    def clients_of(self) -> list[str] | None:
        """The client of each programme; None in a run of an earlier version, which lacks it."""
        rows = self.found.certificate["cases"][self.case].get("programmes")
        return None if rows is None else [client for _programme, client in rows]


Differences = Mapping[str, Mapping[str, Estimate]]


def load_run_results(run: CrashTestJob) -> RunResults:
    certificate = read_run(run.run_folder / "certificate.json")
    results = tuple(read_result(run.run_folder, at) for at in range(len(certificate["cases"])))
    beside = json.loads((run.run_folder / "comparison.json").read_text(encoding="utf-8"))
    differences = tuple(decode_difference(row) for row in beside["cases"])
    return RunResults(results, differences, certificate)


def list_differing_inputs(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs of that which decides luck, by name."""
    return tuple(name for name, of in _SAME.items() if of(one) != of(other))


def compute_differences(sides: tuple[ComparedCase, ComparedCase]) -> Differences:
    """Return the second less the first, quarter by quarter, with intervals: ``total`` by measure,
    ``lost`` calls and ``served`` days by client, ``days`` lost and ``closures`` by site."""
    one, two = (side.columns for side in sides)
    total = {"lost": estimate_mean(two.lost.sum(axis=1) - one.lost.sum(axis=1))}
    for name in ("site_days_closed", "infected"):
        column = FIELDS.index(name)
        total[name] = estimate_mean(two.outbreak[:, column] - one.outbreak[:, column])
    clients = [row.client for row in sides[0].result.clients]
    sites = [row.site for row in sides[0].result.sites]
    return {
        "total": total,
        "lost": _compare_lost_calls(sides, (one, two), clients),
        "served": {c: estimate_mean(two.served[:, i] - one.served[:, i]) for i, c in enumerate(clients)},
        "days": {s: estimate_mean(two.days[:, i] - one.days[:, i]) for i, s in enumerate(sites)},
        "closures": {s: estimate_mean(two.closures[:, i] - one.closures[:, i]) for i, s in enumerate(sites)},
    }


def _compare_lost_calls(
    sides: tuple[ComparedCase, ComparedCase], columns: tuple[QuarterColumns, QuarterColumns], clients: Sequence[str]
) -> dict[str, Estimate]:
    """Return the difference in calls lost by client; nothing where a run does not say whose a
    programme is."""
    owners = [side.clients_of for side in sides]
    if owners[0] is None or owners[1] is None:
        return {}
    found = {}
    for client in clients:
        lost = [
            part.lost[:, [owner == client for owner in of]].sum(axis=1)
            for part, of in zip(columns, (owners[0], owners[1]), strict=True)
        ]
        found[client] = estimate_mean(lost[1] - lost[0])
    return found
