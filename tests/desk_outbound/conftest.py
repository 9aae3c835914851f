"""The calls of the campaign's own tests."""

from __future__ import annotations

from tests.campaign.conftest import _own_home, called

__all__ = ["_own_home", "called"]
