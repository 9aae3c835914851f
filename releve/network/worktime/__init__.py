"""Working time: rows of the law, of house policy and of the operator; what work breaks of them."""

from releve.network.worktime.judgement import Breach, WorkRecord
from releve.network.worktime.own_rows import build_rules
from releve.network.worktime.roster_check import RosterBreach, RowFinding, WorkingTime
from releve.network.worktime.rows import PARAMETERS, WorkPeriod, WorkRow, WorkRowError, WorkRules, load_shipped_rows

__all__ = [
    "PARAMETERS",
    "Breach",
    "RosterBreach",
    "RowFinding",
    "WorkPeriod",
    "WorkRecord",
    "WorkRow",
    "WorkRowError",
    "WorkRules",
    "WorkingTime",
    "build_rules",
    "load_shipped_rows",
]
