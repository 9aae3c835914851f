"""Mask a called number: keep the digits that the numbering plan reads, set the rest to zero.

Masked numbers are stored as evidence: they keep class and possible territories, so that a verdict
can be replayed, and identify no subscriber.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from releve.outbound.numbers import Number, NumberTable

__all__ = ["mask_number"]

MIN_MASKED_DIGITS = 4
"""Digits that are always masked, at least."""
PREFIX_LENGTH = 10
"""Numbers that share this prefix and their length usually share a mask, which is tried first."""


def mask_number(number: str, table: NumberTable, day: date) -> str:
    """Return the number, with zeros for the digits that the numbering plan does not need that day.

    Returns "" when no mask keeps the classification; the gate refuses such a call.
    """
    wanted = table.number(number, day)
    like = _mask_prefix(number[:PREFIX_LENGTH], len(number), table, day)
    if like and _classify(table.number(like, day)) == _classify(wanted):
        return like
    return _shortest_mask(number, wanted, table, day)


@lru_cache(maxsize=65536)
def _mask_prefix(start: str, length: int, table: NumberTable, day: date) -> str:
    number = start + "0" * (length - len(start))
    return _shortest_mask(number, table.number(number, day), table, day)


def _shortest_mask(number: str, wanted: Number, table: NumberTable, day: date) -> str:
    for kept in range(1, len(number) - MIN_MASKED_DIGITS + 1):
        candidate = number[:kept] + "0" * (len(number) - kept)
        if _classify(table.number(candidate, day)) == _classify(wanted):
            return candidate
    return ""


def _classify(number: Number) -> tuple[str, tuple[str, ...], bool, str]:
    return number.number_class, number.territories, number.callee, number.fault
