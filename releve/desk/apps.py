"""The desk as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Registers the system checks."""

    name = "releve.desk"
    label = "desk"
    verbose_name = "Relève"

    def ready(self) -> None:
        """Import the checks, which registers them."""
        from releve.desk import checks  # noqa: F401
