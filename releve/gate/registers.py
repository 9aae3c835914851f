"""The state of each register that the gate needs read shortly before a call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from django.db.models import Count, Max

from releve.gate.models import WatermarkRow
from releve.gate.schema import TABLES
from releve.outbound.fact_tables import EVENT

__all__ = [
    "REGISTERS",
    "RegisterState",
    "read_register_ages",
    "read_register_minutes",
    "read_register_state",
    "summarize_register",
]

REGISTERS = ("withdrawals", "refusals", "consents", "attempts")
"""The registers, those that forbid calls first."""


@dataclass(frozen=True, slots=True)
class RegisterState:
    """A register: its rows that count, and the instant of its last event (None: there is none)."""

    feed: str
    rows: int
    last_event_at: datetime | None


def read_register_state(feed: str) -> RegisterState:
    """Return what is known of a register: consents, withdrawals, refusals or attempts."""
    rows = TABLES[feed].model._default_manager.exclude(load__isnull=False, load__known_at=None)
    found = rows.aggregate(rows=Count("pk"), last=Max(EVENT.get(feed, "at")))
    return RegisterState(feed, found["rows"], found["last"])


def read_register_ages(now: datetime) -> dict[str, timedelta]:
    """Return how long ago each register was read last."""
    rows = WatermarkRow.objects.exclude(load__isnull=False, load__known_at=None)
    found = rows.order_by("feed").values_list("feed").annotate(last=Max("read_at"))
    return {feed: now - last for feed, last in found}


def read_register_minutes(now: datetime) -> dict[str, int | None]:
    """Return the age of each register in minutes, rounded up; None where it was never read."""
    ages, minute = read_register_ages(now), timedelta(minutes=1)
    return {name: math.ceil(ages[name] / minute) if name in ages else None for name in REGISTERS}


def summarize_register(frames: Mapping[str, pl.DataFrame], feed: str) -> RegisterState:
    """Return what typed tables hold of a register."""
    frame = frames[feed]
    last = frame[EVENT.get(feed, "at")].max()
    return RegisterState(feed, frame.height, last if isinstance(last, datetime) else None)
