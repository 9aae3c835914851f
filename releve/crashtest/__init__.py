"""Many simulated quarters of outbreaks, outages and calls against a plan.

``CrashTest(operator, plans, needs, scenario, ...)`` → ``prepare`` → ``run`` → ``result_of``. See
docs/crashtest.md.
"""

from releve.crashtest.errors import CrashTestError, OtherOperator, RoomError
from releve.crashtest.result import (
    CauseResult,
    ClientResult,
    CrashResult,
    OutbreakResult,
    SiteResult,
    result_from_json,
    result_of,
    result_to_json,
)
from releve.crashtest.run import Quarters, Runner, join, run
from releve.crashtest.run_arrays import CrashTest, Prepared, build_run_arrays
from releve.crashtest.settings import Settings

__all__ = [
    "CauseResult",
    "ClientResult",
    "CrashResult",
    "CrashTest",
    "CrashTestError",
    "OtherOperator",
    "OutbreakResult",
    "Prepared",
    "Quarters",
    "RoomError",
    "Runner",
    "Settings",
    "SiteResult",
    "build_run_arrays",
    "join",
    "result_from_json",
    "result_of",
    "result_to_json",
    "run",
]
