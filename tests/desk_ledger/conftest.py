"""A ledger of a few entries: a case, a check, a closure, one whose person was erased."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from releve.ledger.chain import append
from releve.ledger.erasure import erase_subject
from releve.ledger.roots import sign_root
from tests.homes import make_test_home

AT = datetime(2026, 11, 30, 8, 12, tzinfo=UTC)
EVENT = {"happened_at": "2026-11-30T08:12:00Z", "recorded_at": "2026-11-30T08:12:00Z"}


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, tmp_path: Path) -> None:
    settings.HOME = make_test_home(tmp_path)


@pytest.fixture
def filled(db: None) -> None:
    """Five entries: four sealed (the last of them an erasure), one since."""
    with transaction.atomic():
        _case("a00041", "casa-1")
        _case("a00042", "casa-1")
        check = EVENT | {"id": "e3", "actor": "lina", "site": "rabat-1", "symptomatic": 17}
        append("check.done", check, recorded_at=AT)
    erase_subject("a00041", now=AT)
    sign_root(AT)
    with transaction.atomic():
        body = EVENT | {"id": "e4", "actor": "<script>alert(1)</script>", "site": "casa-1"}
        append("site.closed", body, recorded_at=AT)
        append("drill.started", {"title": "Crue", "by": "amina"}, recorded_at=AT, stream="drill:7")


def _case(agent: str, site: str) -> None:
    body = EVENT | {"id": f"e-{agent[-1]}", "actor": "samira", "site": site, "agent": agent}
    append("case.declared", body, recorded_at=AT, personal={"agent": agent}, subject=agent, erase_on=date(2027, 2, 1))
