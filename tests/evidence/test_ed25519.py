"""The verifier's signatures: RFC 8032's own cases, and another implementation's."""

from __future__ import annotations

import secrets

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.ledger.verify import ORDER, P, is_signed

# RFC 8032, section 7.1: public key, message, signature.
CASES = {
    "empty": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    "one byte": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "two bytes": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cases_of_the_standard_hold(case: str) -> None:
    key, message, signature = (bytes.fromhex(text) for text in CASES[case])
    assert is_signed(message, signature, key)
    assert not is_signed(message + b"x", signature, key)


def test_it_agrees_with_another_implementation_on_signatures_and_damaged_ones() -> None:
    for size in range(40):
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        message = secrets.token_bytes(size * 7)
        signature = key.sign(message)
        assert is_signed(message, signature, public)
        bit = secrets.randbelow(512)
        damaged = bytearray(signature)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not is_signed(message, bytes(damaged), public)


@settings(max_examples=60, deadline=None)
@given(key=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
def test_any_bytes_are_judged_as_the_other_implementation_does(key: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"text")
        other = True
    except InvalidSignature:
        other = False
    assert is_signed(b"text", signature, key) is other


def test_a_signature_written_in_a_second_way_is_refused() -> None:
    """Adding the order of the group to s would give a second signature of the same message."""
    key, message, signature = (bytes.fromhex(text) for text in CASES["two bytes"])
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not is_signed(message, signature[:32] + s.to_bytes(32, "little"), key)


@pytest.mark.parametrize("length", [0, 31, 63, 65])
def test_lengths_that_are_wrong_are_refused(length: int) -> None:
    key, message, signature = (bytes.fromhex(text) for text in CASES["empty"])
    assert not is_signed(message, (signature + b"\0")[:length], key)
    assert not is_signed(message, signature, (key * 3)[:length])


def test_what_is_no_point_is_refused() -> None:
    _, message, signature = (bytes.fromhex(text) for text in CASES["empty"])
    for y in (P, P + 1, 2, 2**255 - 1):  # too large, or of no x
        assert not is_signed(message, signature, y.to_bytes(32, "little"))
    minus_nothing = (1 | 1 << 255).to_bytes(32, "little")  # x = 0 with a sign
    assert not is_signed(message, signature, minus_nothing)
