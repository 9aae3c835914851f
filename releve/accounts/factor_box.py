"""The box that second factors' secrets are kept in, under keys made from the secret keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

__all__ = ["build_factor_box", "count_unreadable_factors", "encrypt_factors_again"]

_ENCRYPTED = ("secret", "seed", "migrated_codes")
"""Fields of a factor that allauth hands to its adapter to encrypt."""


def build_factor_box(secrets: Sequence[str]) -> MultiFernet:
    """Return the box that encrypts under the first secret key and decrypts under all of them."""
    return MultiFernet([Fernet(_derive_key(secret)) for secret in secrets])


def count_unreadable_factors(secrets: Sequence[str]) -> int:
    """Return how many factors none of the secret keys decrypts."""
    box, lost = build_factor_box(secrets), 0
    for data in Authenticator.objects.values_list("data", flat=True):
        for value in (data.get("secret"), data.get("seed")):
            try:
                box.decrypt(value.encode() if value else box.encrypt(b""))
            except InvalidToken:
                lost += 1
    return lost


def encrypt_factors_again(secrets: Sequence[str]) -> int:
    """Encrypt every factor under the first secret key; return how many could not be read.

    Those are left as they are.
    """
    box, lost = build_factor_box(secrets), 0

    def turn(value: Any) -> Any:
        if isinstance(value, list):
            return [turn(item) for item in value]
        return box.rotate(value.encode()).decode()

    for factor in Authenticator.objects.select_for_update():
        held = {name: factor.data[name] for name in _ENCRYPTED if factor.data.get(name)}
        try:
            factor.data |= {name: turn(value) for name, value in held.items()}
        except InvalidToken:
            lost += 1
        else:
            factor.save(update_fields=["data"])
    return lost


def _derive_key(secret: str) -> bytes:
    digest = hashlib.blake2b(secret.encode(), digest_size=32, person=b"releve-factors").digest()
    return base64.urlsafe_b64encode(digest)
