"""What tests and visits can find, in numbers and in words; the visit probability of each unit.

Tests draw without replacement: the carriers among those tested follow the hypergeometric law, and
each is found with the test's sensitivity. Exact, in fractions.

Probabilities are proportional to weight, but no unit may know that it is visited, nor that it is
not: they are capped, and the rest is shared among the others in proportion, so that they add up to
the number of visits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from releve.plugins.inspection.engine.chains import DrawError

_NARROW = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class TestPower:
    """Chances that tests find at least one carrier, and at least two, which closes a site."""

    __test__ = False  # the name is not that of a test

    present: int
    carriers: int
    tests: int
    one: Fraction
    two: Fraction


def compute_test_power(present: int, carriers: int, tests: int, *, sensitivity_permille: int = 1000) -> TestPower:
    """Return what ``tests`` among ``present`` people find of ``carriers``."""
    if not 0 <= carriers <= present or not 0 <= tests <= present:
        raise DrawError(f"carriers and tests must lie between 0 and the {present} present, got {carriers} and {tests}")
    if not 0 <= sensitivity_permille <= 1000:
        raise DrawError(f"the sensitivity lies between 0 and 1000 per mille, got {sensitivity_permille}")
    missed = Fraction(1000 - sensitivity_permille, 1000)
    none = single = Fraction(0)
    for met in range(max(0, tests - (present - carriers)), min(carriers, tests) + 1):
        chance = Fraction(comb(carriers, met) * comb(present - carriers, tests - met), comb(present, tests))
        none += chance * missed**met
        if met:
            single += chance * met * (1 - missed) * missed ** (met - 1)
    return TestPower(present, carriers, tests, 1 - none, 1 - none - single)


def count_tests_needed(
    present: int, carriers: int, *, find: int, percent: int, sensitivity_permille: int = 1000
) -> int | None:
    """Return the fewest tests that find ``find`` (1 or 2) carriers with a chance; None = never."""
    if find not in (1, 2):
        raise DrawError(f"find must be 1 or 2, got {find}")

    def reaches(tests: int) -> bool:
        power = compute_test_power(present, carriers, tests, sensitivity_permille=sensitivity_permille)
        return 100 * (power.one if find == 1 else power.two) >= percent

    if not reaches(present):
        return None
    low, high = 0, present
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle + 1, high)
    return low


def compute_visit_power(breach_permille: int, visits: int) -> Fraction:
    """Return the chance that visits on days drawn by lot see a breach of a share of the days."""
    if not 0 <= breach_permille <= 1000 or visits < 0:
        raise DrawError(f"a share of 0 to 1000 and visits, got {breach_permille} and {visits}")
    return 1 - Fraction(1000 - breach_permille, 1000) ** visits


def describe_test_power(power: TestPower, language: str) -> str:
    """Return the power of tests in words, French (``fr``) or English."""
    one, two = _to_times(power.one), _to_times(power.two)
    if language == "fr":
        return (
            f"Si {power.carriers} personnes sur {power.present} étaient porteuses, {power.tests}"
            f" tests en trouveraient au moins une {one} fois sur 100, au moins deux {two} fois sur"
            " 100. Aucun cas trouvé ne prouve pas qu’il n’y en a pas."
        )
    return (
        f"If {power.carriers} of {power.present} people were carriers, {power.tests} tests would"
        f" find at least one {one} times out of 100, at least two {two} times out of 100. Finding"
        " no case does not prove that there is none."
    )


def describe_visit_power(breach_permille: int, visits: int, language: str) -> str:
    """Return the power of visits in words, French (``fr``) or English."""
    times, share = _to_times(compute_visit_power(breach_permille, visits)), breach_permille / 10
    if language == "fr":
        percent = f"{share:g}".replace(".", ",")
        return (
            f"Un manquement présent {percent}{_NARROW}% des jours serait vu au moins une fois par"
            f" {visits} visites {times} fois sur 100."
        )
    return (
        f"A breach on {share:g}% of the days would be seen at least once by {visits} visits {times} times out of 100."
    )


def _to_times(chance: Fraction) -> int:
    """Return a chance in hundredths; 0 and 100 only where they are exact."""
    times = round(100 * chance)
    if 0 < chance < 1:
        return min(max(times, 1), 99)
    return times


MOST_PERMILLE = 900


def compute_probabilities(
    weights: Mapping[str, int], visits: int, *, most_permille: int = MOST_PERMILLE, least_permille: int = 0
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


def _check_frame(weights: Mapping[str, int], visits: int, most_permille: int, least_permille: int) -> None:
    if not weights:
        raise DrawError("the frame is empty: name at least one unit")
    for unit, weight in weights.items():
        if weight < 1:
            raise DrawError(f"the weight of {unit} must be a whole number of at least 1, got {weight}")
    if not 0 <= least_permille < most_permille <= 1000:
        raise DrawError(f"0 <= least < most <= 1000 per mille must hold, got {least_permille} and {most_permille}")
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
