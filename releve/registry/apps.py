"""The registry as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register


class RegistryConfig(AppConfig):
    """Registers the models and the personal data."""

    name = "releve.registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the personal data."""
        register("releve.registry.erasure.RegistryData")
