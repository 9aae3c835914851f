"""Own agents who are lent, as personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from releve.association.contracts import DRILL, RELIEF, list_contracts
from releve.association.models import LentAgent
from releve.erasure import Findings

__all__ = ["KEPT_DAYS", "AssociationData"]

KEPT_DAYS = 30
"""Who was lent is kept for so long after the contract's end, for the hours that are paid."""


class AssociationData:
    """Names of those lent; the contract's counts stay."""

    name = "association"
    tables: Sequence[str] = ("association_lentagent",)

    def find(self, agent: str) -> Findings:
        return Findings({"lent": LentAgent.objects.filter(agent=agent).count()})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return {"lent": list(LentAgent.objects.filter(agent=agent).values("contract", "drill"))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {"lent": LentAgent.objects.filter(agent=agent).delete()[0]}

    def erase_due(self, now: datetime) -> int:
        """Erase who was lent under contracts that ended long enough ago."""
        count = 0
        for drill, stream in ((False, RELIEF), (True, DRILL)):
            rows = LentAgent.objects.filter(drill=drill)
            over = [
                name
                for name, one in (list_contracts(stream) if rows.exists() else {}).items()
                if one.contract.terms.ends_at < now - timedelta(days=KEPT_DAYS)
            ]
            count += rows.filter(contract__in=over).delete()[0]
        return count
