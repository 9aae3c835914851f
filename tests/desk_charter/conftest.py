"""A small operator on a clock that the test moves, and events recorded by the service."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.live import api
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from releve.situation import KINDS
from tests.homes import make_test_home
from tests.situation.rule_chain import START, operator

__all__ = ["Act", "Clock"]

Act = Callable[..., str]


class Clock:
    """The clock of the desk; it moves by a second whenever it is asked."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def act(db: None, settings: Settings, tmp_path: Path, clock: Clock) -> Iterator[Act]:
    """Record an event as of now and return its id."""
    settings.HOME = make_test_home(tmp_path / "home")
    storage.clear_cache()
    apply_changes(preview_changes(operator()), "tests")

    def record(kind: str, *, actor: str = "samira", **values: Any) -> str:
        name, at = uuid.uuid4().hex, api.now(api.LIVE)
        values = {"happened_at": at} | values
        event = KINDS[kind](id=name, recorded_at=at, actor=actor, **values)
        api.record(event, key=name)
        return name

    record("rules.chosen", pack="health-2020", valid_from=START.date())
    yield record
    storage.clear_cache()
