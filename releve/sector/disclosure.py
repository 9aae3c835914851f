"""Who sees what of a clearing: a member its own result, an auditor everything.

A member sees its matches with the partner of each, since the two sign a contract, and why its own
offers and requests got no more. Nothing of a pair reaches a third.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from releve.sector.matches import Clearing, clear, describe_clearing
from releve.sector.openings import Openings, SectorError, SectorOffer, SectorRequest

__all__ = ["compute_clearing_digest", "disclose_to_auditor", "disclose_to_member", "rerun"]


def disclose_to_member(openings: Openings, cleared: Clearing, member: str) -> dict[str, Any]:
    """Return what a member may see, as JSON values.

    The ``reason`` of an own offer or request, why it got no more: ``full``, or the first hurdle
    ``skill``, ``approval``, ``price`` or ``others``, where what fits is used up.
    """
    offers = {one.offer: one for one in openings.offers}
    requests = {one.request: one for one in openings.requests}
    mine = []
    for match in cleared.matches:
        offer, request = offers[match.offer], requests[match.request]
        if member in (offer.giver, request.asker):
            mine.append(
                {**asdict(match), "giver": offer.giver, "asker": request.asker,
                 "price_cents": offer.price_cents, "skill": offer.skill,
                 "destination": offer.destination}
            )  # fmt: skip
    taken = Counter[str]()
    for match in cleared.matches:
        taken[match.offer] += match.agents
    served = dict(cleared.served)
    return {
        "member": member,
        "matches": mine,
        "offers": [
            {
                "offer": one.offer,
                "offered": sum(agents for _, agents in one.agents),
                "taken": taken[one.offer],
                "reason": _explain_offer(openings, one, taken[one.offer]),
            }
            for one in openings.offers
            if one.giver == member
        ],
        "requests": [
            {
                "request": one.request,
                "asked": sum(agents for _, agents in one.agents),
                "served": served[one.request],
                "reason": _explain_request(openings, one, served[one.request]),
            }
            for one in openings.requests
            if one.asker == member
        ],
    }


def disclose_to_auditor(openings: Openings, cleared: Clearing, seed: bytes) -> dict[str, Any]:
    """Return all that a clearing was made from, and the digest that a second run must give."""
    return {
        "offers": [asdict(one) for one in openings.offers],
        "requests": [asdict(one) for one in openings.requests],
        "approvals": sorted(openings.approvals),
        "seed": seed.hex(),
        "clearing": describe_clearing(cleared),
        "digest": compute_clearing_digest(cleared),
    }


def rerun(openings: Openings, seed: bytes, digest: str) -> Clearing:
    """Clear again; SectorError when the digest of the result is another one."""
    again = clear(openings, seed)
    found = compute_clearing_digest(again)
    if found != digest:
        raise SectorError(
            f"the clearing gives digest {found}, {digest} was published: ask the clerk for the"
            " openings and the seed of that clearing"
        )
    return again


def compute_clearing_digest(cleared: Clearing) -> str:
    """Return the SHA-256 of a clearing's canonical JSON, in hexadecimal."""
    text = json.dumps(
        describe_clearing(cleared), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _explain_offer(openings: Openings, offer: SectorOffer, taken: int) -> str:
    if taken == sum(agents for _, agents in offer.agents):
        return "full"
    return _explain(openings, [(offer, one) for one in openings.requests])


def _explain_request(openings: Openings, request: SectorRequest, served: int) -> str:
    if served == sum(agents for _, agents in request.agents):
        return "full"
    return _explain(openings, [(one, request) for one in openings.offers])


def _explain(openings: Openings, pairs: list[tuple[SectorOffer, SectorRequest]]) -> str:
    """Return the first hurdle that no pair of an offer and a request takes."""
    pairs = [
        (offer, request)
        for offer, request in pairs
        if offer.giver != request.asker
        and f"{offer.skill}:".startswith(f"{request.skill}:")
        and {t for t, _ in offer.agents} & {t for t, _ in request.agents}
    ]
    if not pairs:
        return "skill"
    approved = [
        (offer, request)
        for offer, request in pairs
        if (request.request, offer.giver, offer.destination) in openings.approvals
    ]
    if not approved:
        return "approval"
    if all(offer.price_cents > request.ceiling_cents for offer, request in approved):
        return "price"
    return "others"
