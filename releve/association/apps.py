"""The association as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["AssociationConfig"]


class AssociationConfig(AppConfig):
    """Registers the models, the agents of partners, and the jobs of the clerk and of a member."""

    name = "releve.association"
    label = "association"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let routes count the agents of contracts; let the worker run the jobs that are due."""
        from releve.association.clerk import publish_due
        from releve.association.exchange import run_member_day
        from releve.association.partner_agents import ContractSource
        from releve.live.due_jobs import register_due_job
        from releve.live.partners import register_partner_source

        register_partner_source(ContractSource())
        register_due_job("bulletin", publish_due)
        register_due_job("contribution", run_member_day)
