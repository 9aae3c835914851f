"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.operations import BaseDatabaseOperations
from playwright.sync_api import Browser, sync_playwright

from releve.ledger import guards


@pytest.fixture(scope="session", autouse=True)
def _database_that_can_be_emptied() -> Iterator[None]:
    """Let tests that commit empty the database afterwards, which the ledger's triggers refuse."""
    flush = BaseDatabaseOperations.execute_sql_flush

    def without_triggers(operations: Any, statements: Any) -> None:
        guards.remove(operations.connection)
        try:
            flush(operations, statements)
        finally:
            guards.install(operations.connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", without_triggers)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real data sets; the test is skipped, and says so, where it is absent.

    It is ``data`` in ``RELEVE_SHARED``, or in ``../shared`` beside the checkout.
    """
    checkout = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("RELEVE_SHARED", checkout.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are absent: set RELEVE_SHARED, or put ../shared beside")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip that says what to install."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield running
        running.close()
