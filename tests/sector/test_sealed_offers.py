"""Sealed offers: what opens, what does not, and that one bad opening holds up no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releve.plugins.sector.engine import OfferRefusal, SealedOffer, SectorGate, SectorOffer, open_offers, seal_offer

CLOSES = datetime(2026, 12, 1, 8, tzinfo=UTC)
GATE = SectorGate("2026-12-01", "association", CLOSES, "Europe/Paris")
NONCE = bytes(range(16))
OFFER = SectorOffer("o1", "rif", "TN", "inbound:fr:home", 1, 900, ((18, 4),))


def seal(offer: SectorOffer = OFFER, **other: object) -> SealedOffer:
    sealed = SealedOffer(
        GATE.id, offer.giver, offer.offer, seal_offer(GATE, offer, NONCE), CLOSES - timedelta(minutes=1)
    )
    return replace(sealed, **other)  # type: ignore[arg-type]


def test_an_offer_sealed_in_time_opens() -> None:
    found = open_offers(GATE, [seal()], {"o1": (OFFER, NONCE)})
    assert (found.offers, found.refused) == ((OFFER,), ())


@pytest.mark.parametrize(
    ("sealed", "opening", "code", "params"),
    [
        (seal(), (replace(OFFER, price_cents=800), NONCE), "changed", ()),
        (seal(), (OFFER, bytes(16)), "changed", ()),
        (seal(), (OFFER, b"short"), "changed", ()),
        (seal(), (replace(OFFER, giver="sous"), NONCE), "other", ("o1", "sous")),
        (seal(received_at=CLOSES), (OFFER, NONCE), "late", (CLOSES.isoformat(),) * 2),
        (seal(gate="yesterday"), (OFFER, NONCE), "gate", ("yesterday", GATE.id)),
    ],
)
def test_an_offer_that_does_not_open_is_named_and_the_others_stand(
    sealed: SealedOffer, opening: tuple[SectorOffer, bytes], code: str, params: tuple[str, ...]
) -> None:
    other = replace(OFFER, offer="o2", giver="sous")
    found = open_offers(GATE, [sealed, seal(other)], {"o1": opening, "o2": (other, NONCE)})
    assert found.offers == (other,)
    assert found.refused == (OfferRefusal("o1", OFFER.giver, code, params),)


def test_an_offer_never_opened_or_never_sealed_is_named() -> None:
    found = open_offers(GATE, [seal()], {"o9": (replace(OFFER, offer="o9"), NONCE)})
    assert found.offers == ()
    assert [(one.offer, one.code) for one in found.refused] == [("o1", "not_opened"), ("o9", "not_committed")]


def test_two_clerks_cannot_open_one_commitment() -> None:
    other = replace(GATE, clerk="another clerk")
    (refused,) = open_offers(other, [seal()], {"o1": (OFFER, NONCE)}).refused
    assert refused.code == "changed"


def test_of_two_commitments_to_one_offer_the_first_counts() -> None:
    cheaper = replace(OFFER, price_cents=1)
    later = seal(cheaper, received_at=CLOSES - timedelta(seconds=1))
    found = open_offers(GATE, [later, seal()], {"o1": (OFFER, NONCE)})
    assert found.offers == (OFFER,)
    assert [one.code for one in found.refused] == ["twice"]


def test_a_commitment_hides_the_offer_behind_its_nonce() -> None:
    assert seal_offer(GATE, OFFER, NONCE) != seal_offer(GATE, OFFER, bytes(16))
    with pytest.raises(ValueError, match="nonce must be 16 bytes"):
        seal_offer(GATE, OFFER, b"")
