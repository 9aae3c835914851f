"""What the gate holds of agents, and its rows and values that have reached their date.

People who are called have rights of their own over it: :mod:`releve.gate.person_rights`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from releve.erasure import Findings
from releve.gate.erasure import erase_due
from releve.gate.models import Decision

__all__ = ["GateData"]


class GateData:
    """Decisions name the agent who placed the call, as evidence until the decision's date."""

    name = "gate"
    tables: Sequence[str] = ()

    def find(self, agent: str) -> Findings:
        return Findings(kept={"calls": Decision.objects.filter(agent=agent).count()})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = Decision.objects.filter(agent=agent).order_by("pk")
        return {"calls": list(rows.values("call_id", "cseq", "at", "campaign", "client"))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {}

    def erase_due(self, now: datetime) -> int:
        return erase_due(now.date(), now)
