"""The gate as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register


class GateConfig(AppConfig):
    """Registers the models and the personal data."""

    name = "releve.plugins.outbound.gate"
    label = "gate"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the personal data."""
        register("releve.plugins.outbound.gate.erasure.GateData", values={"outbound.erased": "gate_personal"})
