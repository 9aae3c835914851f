"""Who and where: the operator as immutable, validated tables."""

from releve.network.checks import Progress, find_faults, read_operator
from releve.network.clock import UTC, day_bounds, known_zone, to_utc, zone
from releve.network.columns import Column, Condition, Row, columns_of
from releve.network.faults import Fault, OperatorFaults
from releve.network.folder_writer import write_operator
from releve.network.model import (
    HOME,
    TABLES,
    Agent,
    Authorisation,
    Client,
    Floor,
    HistoryRow,
    Measure,
    NamedContingency,
    Operator,
    OperatorRow,
    Programme,
    Seat,
    Shift,
    Shuttle,
    Site,
    Stop,
    Zone,
)
from releve.network.opening_hours import (
    Opening,
    closes_on,
    holiday_names,
    is_holiday,
    open_at,
    parse_opening,
)
from releve.network.reference import tables_markdown
from releve.network.sample import sample_operator
from releve.network.seats import SeatSet, SiteSeats, usable_seats, usable_seats_of

__all__ = [
    "HOME",
    "TABLES",
    "UTC",
    "Agent",
    "Authorisation",
    "Client",
    "Column",
    "Condition",
    "Fault",
    "Floor",
    "HistoryRow",
    "Measure",
    "NamedContingency",
    "Opening",
    "Operator",
    "OperatorFaults",
    "OperatorRow",
    "Programme",
    "Progress",
    "Row",
    "Seat",
    "SeatSet",
    "Shift",
    "Shuttle",
    "Site",
    "SiteSeats",
    "Stop",
    "Zone",
    "closes_on",
    "columns_of",
    "day_bounds",
    "find_faults",
    "holiday_names",
    "is_holiday",
    "known_zone",
    "open_at",
    "parse_opening",
    "read_operator",
    "sample_operator",
    "tables_markdown",
    "to_utc",
    "usable_seats",
    "usable_seats_of",
    "write_operator",
    "zone",
]
