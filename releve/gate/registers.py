"""The registers that must be read shortly before a call: what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from releve.gate.tables import TABLES
from releve.outbound.reading import EVENT

__all__ = ["RegisterState", "register_state"]


@dataclass(frozen=True, slots=True)
class RegisterState:
    """A register: its rows that count, and the instant of its last event (None: there is none)."""

    feed: str
    rows: int
    last_event_at: datetime | None


def register_state(feed: str) -> RegisterState:
    """Return what is known of a register: consents, withdrawals, refusals or attempts."""
    rows = TABLES[feed].model._default_manager.exclude(load__isnull=False, load__known_at=None)
    found = rows.aggregate(rows=Count("pk"), last=Max(EVENT.get(feed, "at")))
    return RegisterState(feed, found["rows"], found["last"])
