"""A plan of two days and a small operator for the pages that every role is sent to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import override_settings

from releve.files.plan_folder import write_plans
from releve.network import read_operator, sample_operator, write_operator
from releve.network.moments import UTC
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from tests.desk.fixture_plan import week

STAMP = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plans of two days."""
    path = tmp_path_factory.mktemp("access") / "plan"
    write_plans(path, week(2), stamp=STAMP, calendars=False)
    return path


@pytest.fixture
def stocked(db: None, plans: Path) -> Iterator[None]:
    """An installation with a plan to show, and an operator in the registry."""
    storage.clear_cache()
    operator = read_operator(write_operator(sample_operator(60, 2, 1, weeks_of_history=1)))
    apply_changes(preview_changes(operator), "amina", "first import")
    with override_settings(PLAN_FOLDER=plans):
        yield
    storage.clear_cache()


@pytest.fixture
def no_attempts(db: None) -> None:
    """No attempt has been made yet."""
    cache.clear()
