"""Who is tested among those present, and what a number of tests or of visits can find.

Tests: zones are strata, the order is by lot. The list of those present holds a zone and a salted
commitment each; its hash and length are recorded before the seed is known. The list is erased on
its date, and the hash then says nothing of any person.

Tests draw without replacement: the carriers among those tested follow the hypergeometric law, and
each is found with the test's sensitivity. Exact, in fractions.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from releve.situation.draw_chains import DrawError

PERSON_TAG = b"releve draw person 1\n"
PRESENT_TAG = b"releve draw present 1\n"


def commit_person(agent: str, salt: bytes) -> str:
    """Return the commitment to a pseudonym, 64 hex digits; ``salt`` is 32 random bytes."""
    return hashlib.sha256(PERSON_TAG + salt + agent.encode()).hexdigest()


def hash_present_list(present: Sequence[tuple[str, str]]) -> str:
    """Return the hash of a list of (zone, commitment), in any order; DrawError for a double."""
    if len({commitment for _, commitment in present}) != len(present):
        raise DrawError("a person stands twice in the list of those present: keep one")
    lines = "".join(f"{commitment} {zone}\n" for commitment, zone in sorted((c, z) for z, c in present))
    return hashlib.sha256(PRESENT_TAG + lines.encode()).hexdigest()


def allocate_tests(present: Mapping[str, int], tests: int) -> dict[str, int]:
    """Return the tests of each zone, proportional to those present, by largest remainder.

    Equal remainders go to the zone that comes first by name. DrawError for more tests than people.
    """
    total = sum(present.values())
    if not 0 <= tests <= total:
        raise DrawError(f"{tests} tests among {total} present: plan at most as many as are there")
    if not total:
        return dict.fromkeys(present, 0)
    shares = {zone: Fraction(tests * count, total) for zone, count in present.items()}
    given = {zone: int(share) for zone, share in shares.items()}
    by_remainder = sorted(shares, key=lambda zone: (given[zone] - shares[zone], zone))
    for zone in by_remainder[: tests - sum(given.values())]:
        given[zone] += 1
    return given


def draw_people(seed: bytes, present: Sequence[tuple[str, str]], tests: int) -> list[str]:
    """Return the commitments of those to test, zone by zone, in the order of the lot."""
    hash_present_list(present)  # refuses doubles
    zones: dict[str, list[str]] = {}
    for zone, commitment in present:
        zones.setdefault(zone, []).append(commitment)
    counts = allocate_tests({zone: len(found) for zone, found in zones.items()}, tests)
    drawn: list[str] = []
    for zone in sorted(zones):
        order = sorted(zones[zone], key=lambda c: hmac.digest(seed, PERSON_TAG + c.encode(), "sha256"))
        drawn += order[: counts[zone]]
    return drawn


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
