"""The service record as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register


class ServiceRecordConfig(AppConfig):
    """Registers the models and what is erased by date."""

    name = "releve.service_record"
    label = "service_record"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register("releve.service_record.call_records.ServiceRecordData")
