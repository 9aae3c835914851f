"""A small operator on a clock that the test moves, and its plan of draws."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from tests.homes import make_test_home
from tests.inspection.draw_story import Clock, Draws
from tests.situation.rule_chain import operator


@pytest.fixture
def draws(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draws:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    settings.LEDGER_KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    settings.HOME = make_test_home(tmp_path / "home")
    storage.clear_cache()
    apply_changes(preview_changes(operator()), "tests")
    (tmp_path / "roots").mkdir()
    return Draws(tmp_path, clock)
