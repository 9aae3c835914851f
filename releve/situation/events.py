"""The events about people and places: cases, absences, closures, outages, corrections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from releve.situation.event import Event, event_field


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDeclared(Event):
    kind: ClassVar[str] = "case.declared"
    label: ClassVar[str] = "Case declared"
    permission: ClassVar[str] = "event.record.case"
    family: ClassVar[str] = "cases"
    about: ClassVar[tuple[str, ...]] = ("agent",)
    doc: ClassVar[str] = (
        "An agent is declared a case or a contact, or is cleared of one. Status, dates, site: never"
        " a diagnosis, a symptom, a temperature or a result. `happened_at` is the date of the case."
    )

    site: str = event_field("Site where the agent worked", example="casa-1")
    status: str = event_field(
        "What is declared; cleared ends the measure of the case named",
        example="declared_case",
        one_of=("declared_case", "contact", "cleared"),
        health=True,
    )
    agent: str = event_field("Pseudonym id", example="a00042", default="", personal=True, health=True)
    case: str = event_field(
        "Id of the event that declared the case or contact that is cleared, or the case of a contact",
        example="8f2c…",
        default="",
        personal=True,
        health=True,
    )
    since: date | None = event_field(
        "First day of the measure, at the site; empty = the day it happened",
        example="2026-11-30",
        default=None,
        personal=True,
        health=True,
    )
    until: date | None = event_field(
        "Last day of the measure, at the site; empty = as the rule says",
        example="2026-12-09",
        default=None,
        personal=True,
        health=True,
    )


ABSENCE_REASONS = ("leave", "sickness", "training", "coaching", "meeting", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUnavailable(Event):
    kind: ClassVar[str] = "agent.unavailable"
    label: ClassVar[str] = "Agent unavailable"
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "agents"
    about: ClassVar[tuple[str, ...]] = ("agent",)
    doc: ClassVar[str] = (
        "An agent is not available for a time, which may lie ahead: from `start`, or a `happened_at` ahead of the"
        " clock. Only the health officer and its author see the reason, which may be left out."
    )
    BY_LINK: ClassVar[str] = "link:message"
    """The actor where an agent answered a message, by its link or otherwise: no account can have this name."""
    BY_SILENCE: ClassVar[str] = "link:no-answer"
    """The actor where an agent did not answer a message by any address."""
    BY_MESSAGE: ClassVar[tuple[str, ...]] = (BY_LINK, BY_SILENCE)

    agent: str = event_field("Pseudonym id", example="a00042", default="", personal=True)
    start: datetime | None = event_field(
        "From when, UTC; empty = when it happened", example="2026-11-30T08:00:00Z", default=None, personal=True
    )
    until: datetime | None = event_field(
        "Available again from, UTC; empty = not known", example="2026-12-10T00:00:00Z", default=None, personal=True
    )
    reason: str = event_field(
        "What the agent does instead; empty = not said",
        example="training",
        default="",
        personal=True,
        health=True,
        one_of=("", *ABSENCE_REASONS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBack(Event):
    kind: ClassVar[str] = "agent.back"
    label: ClassVar[str] = "Agent back"
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "agents"
    about: ClassVar[tuple[str, ...]] = ("agent",)
    doc: ClassVar[str] = "An agent who was unavailable can be planned again."
    OWN: ClassVar[str] = "own"

    agent: str = event_field("Pseudonym id", example="a00042", default="", personal=True)
    absence: str = event_field(
        "Id of the absence that ends; `own` = those that the same person noted; empty = every one begun by then",
        example="8f2c…",
        default="",
    )

    def names(self, absence: str, actor: str) -> bool:
        """Return whether an absence, by its id and who noted it, is among those that end."""
        if self.absence == self.OWN:
            return actor == self.actor
        return self.absence in ("", absence)


HAZARDS = ("earthquake", "fire", "flood", "storm", "blocked", "other")
"""Kinds of a hazard; ``blocked``: access is blocked, as by a strike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteClosed(Event):
    kind: ClassVar[str] = "site.closed"
    label: ClassVar[str] = "Site closed"
    headline: ClassVar[str] = "{site} is closed."
    permission: ClassVar[str] = "event.record.closure"
    family: ClassVar[str] = "sites"
    doc: ClassVar[str] = "The whole site is closed. `happened_at` is the order: the clock's start."

    site: str = event_field("Site", example="casa-1")
    cause: str = event_field(
        "Who or what closes it", example="rule", one_of=("rule", "authority", "hazard", "operator")
    )
    hazard: str = event_field(
        "Kind of the hazard, where that is the cause; empty = not said",
        example="earthquake",
        default="",
        one_of=("", *HAZARDS),
    )
    rule: str = event_field("Id of the rule; empty = no rule", example="MA-COVID-CLOSE", default="")
    authority: str = event_field("Who ordered it", example="Wilaya de Casablanca", default="")
    reference: str = event_field("Number of the order", example="2026/118", default="")
    earliest_reopening: datetime | None = event_field(
        "Not open before, UTC; empty = no least time", example="2026-12-02T08:15:02Z", default=None
    )
    home_only: bool = event_field(
        "The people of the site may work at home only, not on another site", example="true", default=False
    )
    reason: str = event_field("In words, without a person's name", example="Crack in a pillar", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefAimChosen(Event):
    kind: ClassVar[str] = "relief.aim_chosen"
    label: ClassVar[str] = "Aim of the reliefs chosen"
    permission: ClassVar[str] = "relief.order"
    family: ClassVar[str] = "aims"
    about: ClassVar[tuple[str, ...]] = ()
    doc: ClassVar[str] = (
        "What reliefs aim at while something is lost: the fewest moves that hold every client within what is promised,"
        " the best coverage, or the balance of both. Once nothing is lost any more a rule ends the choice."
    )

    aim: str = event_field(
        "What they aim at; empty = as without a choice",
        example="few",
        default="",
        one_of=("few", "balanced", "coverage"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureExtended(Event):
    kind: ClassVar[str] = "closure.extended"
    label: ClassVar[str] = "Closure extended"
    headline: ClassVar[str] = "{site} stays closed for longer."
    permission: ClassVar[str] = "event.record.closure"
    family: ClassVar[str] = "sites"
    doc: ClassVar[str] = "A closure lasts longer, or a second order joins it. Approvals given so far are void."

    site: str = event_field("Site", example="casa-1")
    earliest_reopening: datetime = event_field("Not open before, UTC", example="2026-12-04T08:15:02Z")
    home_only: bool = event_field(
        "The people of the site may work at home only, not on another site", example="true", default=False
    )
    rule: str = event_field("Id of the rule; empty = no rule", example="MA-COVID-CLOSE", default="")
    authority: str = event_field("Who ordered it", example="Wilaya de Casablanca", default="")
    reference: str = event_field("Number of the order", example="2026/121", default="")
    reason: str = event_field("In words, without a person's name", example="Second order", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopeningChecked(Event):
    kind: ClassVar[str] = "reopening.checked"
    label: ClassVar[str] = "Item of the reopening checked"
    headline: ClassVar[str] = "{site}, reopening checklist: {item}"
    permission: ClassVar[str] = "reopening.approve"
    family: ClassVar[str] = "sites"
    doc: ClassVar[str] = "One item of the reopening checklist is done."

    site: str = event_field("Site", example="casa-1")
    item: str = event_field("Item of the checklist", example="disinfected")
    note: str = event_field("In words, without a person's name", example="Certificate 118", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopeningApproved(Event):
    kind: ClassVar[str] = "reopening.approved"
    label: ClassVar[str] = "Reopening approved"
    headline: ClassVar[str] = "{site}: {actor} approves the reopening."
    permission: ClassVar[str] = "reopening.approve"
    family: ClassVar[str] = "sites"
    doc: ClassVar[str] = "One person, the actor, approves the reopening."

    site: str = event_field("Site", example="casa-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteReopened(Event):
    kind: ClassVar[str] = "site.reopened"
    label: ClassVar[str] = "Site reopened"
    headline: ClassVar[str] = "{site} is open again."
    permission: ClassVar[str] = "reopening.approve"
    family: ClassVar[str] = "sites"
    doc: ClassVar[str] = "The site is open again."

    site: str = event_field("Site", example="casa-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown(Event):
    kind: ClassVar[str] = "link.down"
    label: ClassVar[str] = "Link down"
    headline: ClassVar[str] = "The link of {site} is down."
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "outages"
    doc: ClassVar[str] = "The link of a site, or the home lines of a carrier, are down."

    site: str = event_field("Site; empty = a carrier", example="casa-1", default="")
    carrier: str = event_field("Carrier; empty = a site", example="Maroc Telecom", default="")
    expected_until: datetime | None = event_field(
        "Back, as far as known, UTC", example="2026-11-30T14:00:00Z", default=None
    )

    @property
    def subject(self) -> tuple[str, ...]:
        return ("carrier", self.carrier) if self.carrier else ("link", self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp(Event):
    kind: ClassVar[str] = "link.up"
    label: ClassVar[str] = "Link up"
    headline: ClassVar[str] = "The link of {site} is back."
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "outages"
    doc: ClassVar[str] = "The link of a site, or the home lines of a carrier, are back."

    site: str = event_field("Site; empty = a carrier", example="casa-1", default="")
    carrier: str = event_field("Carrier; empty = a site", example="Maroc Telecom", default="")

    @property
    def subject(self) -> tuple[str, ...]:
        return ("carrier", self.carrier) if self.carrier else ("link", self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerDown(Event):
    kind: ClassVar[str] = "power.down"
    label: ClassVar[str] = "Power down"
    headline: ClassVar[str] = "{site} has no power."
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "outages"
    doc: ClassVar[str] = "A site has no power."

    site: str = event_field("Site", example="casa-1")
    expected_until: datetime | None = event_field(
        "Back, as far as known, UTC", example="2026-11-30T14:00:00Z", default=None
    )

    @property
    def subject(self) -> tuple[str, ...]:
        return ("power", self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerUp(Event):
    kind: ClassVar[str] = "power.up"
    label: ClassVar[str] = "Power up"
    headline: ClassVar[str] = "{site} has power again."
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "outages"
    doc: ClassVar[str] = "A site has power again."

    site: str = event_field("Site", example="casa-1")

    @property
    def subject(self) -> tuple[str, ...]:
        return ("power", self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCorrected(Event):
    TRUTHS: ClassVar[tuple[str, ...]] = ("withdrawn", "other_person", "other_result", "other_time")

    kind: ClassVar[str] = "event.corrected"
    label: ClassVar[str] = "Event corrected"
    headline: ClassVar[str] = "{site}: {actor} corrected a record. Why: {reason}"
    permission: ClassVar[str] = "event.correct"
    doc: ClassVar[str] = (
        "An earlier event did not happen as recorded and no longer counts; what did happen is an event of its own."
        " A correction is not corrected. A closure by a rule that then rests on too few cases is lifted at once when"
        " a second person corrects its order."
    )

    corrects: str = event_field("Id of the event that no longer counts", example="8f2c…")
    reason: str = event_field("In words, without a person's name", example="Wrong site", default="")
    truth: str = event_field("What is true", example="other_person", one_of=TRUTHS, default="withdrawn")
    instead: str = event_field(
        "Id of the event that says what is true; empty where what was recorded did not happen",
        example="8f2c…",
        default="",
    )
    site: str = event_field(
        "Site of an event that is not about one agent; set when it is recorded", example="casa-1", default=""
    )
    because: str = event_field(
        "Id of the correction by which the order corrected has lost its ground; set when it is recorded",
        example="8f2c…",
        default="",
    )
