"""Who and where: the operator as immutable, validated tables."""

from releve.network.checks import Progress, find_faults, read_operator
from releve.network.clock import UTC, day_bounds, is_known_zone, to_utc, zone
from releve.network.columns import Condition, TableColumn, TableRow, list_columns
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
    find_open_instants,
    is_closed_by_holiday,
    is_holiday,
    list_holiday_names,
    parse_opening,
)
from releve.network.reference import render_tables_markdown
from releve.network.sample import sample_operator
from releve.network.seats import SeatSet, SiteSeats, find_site_seats, find_usable_seats

__all__ = [
    "HOME",
    "TABLES",
    "UTC",
    "Agent",
    "Authorisation",
    "Client",
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
    "Seat",
    "SeatSet",
    "Shift",
    "Shuttle",
    "Site",
    "SiteSeats",
    "Stop",
    "TableColumn",
    "TableRow",
    "Zone",
    "day_bounds",
    "find_faults",
    "find_open_instants",
    "find_site_seats",
    "find_usable_seats",
    "is_closed_by_holiday",
    "is_holiday",
    "is_known_zone",
    "list_columns",
    "list_holiday_names",
    "parse_opening",
    "read_operator",
    "render_tables_markdown",
    "sample_operator",
    "to_utc",
    "write_operator",
    "zone",
]
