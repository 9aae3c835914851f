"""Names behind pseudonyms and requests for them, as personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from releve.accounts import reidentification
from releve.accounts.models import IdentityRequest
from releve.erasure import Findings

__all__ = ["AccountsData"]


class AccountsData:
    """Requests to see a name, and the file of names; dated values are in the ledger."""

    name = "accounts"
    tables: Sequence[str] = ("accounts_identityrequest",)

    def find(self, agent: str) -> Findings:
        requests = IdentityRequest.objects.filter(pseudonym=agent).count()
        return Findings({"looks": requests, "name": int(reidentification.has_name(agent))})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = IdentityRequest.objects.filter(pseudonym=agent)
        names = ("asked_by", "asked_at", "reason", "allowed_by", "open_until")
        return {"looks": list(rows.values(*names))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        reidentification.erase_identity(agent)
        return {}

    def erase_due(self, now: datetime) -> int:
        return 0
