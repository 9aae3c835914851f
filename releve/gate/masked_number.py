"""A number that says of somebody no more than the law asks: class and possible territories."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from releve.outbound.numbers import Number, NumberTable

__all__ = ["mask_number"]

_HIDDEN = 4
"""At least so many digits are not those of the number."""
_START = 10
"""Numbers that begin alike and are as long are tried with the same stand-in first."""


def mask_number(number: str, table: NumberTable, day: date) -> str:
    """Return the number with zeros for every digit that the numbering plan does not read.

    The plan reads both alike on the day. Empty, which is refused, where none can stand in.
    """
    wanted = table.number(number, day)
    like = _likely(number[:_START], len(number), table, day)
    if like and _meaning(table.number(like, day)) == _meaning(wanted):
        return like
    return _search(number, wanted, table, day)


@lru_cache(maxsize=65536)
def _likely(start: str, length: int, table: NumberTable, day: date) -> str:
    number = start + "0" * (length - len(start))
    return _search(number, table.number(number, day), table, day)


def _search(number: str, wanted: Number, table: NumberTable, day: date) -> str:
    for kept in range(1, len(number) - _HIDDEN + 1):
        candidate = number[:kept] + "0" * (len(number) - kept)
        if _meaning(table.number(candidate, day)) == _meaning(wanted):
            return candidate
    return ""


def _meaning(number: Number) -> tuple[str, tuple[str, ...], bool, str]:
    return number.number_class, number.territories, number.callee, number.fault
