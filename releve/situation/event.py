"""The base of all events: dated twice, signed by an actor, validated when constructed.

An event kind is declared once, as a subclass: its fields, and in class variables its name, label,
permission, and the family and subject under which it folds into the situation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from releve.network import UTC
from releve.situation.fields import event_field, find_date_fault, list_fields

__all__ = ["Event", "MeasureFinding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of the events: every instance satisfies the conditions of its fields.

    ValueError quotes the condition and the value. Times are aware and kept in UTC. ``label`` and
    ``headline`` are English sources of the desk's French catalogue.
    """

    kind: ClassVar[str]
    """Name in the ledger, the API and ``KINDS``."""
    label: ClassVar[str]
    """The event as one line in a list of the ledger."""
    headline: ClassVar[str] = ""
    """Sentence of the timeline, with ``{site}`` and ``{actor}``; empty = not shown there."""
    permission: ClassVar[str]
    """Permission that recording it takes."""
    family: ClassVar[str] = ""
    """Family of subjects in which it folds (``situation.FAMILIES``); a correction has none."""
    about: ClassVar[tuple[str, ...]] = ("site",)
    """Fields that name its subject within the family."""
    doc: ClassVar[str]
    """Its documentation, in English."""

    id: str = event_field(
        "Name of the event, its own for ever; a correction names it", example="8f2c…"
    )
    happened_at: datetime = event_field("When it happened, UTC", example="2026-11-30T08:12:00Z")
    recorded_at: datetime = event_field("When it was recorded, UTC", example="2026-11-30T08:15:02Z")
    actor: str = event_field(
        "Who recorded it: a user, or `rule:` and the rule's id", example="samira"
    )

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                if value.tzinfo is None:
                    raise ValueError(f"{self.kind}.{field.name} has an offset, got {value!r}")
                object.__setattr__(self, field.name, value.astimezone(UTC))
            reason = find_date_fault(value)
            if value != field.default:
                reason = reason or field.condition.fault(value)
            if reason is not None:
                raise ValueError(f"{self.kind}.{field.name} {reason}, got {value!r}")

    @property
    def subject(self) -> tuple[str, ...]:
        """The subject within its family, such as (site, day)."""
        values = (getattr(self, name) for name in self.about)
        return tuple(v.isoformat() if isinstance(v, date) else v for v in values)

    @property
    def person(self) -> str:
        """Pseudonym of the agent it is about; empty when it is about none."""
        return str(getattr(self, "agent", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureFinding:
    """The finding of a check for one measure of the charter."""

    measure: str = event_field("Measure of the charter", example="ventilation")
    verdict: str = event_field(
        "What was found",
        example="kept",
        one_of=("kept", "partly", "not_kept", "not_applicable"),
    )
    note: str = event_field(
        "In words, without a person's name", example="Filters changed", default=""
    )

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            reason = field.condition.fault(getattr(self, field.name))
            if reason is not None:
                raise ValueError(
                    f"finding.{field.name} {reason}, got {getattr(self, field.name)!r}"
                )
