"""What a loss in the middle of the day does, counted again by hand from the plan's names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from releve.network import HOME, Operator, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, plan_day
from releve.plan.comparison import narrow_plan
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.result import Placement
from releve.plan.service_status import Status
from releve.plan.sudden_loss import measure_sudden_losses
from releve.plan.week import require_day

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def operator() -> Operator:
    return read_operator(write_operator(sample_operator(60, 3, 5, weeks_of_history=4)))


@pytest.fixture(scope="module")
def plan(operator: Operator) -> Plan:
    return plan_day(operator, require_day(operator, FIRST_DAY), PlanSettings())


def is_lost(operator: Operator, plan: Plan, row: Placement, contingency: str) -> bool:
    found = next(one for one in plan.contingencies if one.id == contingency)
    at_home = row.place == HOME and operator.agent[row.agent].carrier in found.carriers
    return row.place in found.sites or at_home


def count_share(operator: Operator, plan: Plan, client: str, at: int, rows: list[Placement]) -> float | None:
    """Return a client's coverage of a half hour, person by person and programme by programme."""
    start, need, got = plan.starts[at], 0.0, 0.0
    people: dict[str, float] = defaultdict(float)
    for row in rows:
        minutes = sum(row.is_working(start + timedelta(minutes=minute)) for minute in range(0, 30, 1))
        efficiency = operator.programme[row.programme].home_efficiency if row.place == HOME else 1.0
        people[row.programme] += minutes / 30 * efficiency
    for column, (name, owner, _label) in enumerate(plan.programmes):
        if owner == client:
            required = float(np.nan_to_num(plan.required[at, column]))
            need, got = need + required, got + min(required, people[name])
    return got / need if need > 1e-9 else None


def list_cells(plan: Plan) -> Iterator[tuple[str, str]]:
    for contingency in plan.contingencies:
        for client, _name in plan.clients:
            yield client, contingency.id


def test_the_hour_is_the_one_at_which_those_who_are_left_cover_least(operator: Operator, plan: Plan) -> None:
    assert plan.sudden
    for client, contingency in list_cells(plan):
        left = [row for row in plan.placements if not is_lost(operator, plan, row, contingency)]
        shares = {}
        for at in range(1, len(plan.starts)):
            share = count_share(operator, plan, client, at, left)
            whole = count_share(operator, plan, client, at, list(plan.placements))
            if share is not None and whole is not None and share < whole - 1e-7:
                shares[at] = share
        found = plan.sudden_loss.get((client, contingency))
        assert (found is None) == (not shares)
        if found is not None:
            assert shares[found.interval] == pytest.approx(min(shares.values()))
            assert found.worst_interval >= found.interval
            assert found.worst_coverage <= 1


def test_a_loss_in_the_day_is_back_at_what_the_matrix_says_or_never(plan: Plan) -> None:
    for found in plan.sudden:
        promised = plan.cell[found.client, found.contingency].worst_coverage
        if found.worst_coverage >= promised:
            assert found.back == found.interval
        limit = float(plan.settings["thin"])
        if found.worst_coverage < min(promised, limit) - 1e-9:
            assert found.back == -1 or found.back > found.interval
    assert any(
        found.worst_coverage < plan.cell[found.client, found.contingency].worst_coverage for found in plan.sudden
    )


def test_it_is_stored_with_the_plan_and_narrowed_with_it(operator: Operator, plan: Plan) -> None:
    assert plan_from_json(plan_to_json(plan)).sudden == plan.sudden
    bare = replace(plan, sudden=())
    assert '"sudden"' not in plan_to_json(bare), "a plan from before keeps its bytes"
    assert measure_sudden_losses(operator, bare, PlanSettings()) == plan.sudden
    client = plan.sudden[0].client
    assert {row.client for row in narrow_plan(plan, {client}).sudden} == {client}


def test_the_status_is_of_the_whole_day_as_in_the_matrix(plan: Plan) -> None:
    limits = {name: float(plan.settings[name]) for name in ("target", "thin")}
    for found in plan.sudden:
        if found.shortfall > limits["target"]:
            assert found.status is Status.MISSED
        elif found.worst_coverage < limits["thin"]:
            assert found.status is Status.THIN
        else:
            assert found.status is Status.HELD
