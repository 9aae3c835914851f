"""The long work and the drafts of planners as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register
from releve.live.due_jobs import register_due_job


class RunsConfig(AppConfig):
    """Registers the models, the personal data and what the worker does for it."""

    name = "releve.runs"
    label = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register("releve.runs.roster_draft.DraftData")
        register("releve.runs.feeds.FeedData")
        register_due_job("feeds", "releve.runs.feeds.follow_feeds", slow=True)
        register_due_job("uploads", "releve.runs.orders.remove_expired_uploads", slow=True)
