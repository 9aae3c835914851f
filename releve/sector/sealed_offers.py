"""Sealed offers: a commitment before the gate closes, the offer itself to the clerk afterwards.

A commitment is SHA-256 over a random nonce and the offer's canonical JSON. It binds the giver and
shows nothing: without the nonce a small offer could be guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from releve.sector.openings import SectorOffer

__all__ = ["OpenedOffers", "SealedOffer", "SectorGate", "open_offers", "seal_offer"]

NONCE_BYTES = 16
_FORMAT = b"releve sector offer 1\n"


@dataclass(frozen=True)
class SectorGate:
    """A clearing that offers are sealed for: one clerk, one day, one instant of closing."""

    id: str
    clerk: str
    closes_at: datetime
    time_zone: str


@dataclass(frozen=True)
class SealedOffer:
    """A commitment as the clerk received it; ``giver`` signed it (the service has checked it)."""

    gate: str
    giver: str
    offer: str
    commitment: str
    received_at: datetime


@dataclass(frozen=True)
class OpenedOffers:
    """The offers that open, in order, and a sentence for each that does not."""

    offers: tuple[SectorOffer, ...]
    refused: tuple[str, ...]


def seal_offer(gate: SectorGate, offer: SectorOffer, nonce: bytes) -> str:
    """Return the commitment of an offer, in hexadecimal.

    ``nonce``: 16 random bytes, used once.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"nonce must be {NONCE_BYTES} bytes, got {len(nonce)}")
    text = json.dumps(
        {"gate": gate.id, "clerk": gate.clerk, "time_zone": gate.time_zone, **asdict(offer)},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return hashlib.sha256(_FORMAT + nonce + text.encode()).hexdigest()


def open_offers(
    gate: SectorGate,
    sealed: Iterable[SealedOffer],
    opened: Mapping[str, tuple[SectorOffer, bytes]],
) -> OpenedOffers:
    """Return the offers whose commitment was in time and opens.

    ``opened[offer]``: the offer and its nonce, as its giver sent them after the gate closed. One
    bad opening does not hold up the others.
    """
    offers: dict[str, SectorOffer] = {}
    refused: list[str] = []
    for one in sorted(sealed, key=lambda row: (row.offer, row.received_at, row.commitment)):
        reason = _explain_refusal(gate, one, opened.get(one.offer))
        if reason is None and one.offer in offers:
            reason = "it was committed to twice: the first commitment counts"
        if reason is None:
            offers[one.offer] = opened[one.offer][0]
        else:
            refused.append(f"offer {one.offer} of {one.giver}: {reason}")
    known = {one.offer for one in sealed}
    refused += [
        f"offer {name}: no commitment came before the gate closed: commit to it next time"
        for name in sorted(set(opened) - known)
    ]
    return OpenedOffers(tuple(sorted(offers.values())), tuple(refused))


def _explain_refusal(
    gate: SectorGate, sealed: SealedOffer, opening: tuple[SectorOffer, bytes] | None
) -> str | None:
    if sealed.gate != gate.id:
        return f"it was sealed for gate {sealed.gate}, this one is {gate.id}"
    if sealed.received_at >= gate.closes_at:
        came, closed = sealed.received_at, gate.closes_at
        return f"it came at {came:%H:%M:%S}, the gate closed at {closed:%H:%M:%S}"
    if opening is None:
        return "it was not opened: its giver sends offer and nonce"
    offer, nonce = opening
    if (offer.offer, offer.giver) != (sealed.offer, sealed.giver):
        return f"it opens as offer {offer.offer} of {offer.giver}"
    if len(nonce) != NONCE_BYTES or seal_offer(gate, offer, nonce) != sealed.commitment:
        return "the commitment does not open to it: its giver changed it, or sent another nonce"
    return None
