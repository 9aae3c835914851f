"""Working time: rows of the law, of house policy and of the operator; what work breaks of them."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.network.worktime.judgement import Breach, WorkRecord
    from releve.network.worktime.own_rows import build_rules
    from releve.network.worktime.roster_check import RosterBreach, RowFinding, WorkingTime
    from releve.network.worktime.rows import PARAMETERS, WorkPeriod, WorkRow, WorkRowError, WorkRules, load_shipped_rows
else:
    __getattr__ = build_lazy_face(__name__)
