"""A signing key and a home folder for the tests alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.homes import make_test_home
from tests.ledger.witness_server import WitnessServer
from tests.local_server import serve_locally

KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


@pytest.fixture(autouse=True)
def _key_and_home(settings: Settings, tmp_path: Path) -> None:
    settings.LEDGER_KEY = KEY
    settings.HOME = make_test_home(tmp_path)


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(WitnessServer, "seen", {})
    with serve_locally(WitnessServer) as address:
        yield f"http://{address}"
