"""The rows of the people: agents, their teams and their roster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from releve.network.columns import TableRow, column

__all__ = ["Agent", "AgentTeam", "Shift"]


@dataclass(frozen=True, slots=True)
class Agent(TableRow):
    table: ClassVar[str] = "agents"
    doc: ClassVar[str] = "A contact-centre worker, under a pseudonym."

    id: str = column("Pseudonym id", example="a00042")
    home_site: str = column("Site the agent belongs to", example="casa-1", references="sites")
    skills: tuple[str, ...] = column(
        "Programmes the agent can work on, the main one first",
        example="azur-sinistres|azur-accueil",
        references="programmes",
    )
    home_ready: bool = column(
        "Has line, equipment, room and consent to work at home", example="true", default=False
    )
    line_type: str = column(
        "Line at home",
        example="fibre",
        default="none",
        one_of=("none", "adsl", "fibre", "4g", "5g", "cable", "satellite"),
    )
    line_mbps: float = column(
        "Measured rate of the line",
        unit="Mbit/s",
        example="38",
        default=0.0,
        at_least=0,
        at_most=10000,
    )
    carrier: str = column("Carrier of the line at home", example="Maroc Telecom", default="")
    stop: str = column(
        "Shuttle stop; empty = none", example="casa-maarif", default="", references="stops"
    )
    own_transport: bool = column("Comes by own transport", example="false", default=False)
    contract_hours: float = column(
        "Weekly hours", unit="h", example="40", default=40.0, more_than=0, at_most=60
    )
    max_ride: float | None = column(
        "Longest ride in a vehicle; empty = that of every agent",
        unit="min",
        example="40",
        default=None,
        more_than=0,
        at_most=240,
    )
    team: str = column("Team; empty = none", example="casa-1-t03", default="", references="teams")
    home_days_min: int = column(
        "Least days at home in a whole week, by the contract",
        unit="days",
        example="1",
        default=0,
        at_least=0,
        at_most=7,
    )
    home_days_max: int | None = column(
        "Most days at home in a week, by the contract; empty = no limit",
        unit="days",
        example="3",
        default=None,
        at_least=0,
        at_most=7,
    )
    home_wish: tuple[str, ...] = column(
        "Weekdays that the agent would like to work at home", example="Mon|Fri", default=()
    )


@dataclass(frozen=True, slots=True)
class AgentTeam(TableRow):
    table: ClassVar[str] = "teams"
    doc: ClassVar[str] = (
        "A team of agents of one site and its supervisor, and how often it meets there."
    )

    id: str = column("Team id", example="casa-1-t03")
    site: str = column("Site where it meets", example="casa-1", references="sites")
    supervisor: str = column("Agent who leads it", example="a00042", references="agents")
    meets_per_fortnight: int = column(
        "Days on which it meets on its site, in two weeks",
        unit="days",
        example="2",
        default=2,
        at_least=0,
        at_most=10,
    )
    quorum: float = column(
        "Least share of the members at work who are on the site when it meets",
        unit="share",
        example="0.8",
        default=0.8,
        more_than=0,
        at_most=1,
    )

    def count_meetings(self, weeks: int) -> int:
        """Return the whole meetings that are due in a number of weeks."""
        return self.meets_per_fortnight * weeks // 2


@dataclass(frozen=True, slots=True)
class Shift(TableRow):
    table: ClassVar[str] = "shifts"
    doc: ClassVar[str] = (
        "The roster. A time without offset is in the time zone of the agent's home site; with an"
        " offset it is taken as it stands. Kept in UTC."
    )

    agent: str = column("Agent", example="a00042", references="agents")
    start: datetime = column("Start", example="2026-11-30T08:00")
    end: datetime = column("End", example="2026-11-30T16:30")
    break_minutes: float = column(
        "Meal break inside the shift",
        unit="min",
        example="30",
        default=30.0,
        at_least=0,
        at_most=180,
    )
