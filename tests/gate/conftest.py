"""An installation of its own for each test: its home, and so its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    settings.GATE_KEY = "5" * 64
