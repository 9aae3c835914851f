"""Outcomes of attempts: their words, and the further version of an attempt that records one."""

from __future__ import annotations

from collections.abc import Sequence

from releve.gate.db_clock import next_known_at, read_clock
from releve.gate.models import AttemptRow, Load

__all__ = ["NETWORK", "REPORTED_OUTCOMES", "UNKNOWN", "is_more_precise", "write_outcomes"]

NETWORK = "outcomes"
"""Who loads what the records of a proxy say."""

UNKNOWN = "unknown"
"""The outcome of an attempt that no source reported within the time allowed."""

REPORTED_OUTCOMES = (
    "conversation", "abandoned", "voicemail", "answered", "no-answer", "busy", "declined",
    "cancelled", "failed", "unallocated",
)  # fmt: skip
"""Outcomes an agent or a dialler may report; the law counts conversations and abandoned calls."""

_ANSWERED = ("conversation", "abandoned", "voicemail")
"""Kinds of answered calls, which the network cannot tell apart."""


def is_more_precise(known: str, reported: str) -> bool:
    """Return whether an outcome from the network says more than the one that is known."""
    return reported != known and not (reported == "answered" and known in _ANSWERED)


def write_outcomes(
    rows: Sequence[AttemptRow], outcomes: Sequence[str], source: str, *, by: str = NETWORK
) -> None:
    """Write a further version of each attempt, known from now on; inside a transaction."""
    if not rows:
        return
    load = Load.objects.create(
        source=source[:200], by=by, opened_at=read_clock(), known_at=next_known_at(), rows=len(rows)
    )
    AttemptRow.objects.bulk_create(
        [
            AttemptRow(
                load=load, client=row.client, person=row.person, ref=row.ref, at=row.at,
                outcome=outcome, provider=row.provider, purpose=row.purpose, digest="",
                began=row.began, erase_on=row.erase_on,
            )
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
    )  # fmt: skip
