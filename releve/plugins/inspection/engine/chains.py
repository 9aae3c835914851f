"""The draw of a day: two hash chains give its seed, the seed gives its visits and its tests.

A party draws 32 random bytes, link 0, and hashes it once for each day; the last link is its anchor
and is published beforehand. On day *d* it reveals the link that *d* hashes lead to the anchor. No
link can be found from those revealed before it, and none can be chosen any more. The operator's
anchor is part of its plan. The commission makes its chain afterwards, and every hash of it covers
the plan and the signed root under which it was shown that plan: its anchor serves this plan in this
history of the ledger and no other.

Visits: units are ordered by ticket, HMAC-SHA256 of their name under the seed; their probabilities
are laid end to end in that order. One start between 0 and 1, from the same seed, and the points one
apart from it choose: always the planned number of units, each with its own probability (Madow 1949;
Goodman and Kish 1950). Tests: zones are strata, the order is by lot. The list of those present
holds a zone and a salted commitment each; its hash and length are recorded before the seed is
known. The list is erased on its date, and the hash then says nothing of any person.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from releve.errors import ReleveError

LINK_TAG = b"releve draw link 2\n"
PLAN_TAG = b"releve draw plan 2\n"
BINDING_TAG = b"releve draw binding 1\n"
SEED_TAG = b"releve draw seed 2\n"
LINK_BYTES = 32


class DrawError(ReleveError, ValueError):
    """A draw cannot be made from its inputs; the text says why and how to mend it."""


def build_chain(first: bytes, days: int, binding: bytes = b"") -> bytes:
    """Return the anchor of a chain of ``days`` links from ``first``, 32 random bytes.

    ``binding`` is that of :func:`bind_plan` in the commission's chain, empty in the operator's.
    """
    if len(first) != LINK_BYTES:
        raise DrawError(f"a link has {LINK_BYTES} bytes, got {len(first)}")
    link = first
    for _ in range(days):
        link = hashlib.sha256(LINK_TAG + binding + link).digest()
    return link


def reveal_link(first: bytes, days: int, day: int, binding: bytes = b"") -> bytes:
    """Return the link of a day, counted from 1: ``day`` hashes lead from it to the anchor."""
    if not 1 <= day <= days:
        raise DrawError(f"the chain has links for the days 1 to {days}, got day {day}")
    return build_chain(first, days - day, binding)


def leads_to_anchor(link: bytes, day: int, anchor: bytes, binding: bytes = b"") -> bool:
    """Return whether a link belongs to a day, counted from 1, of the chain of an anchor."""
    return len(link) == LINK_BYTES and day >= 1 and build_chain(link, day, binding) == anchor


def hash_plan(plan: Mapping[str, Any]) -> bytes:
    """Return the hash of a plan of draws: whole numbers and texts by name, as canonical JSON."""
    text = json.dumps(plan, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(PLAN_TAG + text.encode()).digest()


def bind_plan(plan_hash: bytes, root_size: int, root_tree: bytes) -> bytes:
    """Return the digest that ties a chain to a plan and to the root under which it was shown."""
    size = root_size.to_bytes(8, "big")
    return hashlib.sha256(BINDING_TAG + plan_hash + size + root_tree).digest()


def derive_seed(
    binding: bytes,
    commission_anchor: bytes,
    day: date,
    operator_link: bytes = b"",
    commission_link: bytes = b"",
    beacon: bytes = b"",
) -> bytes:
    """Return the seed of a day's draw, 32 bytes; a withheld link or no beacon is empty.

    Each part is preceded by its length, four bytes, the highest first. DrawError without any link.
    """
    if not operator_link and not commission_link:
        raise DrawError("no link was revealed for the day: at least one party has to reveal its own")
    written = day.isoformat().encode()
    parts = (binding, commission_anchor, written, operator_link, commission_link, beacon)
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(SEED_TAG + text).digest()


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


def draw_visits(probabilities: Mapping[str, Fraction], seed: bytes, closed: Collection[str] = ()) -> VisitDraw:
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
            free = (one for one in others if one not in closed and one not in visits and one not in chosen)
            instead = next(free, "")
            replaced.append((unit, instead))
            visits |= {instead} - {""}
    return tuple(unit for unit in order if unit in visits), tuple(replaced)


def _mix(seed: bytes, text: bytes) -> bytes:
    return hmac.digest(seed, text, "sha256")


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
