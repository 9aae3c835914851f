"""Sealed offers: a commitment before the gate closes, the offer itself to the clerk afterwards.

A commitment is SHA-256 over a random nonce and the offer's canonical JSON. It binds the giver and
shows nothing: without the nonce a small offer could be guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from releve.sector.openings import SectorOffer

__all__ = ["OfferRefusal", "OpenedOffers", "SealedOffer", "SectorGate", "open_offers", "seal_offer"]

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
class OfferRefusal:
    """Why an offer is left out.

    ================= ============================================ ==============================
    code              the offer                                    params
    ================= ============================================ ==============================
    ``gate``          was sealed for another gate                  that gate, this gate
    ``late``          came after the gate had closed               instants of both, ISO, UTC
    ``not_opened``    was not opened
    ``other``         opens as another one                         that offer, its giver
    ``changed``       is not the one committed to, or the nonce
                      is another
    ``twice``         was committed to before
    ``not_committed`` was opened without a commitment
    ================= ============================================ ==============================
    """

    offer: str
    giver: str
    code: str
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenedOffers:
    """The offers that open, in order, and why others are left out."""

    offers: tuple[SectorOffer, ...]
    refused: tuple[OfferRefusal, ...]


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
    refused: list[OfferRefusal] = []
    for one in sorted(sealed, key=lambda row: (row.offer, row.received_at, row.commitment)):
        if one.offer in offers:
            refused.append(OfferRefusal(one.offer, one.giver, "twice"))
            continue
        refusal = _find_refusal(gate, one, opened.get(one.offer))
        if refusal is None:
            offers[one.offer] = opened[one.offer][0]
        else:
            refused.append(refusal)
    known = {one.offer for one in sealed}
    refused += [
        OfferRefusal(name, opened[name][0].giver, "not_committed")
        for name in sorted(set(opened) - known)
    ]
    return OpenedOffers(tuple(sorted(offers.values())), tuple(refused))


def _find_refusal(
    gate: SectorGate, sealed: SealedOffer, opening: tuple[SectorOffer, bytes] | None
) -> OfferRefusal | None:
    def refuse(code: str, *params: str) -> OfferRefusal:
        return OfferRefusal(sealed.offer, sealed.giver, code, params)

    if sealed.gate != gate.id:
        return refuse("gate", sealed.gate, gate.id)
    if sealed.received_at >= gate.closes_at:
        return refuse("late", *(at.astimezone(UTC).isoformat(timespec="seconds")
                                for at in (sealed.received_at, gate.closes_at)))  # fmt: skip
    if opening is None:
        return refuse("not_opened")
    offer, nonce = opening
    if (offer.offer, offer.giver) != (sealed.offer, sealed.giver):
        return refuse("other", offer.offer, offer.giver)
    if len(nonce) != NONCE_BYTES or seal_offer(gate, offer, nonce) != sealed.commitment:
        return refuse("changed")
    return None
