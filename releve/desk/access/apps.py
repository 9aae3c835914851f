"""The access as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["AccessConfig"]


class AccessConfig(AppConfig):
    """Registers the models and the system checks."""

    name = "releve.desk.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the checks, which registers them."""
        from releve.desk.access import checks  # noqa: F401
