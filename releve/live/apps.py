"""The live as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["LiveConfig"]


class LiveConfig(AppConfig):
    """Registers the models."""

    name = "releve.live"
    label = "live"
    default_auto_field = "django.db.models.BigAutoField"
