"""The charter: the measures an operator keeps, by axis and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from releve.situation.event import event_field

SOURCES = ("check.done", "inspection.held", "audit.observed", "audit.verdict")
"""Kinds of events that say what was found of a measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterAxis:
    id: str = event_field("Axis id", example="transport")
    title: str = event_field("Title in English", example="Staff transport")
    title_fr: str = event_field("Title in French", example="Transport du personnel")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRule:
    """What shows that a measure is kept; evidence older than ``fresh_days`` shows nothing."""

    sources: tuple[str, ...] = event_field("Kinds of events that count", example="check.done")
    rule: str = event_field(
        "The last finding; a share of them; or that none is not kept",
        example="latest",
        one_of=("latest", "share_kept", "none_not_kept"),
    )
    least: float = event_field("Share that has to be kept", default=1.0, at_least=0, at_most=1)
    days: int = event_field("Days looked back at", default=1, at_least=1, at_most=366)
    fresh_days: int = event_field("Days after which it is expired", default=366, at_least=0, at_most=1098)
    recorded_within: int | None = event_field(
        "Days after which its record does not show that it was kept; 0 = on the day; empty = none",
        default=None,
        at_least=0,
        at_most=366,
    )
    optional: bool = event_field("Counts only where it is fresh", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterMeasure:
    id: str = event_field("Measure id", example="transport_fill")
    axis: str = event_field("Axis it belongs to", example="transport")
    text: str = event_field("What is asked, in English", example="A shuttle is half full at most")
    text_fr: str = event_field("What is asked, in French", example="Une navette est à moitié pleine")
    daily: bool = event_field("Part of the daily check", default=False)
    severity: str = event_field("Whether it alone brings the label down", default="minor", one_of=("major", "minor"))
    evidence: tuple[EvidenceRule, ...] = event_field("What shows that it is kept", default=())
    needs: str = event_field("Whether all of its evidence or any is needed", default="all", one_of=("all", "any"))


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
        return {measure.id: measure for measure in self.measures}

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
