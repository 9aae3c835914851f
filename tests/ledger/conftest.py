"""A signing key and a home folder for the tests alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


@pytest.fixture(autouse=True)
def _key_and_home(settings: Settings, tmp_path: Path) -> None:
    settings.LEDGER_KEY = KEY
    settings.HOME = tmp_path
