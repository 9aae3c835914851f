"""The association as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register
from releve.live.due_jobs import register_due_job
from releve.live.partners import register_partner_source


class AssociationConfig(AppConfig):
    """Registers models, agents of partners, personal data, the jobs of clerk and member."""

    name = "releve.association"
    label = "association"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the live room count the agents of contracts; let the worker run what is due."""
        register("releve.association.membership.AssociationData")
        register_partner_source("releve.association.agents.ContractSource")
        register_due_job("recall", "releve.association.agents.recall_lent")
        register_due_job("searches", "releve.association.spare_searches.run_searches", slow=True)
        register_due_job("bulletin", "releve.association.clerk.publish_due")
        register_due_job("contribution", "releve.association.exchange.run_member_day")
        register_due_job("clearings", "releve.association.gates.run_clearings")
        register_due_job("gates", "releve.association.exchange.run_member_gates")
