"""The charter: the measures an operator keeps, by axis and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from releve.situation.fields import said

__all__ = ["Axis", "Charter", "CharterMeasure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A chapter of the charter."""

    id: str = said("Axis id", example="transport")
    title: str = said("Title in English", example="Staff transport")
    title_fr: str = said("Title in French", example="Transport du personnel")


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterMeasure:
    """One measure of the charter."""

    id: str = said("Measure id", example="transport_fill")
    axis: str = said("Axis it belongs to", example="transport")
    text: str = said("What is asked, in English", example="A shuttle is half full at most")
    text_fr: str = said("What is asked, in French", example="Une navette est à moitié pleine")
    daily: bool = said("Part of the daily check", default=False)


@dataclass(frozen=True, kw_only=True)
class Charter:
    """A version of a charter, in force from ``valid_from`` to ``valid_to`` (None = until ended)."""

    id: str = said("Charter id", example="sector")
    version: str = said("Version", example="1")
    valid_from: date = said("First day in force", example="2020-04-23")
    valid_to: date | None = said("Last day in force; empty = until ended", default=None)
    source: str = said("What it follows", example="Sector charter of 23 April 2020")
    axes: tuple[Axis, ...] = said("Chapters")
    measures: tuple[CharterMeasure, ...] = said("Measures")

    @cached_property
    def measure(self) -> Mapping[str, CharterMeasure]:
        """Measures by id."""
        return {measure.id: measure for measure in self.measures}

    def holds_on(self, day: date) -> bool:
        """Return whether the version is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
