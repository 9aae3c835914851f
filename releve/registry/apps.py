"""The registry as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["RegistryConfig"]


class RegistryConfig(AppConfig):
    """Registers the models."""

    name = "releve.registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"
