"""A signing key and a home folder for the tests alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.homes import make_test_home
from tests.ledger.witness_server import WitnessServer

KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


@pytest.fixture(autouse=True)
def _key_and_home(settings: Settings, tmp_path: Path) -> None:
    settings.LEDGER_KEY = KEY
    settings.HOME = make_test_home(tmp_path)


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(WitnessServer, "seen", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), WitnessServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
