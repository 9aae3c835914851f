"""The visits of one day: systematic sampling with given probabilities, in an order drawn by lot.

Units are ordered by ticket, HMAC-SHA256 of their name under the seed of the day; their
probabilities are laid end to end in that order. One start between 0 and 1, from the same seed, and
the points one apart from it choose: always the planned number of units, each with its own
probability (Madow 1949; Goodman and Kish 1950).
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["VisitDraw", "draw_visits"]

UNIT_TAG = b"releve draw unit 1\n"
START_TAG = b"releve draw start 1\n"
_WHOLE = 1 << 256


@dataclass(frozen=True, slots=True)
class VisitDraw:
    """A draw with all its steps: order by ticket, cumulated probabilities, start and choice."""

    order: tuple[str, ...]
    cumulated: tuple[Fraction, ...]
    start: Fraction
    chosen: tuple[str, ...]
    """The visits, in the order of the tickets; those of closed units are replaced."""
    replaced: tuple[tuple[str, str], ...]
    """Closed units that were chosen, and the unit visited in place (empty = none was left)."""


def draw_visits(
    probabilities: Mapping[str, Fraction], seed: bytes, closed: Collection[str] = ()
) -> VisitDraw:
    """Return the draw of one day; a closed unit is replaced by the next open one in order."""
    order = sorted(probabilities, key=lambda unit: (_mix(seed, UNIT_TAG + unit.encode()), unit))
    start = Fraction(int.from_bytes(_mix(seed, START_TAG), "big"), _WHOLE)
    cumulated: list[Fraction] = []
    chosen: list[str] = []
    total, points = Fraction(0), 0
    for unit in order:
        total += probabilities[unit]
        reached = -((start - total) // 1)  # the points below ``total``
        if reached > points:
            chosen.append(unit)
        points = reached
        cumulated.append(total)
    visits, replaced = _replace_closed(order, chosen, closed)
    return VisitDraw(tuple(order), tuple(cumulated), start, visits, replaced)


def _replace_closed(
    order: list[str], chosen: list[str], closed: Collection[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    visits = {unit for unit in chosen if unit not in closed}
    replaced = []
    for unit in chosen:
        if unit in closed:
            at = order.index(unit)
            others = (*order[at + 1 :], *order[:at])
            free = (one for one in others if one not in closed and one not in visits
                    and one not in chosen)  # fmt: skip
            instead = next(free, "")
            replaced.append((unit, instead))
            visits |= {instead} - {""}
    return tuple(unit for unit in order if unit in visits), tuple(replaced)


def _mix(seed: bytes, text: bytes) -> bytes:
    return hmac.digest(seed, text, "sha256")
