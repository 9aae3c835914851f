"""What is compiled beforehand is all that the relief of a running day needs, whatever the operator is like."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any, cast

import pytest

from releve.network import Operator
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import PlanSettings, local_search, rounding
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.warm_up import compile_kernels
from releve.plan.week import require_day
from tests import processes
from tests.plan import planner_parts
from tests.plan.test_kits import share_kits
from tests.plan.tiny_operators import Tiny

KERNELS = (rounding.round_groups, rounding.fill_patterns, local_search.improve_state, local_search.exchange_people)


def count_signatures() -> list[int]:
    """Return how many kinds of arguments each kernel is compiled for or loaded with."""
    return [len(cast(Any, one).signatures) for one in KERNELS]


def operators() -> dict[str, Operator]:
    """Return operators that differ in what a relief may do with their people."""
    usual = sample_operator(100, 3, 2, weeks_of_history=4)
    agents = usual.agents
    return {
        "usual": usual,
        "vehicles": sample_operator(100, 3, 2, weeks_of_history=4, vehicles=6),
        "kits": share_kits(usual, 5),
        "all home workers": replace(usual, agents=tuple(replace(row, home_ready=True) for row in agents)),
        "no home workers": replace(usual, agents=tuple(replace(row, home_ready=False) for row in agents)),
        "one site": sample_operator(50, 1, 3, weeks_of_history=4),
    }


def relieve(operator: Operator, clock: str, *, absences: bool) -> int:
    """Plan a day, lose each of its sites and return how many agents that moves."""
    case = Tiny(operator, require_day(operator, FIRST_DAY), PlanSettings())
    plan = planner_parts.plan_case(case)
    when = planner_parts.clock(case, clock)
    away = {row.agent: ((when, None),) for row in plan.placements[::7]} if absences else {}
    day = build_running_day(operator, plan, case.requirement, when, case.settings, away=away)
    lost = planner_parts.list_site_losses(operator)
    return sum(len(solve_intraday_relief(day, one, case.settings).moves) for one in lost)


def relieve_all() -> dict[str, Any]:
    """Return the signatures after the warm-up, and after the relief of each operator with its moves."""
    steps: list[str] = []
    compile_kernels(steps.append)
    found: dict[str, Any] = {"steps": steps, "warm": count_signatures()}
    for name, operator in operators().items():
        moved = [relieve(operator, clock, absences=absences) for clock, absences in (("10:40", False), ("14:05", True))]
        found[name] = [moved, count_signatures()]
    return found


@pytest.mark.slow
def test_no_relief_needs_a_kernel_that_is_not_compiled_beforehand() -> None:
    done = processes.run("tests.plan.test_warm_up", environ=os.environ, timeout=900)  # where no other test ran
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    steps, warm = found.pop("steps"), found.pop("warm")
    assert len(steps) == 5
    assert warm == [1] * len(KERNELS), "a kernel is compiled for one kind of arguments"
    assert found.keys() == operators().keys()
    for name, (moved, signatures) in found.items():
        assert min(moved) > 0, name
        assert signatures == warm, name


if __name__ == "__main__":
    print(json.dumps(relieve_all()))
