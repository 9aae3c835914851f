"""Who and where: the operator as immutable, validated tables."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.network.checks import CheckedFiles, Progress, check_files, find_faults, read_operator
    from releve.network.columns import Condition, TableColumn, TableRow, list_columns
    from releve.network.duties import BreakWindow, Duty, DutyPeriod
    from releve.network.fault_causes import describe_faults
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
        Uplift,
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
    from releve.network.reference import render_tables_markdown
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
    from releve.network.sample import sample_operator
    from releve.network.seats import SeatSet, SiteSeats, find_site_seats, find_usable_seats
else:
    __getattr__ = build_lazy_face(__name__)
