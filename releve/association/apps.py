"""The association as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["AssociationConfig"]


class AssociationConfig(AppConfig):
    """Registers models, agents of partners, personal data, the jobs of clerk and member."""

    name = "releve.association"
    label = "association"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the live room count the agents of contracts; let the worker run what is due."""
        from releve.association.clerk import publish_due
        from releve.association.exchange import run_member_day, run_member_gates
        from releve.association.gates import run_clearings
        from releve.association.lent_agents import recall_lent
        from releve.association.partner_agents import ContractSource
        from releve.association.personal_data import AssociationData
        from releve.erasure import register
        from releve.live.due_jobs import register_due_job
        from releve.live.partners import register_partner_source

        register(AssociationData())
        register_partner_source(ContractSource())
        register_due_job("recall", recall_lent)
        register_due_job("bulletin", publish_due)
        register_due_job("contribution", run_member_day)
        register_due_job("clearings", run_clearings)
        register_due_job("gates", run_member_gates)
