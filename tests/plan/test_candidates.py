"""Which base plan is kept, of several whose reliefs are put into whole people."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from releve.plan.integer_search import MAX_CANDIDATES, MAX_MISSING_CANDIDATES, IntegerSearch

WHOLE = 1000.0


class Case:
    """Three losses; the relief of base plan k misses ``missed[k]`` targets, all under the first."""

    def __init__(self, missed: list[int]) -> None:
        self.missed, self.tried = missed, list[int]()
        self.problem = SimpleNamespace(weighted_requirement=WHOLE)
        self.contingencies = [SimpleNamespace(id=name) for name in "abc"]
        self.secure = SimpleNamespace(share=dict.fromkeys("abc", None))

    def route_base(self, base: int) -> int:
        self.tried.append(base)
        return base

    def solve_relief(self, base: int, i: int) -> tuple[int, int]:
        return base, i

    def count_missed_targets(self, i: int, relief: tuple[int, int]) -> int:
        return self.missed[relief[0]] if i == 0 else 0

    def compute_objective_in_people(self, base: int, reliefs: dict[int, Any]) -> float:
        assert set(reliefs) == {0, 1, 2}
        return float(base)


def choose(missed: list[int], step: float) -> tuple[int, list[int], list[float]]:
    """Return the base plan kept, those tried and the progress, of objectives ``step`` apart."""
    case, shares = Case(missed), list[float]()
    trials = [SimpleNamespace(base=k, objective=k * step) for k in range(len(missed))]
    base, _ = IntegerSearch(case)._choose_in_people(  # type: ignore[arg-type]
        trials,  # type: ignore[arg-type]
        lambda stage, share: shares.append(float(share or 0.0)),
    )
    return base, case.tried, shares


def test_of_plans_that_keep_the_targets_only_the_near_ones_are_tried() -> None:
    assert choose([0] * 12, step=0.0)[:2] == (0, list(range(MAX_CANDIDATES)))
    assert choose([0] * 12, step=WHOLE)[:2] == (0, [0])
    assert choose([2, 0, 0, 0, 0], step=0.0)[:2] == (1, [0, 1, 2])


def test_further_plans_are_tried_until_one_keeps_the_targets() -> None:
    assert choose([2, 1, 3, 1, 0, 0], step=WHOLE)[:2] == (4, [0, 1, 2, 3, 4])


def test_where_every_plan_misses_the_one_that_misses_least_is_kept() -> None:
    found = choose([3, 2, 1, 4, 1] + [2] * 12, step=WHOLE)
    assert found[:2] == (2, list(range(MAX_MISSING_CANDIDATES)))


def test_the_progress_of_the_reliefs_never_goes_back() -> None:
    for missed in ([0] * 4, [1] * 12, [1, 1, 1, 1, 0]):
        for step in (0.0, WHOLE):
            shares = choose(missed, step)[2]
            assert shares == sorted(shares)
            assert 0.0 < shares[0] <= shares[-1] <= 0.8
