"""Who and where: the operator as immutable, validated tables."""

from releve.network.checks import CheckedFiles, Progress, check_files, find_faults, read_operator
from releve.network.clock import UTC, day_bounds, is_known_zone, to_utc, zone
from releve.network.columns import Condition, TableColumn, TableRow, list_columns
from releve.network.fault_text import describe_faults
from releve.network.faults import Fault, OperatorFaults
from releve.network.folder_writer import write_operator
from releve.network.model import (
    HOME,
    TABLES,
    Agent,
    AgentTeam,
    Authorisation,
    Client,
    Curfew,
    Depot,
    Floor,
    HistoryRow,
    Measure,
    NamedContingency,
    OperatorRow,
    Programme,
    Seat,
    Shift,
    Shuttle,
    Site,
    Stop,
    TravelTime,
    Vehicle,
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
from releve.network.operator import Operator
from releve.network.reference import render_tables_markdown
from releve.network.sample import sample_operator
from releve.network.seats import SeatSet, SiteSeats, find_site_seats, find_usable_seats
from releve.network.telephony import SipAddress, is_e164, parse_sip_address

__all__ = [
    "HOME",
    "TABLES",
    "UTC",
    "Agent",
    "AgentTeam",
    "Authorisation",
    "CheckedFiles",
    "Client",
    "Condition",
    "Curfew",
    "Depot",
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
    "SipAddress",
    "Site",
    "SiteSeats",
    "Stop",
    "TableColumn",
    "TableRow",
    "TravelTime",
    "Vehicle",
    "Zone",
    "check_files",
    "day_bounds",
    "describe_faults",
    "find_faults",
    "find_open_instants",
    "find_site_seats",
    "find_usable_seats",
    "is_closed_by_holiday",
    "is_e164",
    "is_holiday",
    "is_known_zone",
    "list_columns",
    "list_holiday_names",
    "parse_opening",
    "parse_sip_address",
    "read_operator",
    "render_tables_markdown",
    "sample_operator",
    "to_utc",
    "write_operator",
    "zone",
]
