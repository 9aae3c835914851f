"""The tables of ``releve crashtest``: read by people, at 80 columns."""

from __future__ import annotations

import io
import math
import re

import pytest
from rich.console import Console

from releve.plugins.crashtest.commands import (
    _format_change,
    _format_harm,
    _format_number,
    build_client_table,
    build_difference_table,
    describe_mixes,
)
from releve.plugins.crashtest.engine import CrashResult
from releve.plugins.crashtest.engine.comparison import Difference
from releve.plugins.crashtest.engine.outbreak import Band, Estimate
from releve.plugins.crashtest.engine.policies import Mix
from releve.plugins.crashtest.engine.result import ClientResult, OutbreakResult


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(20061.4, 18800.0, 1234567.8), "20,061 (18,800 to 1,234,568)"),
        (Estimate(0.03125, -0.003904, 0.0925), "0.031 (0 to 0.092)"),
        (Estimate(12.34, 9.876, 14.8), "12.3 (9.88 to 14.8)"),
        (Estimate(4.0, -math.inf, math.inf), "4.00 (0 to not known)"),
    ],
)
def test_a_quantity_has_no_exponent_and_no_interval_below_zero(estimate: Estimate, text: str) -> None:
    assert _format_number(estimate) == text


def test_a_change_keeps_its_sign_and_nothing_is_no_minus_nothing() -> None:
    assert _format_change(Estimate(-20061.4, -25000.0, 3.0)) == "-20,061 (-25,000 to +3.00)"
    assert _format_change(Estimate(-0.0001, -0.0002, 0.0)) == "0 (0 to 0)"


def test_the_harm_of_what_never_happened_is_no_wide_interval() -> None:
    never, seen = Estimate(0.0, 0.0, 0.0037), Estimate(0.25, 0.2, 0.3)
    assert _format_harm(Estimate(0.0, 0.0, 42524.0), never) == "never happened"
    assert _format_harm(Estimate(0.0, 0.0, 42524.0), seen) == "0 (0 to +42,524)"


def _shown(table: object) -> str:
    room = io.StringIO()
    Console(file=room, width=80).print(table)
    return room.getvalue()


def test_no_number_is_broken_at_80_columns() -> None:
    share, money = Estimate(0.9777, 0.9771, 0.9784), Estimate(1234567.8, 1134567.0, 1334567.0)
    band = Band(0.06, 0.04, 0.083)
    client = ClientResult(
        "a", "Altimbre Boutique", share, share, share, share, money, band, money, share, share,
        money, band, money, band, 0.1, 3, (), (), (),
    )  # fmt: skip
    none = OutbreakResult(share, band, share, share, (), share, band)
    result = CrashResult(
        "x", True, "as-given", "2026-11-30", 90, 1000, 0, {}, (), (), share, money, (client,), (), (), none
    )
    change = Difference("masks", "as-given", money, money, money, money, 7210.0, ())
    for shown in (_shown(build_client_table(result)), _shown(build_difference_table([change]))):
        assert all(number in shown for number in ("1,234,568", "1,134,567", "1,334,567"))
        assert max(map(len, shown.splitlines())) <= 80
        assert "…" not in shown
        assert not re.search(r"\de[+-]\d", shown)


def test_a_mix_that_costs_more_than_it_saves_is_said_to() -> None:
    mixes = (Mix(("masks",), 1440.0, 4922.0), Mix((), 0.0, 4928.0))
    first, second, *_ = describe_mixes(mixes, 20000.0)
    assert "costs 1,440, penalties 4,922 instead of 4,928" in first
    assert "costs more than it saves: nothing has the least" in second
    assert "4,928 against 6,362" in second
    worth = tuple(describe_mixes((Mix(("masks",), 5.0, 4900.0), mixes[1]), 20000.0))
    assert not any("more than it saves" in line for line in worth)
