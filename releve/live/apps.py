"""The live chain as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register


class LiveConfig(AppConfig):
    """Registers the models, the system check, the personal data and what is due with uploads."""

    name = "releve.live"
    label = "live"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the personal data, a due job and, by importing it, the check."""
        from releve.live import checks  # noqa: F401

        register("releve.live.retention.LiveData")
