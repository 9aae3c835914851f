"""The draw of a day's visits: two hash chains give its seed, and the seed gives its visits.

A party draws 32 random bytes, link 0, and hashes it once for each day; the last link is its anchor
and is published beforehand. On day *d* it reveals the link that *d* hashes lead to the anchor. No
link can be found from those revealed before it, and none can be chosen any more. The operator's
anchor is part of its plan. The commission makes its chain afterwards, and every hash of it covers
the plan and the signed root under which it was shown that plan: its anchor serves this plan in this
history of the ledger and no other.

Probabilities are proportional to weight, but no unit may know that it is visited, nor that it is
not: they are capped, and the rest is shared among the others in proportion, so that they add up to
the number of visits.

Visits: units are ordered by ticket, HMAC-SHA256 of their name under the seed; their probabilities
are laid end to end in that order. One start between 0 and 1, from the same seed, and the points one
apart from it choose: always the planned number of units, each with its own probability (Madow 1949;
Goodman and Kish 1950).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from bisect import bisect_left
from collections.abc import Collection, Mapping
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
