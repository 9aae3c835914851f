"""Calls that the gate decided, some refused, and a consent then taken back aloud."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from releve.plugins.outbound.engine.facts import Withdrawal
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.fact_import import load_facts
from tests.gate.conftest import _own_home
from tests.gate.sample_campaign import AT_ANY_HOUR, CLIENT, question, record_people
from tests.gate.sync_decisions import DjangoStore, decide

__all__ = ["_own_home"]


@pytest.fixture
def called(db: None) -> list[str]:
    """Ten calls to three people and one to an unknown one; the first refuses further calls."""
    law = settings.HOME / "law"
    law.mkdir(exist_ok=True)
    (law / "open.yaml").write_text(AT_ANY_HOUR, encoding="utf-8")
    record_people(range(3))
    store, rules = DjangoStore(), load_current_rules()
    asked = [question(n % 2 + n // 9, f"call-{n}", agent="a-7") for n in range(10)]
    asked.append(question(77, "call-10"))
    answers = [decide(store, one, rules, time.monotonic() + 5).text for one in asked]
    now = timezone.now() + timedelta(milliseconds=1)
    load_facts([Withdrawal(CLIENT, "P0", now, now, "", "spoken")], source="agent", by="agent")
    return answers
