"""The ledger as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["LedgerConfig"]


class LedgerConfig(AppConfig):
    """Registers the models."""

    name = "releve.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"
