"""How django-allauth works here: accounts are given, never taken; secrets are kept encrypted."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import MultiFernet
from django.conf import settings
from django.http import HttpRequest

from releve.accounts.factor_box import build_factor_box
from releve.accounts.grants import record_mailed_link
from releve.accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are opened by an administrator only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an administrator gives accounts."""
        return False

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Mail a link to choose a password, which the ledger records; without a server, neither."""
        if settings.EMAIL_HOST:
            record_mailed_link(user)
            super().send_password_reset_mail(user, email, context)


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
    return build_factor_box([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
