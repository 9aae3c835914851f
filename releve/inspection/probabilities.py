"""The probability of each unit: proportional to its weight, between a least and a most.

No unit may know that it is visited, nor that it is not. So probabilities are capped, and what is
cut off is shared among the others in proportion, exactly: they are fractions that add up to the
number of visits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction

from releve.inspection.chains import DrawError

__all__ = ["MOST_PERMILLE", "compute_probabilities"]

MOST_PERMILLE = 900


def compute_probabilities(
    weights: Mapping[str, int],
    visits: int,
    *,
    most_permille: int = MOST_PERMILLE,
    least_permille: int = 0,
) -> dict[str, Fraction]:
    """Return the probability of each unit, ``clamp(c × weight, least, most)``, with sum ``visits``.

    DrawError for an empty frame, a weight below 1, or bounds that cannot hold.
    """
    _check_frame(weights, visits, most_permille, least_permille)
    least, most = Fraction(least_permille, 1000), Fraction(most_permille, 1000)
    factor = _find_factor(sorted(weights.values()), visits, least, most)
    return {unit: min(max(factor * weight, least), most) for unit, weight in weights.items()}


def _find_factor(weights: list[int], visits: int, least: Fraction, most: Fraction) -> Fraction:
    """Return the factor at which the clamped products add up to ``visits``.

    The sum grows with the factor and is linear between the factors at which a unit meets a bound.
    """

    def add_up(factor: Fraction) -> Fraction:
        return sum((min(max(factor * weight, least), most) for weight in weights), Fraction(0))

    bounds = sorted({bound / weight for weight in weights for bound in (least, most)})
    at = bisect_left(bounds, Fraction(visits), key=add_up)
    high, low = bounds[at], bounds[at - 1] if at else Fraction(0)
    moving = [weight for weight in weights if high * weight > least and low * weight < most]
    if not moving:
        return high
    fixed = least * sum(high * weight <= least for weight in weights)
    fixed += most * sum(low * weight >= most for weight in weights)
    return (visits - fixed) / sum(moving)


def _check_frame(
    weights: Mapping[str, int], visits: int, most_permille: int, least_permille: int
) -> None:
    if not weights:
        raise DrawError("the frame is empty: name at least one unit")
    for unit, weight in weights.items():
        if weight < 1:
            raise DrawError(
                f"the weight of {unit} must be a whole number of at least 1, got {weight}"
            )
    if not 0 <= least_permille < most_permille <= 1000:
        raise DrawError(
            "0 <= least < most <= 1000 per mille must hold, got"
            f" {least_permille} and {most_permille}"
        )
    if visits < 1 or 1000 * visits > most_permille * len(weights):
        raise DrawError(
            f"{visits} visits among {len(weights)} units, each at most {most_permille} in 1000:"
            " plan fewer visits, but at least one, or raise the most"
        )
    if 1000 * visits < least_permille * len(weights):
        raise DrawError(
            f"{visits} visits among {len(weights)} units, each at least {least_permille} in 1000:"
            " plan more visits or lower the least"
        )
