"""Erase a person from every plan and relief: a token replaces the pseudonym.

Plans are named by the digest of their content. A changed plan gets a new name, and the plan in
force is updated to it; the old and new names are returned, so that the ledger can record them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from releve.live.models import Activation, PlanText, ReliefDay

__all__ = ["plan_texts_with", "relief_days_with", "rename_in_plans"]


def relief_days_with(agent: str) -> int:
    """Return how many stored days of reliefs change an agent's shift."""
    return sum(agent in row.changes for row in ReliefDay.objects.iterator(chunk_size=100))


def rename_in_plans(agent: str, token: str) -> dict[str, str]:
    """Put a token in the place of an agent; return the new name of each plan by its old one.

    Inside the caller's transaction.
    """
    for row in ReliefDay.objects.iterator(chunk_size=100):
        if agent in row.changes:
            row.changes = {token if key == agent else key: v for key, v in row.changes.items()}
            row.save(update_fields=["changes"])
    renamed = {
        row.digest: _rename_in_row(row, agent, token) for row in list(plan_texts_with(agent))
    }
    for activation in Activation.objects.all() if renamed else ():
        days = {day: renamed.get(digest, digest) for day, digest in activation.days.items()}
        if days != activation.days:
            activation.days = days
            activation.save(update_fields=["days"])
    return renamed


def plan_texts_with(agent: str) -> Iterator[PlanText]:
    """Yield the stored days of plans that name an agent."""
    quoted = _quote_json(agent)
    for row in PlanText.objects.iterator(chunk_size=10):
        if quoted in row.text:
            yield row


def _rename_in_row(row: PlanText, agent: str, token: str) -> str:
    text = row.text.replace(_quote_json(agent), _quote_json(token))
    digest = hashlib.sha256(text.encode()).hexdigest()
    PlanText.objects.create(digest=digest, day=row.day, text=text, aht_s=row.aht_s)
    ReliefDay.objects.filter(plan=row).update(plan_id=digest)
    row.delete()
    return digest


def _quote_json(text: str) -> str:
    """Return a text as a quoted JSON value, so that only whole values are replaced."""
    return json.dumps(text, ensure_ascii=False)
