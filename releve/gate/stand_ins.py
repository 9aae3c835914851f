"""A number that says of somebody no more than the law asks: class and possible territories."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from releve.outbound.numbers import Number, NumberTable

__all__ = ["stand_in"]

_HIDDEN = 4
"""At least so many digits are not those of the number."""


def stand_in(number: str, table: NumberTable, day: date) -> str:
    """Return the number with zeros for every digit that the numbering plan does not read.

    The plan reads both alike on the day. Empty, which is refused, where none can stand in.
    """
    return _stand_in(number[: table.longest], len(number), table, day)


@lru_cache(maxsize=65536)
def _stand_in(start: str, length: int, table: NumberTable, day: date) -> str:
    wanted = _meaning(table.number(start + "0" * (length - len(start)), day))
    for kept in range(1, min(len(start), length - _HIDDEN) + 1):
        candidate = start[:kept] + "0" * (length - kept)
        if _meaning(table.number(candidate, day)) == wanted:
            return candidate
    return ""


def _meaning(number: Number) -> tuple[str, tuple[str, ...], bool, str]:
    return number.number_class, number.territories, number.callee, number.fault
