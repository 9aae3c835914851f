"""Sample operators, and a registry that holds one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.registry import storage
from releve.registry.models import Version
from releve.registry.service import apply_changes, preview_changes


@pytest.fixture(scope="session")
def small() -> Operator:
    """60 agents on 2 sites, as read from its folder."""
    return read_operator(write_operator(sample_operator(60, 2, 1, weeks_of_history=1)))


@pytest.fixture(scope="session")
def middle() -> Operator:
    """600 agents on 6 sites, with ten weeks of history."""
    return read_operator(write_operator(sample_operator(600, 6, 1)))


@pytest.fixture(autouse=True)
def nothing_in_memory() -> Iterator[None]:
    """Every test reads from the database."""
    storage.clear_cache()
    yield
    storage.clear_cache()


@pytest.fixture
def first(db: None, small: Operator) -> Version:
    """The small operator as version 1."""
    return apply_changes(preview_changes(small), "amina", "first import")
