"""What follows from an estimate for each programme, beside what the operator's tables say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.plugins.telework.engine import EffectStep, judge_programmes
from releve.plugins.telework.engine.verdicts import FORMAT


@pytest.fixture(scope="module")
def small() -> Operator:
    """An operator of more than three programmes."""
    return read_operator(write_operator(sample_operator(60, 2, 1, weeks_of_history=1)))


def build_found(programme: str, **values: Any) -> dict[str, Any]:
    """Return a document of one programme that was measured: 0.9, not right for home."""
    row = {
        "programme": programme, "design": "compared", "agents": 12, "movers": 5, "records": 300,
        "left_out": {}, "rota": None, "drawn": None, "home_efficiency": 0.9,
        "interval": [0.88, 0.92], "chance": 0.01, "right_for_home": False, "quality_falls": False,
        "repeats_rise": False, "plain_difference": -0.1, "washed": None,
        "by_month_at_home": [[-0.1, 0.02, 40], [-0.12, 0.02, 38]],
        "before_the_move": {"differences": [0.01, -0.02], "chance": 0.6, "drift": 0.03},
        "quality": None, "repeats": [0.02, 0.01],
    }  # fmt: skip
    return {
        "format": FORMAT, "first_day": "2026-03-02", "last_day": "2026-05-31", "most_loss": 0.03,
        "least_chance": 0.9, "programmes": [row | values],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"right_for_home": True}, "right"),
        ({"quality_falls": True}, "loses"),
        ({"interval": [0.95, 0.99], "quality_falls": True}, "guard"),
        ({"interval": [0.95, 0.99], "repeats_rise": True}, "guard"),
        ({"interval": [0.95, 0.99]}, "unsure"),
    ],
)
def test_a_programme_is_judged_by_its_interval_then_its_guards(
    small: Operator, values: dict[str, Any], verdict: str
) -> None:
    first = small.programmes[0].id
    rows = judge_programmes(small, build_found(first, **values)).programmes
    found = {row.programme: row.verdict for row in rows}
    assert found.pop(first) == verdict
    assert set(found.values()) == {"absent"}


def test_the_steps_lead_from_before_the_move_to_the_months_at_home(small: Operator) -> None:
    verdicts = judge_programmes(small, build_found(small.programmes[0].id))
    assert (verdicts.first_day, verdicts.last_day) == (date(2026, 3, 2), date(2026, 5, 31))
    assert verdicts.records == 300
    (row,) = verdicts.measured
    assert row.measured is not None
    assert [step.month for step in row.measured.steps] == [-2, -1, 0, 1]
    assert row.measured.steps[0] == EffectStep(-2, -0.02)
    low = row.measured.steps[2].low
    assert low == pytest.approx(-0.1 - 1.96 * 0.02, abs=1e-4)
    assert row.measured.repeats is not None
    assert row.measured.repeats.low < 0.02 < row.measured.repeats.high


def test_an_estimate_that_is_applied_changes_nothing_more(small: Operator) -> None:
    first = small.programmes[0]
    (row,) = judge_programmes(small, build_found(first.id)).changes
    assert (row.programme, row.planned, row.would_be) == (first.id, first.home_efficiency, 0.9)
    applied = replace(first, home_efficiency=0.9, home_efficiency_low=0.88,
                      home_efficiency_high=0.92, home_efficiency_design="compared")  # fmt: skip
    after = replace(small, programmes=(applied, *small.programmes[1:]))
    assert not judge_programmes(after, build_found(first.id)).changes


def test_a_value_that_no_table_holds_is_beyond_and_changes_nothing(small: Operator) -> None:
    wide = build_found(small.programmes[0].id, home_efficiency=1.8, interval=[0.2, 9.0])
    verdicts = judge_programmes(small, wide)
    assert [row.programme for row in verdicts.beyond] == [small.programmes[0].id]
    assert not verdicts.changes


def test_without_an_estimate_nothing_is_known_of_any_programme(small: Operator) -> None:
    verdicts = judge_programmes(small, None)
    assert verdicts.first_day is None
    assert {row.verdict for row in verdicts.programmes} == {"absent"}
    assert len(verdicts.programmes) == len(small.programmes)
    assert verdicts.right == verdicts.unknown == verdicts.measured == ()
