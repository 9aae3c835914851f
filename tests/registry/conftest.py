"""Sample operators, and a registry that holds one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings

from releve.desk.access.guard import COOKIE
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.registry import storage
from releve.registry.models import Version
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes


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


@pytest.fixture
def web() -> Iterator[Client]:
    """A browser at an open desk, as a planner; it asks for French."""
    with override_settings(OPEN_DESK=True, OPEN_DESK_ACTS=True):
        client = Client(headers={"accept-language": "fr"})
        client.cookies[COOKIE] = "planner:"
        yield client


def read_current() -> Operator:
    """Return the operator in force."""
    found = get_current_version()
    assert found is not None
    return load_operator(found)
