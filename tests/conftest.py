"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
