"""The association as a Django application."""

from __future__ import annotations

from django.apps import AppConfig

from releve.erasure import register
from releve.live.due_jobs import register_due_job
from releve.live.partners import register_partner_source


class AssociationConfig(AppConfig):
    """Registers models, agents of partners, personal data, the jobs of clerk and member."""

    name = "releve.plugins.sector.association"
    label = "association"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the live room count the agents of contracts; let the worker run what is due."""
        register("releve.plugins.sector.association.membership.AssociationData")
        register_partner_source("releve.plugins.sector.association.agents.ContractSource")
        register_due_job("recall", "releve.plugins.sector.association.agents.recall_lent")
        register_due_job("searches", "releve.plugins.sector.association.spare_searches.run_searches", slow=True)
        register_due_job("bulletin", "releve.plugins.sector.association.clerk.publish_due")
        register_due_job("contribution", "releve.plugins.sector.association.exchange.run_member_day", path="partner")
        register_due_job("clearings", "releve.plugins.sector.association.gates.run_clearings")
        register_due_job("gates", "releve.plugins.sector.association.exchange.run_member_gates", path="partner")
