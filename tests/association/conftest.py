"""An association of seven in the database, its clerk reached without a network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.plugins.sector.association import exchange, membership
from tests.association.sector_of_seven import FIGURES, OWN, SEATS, SectorOfSeven
from tests.homes import make_test_home


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, tmp_path: Path, clearings_at_once: None) -> None:
    settings.HOME = make_test_home(tmp_path)
    settings.CLERK_OF = "sp2c"


@pytest.fixture(autouse=True)
def _known_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "count_figures", lambda day, stated: dict(FIGURES))
    monkeypatch.setattr(membership, "count_seats_by_destination", lambda: dict(SEATS))


@pytest.fixture
def sector(db: None, settings: Settings) -> SectorOfSeven:
    found = SectorOfSeven.begin()
    settings.CLERK_TOKEN = found.secrets[OWN]
    return found


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    return lambda at: monkeypatch.setattr(timezone, "now", lambda: at)


@pytest.fixture
def sent_bytes(monkeypatch: pytest.MonkeyPatch, client: Client) -> list[httpx.Request]:
    """Answer requests to the clerk by its own views; return every request that went out."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        found = client.generic(
            request.method, request.url.raw_path.decode(), request.content,
            content_type=request.headers.get("Content-Type", ""),
            headers={"Authorization": request.headers["Authorization"]},
        )  # fmt: skip
        return httpx.Response(found.status_code, content=found.content)

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(exchange, "open_client", lambda: httpx.Client(transport=transport))
    return sent
