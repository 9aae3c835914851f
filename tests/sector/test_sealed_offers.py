"""Sealed offers: what opens, what does not, and that one bad opening holds up no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releve.sector import SealedOffer, SectorGate, SectorOffer, open_offers, seal_offer

CLOSES = datetime(2026, 12, 1, 8, tzinfo=UTC)
GATE = SectorGate("2026-12-01", "association", CLOSES, "Europe/Paris")
NONCE = bytes(range(16))
OFFER = SectorOffer("o1", "rif", "TN", "inbound:fr:home", 1, 900, ((18, 4),))


def seal(offer: SectorOffer = OFFER, **other: object) -> SealedOffer:
    sealed = SealedOffer(
        GATE.id, offer.giver, offer.offer, seal_offer(GATE, offer, NONCE),
        CLOSES - timedelta(minutes=1),
    )  # fmt: skip
    return replace(sealed, **other)  # type: ignore[arg-type]


def test_an_offer_sealed_in_time_opens() -> None:
    found = open_offers(GATE, [seal()], {"o1": (OFFER, NONCE)})
    assert (found.offers, found.refused) == ((OFFER,), ())


@pytest.mark.parametrize(
    ("sealed", "opening", "words"),
    [
        (seal(), (replace(OFFER, price_cents=800), NONCE), "does not open to it"),
        (seal(), (OFFER, bytes(16)), "does not open to it"),
        (seal(), (OFFER, b"short"), "does not open to it"),
        (seal(), (replace(OFFER, giver="sous"), NONCE), "it opens as offer o1 of sous"),
        (seal(received_at=CLOSES), (OFFER, NONCE), "the gate closed at"),
        (seal(gate="yesterday"), (OFFER, NONCE), "sealed for gate yesterday"),
    ],
)
def test_an_offer_that_does_not_open_is_named_and_the_others_stand(
    sealed: SealedOffer, opening: tuple[SectorOffer, bytes], words: str
) -> None:
    other = replace(OFFER, offer="o2", giver="sous")
    found = open_offers(GATE, [sealed, seal(other)], {"o1": opening, "o2": (other, NONCE)})
    assert found.offers == (other,)
    assert len(found.refused) == 1
    assert words in found.refused[0]
    assert "o1" in found.refused[0]


def test_an_offer_never_opened_or_never_sealed_is_named() -> None:
    found = open_offers(GATE, [seal()], {"o9": (replace(OFFER, offer="o9"), NONCE)})
    assert found.offers == ()
    assert "was not opened" in found.refused[0]
    assert "no commitment came before" in found.refused[1]


def test_two_clerks_cannot_open_one_commitment() -> None:
    other = replace(GATE, clerk="another clerk")
    assert "does not open" in open_offers(other, [seal()], {"o1": (OFFER, NONCE)}).refused[0]


def test_of_two_commitments_to_one_offer_the_first_counts() -> None:
    cheaper = replace(OFFER, price_cents=1)
    later = seal(cheaper, received_at=CLOSES - timedelta(seconds=1))
    found = open_offers(GATE, [later, seal()], {"o1": (OFFER, NONCE)})
    assert found.offers == (OFFER,)
    assert len(found.refused) == 1


def test_a_commitment_hides_the_offer_behind_its_nonce() -> None:
    assert seal_offer(GATE, OFFER, NONCE) != seal_offer(GATE, OFFER, bytes(16))
    with pytest.raises(ValueError, match="nonce must be 16 bytes"):
        seal_offer(GATE, OFFER, b"")
