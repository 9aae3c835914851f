"""The ledger as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register


class LedgerConfig(AppConfig):
    """Registers the models and the personal data."""

    name = "releve.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the personal data."""
        register("releve.ledger.erasure.LedgerData", values={"ledger.erased": "ledger_personal"})
