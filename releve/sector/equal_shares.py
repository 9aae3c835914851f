"""The clearing of last resort: agents shared out a step at a time, in whole numbers alone.

Progressive filling (Bertsekas and Gallager, Data Networks, 1987, 6.5.2): every request is raised to
the same share of its need, from the cheapest offers that may serve it, then to the next share. It
keeps every approval, ceiling, block, offer and need, leaves no block that would still fit, and its
work is bounded by the size of the openings.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from releve.sector.openings import Openings, SectorOffer, SectorRequest

__all__ = ["count_alone", "fill_progressively", "weigh_tie"]

MOST_SHARES = 20
"""Steps in which a need is met: each request has a twentieth before another has two."""
MOST_STEPS = 20_000_000
"""Looks at an offer for a request in a half hour; with larger openings the shares are fewer."""


def fill_progressively(openings: Openings, seed: bytes) -> dict[tuple[str, str, int], int]:
    """Return agents by (offer, request, half hour).

    Offers come by price, then by their tie under the seed; requests by their tie.
    """
    left = {(one.offer, at): agents for one in openings.offers for at, agents in one.agents}
    queues: list[tuple[int, SectorRequest, list[SectorOffer]]] = []
    for request in openings.requests:
        offers = [one for one in openings.offers if openings.allows(one, request)]
        offers.sort(key=lambda one: (one.price_cents, weigh_tie(seed, one, request, 0), one))
        queues.append((weigh_tie(seed, None, request, 0), request, offers))
    queues.sort()
    looks = sum(len(request.agents) * len(offers) for _tie, request, offers in queues)
    shares = max(1, min(MOST_SHARES, MOST_STEPS // max(1, looks)))
    got: dict[tuple[str, int], int] = {}
    given: dict[tuple[str, str, int], int] = {}
    for share in range(1, shares + 1):
        for _tie, request, offers in queues:
            for at, need in request.agents:
                target, has = -(-need * share // shares), got.get((request.request, at), 0)
                for offer in offers if has < target else ():
                    there = left.get((offer.offer, at), 0)
                    wanted = -(-(target - has) // offer.block)
                    blocks = min(there // offer.block, (need - has) // offer.block, wanted)
                    if blocks:
                        agents = blocks * offer.block
                        key = (offer.offer, request.request, at)
                        given[key] = given.get(key, 0) + agents
                        left[offer.offer, at] = there - agents
                        has += agents
                        if has >= target:
                            break
                got[request.request, at] = has
    return given


def count_alone(offers: Sequence[SectorOffer], request: SectorRequest) -> int:
    """Return the agent half hours that a request gets of these offers where it is the only one.

    In each half hour the largest sum of whole blocks up to the need. The sums that can be reached
    are the bits of one number.
    """
    given = [(one.block, dict(one.agents)) for one in offers]
    total = 0
    for at, need in request.agents:
        blocks: dict[int, int] = {}
        for block, agents in given:
            blocks[block] = blocks.get(block, 0) + min(agents.get(at, 0), need) // block
        if set(blocks) <= {1}:
            total += min(need, blocks.get(1, 0))
            continue
        reached, most = 1, (1 << (need + 1)) - 1
        for block, count in blocks.items():
            step = 1
            while count := min(count, need // block):
                taken = min(step, count)
                reached |= (reached << (block * taken)) & most
                count, step = count - taken, 2 * step
        total += reached.bit_length() - 1
    return total


def weigh_tie(
    seed: bytes, offer: SectorOffer | None, request: SectorRequest, half_hour: int
) -> int:
    """Return the number by which the seed decides between an offer and another, or requests."""
    name = "" if offer is None else offer.offer
    text = f"releve sector tie 1\n{len(name)} {name} {request.request} {half_hour}"
    return int.from_bytes(hmac.digest(seed, text.encode(), "sha256")[:2], "big")
