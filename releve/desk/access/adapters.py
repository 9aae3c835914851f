"""How django-allauth works here: accounts are given, never taken; secrets are kept encrypted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest

__all__ = ["AccountAdapter", "FactorAdapter", "ServiceAdapter"]


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are opened by an administrator only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an administrator gives accounts."""
        return False


class ServiceAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The organisation's sign-in service lets in people who have an account, by their address."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Return False: whom the service knows and this installation does not, stays outside."""
        return False


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors' secrets are encrypted in the database, under a key made from SECRET_KEY."""

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret in clear."""
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> MultiFernet:
    """Encrypts under today's key; decrypts under those before it, too."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_key(str(secret))) for secret in secrets])


def _key(secret: str) -> bytes:
    digest = hashlib.blake2b(secret.encode(), digest_size=32, person=b"releve-factors").digest()
    return base64.urlsafe_b64encode(digest)
