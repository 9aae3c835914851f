"""A plan folder of two days, and a client of the desk that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client, override_settings

from releve.files.plan_folder import write_plans
from releve.network.moments import UTC
from releve.plan.result import Plan
from tests.desk.fixture_plan import synthetic_plan, week

SetFolder = Callable[[Path, Sequence[Plan]], Client]
STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def plan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days, without calendars."""
    path = tmp_path_factory.mktemp("desk") / "plan"
    write_plans(path, week(2), stamp=STAMP, calendars=False)
    return path


@pytest.fixture
def web(plan_folder: Path) -> Iterator[Client]:
    """A browser at an open desk that shows the two days; it asks for French."""
    with override_settings(PLAN_FOLDER=plan_folder, OPEN_DESK=True, OPEN_DESK_ACTS=True):
        yield Client(headers={"accept-language": "fr"})


@pytest.fixture(scope="session")
def plan() -> Plan:
    return synthetic_plan()


@pytest.fixture
def shown_from() -> Iterator[SetFolder]:
    """A function that writes plans under a folder and returns a client of a desk showing them."""
    with ExitStack() as stack:

        def show(folder: Path, plans: Sequence[Plan]) -> Client:
            write_plans(folder / "plan", plans, stamp=STAMP, calendars=False)
            stack.enter_context(override_settings(PLAN_FOLDER=folder / "plan", OPEN_DESK=True, OPEN_DESK_ACTS=True))
            return Client(headers={"accept-language": "fr"})

        yield show
