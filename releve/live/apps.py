"""The live chain as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register

__all__ = ["LiveConfig"]


class LiveConfig(AppConfig):
    """Registers the models and the personal data."""

    name = "releve.live"
    label = "live"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the personal data."""
        register("releve.live.personal_data.LiveData")
