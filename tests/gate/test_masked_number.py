"""A masked number is classified like the number, and hides its last digits."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from releve.plugins.outbound.engine import built_in_rules
from releve.plugins.outbound.engine.numbers import NumberTable
from releve.plugins.outbound.gate.decision import mask_number
from tests.outbound.people import NUMBERS

DAY = date(2026, 11, 24)


def shortest(number: str, table: NumberTable) -> str:
    """The mask that shows fewest digits, four at least hidden; empty where none reads alike."""

    def read(text: str) -> tuple[object, ...]:
        found = table.number(text, DAY)
        return found.number_class, found.territories, found.callee, found.fault

    masks = (number[:n] + "0" * (len(number) - n) for n in range(1, len(number) - 3))
    return next((mask for mask in masks if read(mask) == read(number)), "")


@pytest.mark.parametrize("pattern", NUMBERS)
def test_the_plan_reads_both_alike(pattern: str) -> None:
    table, draw = built_in_rules().numbers, np.random.default_rng(1)
    for digits in draw.integers(1, 9999, 20):
        number = pattern.format(digits)
        found = mask_number(number, table, DAY)
        assert found == shortest(number, table)
        assert found[-4:] == "0000"
        assert len(found) == len(number)


@pytest.mark.parametrize(
    "number", ["+2628", "0612", "06123", "061234", "+33612345", "+336123456789012", "12345678901234567"]
)
def test_the_mask_of_a_malformed_number_is_as_long(number: str) -> None:
    table = built_in_rules().numbers
    assert table.number(number, DAY).fault
    found = mask_number(number, table, DAY)
    assert found == shortest(number, table)
    assert len(found) in (0, len(number))
    assert not found or found[-4:] == "0000"
    assert bool(found) is (len(number) > 4)


def test_nothing_stands_in_for_what_is_too_short_to_hide() -> None:
    assert mask_number("", built_in_rules().numbers, DAY) == ""
    assert mask_number("112", built_in_rules().numbers, DAY) == ""
