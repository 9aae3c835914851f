"""The long work as a Django application, without tables."""

from __future__ import annotations

from django.apps import AppConfig

from releve.live.due_jobs import register_due_job


class RunsConfig(AppConfig):
    """Registers what the worker does for it."""

    name = "releve.runs"
    label = "runs"

    def ready(self) -> None:
        register_due_job("uploads", "releve.runs.orders.remove_expired_uploads", slow=True)
