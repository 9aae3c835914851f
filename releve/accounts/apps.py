"""The accounts as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register


class AccountsConfig(AppConfig):
    """Registers the models, the system checks and the personal data."""

    name = "releve.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the personal data and, by importing them, the checks."""
        from releve.accounts import checks  # noqa: F401

        register("releve.accounts.person_erasure.AccountsData")
