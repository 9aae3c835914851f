"""Addresses, messages, letters, plans and reliefs, as personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from releve.erasure import Findings
from releve.live.absence_retention import postpone_lasting
from releve.live.contacts import erase_person
from releve.live.models import Contact, Message, ReliefDay
from releve.live.photos import erase_photos
from releve.live.plan_erasure import plan_texts_with, relief_days_with, rename_in_plans
from releve.live.plans import clear_plan_cache
from releve.live.retention import prune
from releve.plan.plan_json import plan_from_json

__all__ = ["LiveData"]


class LiveData:
    """Messages keep their counts without the agent; plans and reliefs keep a token."""

    name = "live"
    tables: Sequence[str] = (
        "live_contact",
        "live_message",
        "live_plantext",
        "live_reliefday",
        "live_activation",
    )

    def find(self, agent: str) -> Findings:
        return Findings(
            {
                "addresses": Contact.objects.filter(role="agent", who=agent).count(),
                "messages": Message.objects.filter(role="agent", who=agent).count(),
                "plans": sum(1 for _ in plan_texts_with(agent)),
                "reliefs": relief_days_with(agent),
            }
        )

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        contacts = Contact.objects.filter(role="agent", who=agent)
        messages = Message.objects.filter(role="agent", who=agent)
        reliefs = ReliefDay.objects.order_by("day", "pk").iterator(chunk_size=100)
        return {
            "addresses": list(contacts.values("rank", "channel", "address", "language")),
            "messages": list(
                messages.values("stream", "kind", "about", "sent_at", "acknowledged_at")
            ),
            "plans": [
                asdict(placement)
                for row in plan_texts_with(agent)
                for placement in plan_from_json(row.text).placements
                if placement.agent == agent
            ],
            "reliefs": [
                {"day": row.day, "change": row.changes[agent]}
                for row in reliefs
                if agent in row.changes
            ],
        }

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        transaction.on_commit(clear_plan_cache)
        erase_person(agent)
        return {"plans": rename_in_plans(agent, token)}

    def erase_due(self, now: datetime) -> int:
        postpone_lasting()
        return erase_photos(now) + prune(now)
