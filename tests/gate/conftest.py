"""A separate installation for each test: its home folder and its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.gate.sample_campaign import GateDatabase, record_people
from tests.homes import make_test_home


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, tmp_path: Path) -> None:
    settings.HOME = make_test_home(tmp_path)
    settings.GATE_KEY = "5" * 64


@pytest.fixture
def ground(transactional_db: None, tmp_path: Path) -> GateDatabase:
    """A campaign with ten people, on a database that gates can be opened on."""
    record_people(range(10))
    found = GateDatabase(tmp_path)
    found.ready()
    return found
