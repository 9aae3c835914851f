"""The fixtures of the live pages: a drill, and browsers that look at it."""

from __future__ import annotations

from tests.desk_live.conftest import browsers
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario

__all__ = ["_nothing_in_memory", "_own_home", "browsers", "known_times", "planned", "scenario"]
