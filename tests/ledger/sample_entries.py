"""Entries to test with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from releve.ledger.chain import Draft

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ERASE_ON = date(2027, 1, 15)


def at(number: int) -> datetime:
    """Return an instant for an entry."""
    return START + timedelta(minutes=number, microseconds=number)


def draft_closure(number: int, stream: str = "live") -> Draft:
    """Return an entry without personal values."""
    body = {"site": f"casa-{number}", "lost_seats": number, "share": number / 7, "note": "é€😀"}
    return Draft("site.closed", body, at(number), stream=stream)


def draft_case(number: int) -> Draft:
    """Return an entry about a person."""
    return Draft(
        "case.declared",
        {"site": "casa-1", "agent": f"agent-{number}"},
        at(number),
        personal={"agent": f"agent-{number}"},
        subject=f"agent-{number}",
        erase_on=ERASE_ON,
    )


def append_arguments(number: int) -> dict[str, Any]:
    """Return the arguments of ``append`` for an entry."""
    made = draft_closure(number)
    return {"kind": made.kind, "body": made.body, "recorded_at": made.recorded_at}
