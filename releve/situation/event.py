"""What every event is: dated twice, signed by an actor, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from releve.network import UTC
from releve.situation.fields import date_fault, fields_of, said

__all__ = ["Event", "Finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of the events: an instance that exists satisfies the conditions of its fields.

    ValueError quotes the condition and the value. Times are aware and kept in UTC.
    """

    kind: ClassVar[str]
    doc: ClassVar[str]

    id: str = said("Name of the event, its own for ever; a correction names it", example="8f2c…")
    happened_at: datetime = said("When it happened, UTC", example="2026-11-30T08:12:00Z")
    recorded_at: datetime = said("When it was recorded, UTC", example="2026-11-30T08:15:02Z")
    actor: str = said("Who recorded it: a user, or `rule:` and the rule's id", example="samira")

    def __post_init__(self) -> None:
        for field in fields_of(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                if value.tzinfo is None:
                    raise ValueError(f"{self.kind}.{field.name} has an offset, got {value!r}")
                object.__setattr__(self, field.name, value.astimezone(UTC))
            reason = date_fault(value)
            if value != field.default:
                reason = reason or field.condition.fault(value)
            if reason is not None:
                raise ValueError(f"{self.kind}.{field.name} {reason}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one measure of the charter."""

    measure: str = said("Measure of the charter", example="ventilation")
    verdict: str = said(
        "What was found",
        example="kept",
        one_of=("kept", "partly", "not_kept", "not_applicable"),
    )
    note: str = said("In words, without a person's name", example="Filters changed", default="")

    def __post_init__(self) -> None:
        for field in fields_of(type(self)):
            reason = field.condition.fault(getattr(self, field.name))
            if reason is not None:
                raise ValueError(
                    f"finding.{field.name} {reason}, got {getattr(self, field.name)!r}"
                )
