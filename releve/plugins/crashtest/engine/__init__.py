"""Many simulated quarters of outbreaks, outages and calls against a plan; see docs/crashtest.md.

``CrashTest(operator, plans, needs, scenario, ...)`` → ``build_run_arrays`` → ``run`` →
``build_result``.
"""

from releve.plugins.crashtest.engine.result import (
    CauseResult,
    ClientResult,
    CrashResult,
    OutbreakResult,
    SiteResult,
    build_result,
    result_from_json,
    result_to_json,
)
from releve.plugins.crashtest.engine.run import Quarters, Runner, join_quarters, run
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays, build_run_arrays
from releve.plugins.crashtest.engine.settings import CrashTestError, OtherOperator, RoomError, Settings

__all__ = [
    "CauseResult",
    "ClientResult",
    "CrashResult",
    "CrashTest",
    "CrashTestError",
    "OtherOperator",
    "OutbreakResult",
    "Quarters",
    "RoomError",
    "RunArrays",
    "Runner",
    "Settings",
    "SiteResult",
    "build_result",
    "build_run_arrays",
    "join_quarters",
    "result_from_json",
    "result_to_json",
    "run",
]
