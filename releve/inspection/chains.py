"""Two hash chains: what each party commits to for a year, and the seed that a day takes from both.

A party draws 32 random bytes, link 0, and hashes it once for each day; the last link is its anchor
and is published beforehand. On day *d* it reveals the link that *d* hashes lead to the anchor. No
link can be found from those revealed before it, and none can be chosen any more.

The operator's anchor is part of its plan. The commission makes its chain afterwards, and every hash
of it covers the plan and the signed root under which the commission was shown that plan: its anchor
serves this plan in this history of the ledger and no other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from releve.errors import ReleveError

__all__ = [
    "DrawError",
    "bind_plan",
    "build_chain",
    "derive_seed",
    "hash_plan",
    "leads_to_anchor",
    "reveal_link",
]

LINK_TAG = b"releve draw link 2\n"
PLAN_TAG = b"releve draw plan 2\n"
BINDING_TAG = b"releve draw binding 1\n"
SEED_TAG = b"releve draw seed 2\n"
LINK_BYTES = 32


class DrawError(ReleveError, ValueError):
    """A draw cannot be made from what was given; the text says what and how to mend it."""


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
    """Return whether a link is the one of a day, counted from 1, of the chain of an anchor."""
    return len(link) == LINK_BYTES and day >= 1 and build_chain(link, day, binding) == anchor


def hash_plan(plan: Mapping[str, Any]) -> bytes:
    """Return the hash of a plan of draws: whole numbers and texts by name, as canonical JSON."""
    text = json.dumps(plan, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(PLAN_TAG + text.encode()).digest()


def bind_plan(plan_hash: bytes, root_size: int, root_tree: bytes) -> bytes:
    """Return what ties a chain to a plan and to the root under which the plan was shown."""
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
        raise DrawError(
            "no link was revealed for the day: at least one party has to reveal its own"
        )
    written = day.isoformat().encode()
    parts = (binding, commission_anchor, written, operator_link, commission_link, beacon)
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(SEED_TAG + text).digest()
