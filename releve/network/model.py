"""The rows of an operator's tables: agents, places, clients, and what the contracts allow.

Every class is one row of the table of the same name in an operator folder. Times are aware
``datetime`` in UTC in memory; coordinates are WGS 84 degrees; seats are in metres on their floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from releve.errors import BilingualPhrase
from releve.network.columns import TableRow, column
from releve.network.rows import (
    Agent,
    AgentTeam,
    BreakRule,
    Curfew,
    Depot,
    PlannedAbsence,
    Shift,
    TravelTime,
    Vehicle,
    WorkingTimeRow,
)

HOME = "home"
"""The place of an agent who works at home; no site may have this id."""
EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class OperatorRow(TableRow):
    table: ClassVar[str] = "operator"
    doc: ClassVar[str] = "The operator itself: exactly one row."

    name: str = column("Name of the operator", example="Atlas Contact")
    time_zone: str = column(
        "Time zone in which planning days are counted", example="Europe/Paris", default="Europe/Paris"
    )
    distance_m: float = column(
        "Least distance between two occupied seats; 0 = no rule",
        unit="m",
        example="1.5",
        default=0.0,
        at_least=0,
        at_most=20,
    )
    synthetic: bool = column("Made up for trials", example="true", default=False)
    home_sip_address: str = column(
        "Address of the telephony of agents at home: an IP address and a port, and"
        " `;transport=tcp` or `;transport=tls` where it is not UDP; empty = none",
        example="10.20.0.4:5060",
        default="",
    )
    day_starts: str = column(
        "When planning days begin, on a half hour of that time zone. Work that goes on beyond is carried into the"
        " next day, so that the choice moves no coverage; where work runs round the clock, choose the calmest hour",
        example="04:00",
        default="00:00",
    )
    split_gap_hours: float = column(
        "Gap between two periods of an agent from which they are two duties; a shorter one is the gap of a split"
        " shift, worked at one place. Below the daily rest of most codes (9 to 12 h), since a rest that was cut short"
        " still parts two days' work",
        unit="h",
        example="8",
        default=8.0,
        at_least=0,
        at_most=12,
    )


@dataclass(frozen=True, slots=True)
class Site(TableRow):
    table: ClassVar[str] = "sites"
    doc: ClassVar[str] = "A place of work."

    id: str = column("Site id", example="casa-1")
    name: str = column("Name", example="Casablanca Nearshore")
    destination: str = column("Country, ISO 3166 alpha-2", example="MA")
    city: str = column("City", example="Casablanca")
    time_zone: str = column("IANA time zone", example="Africa/Casablanca")
    lat: float = column("Latitude", unit="degrees", example="33.53", at_least=-90, at_most=90)
    lon: float = column("Longitude", unit="degrees", example="-7.65", at_least=-180, at_most=180)
    seats: int | None = column(
        "Number of seats, where they are not given by floor; empty = see floors and seats",
        example="120",
        default=None,
        at_least=0,
        at_most=20000,
    )
    sip_address: str = column(
        "Address of the site's telephony: an IP address and a port, and `;transport=tcp` or"
        " `;transport=tls` where it is not UDP; empty = none",
        example="10.20.1.4:5060",
        default="",
    )
    home_kits: int = column(
        "Kits for work at home (laptop, headset, router) that agents without equipment of their own share",
        example="90",
        default=0,
        at_least=0,
        at_most=20000,
    )


@dataclass(frozen=True, slots=True)
class Floor(TableRow):
    table: ClassVar[str] = "floors"
    doc: ClassVar[str] = "A floor of a site."

    id: str = column("Floor id", example="casa-1-f2")
    site: str = column("Site", example="casa-1", references="sites")
    name: str = column("Name", example=BilingualPhrase("2nd floor", "2e étage"), default="")
    seats: int | None = column(
        "Number of seats, where they are not listed one by one; empty = see seats",
        example="60",
        default=None,
        at_least=0,
        at_most=20000,
    )


@dataclass(frozen=True, slots=True)
class Zone(TableRow):
    table: ClassVar[str] = "zones"
    doc: ClassVar[str] = "An air volume of a floor; the outbreak of a crash test reads its air."

    id: str = column("Zone id", example="casa-1-f2-z1")
    floor: str = column("Floor", example="casa-1-f2", references="floors")
    volume_m3: float | None = column(
        "Air volume; empty = not known", unit="m3", example="720", default=None, more_than=0
    )
    air_changes_per_hour: float | None = column(
        "Air changes by fresh air; empty = not known", unit="1/h", example="3", default=None, at_least=0, at_most=60
    )


@dataclass(frozen=True, slots=True)
class Seat(TableRow):
    table: ClassVar[str] = "seats"
    doc: ClassVar[str] = (
        "A desk; x and y are of the chair, on the floor of its zone, and are needed where a"
        " distance between seats is in force."
    )

    id: str = column("Seat id", example="casa-1-f2-s014")
    zone: str = column("Zone", example="casa-1-f2-z1", references="zones")
    x_m: float | None = column(
        "Across; empty = not known", unit="m", example="4.8", default=None, at_least=-1000, at_most=1000
    )
    y_m: float | None = column(
        "Along; empty = not known", unit="m", example="3.2", default=None, at_least=-1000, at_most=1000
    )


@dataclass(frozen=True, slots=True)
class Client(TableRow):
    table: ClassVar[str] = "clients"
    doc: ClassVar[str] = "Who orders the service (donneur d'ordre)."

    id: str = column("Client id", example="azur")
    name: str = column("Name", example="Azur Assurances")


@dataclass(frozen=True, slots=True)
class Programme(TableRow):
    table: ClassVar[str] = "programmes"
    doc: ClassVar[str] = "One queue or campaign of one client."

    id: str = column("Programme id", example="azur-sinistres")
    client: str = column("Client", example="azur", references="clients")
    name: str = column("Name", example="Sinistres auto")
    kind: str = column("Kind of work", example="inbound", one_of=("inbound", "outbound", "back_office"))
    opening: str = column(
        "Opening hours: day ranges and times in the programme's time zone, `;` between ranges",
        example="Mon-Fri 08:00-20:00; Sat 09:00-18:00",
    )
    aht_s: float = column(
        "Average handling time where the history has none", unit="s", example="320", more_than=0, at_most=36000
    )
    languages: tuple[str, ...] = column("Languages, ISO 639-1", example="fr|en", default=("fr",))
    time_zone: str = column("Time zone of the opening hours", example="Europe/Paris", default="Europe/Paris")
    holidays: str = column(
        "Country whose public holidays close the programme; empty = open on holidays", example="FR", default=""
    )
    open_holidays: tuple[str, ...] = column(
        "Public holidays on which it is open all the same, as their calendar names them; of the"
        " others the history says which were open",
        example="Lundi de Pentecôte",
        default=(),
    )
    service_target: float = column(
        "Service level to hold", unit="share", example="0.8", default=0.8, more_than=0, at_most=0.999
    )
    service_threshold_s: float = column(
        "Within how long", unit="s", example="20", default=20.0, at_least=0, at_most=86400
    )
    service_definition: str = column(
        "What is divided by what: of the offered = served within T / offered; of the answered = served within"
        " T / answered; without short abandons = served within T / (offered - abandoned within T);"
        " short abandons count as served = (served + abandoned within T) / offered",
        example="offered",
        default="offered",
        one_of=("offered", "answered", "without_short", "with_short"),
    )
    answer_rate: float = column(
        "Least share of offered calls that are answered",
        unit="share",
        example="0.95",
        default=0.9,
        at_least=0,
        at_most=0.9999,
    )
    patience_s: float | None = column(
        "Mean patience of callers; empty = unknown (no caller is assumed to hang up)",
        unit="s",
        example="120",
        default=None,
        more_than=0,
        at_most=86400,
    )
    max_occupancy: float = column(
        "Highest share of time an agent may be on calls",
        unit="share",
        example="0.88",
        default=0.9,
        more_than=0,
        at_most=1,
    )
    shrinkage: float = column(
        "Share of rostered time not available, beside what the table of absences names (short pauses, illness of the"
        " day, meetings not known ahead)",
        unit="share",
        example="0.12",
        default=0.1,
        at_least=0,
        at_most=0.9,
    )
    place: str = column(
        "Where the work may be done",
        example="home_allowed",
        default="home_allowed",
        one_of=("site_only", "home_allowed"),
    )
    allowed_destinations: tuple[str, ...] = column(
        "Countries the contract allows; empty = all", example="MA|TN", default=()
    )
    penalty_per_missed_call: float = column(
        "Contract penalty for a call not answered", unit="EUR", example="4.5", default=1.0, at_least=0, at_most=100000
    )
    max_site_share: float = column(
        "Largest share of the client's agents that one site may hold (the strictest of the client's programmes counts)",
        unit="share",
        example="0.65",
        default=1.0,
        more_than=0,
        at_most=1,
    )
    home_efficiency: float = column(
        "Work done at home for the same time, against on site",
        unit="ratio",
        example="0.95",
        default=1.0,
        more_than=0,
        at_most=1.5,
    )
    home_efficiency_low: float | None = column(
        "Where it was measured: lower end of its 95 % interval; empty = assumed, not measured",
        unit="ratio",
        example="0.91",
        default=None,
        more_than=0,
        at_most=3,
    )
    home_efficiency_high: float | None = column(
        "Upper end of that interval; empty = assumed, not measured",
        unit="ratio",
        example="0.98",
        default=None,
        more_than=0,
        at_most=3,
    )
    home_efficiency_design: str = column(
        "How it is known: assumed, compared with people on site, or by a rota drawn by lot",
        example="compared",
        default="assumed",
        one_of=("assumed", "compared", "randomised"),
    )
    deadline_hours: float = column(
        "Back office only: within how many opening hours an item is done",
        unit="h",
        example="24",
        default=24.0,
        more_than=0,
        at_most=1000,
    )
    numbers: tuple[str, ...] = column(
        "Telephone numbers, E.164: those that callers dial, or of an outbound programme the only"
        " ones it may show; empty = none",
        example="+33162000001|+33162000002",
        default=(),
    )
    trunk: str = column(
        "Address of the carrier's trunk, from which its calls come or by which they go: an IP"
        " address and a port, and `;transport=tcp` or `;transport=tls` where it is not UDP;"
        " empty = none",
        example="198.51.100.7:5060",
        default="",
    )
    campaigns: tuple[str, ...] = column(
        "Campaigns of the gate that an outbound programme dials for; empty = one that has its id",
        example="spring|autumn",
        default=(),
    )


@dataclass(frozen=True, slots=True)
class Stop(TableRow):
    table: ClassVar[str] = "stops"
    doc: ClassVar[str] = "A shuttle stop."

    id: str = column("Stop id", example="casa-maarif")
    name: str = column("Name", example="Maârif")
    lat: float = column("Latitude", unit="degrees", example="33.58", at_least=-90, at_most=90)
    lon: float = column("Longitude", unit="degrees", example="-7.63", at_least=-180, at_most=180)


@dataclass(frozen=True, slots=True)
class Shuttle(TableRow):
    table: ClassVar[str] = "shuttles"
    doc: ClassVar[str] = "A stop served from a site: agents of the stop can be brought there."

    stop: str = column("Stop", example="casa-maarif", references="stops")
    site: str = column("Site", example="casa-1", references="sites")
    ride_minutes: float = column("Ride", unit="min", example="35", more_than=0, at_most=240)


@dataclass(frozen=True, slots=True)
class HistoryRow(TableRow):
    table: ClassVar[str] = "history"
    doc: ClassVar[str] = (
        "What happened per programme and interval (30 minutes or a divisor of it). A time without"
        " offset is in the time zone of the programme."
    )

    programme: str = column("Programme", example="azur-sinistres", references="programmes")
    start: datetime = column("Start of the interval", example="2026-10-05T08:00")
    offered: float = column("Calls offered (or items received)", example="42", at_least=0)
    answered: float | None = column("Calls answered; empty = not known", example="40", default=None, at_least=0)
    aht_s: float | None = column(
        "Average handling time of the answered; empty = not known",
        unit="s",
        example="311",
        default=None,
        more_than=0,
        at_most=36000,
    )


@dataclass(frozen=True, slots=True)
class Uplift(TableRow):
    table: ClassVar[str] = "uplifts"
    doc: ClassVar[str] = (
        "Calls that the history cannot know: a campaign, a mailing, a closed branch. The forecast of the days is"
        " raised or lowered by the share; several on a day multiply."
    )

    id: str = column("Correction id", example="azur-spring-1")
    programme: str = column("Programme", example="azur-sinistres", references="programmes")
    valid_from: date = column("First day, in the programme's time zone", example="2026-12-01")
    valid_to: date = column("Last day", example="2026-12-05")
    change: float = column(
        "Change of the calls: 0.2 = a fifth more, -0.1 = a tenth less",
        unit="share",
        example="0.2",
        at_least=-1,
        at_most=9,
    )
    reason: str = column("Why", example="Campagne de printemps")


@dataclass(frozen=True, slots=True)
class Authorisation(TableRow):
    table: ClassVar[str] = "authorisations"
    doc: ClassVar[str] = (
        "A dated permit. Where a folder holds a permit for any site, a site without one valid on"
        " the day is not planned."
    )

    id: str = column("Authorisation id", example="wilaya-2026-118")
    kind: str = column("Of what", example="site", one_of=("site", "vehicle", "agent"))
    subject: str = column("Id of the site, vehicle or agent", example="casa-1")
    valid_from: date = column("First day", example="2026-11-01")
    valid_to: date = column("Last day", example="2026-12-31")


@dataclass(frozen=True, slots=True)
class Measure(TableRow):
    table: ClassVar[str] = "measures"
    doc: ClassVar[str] = "A measure in force at a site that changes what it can hold."

    id: str = column("Measure id", example="casa-1-distance")
    site: str = column("Site", example="casa-1", references="sites")
    kind: str = column(
        "distance_m = least distance between occupied seats; max_people = people on site at once",
        example="distance_m",
        one_of=("distance_m", "max_people"),
    )
    value: float = column("Value, in the unit of the kind", example="2", at_least=0)
    valid_from: date = column("First day", example="2026-11-01")
    valid_to: date = column("Last day", example="2026-12-31")


@dataclass(frozen=True, slots=True)
class NamedContingency(TableRow):
    table: ClassVar[str] = "contingencies"
    doc: ClassVar[str] = "A set of places that may be lost together, beside each site, destination and carrier."

    id: str = column("Contingency id", example="casa-power")
    name: str = column("Name", example="Power cut at Casablanca Nearshore")
    sites: tuple[str, ...] = column("Sites lost", example="casa-1|casa-2", default=(), references="sites")
    carriers: tuple[str, ...] = column("Carriers of home lines lost", example="Maroc Telecom", default=())


TABLES: tuple[type[TableRow], ...] = (
    OperatorRow,
    Site,
    Floor,
    Zone,
    Seat,
    Client,
    Programme,
    Stop,
    Shuttle,
    Depot,
    Vehicle,
    TravelTime,
    Curfew,
    Agent,
    AgentTeam,
    Shift,
    BreakRule,
    PlannedAbsence,
    HistoryRow,
    Uplift,
    Authorisation,
    Measure,
    NamedContingency,
    WorkingTimeRow,
)
"""Every table of an operator folder, a table after those it refers to; agents and teams refer to
each other."""
