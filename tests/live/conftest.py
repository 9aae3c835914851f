"""An operator of three sites with a plan of three days in force, and a drill on its first day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.kernels.arrays import Floats
from releve.live import api as live
from releve.live import clock, effect_queue, event_service, plans, relief_solver, routes, situation_cache
from releve.live.models import Stream
from releve.network import Operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan
from releve.registry import storage
from tests.homes import make_test_home
from tests.live.scenario import Scenario, three_days


@pytest.fixture(scope="session")
def planned() -> tuple[Operator, tuple[Plan, ...]]:
    """The operator, and its plans against the loss of each site."""
    return three_days()


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HOME = make_test_home(tmp_path)
    own = ("RELEVE_ROUTING", "RELEVE_ROUTING_FILE", "RELEVE_ESCALATE_MINUTES", "RELEVE_REPLIES")
    for name in (*own, "RELEVE_NO_ANSWER_ABSENT_HOURS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> Iterator[None]:
    for clear in (storage.clear_cache, situation_cache.clear_cache, relief_solver.clear_cache):
        clear()
    yield
    for clear in (storage.clear_cache, situation_cache.clear_cache, relief_solver.clear_cache):
        clear()


@pytest.fixture
def known_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the programmes' handling times; a forecast of them takes a second per test."""

    def times(operator: Operator, listed: Sequence[Plan]) -> list[Floats]:
        row = [programme.aht_s for programme in operator.programmes]
        return [plan.required * 0 + row for plan in listed]

    monkeypatch.setattr(plans, "compute_handling_times", times)


@pytest.fixture
def before_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock a week before the first planned day: the live stream has no routes yet.

    Ask for it before ``scenario``; without it a test fails once the real day is that near.
    """
    start = datetime.combine(FIRST_DAY - timedelta(days=7), time(9), UTC)
    shift, real = start - timezone.now(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + shift)


@pytest.fixture
def scenario(db: None, known_times: None, planned: tuple[Operator, tuple[Plan, ...]]) -> Scenario:
    """The operator in the registry, its plan in force, a drill at 10:40 of the first day."""
    return Scenario.begin(*planned)


@pytest.fixture
def drill(scenario: Scenario) -> Stream:
    return Stream.objects.get(name=scenario.stream)


@pytest.fixture
def living(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The live stream, at 10:40 of the first planned day."""
    ahead = Stream.objects.get(name=scenario.stream).offset
    live.stop_drill(scenario.stream, by="tests")
    real = clock.real_now
    monkeypatch.setattr(clock, "real_now", lambda: real() + ahead)
    for module in (effect_queue, plans, event_service, routes):
        monkeypatch.setattr(module, "real_now", clock.real_now)
    return Scenario(scenario.operator, scenario.plans, live.LIVE)
