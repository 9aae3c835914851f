"""The operator, plan and drill of the live chain's tests, and browsers of people with a role."""

from __future__ import annotations

from tests.desk.access.conftest import plans, stocked
from tests.live.conftest import _nothing_in_memory, _own_home, drill, known_times, planned, scenario

__all__ = ["_nothing_in_memory", "_own_home", "drill", "known_times", "planned", "plans", "scenario", "stocked"]
