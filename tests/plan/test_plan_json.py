"""The plan's text: exact, canonical, and refused with a reason when it is not a plan."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.plan.plan_json import FORMAT, PlanFormatError, plan_from_json, plan_to_json
from releve.plan.result import Plan
from tests.desk.fixture_plan import synthetic_plan


def same(a: object, b: object) -> bool:
    """Equality that reads arrays by value and takes NaN for equal to NaN."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if type(a) is not type(b):
        return False
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        assert isinstance(b, dict)
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return a == b


@pytest.fixture(scope="module")
def plan() -> Plan:
    return synthetic_plan()


@pytest.fixture(scope="module")
def tree(plan: Plan) -> dict[str, object]:
    value: dict[str, object] = json.loads(plan_to_json(plan))
    return value


def test_a_plan_comes_back_exactly_with_its_types(plan: Plan) -> None:
    assert np.isnan(plan.required).any(), "the example must hold an unknown programme"
    assert same(plan_from_json(plan_to_json(plan)), plan)


def test_the_text_of_what_was_read_is_the_text(plan: Plan) -> None:
    text = plan_to_json(plan)
    assert plan_to_json(plan_from_json(text)) == text


def test_the_order_of_a_dictionary_is_not_in_the_text(plan: Plan) -> None:
    turned = dataclasses.replace(plan, scenarios=dict(reversed(list(plan.scenarios.items()))))
    assert plan_to_json(turned) == plan_to_json(plan)


def test_the_text_is_standard_json_without_nan_and_spaces(plan: Plan) -> None:
    text = plan_to_json(plan)
    assert "NaN" not in text
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def test_a_placement_that_many_moves_share_is_written_once(plan: Plan, tree: dict[str, object]) -> None:
    rows = tree["placements"]["rows"]  # type: ignore[index]
    distinct = set(plan.placements)
    for scenario in plan.scenarios.values():
        distinct |= {p for m in scenario.moves for p in (m.before, m.after) if p is not None}
    assert len(rows) == len(distinct)


def test_an_empty_array_keeps_its_axes(plan: Plan) -> None:
    empty = dataclasses.replace(plan, calls=np.zeros((0, 20)))
    assert plan_from_json(plan_to_json(empty)).calls.shape == (0, 20)


@given(st.floats(allow_infinity=False))
def test_any_number_comes_back_to_the_last_bit(value: float) -> None:
    bare = dataclasses.replace(synthetic_plan(), placements=(), scenarios={}, cells=())
    plan = dataclasses.replace(bare, calls=np.array([[value]]))
    back = plan_from_json(plan_to_json(plan)).calls
    assert np.array_equal(back, plan.calls, equal_nan=True)
    assert math.copysign(1, back[0, 0]) == math.copysign(1, value) or math.isnan(value)


def test_numbers_of_numpy_become_plain_numbers(plan: Plan) -> None:
    three: Any = np.int64(3)
    first = dataclasses.replace(plan.cells[0], worst_interval=three, shortfall=np.float64(0.5))
    back = plan_from_json(plan_to_json(dataclasses.replace(plan, cells=(first,)))).cells[0]
    assert (back.worst_interval, back.shortfall) == (3, 0.5)
    assert type(back.worst_interval) is int


def test_an_infinite_number_is_refused(plan: Plan) -> None:
    with pytest.raises(ValueError, match="calls must be finite"):
        plan_to_json(dataclasses.replace(plan, calls=np.array([[math.inf]])))
    with pytest.raises(ValueError, match=r"settings\.target must be finite"):
        plan_to_json(dataclasses.replace(plan, settings={"target": math.nan}))


def test_a_time_without_zone_is_refused(plan: Plan) -> None:
    naive = datetime(2026, 11, 30, 8)  # noqa: DTZ001
    with pytest.raises(ValueError, match="starts must carry a time zone"):
        plan_to_json(dataclasses.replace(plan, starts=(naive,)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[]", "format is None"),
        ('{"format":"releve-plan/0"}', "format is 'releve-plan/0'"),
        (f'{{"format":"{FORMAT}"}}', "'placements' is missing"),
        ('{"format":NaN}', "NaN is not a number of this format"),
    ],
)
def test_what_is_not_a_plan_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PlanFormatError, match=reason):
        plan_from_json(text)


@pytest.mark.parametrize(
    ("where", "value", "reason"),
    [
        ("synthetic", 1, "synthetic: 1 is not understood"),
        ("day", "yesterday", "day: 'yesterday' is not understood"),
        ("starts", ["2026-11-30T08:00"], "expected an instant in UTC"),
        ("starts", [7], "starts: 7 is not understood"),
        ("required", {"shape": [2, 2], "values": [1.0]}, "required: "),
        ("reserve", [7], "reserve: 7 is not understood"),
        ("clients", [["azur"]], "clients: "),
        ("cells", {"columns": ["client"], "rows": []}, "cells: columns are"),
        ("settings", {"target": [1]}, r"settings\.target"),
        ("placements", [100000], "placements: 100000 is not understood"),
        ("placements", [-1], "expected a position"),
        ("surprise", 1, "unknown surprise"),
    ],
)
def test_a_damaged_entry_is_named(tree: dict[str, object], where: str, value: object, reason: str) -> None:
    body = {**tree["plan"], where: value}  # type: ignore[dict-item]
    with pytest.raises(PlanFormatError, match=reason):
        plan_from_json(json.dumps({**tree, "plan": body}))


def test_a_row_with_a_missing_value_is_named(tree: dict[str, object]) -> None:
    cells = tree["plan"]["cells"]  # type: ignore[index]
    broken = {**cells, "rows": [cells["rows"][0][:-1]]}
    body = {**tree["plan"], "cells": broken}  # type: ignore[dict-item]
    with pytest.raises(PlanFormatError, match=r"cells\[0\]: expected 9 values"):
        plan_from_json(json.dumps({**tree, "plan": body}))


def test_a_missing_entry_is_named(tree: dict[str, object]) -> None:
    body = {k: v for k, v in tree["plan"].items() if k != "day"}  # type: ignore[attr-defined]
    with pytest.raises(PlanFormatError, match="plan: 'day' is missing"):
        plan_from_json(json.dumps({**tree, "plan": body}))
