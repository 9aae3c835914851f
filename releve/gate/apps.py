"""The gate as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["GateConfig"]


class GateConfig(AppConfig):
    """Registers the models."""

    name = "releve.gate"
    label = "gate"
    default_auto_field = "django.db.models.BigAutoField"
