"""The values that entries commit to, as personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from releve.erasure import Findings
from releve.ledger.digests import parse_canonical
from releve.ledger.erasure import erase_due, erase_subject, find_values

__all__ = ["LedgerData"]


class LedgerData:
    """Values beside the entries; the entries keep commitments, which say nothing without them."""

    name = "ledger"
    tables: Sequence[str] = ("ledger_personal",)

    def find(self, agent: str) -> Findings:
        """Return 1 where there are values: a case has more of them than an absence."""
        return Findings({"values": int(find_values(agent).exists())})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = find_values(agent).filter(subject=agent).select_related("entry").order_by("pk")
        return {
            "values": [
                {
                    "entry": row.entry.pk,
                    "kind": row.entry.kind,
                    "recorded_at": row.entry.recorded_at,
                    "field": row.path,
                    "value": parse_canonical(row.value),
                }
                for row in rows
            ]
        }

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {"values": erase_subject(agent, now=now, cause="person")}

    def erase_due(self, now: datetime) -> int:
        return erase_due(now.date(), now=now)
