"""What tests and visits can find, in numbers and in words, before they are made and after.

Tests draw without replacement: the carriers among those tested follow the hypergeometric law, and
each is found with the test's sensitivity. Computed exactly, in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb

from releve.inspection.chains import DrawError

__all__ = [
    "TestPower",
    "compute_test_power",
    "compute_visit_power",
    "count_tests_needed",
    "describe_test_power",
    "describe_visit_power",
]

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


def compute_test_power(
    present: int, carriers: int, tests: int, *, sensitivity_permille: int = 1000
) -> TestPower:
    """Return what ``tests`` among ``present`` people find of ``carriers``."""
    if not 0 <= carriers <= present or not 0 <= tests <= present:
        raise DrawError(
            f"carriers and tests must lie between 0 and the {present} present, got {carriers} and"
            f" {tests}"
        )
    if not 0 <= sensitivity_permille <= 1000:
        raise DrawError(
            f"the sensitivity lies between 0 and 1000 per mille, got {sensitivity_permille}"
        )
    missed = Fraction(1000 - sensitivity_permille, 1000)
    none = single = Fraction(0)
    for met in range(max(0, tests - (present - carriers)), min(carriers, tests) + 1):
        chance = Fraction(
            comb(carriers, met) * comb(present - carriers, tests - met), comb(present, tests)
        )
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
        power = compute_test_power(
            present, carriers, tests, sensitivity_permille=sensitivity_permille
        )
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
        f"A breach on {share:g}% of the days would be seen at least once by {visits} visits"
        f" {times} times out of 100."
    )


def _to_times(chance: Fraction) -> int:
    """Return a chance in hundredths; 0 and 100 only where they are exact."""
    times = round(100 * chance)
    if 0 < chance < 1:
        return min(max(times, 1), 99)
    return times
