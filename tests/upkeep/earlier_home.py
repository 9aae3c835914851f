"""Installations as later versions find them, and the figures of their pages.

    python -m tests.upkeep.earlier_home make          fill the new home of RELEVE_HOME, made by make_test_home
    python -m tests.upkeep.earlier_home look FILE     write what PAGES say at END into a file, as JSON

What is made is synthetic: a plan in force, a site closed by two positive tests, power cuts, reliefs, three roots,
an evidence pack, and a campaign with consents, a refusal and decisions of the gate. ``tests/upkeep/homes`` stores
such homes as ``NAME-DATABASE.tar.xz``: the home without letters and drills, ``database.sql`` where PostgreSQL holds
it, and ``figures.json``, what the pages of the program that made it said.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django
from django.utils import timezone

DAY = date(2026, 11, 26)
END = datetime(2026, 11, 26, 12, tzinfo=UTC)
PAGES = (
    "now", "relief", "clients", "clients/{client}", "statements/{client}", "sites", "sites/casa-1", "sites/tunis-1",
    "week", "registry/", "registry/tables/agents", "transport/", "packs/", "ledger/60", "outbound/",
)  # fmt: skip


@contextmanager
def run_clock(at: datetime) -> Iterator[None]:
    """Within, the program's clock runs from an instant."""
    began = time.monotonic()
    with patch.object(timezone, "now", lambda: at + timedelta(seconds=time.monotonic() - began)):
        yield


def make() -> None:
    """Fill the home: each act is done by the program's own means, an hour and a half before END and after it."""
    from releve.cli.database import keep_secret, open_new_database

    open_new_database()
    keep_secret()
    from releve.ledger.keys import public_key
    from releve.ledger.rollback import roots_folder
    from releve.ledger.roots import publish_root
    from releve.ledger.seal import seal_ledger
    from releve.live.worker import run_until_idle
    from releve.network import sample_operator
    from releve.plan import PlanSettings, list_contingencies, plan_day
    from releve.plan.week import require_day
    from tests.live.scenario import Scenario

    def seal() -> None:
        publish_root(seal_ledger(timezone.now()), roots_folder())

    public_key()  # made by `releve init`
    operator = sample_operator(60, 3, 2, start=DAY, weeks_of_history=4)
    lost = [row for row in list_contingencies(operator) if row.kind == "site"]
    days = (DAY, DAY + timedelta(days=1))
    plans = [plan_day(operator, require_day(operator, day), PlanSettings(), contingencies=lost) for day in days]
    with run_clock(END - timedelta(minutes=140)):
        scene = Scenario.begin(operator, plans)
        scene.stream = "live"
        run_until_idle()
        scene.two_positives("casa-1")
        run_until_idle()
        scene.power("casa-2")
        run_until_idle()
        seal()
        scene.power("casa-2", up=True)
        run_until_idle()
        seal()
    with run_clock(END + timedelta(hours=2)):
        command(
            "evidence",
            "pack",
            "inspection",
            "--for",
            "casa-1",
            "--from",
            f"{DAY}",
            "--to",
            f"{DAY}",
            "--seal",
            "--out",
            f"{os.environ['RELEVE_HOME']}-pack.pdf",
        )
        scene.power("tunis-1")
        run_until_idle()
    call()  # by the time of the database, which the gate compares with the program's
    seal()


def command(*words: str) -> None:
    from click.testing import CliRunner

    from releve.cli.main import main

    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, done.output


def call() -> None:
    """Record a campaign and people, one of whom refuses afterwards, and ask the gate about each."""
    from releve.plugins.outbound.gate.connections import open_connection
    from releve.plugins.outbound.gate.decision import PendingQuestion
    from releve.plugins.outbound.gate.person_requests import PhoneRequest, record_request
    from tests.gate.sample_campaign import brief, open_rules, question, record_people
    from tests.gate.sync_decisions import build_decider

    record_people(range(3))
    record_request(PhoneRequest("k1", question(2, "x").to, "stop"), by="tests")
    decider = build_decider(open_rules, open_connection)
    until = time.monotonic() + 10
    asked = [PendingQuestion(question(person, f"call-{person}"), until) for person in range(3)]
    assert [brief(reply)[:3] for reply in asyncio.run(decider.answer(asked))] == ["200", "200", "403"]
    decider.close()


def look() -> None:
    """Write status and content of each page, as a reader finds it at END who may read all."""
    os.environ |= {"RELEVE_OPEN": "1"}
    django.setup()
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    with patch.object(timezone, "now", lambda: END):
        (client, *_) = Client().get("/clients?format=json").json()["clients"]
        answers = {page: Client().get(f"/{page.format(**client)}?format=json") for page in PAGES}
        found: dict[str, Any] = {page: [row.status_code, row.json()] for page, row in answers.items()}
    Path(sys.argv[2]).write_text(json.dumps(found, sort_keys=True, indent=0, default=str), encoding="utf-8")


if __name__ == "__main__":
    {"make": make, "look": look}[sys.argv[1]]()
