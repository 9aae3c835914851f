"""The rows of agents, teams, roster and transport.

Transport is optional. Where ``vehicles`` holds a row, agents with a shuttle stop and no transport
of their own come to a site by these vehicles, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from releve.network.columns import TableRow, column


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
    home_ready: bool = column("Has line, equipment, room and consent to work at home", example="true", default=False)
    line_type: str = column(
        "Line at home",
        example="fibre",
        default="none",
        one_of=("none", "adsl", "fibre", "4g", "5g", "cable", "satellite"),
    )
    line_mbps: float = column(
        "Measured rate of the line", unit="Mbit/s", example="38", default=0.0, at_least=0, at_most=10000
    )
    carrier: str = column("Carrier of the line at home", example="Maroc Telecom", default="")
    stop: str = column("Shuttle stop; empty = none", example="casa-maarif", default="", references="stops")
    own_transport: bool = column("Comes by own transport", example="false", default=False)
    contract_hours: float = column("Weekly hours", unit="h", example="40", default=40.0, more_than=0, at_most=60)
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
    home_kit: bool = column(
        "Not home-ready alone, but with a kit of the home site's pool (sites.home_kits)", example="false", default=False
    )


@dataclass(frozen=True, slots=True)
class AgentTeam(TableRow):
    table: ClassVar[str] = "teams"
    doc: ClassVar[str] = "A team of agents of one site and its supervisor, and how often it meets there."

    id: str = column("Team id", example="casa-1-t03")
    site: str = column("Site where it meets", example="casa-1", references="sites")
    supervisor: str = column("Agent who leads it", example="a00042", references="agents")
    meets_per_fortnight: int = column(
        "Days on which it meets on its site, in two weeks", unit="days", example="2", default=2, at_least=0, at_most=10
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
        "Meal break inside the shift", unit="min", example="30", default=30.0, at_least=0, at_most=180
    )


@dataclass(frozen=True, slots=True)
class BreakRule(TableRow):
    table: ClassVar[str] = "breaks"
    doc: ClassVar[str] = (
        "Breaks beside the meal break of the roster: coffee, prayer, screen rest, the meal of Ramadan. Each row gives"
        " one break to the shifts it fits in, chosen on the half hour by the plan, in the order of the rows. A row of 0"
        " minutes gives none, and says when the roster's own break may be. Read where there is a roster."
    )

    id: str = column("Break id", example="coffee")
    minutes: float = column(
        "Length; 0 = the roster's own break, kept to the times of this row",
        unit="min",
        example="15",
        default=0.0,
        at_least=0,
        at_most=120,
    )
    site: str = column("Home site of the agents; empty = all", example="casa-1", default="", references="sites")
    min_hours: float = column(
        "Shifts of at least so many hours", unit="h", example="6", default=0.0, at_least=0, at_most=16
    )
    earliest_hours: float = column(
        "Not before so many hours of the shift", unit="h", example="1.5", default=0.0, at_least=0, at_most=16
    )
    latest_hours: float = column(
        "Over after so many hours of the shift", unit="h", example="5", default=16.0, at_least=0, at_most=16
    )
    from_time: str = column(
        "Not before this time, in the time zone of the home site; empty = any", example="18:00", default=""
    )
    to_time: str = column("Over at this time, the next day where that is earlier", example="19:30", default="")
    apart_minutes: float = column(
        "Work between this break and any other", unit="min", example="60", default=60.0, at_least=0, at_most=480
    )
    valid_from: date | None = column("First day of shifts; empty = always", example="2027-02-08", default=None)
    valid_to: date | None = column(
        "Last day of shifts; empty = until further notice", example="2027-03-09", default=None
    )


@dataclass(frozen=True, slots=True)
class PlannedAbsence(TableRow):
    table: ClassVar[str] = "absences"
    doc: ClassVar[str] = (
        "Times known ahead in which an agent is not available for calls: leave, training, coaching, a meeting. They"
        " need not meet a shift. The agent is placed, seated and counted for what a shift leaves. Times are read as"
        " those of the roster. Sickness is health data and is not stored as such: it is read as `absent`."
    )

    agent: str = column("Agent", example="a00042", references="agents")
    start: datetime = column("Not available from", example="2026-12-07T00:00")
    end: datetime = column("Available again from", example="2026-12-12T00:00")
    kind: str = column(
        "What the agent does; `absent` where the reason is not to be stored",
        example="leave",
        default="absent",
        one_of=("absent", "leave", "training", "coaching", "meeting"),
    )


@dataclass(frozen=True, slots=True)
class Depot(TableRow):
    table: ClassVar[str] = "depots"
    doc: ClassVar[str] = "Where vehicles start from and return to, and the sites that they serve."

    id: str = column("Depot id", example="casa-depot")
    lat: float = column("Latitude", unit="degrees", example="33.57", at_least=-90, at_most=90)
    lon: float = column("Longitude", unit="degrees", example="-7.60", at_least=-180, at_most=180)
    sites: tuple[str, ...] = column("Sites that its vehicles serve", example="casa-1|casa-2", references="sites")


@dataclass(frozen=True, slots=True)
class Vehicle(TableRow):
    table: ClassVar[str] = "vehicles"
    doc: ClassVar[str] = (
        "A vehicle that brings agents to sites and back. Where the table has a row, agents with a"
        " shuttle stop and no own transport work on a site only if a vehicle carries them."
    )

    id: str = column("Vehicle id", example="casa-bus-01")
    depot: str = column("Depot", example="casa-depot", references="depots")
    seats: int = column("Seats for riders", example="16", at_least=1, at_most=100)
    fill_cap: float | None = column(
        "Largest share of the seats that may be taken; empty = that of the transport rule in force",
        unit="share",
        example="0.5",
        default=None,
        more_than=0,
        at_most=1,
    )
    hours: str = column(
        "When it may run, in the time zone of the depot's first site: day ranges and times, `;` between ranges",
        example="Mon-Sat 05:00-23:00",
        default="Mon-Sun 00:00-24:00",
    )
    cost_per_run: float = column("Cost of each run", unit="EUR", example="12", default=0.0, at_least=0, at_most=10000)
    cost_per_km: float = column("Cost of a kilometre", unit="EUR", example="0.6", default=0.0, at_least=0, at_most=1000)
    cost_per_hour: float = column(
        "Cost of an hour of running", unit="EUR", example="9", default=0.0, at_least=0, at_most=1000
    )


@dataclass(frozen=True, slots=True)
class TravelTime(TableRow):
    table: ClassVar[str] = "travel"
    doc: ClassVar[str] = (
        "How long a vehicle takes from one place to another at a time of day. A pair that is not"
        " given is taken in the other direction, then estimated from the distance and marked so."
    )

    origin: str = column("From: id of a stop, a site or a depot", example="casa-maarif")
    target: str = column("To: id of a stop, a site or a depot", example="casa-1")
    minutes: float = column("Drive", unit="min", example="18", more_than=0, at_most=600)
    km: float | None = column(
        "Road distance; empty = estimated", unit="km", example="7.2", default=None, at_least=0, at_most=500
    )
    from_hour: int = column("From this hour of the day on", unit="h", example="6", default=0, at_least=0, at_most=23)
    to_hour: int = column("Until this hour of the day", unit="h", example="10", default=24, at_least=1, at_most=24)
    source: str = column(
        "Where the time comes from",
        example="measured",
        default="measured",
        one_of=("measured", "provider", "estimated"),
    )


@dataclass(frozen=True, slots=True)
class Curfew(TableRow):
    table: ClassVar[str] = "curfews"
    doc: ClassVar[str] = "A curfew around a site: a run inside it needs a permit for the vehicle and for each rider."

    id: str = column("Curfew id", example="casa-night")
    site: str = column("Site", example="casa-1", references="sites")
    from_time: str = column("Begins each day at, in the time zone of the site", example="21:00")
    to_time: str = column("Ends at, the next day where that is earlier", example="05:00")
    valid_from: date = column("First day", example="2026-11-01")
    valid_to: date = column("Last day", example="2026-12-31")


@dataclass(frozen=True, slots=True)
class WorkingTimeRow(TableRow):
    table: ClassVar[str] = "working_time"
    doc: ClassVar[str] = (
        "The operator's own rows of working time, of an agreement or of its policy. They tighten the rows of the law"
        " and take the place of those of house policy (`releve worktime rows`)."
    )

    id: str = column("Id of the row", example="casa-week")
    parameter: str = column(
        "What it limits",
        example="week_hours",
        one_of=(
            "day_hours",
            "week_hours",
            "contract_share",
            "day_span",
            "daily_rest",
            "weekly_rest",
            "free_days",
            "days_week",
            "days_row",
            "night_hours",
            "break_minutes",
            "notice_days",
        ),
    )
    value: float = column("The limit, in the unit of what it limits", example="42", at_least=0, at_most=1000)
    source: str = column("Where it is from", example="IDCC 2098, art. 30")
    country: str = column(
        "Country of the sites where it holds, ISO 3166 alpha-2; empty = all", example="MA", default=""
    )
    valid_from: date | None = column("First day; empty = always", example="2026-06-01", default=None)
    valid_to: date | None = column("Last day; empty = until further notice", example="2027-05-31", default=None)
    strength: str = column(
        "forbid = no plan breaks it; cost = it is paid for; warn = it is to be looked at",
        example="forbid",
        default="forbid",
        one_of=("forbid", "cost", "warn"),
    )
    rolling: bool = column("A week is any seven days in a row, not Monday to Sunday", example="false", default=False)
    window: str = column("Of night_hours: the hours of the night", example="22:00-05:00", default="")
    after_hours: float = column(
        "Of break_minutes: once so many hours are worked", unit="h", example="6", default=0.0, at_least=0, at_most=24
    )
