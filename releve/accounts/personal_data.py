"""Names behind pseudonyms and requests for them, as personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from releve.accounts import reidentification
from releve.accounts.account_erasure import count_rows, erase_account, find_account
from releve.accounts.models import IdentityRequest
from releve.erasure import Findings

__all__ = ["LOOK_DAYS", "AccountsData"]

LOOK_DAYS = 365
"""A look behind a pseudonym can be examined for so long; the ledger's entry about it stays."""


class AccountsData:
    """Requests to see a name, and the file of names; dated values are in the ledger."""

    name = "accounts"
    tables: Sequence[str] = ("accounts_identityrequest",)

    def find(self, agent: str) -> Findings:
        requests = IdentityRequest.objects.filter(pseudonym=agent).count()
        found = {"looks": requests, "name": int(reidentification.has_name(agent))}
        if (user := find_account(agent)) is not None:
            found["named"] = 1 + count_rows(user)
        return Findings(found)

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        rows = IdentityRequest.objects.filter(pseudonym=agent)
        names = ("asked_by", "asked_at", "reason", "allowed_by", "open_until")
        return {"looks": list(rows.values(*names))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        user = find_account(agent)
        if user is not None:
            return {"named": erase_account(user)}
        reidentification.erase_identity(agent)
        return {}

    def erase_due(self, now: datetime) -> int:
        """Erase looks of a year ago and sessions that are over."""
        looks = IdentityRequest.objects.filter(asked_at__lt=now - timedelta(days=LOOK_DAYS))
        count = looks.delete()[0] + Session.objects.filter(expire_date__lt=now).delete()[0]
        running = Session.objects.values("session_key")
        count += UserSession.objects.exclude(session_key__in=running).delete()[0]
        return int(count)
