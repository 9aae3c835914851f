"""The calls of the campaign's own tests."""

from __future__ import annotations

from tests.campaign.conftest import called
from tests.gate.conftest import _own_home

__all__ = ["_own_home", "called"]
