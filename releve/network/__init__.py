"""Who and where: the operator as immutable, validated tables."""

from releve.network.checks import CheckedFiles, Progress, check_files, find_faults, read_operator
from releve.network.columns import Condition, TableColumn, TableRow, list_columns
from releve.network.duties import BreakWindow, Duty, DutyPeriod
from releve.network.faults import Fault, OperatorFaults
from releve.network.folder_reader import write_operator
from releve.network.model import (
    HOME,
    TABLES,
    Authorisation,
    Client,
    Floor,
    HistoryRow,
    Measure,
    NamedContingency,
    OperatorRow,
    Programme,
    Seat,
    Shuttle,
    Site,
    Stop,
    Zone,
)
from releve.network.moments import UTC, day_bounds, is_known_zone, to_utc, zone
from releve.network.opening_hours import (
    Opening,
    find_open_instants,
    is_closed_by_holiday,
    is_holiday,
    list_holiday_names,
    parse_opening,
)
from releve.network.operator import Operator, SipAddress, is_e164, parse_sip_address
from releve.network.reference import describe_faults, render_tables_markdown
from releve.network.rows import Agent, AgentTeam, BreakRule, Curfew, Depot, Shift, TravelTime, Vehicle, WorkingTimeRow
from releve.network.sample import sample_operator
from releve.network.seats import SeatSet, SiteSeats, find_site_seats, find_usable_seats

__all__ = [
    "HOME",
    "TABLES",
    "UTC",
    "Agent",
    "AgentTeam",
    "Authorisation",
    "BreakRule",
    "BreakWindow",
    "CheckedFiles",
    "Client",
    "Condition",
    "Curfew",
    "Depot",
    "Duty",
    "DutyPeriod",
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
    "WorkingTimeRow",
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
