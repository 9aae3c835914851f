"""The charter: the measures an operator keeps, by axis and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from releve.situation.fields import event_field

__all__ = ["Charter", "CharterAxis", "CharterMeasure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterAxis:
    """A chapter of the charter."""

    id: str = event_field("Axis id", example="transport")
    title: str = event_field("Title in English", example="Staff transport")
    title_fr: str = event_field("Title in French", example="Transport du personnel")


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterMeasure:
    """One measure of the charter."""

    id: str = event_field("Measure id", example="transport_fill")
    axis: str = event_field("Axis it belongs to", example="transport")
    text: str = event_field("What is asked, in English", example="A shuttle is half full at most")
    text_fr: str = event_field(
        "What is asked, in French", example="Une navette est à moitié pleine"
    )
    daily: bool = event_field("Part of the daily check", default=False)


@dataclass(frozen=True, kw_only=True)
class Charter:
    """A version of a charter, in force from ``valid_from`` to ``valid_to`` (None = until ended)."""

    id: str = event_field("Charter id", example="sector")
    version: str = event_field("Version", example="1")
    valid_from: date = event_field("First day in force", example="2020-04-23")
    valid_to: date | None = event_field("Last day in force; empty = until ended", default=None)
    source: str = event_field("What it follows", example="Sector charter of 23 April 2020")
    axes: tuple[CharterAxis, ...] = event_field("Chapters")
    measures: tuple[CharterMeasure, ...] = event_field("Measures")

    @cached_property
    def measure(self) -> Mapping[str, CharterMeasure]:
        """Measures by id."""
        return {measure.id: measure for measure in self.measures}

    def holds_on(self, day: date) -> bool:
        """Return whether the version is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
