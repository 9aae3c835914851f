"""Who is tested among those present: zones as strata, an order by lot, names as commitments.

The list of those present holds a zone and a salted commitment each; its hash and its length are
recorded before the seed is known. The list itself is erased on its date, and the hash then says
nothing of any person.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from fractions import Fraction

from releve.inspection.chains import DrawError

__all__ = ["allocate_tests", "commit_person", "draw_people", "hash_present_list"]

PERSON_TAG = b"releve draw person 1\n"
PRESENT_TAG = b"releve draw present 1\n"


def commit_person(agent: str, salt: bytes) -> str:
    """Return the commitment to a pseudonym, 64 hex digits; ``salt`` is 32 random bytes."""
    return hashlib.sha256(PERSON_TAG + salt + agent.encode()).hexdigest()


def hash_present_list(present: Sequence[tuple[str, str]]) -> str:
    """Return the hash of a list of (zone, commitment), in any order; DrawError for a double."""
    if len({commitment for _, commitment in present}) != len(present):
        raise DrawError("a person stands twice in the list of those present: keep one")
    lines = "".join(
        f"{commitment} {zone}\n" for commitment, zone in sorted((c, z) for z, c in present)
    )
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
        order = sorted(
            zones[zone], key=lambda c: hmac.digest(seed, PERSON_TAG + c.encode(), "sha256")
        )
        drawn += order[: counts[zone]]
    return drawn
