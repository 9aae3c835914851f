"""The events of the draw of visits: planned, framed, revealed, drawn, and visits not made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from releve.situation.event import Event
from releve.situation.fields import event_field, list_fields

__all__ = [
    "DrawFramed",
    "DrawHeld",
    "DrawJoined",
    "DrawPlanned",
    "DrawPresent",
    "DrawRevealed",
    "DrawVisitMissed",
]

PARTIES = ("operator", "commission")
_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameUnit:
    """One site of a frame: its weight and what the weight is made of."""

    site: str = event_field("Site", example="casa-1")
    weight: int = event_field("Its weight", example="431", at_least=1, at_most=10**12)
    agents: int = event_field("Agents of the site", example="420", at_least=0, at_most=_MOST)
    days: int = event_field(
        "Days since the last visit, at most 366", example="11", at_least=0, at_most=366
    )
    findings: int = event_field(
        "Measures that the last visit did not find kept", example="0", at_least=0, at_most=_MOST
    )

    closed: bool = event_field("Whether the site is closed: the next in order takes its place",
                               example="false", default=False)  # fmt: skip

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            value = getattr(self, field.name)
            if (reason := field.condition.fault(value)) is not None:
                raise ValueError(f"unit.{field.name} {reason}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _DrawEvent(Event):
    """Base of the events of one plan of draws."""

    permission: ClassVar[str] = "event.record.draw"
    family: ClassVar[str] = "draws"
    about: ClassVar[tuple[str, ...]] = ("plan",)

    plan: str = event_field("Id of the plan of draws", example="draw-2026-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawPlanned(_DrawEvent):
    kind: ClassVar[str] = "draw.planned"
    label: ClassVar[str] = "Draws of visits planned"
    doc: ClassVar[str] = (
        "The rule by which visits are drawn for some days, with the anchor of the operator. It goes"
        " to the commission under a signed root before the commission makes its own chain."
    )

    first_day: date = event_field("First day of visits", example="2026-12-01")
    days: int = event_field("Days, and links of each chain", example="366", at_least=1, at_most=366)
    operator_anchor: str = event_field("Anchor of the operator's chain", example="9f86d081…")
    visits: int = event_field("Visits a day", example="2", at_least=1, at_most=1000)
    most_permille: int = event_field(
        "Most that a site's probability may be, per mille", default=900, at_least=1, at_most=1000
    )
    least_permille: int = event_field(
        "Least that it may be, per mille", default=0, at_least=0, at_most=999
    )
    per_agent: int = event_field("Weight of an agent", default=1, at_least=0, at_most=1000)
    per_day: int = event_field(
        "Weight of a day without a visit", default=1, at_least=0, at_most=1000
    )
    per_finding: int = event_field(
        "Weight of a measure not found kept", default=50, at_least=0, at_most=10_000
    )
    deadline_hour: int = event_field(
        "From this hour of the day, operator's time, a missing link counts as withheld",
        default=8,
        at_least=0,
        at_most=23,
    )

    def describe_rule(self) -> dict[str, Any]:
        """Return what the hash of the plan covers: whole numbers and texts by name."""
        own = [field.name for field in list_fields(DrawPlanned)]
        shared = {field.name for field in list_fields(Event)}
        values = {name: getattr(self, name) for name in own if name not in shared}
        return values | {"first_day": self.first_day.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawJoined(_DrawEvent):
    kind: ClassVar[str] = "draw.joined"
    label: ClassVar[str] = "Commission joined the draws"
    doc: ClassVar[str] = (
        "The anchor of the commission, which serves this plan alone: its chain was made for the"
        " plan and for the signed root under which the commission was shown it."
    )

    commission_anchor: str = event_field("Anchor of the commission's chain", example="60303ae2…")
    root_number: int = event_field("Number of that root", example="12", at_least=1)
    root_size: int = event_field("Entries that it covers", example="431", at_least=1)
    root_tree: str = event_field("Its root hash", example="2c26b46b…")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawFramed(_DrawEvent):
    kind: ClassVar[str] = "draw.framed"
    label: ClassVar[str] = "Frame of a day's visits"
    doc: ClassVar[str] = (
        "The sites that can be drawn on a day, recorded before the day begins and under a signed"
        " root before the commission uses its link."
    )

    day: date = event_field("Day of the visits", example="2026-12-01")
    units: tuple[FrameUnit, ...] = event_field("Sites with their weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawPresent(_DrawEvent):
    kind: ClassVar[str] = "draw.present"
    label: ClassVar[str] = "List of those present, for tests"
    doc: ClassVar[str] = (
        "The hash of the list from which people to test are drawn, before the commission's link."
    )

    day: date = event_field("Day of the visit", example="2026-12-01")
    site: str = event_field("Site visited", example="casa-1")
    count: int = event_field("How many are present", example="220", at_least=1, at_most=_MOST)
    tests: int = event_field("How many are tested", example="40", at_least=1, at_most=_MOST)
    list_hash: str = event_field("Hash of the list", example="9f86d081…")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawRevealed(_DrawEvent):
    kind: ClassVar[str] = "draw.revealed"
    label: ClassVar[str] = "Link of a draw revealed"
    doc: ClassVar[str] = "A party reveals its link of a day."

    day: date = event_field("Day of the visits", example="2026-12-01")
    party: str = event_field("Which party", example="operator", one_of=PARTIES)
    link: str = event_field("The link, 64 hexadecimal digits", example="2c26b46b…")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawHeld(_DrawEvent):
    kind: ClassVar[str] = "draw.drawn"
    label: ClassVar[str] = "Visits of a day drawn"
    doc: ClassVar[str] = (
        "The sites to visit on a day. Where a link is withheld they are drawn without it, and again"
        " with it once it is known: the sites of both draws are visited."
    )

    day: date = event_field("Day of the visits", example="2026-12-01")
    withheld: str = event_field(
        "Party whose link is missing; empty = none",
        example="operator",
        default="",
        one_of=("", *PARTIES),
    )
    visits: tuple[str, ...] = event_field("Sites to visit", example="casa-1", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawVisitMissed(_DrawEvent):
    kind: ClassVar[str] = "draw.not_visited"
    label: ClassVar[str] = "Drawn visit not made"
    doc: ClassVar[str] = "A visit that was drawn was not made, and why."

    day: date = event_field("Day of the visit", example="2026-12-01")
    site: str = event_field("Site that was drawn", example="casa-1")
    reason: str = event_field("In words, without a person's name", example="Road cut by snow")
