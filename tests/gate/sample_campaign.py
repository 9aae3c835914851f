"""A campaign without calling hours, and a database on which a test opens gates."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from click.testing import CliRunner, Result
from django.db import connection

from releve.cli.main import main
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import ITEMS, Consent, Mandate, Person, Watermark
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.rule_files import built_in_texts, load_rules
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.connections import GateConnection, PostgreSQLConnection, SQLiteConnection
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.fact_reader import CampaignTerms
from releve.plugins.outbound.gate.protocol import Question, Reply

CLIENT, CAMPAIGN, CALLER = "CLIENT-A", "spring", "+33162000001"
PROVIDER = "us"
AT_ANY_HOUR = "jurisdiction: FR\nrows:\n- {closes: FR-HOURS-1, from: 2024-01-01}\n"
"""Tests run at night too; the hours have tests of their own."""


def open_rules() -> LegalRules:
    """The law without its hours."""
    return load_rules({**built_in_texts(), "open.yaml": AT_ANY_HOUR})


def phone(person: int) -> str:
    """The number of the nth person."""
    return f"+331445{person:05}"


def question(person: int, call: str, cseq: int = 1, **more: Any) -> Question:
    """A question about the nth person."""
    return Question(**{"to": phone(person), "camp": CAMPAIGN, "ci": call, "cs": cseq, "cli": CALLER, **more})


def build_consent(person: int, at: datetime, **more: Any) -> Consent:
    """A consent of the nth person with all that it needs."""
    fields = {"id": f"C{person}", "client": CLIENT, "person": f"P{person}", "collected_at": at,
            "known_at": at, "objects": frozenset({"electricity"}), "items": frozenset(ITEMS),
            "proof": "a" * 64, "act": "ticked-box", **more}  # fmt: skip
    return Consent(**fields)


def campaign_terms(client: str = CLIENT, site: str = "CASA") -> CampaignTerms:
    """An open-ended campaign for electricity, dialled by hand."""
    return CampaignTerms(client, "electricity", "manual", "prospecting", "", None, False, None,
                         None, PROVIDER, site, "energy-supply")  # fmt: skip


def record_people(people: Iterable[int]) -> None:
    """Record the campaign, its caller number, and people who consented a day ago."""
    now = read_clock()
    record_campaign(CAMPAIGN, campaign_terms(), by="tests")
    facts: list[Any] = [Mandate("M1", CLIENT, CALLER, now.date() - timedelta(900), None, now)]
    for person in people:
        facts.append(Person(f"P{person}", phone(person), now))
        facts.append(build_consent(person, now - timedelta(days=1)))
    load_facts(facts, source="tests", by="tests")
    read_feeds()


def read_feeds() -> None:
    """Note that every register was read just now."""
    now = read_clock()
    marks = [Watermark(feed, now, now) for feed in ("attempts", "consents", "refusals", "withdrawals")]
    load_facts(marks, source="feeds", by="tests")


@dataclass
class GateDatabase:
    """A database that several gates can use: a copy of the test's on SQLite, the same elsewhere."""

    folder: Path
    rules: LegalRules = field(default_factory=open_rules)

    @property
    def file(self) -> Path:
        return self.folder / "gate.sqlite3"

    def ready(self) -> None:
        """Let the gates see what the test recorded."""
        if connection.vendor == "sqlite":
            with sqlite3.connect(self.file) as copy:
                connection.connection.backup(copy)
                copy.execute("PRAGMA journal_mode = WAL")
            copy.close()

    def store(self, seconds: float = 5.0) -> GateConnection:
        if connection.vendor == "sqlite":
            return SQLiteConnection(self.file, seconds)
        return PostgreSQLConnection(self.parameters(), seconds)

    def rows(self, statement: str) -> Sequence[Any]:
        """Return what stands in the database now."""
        if connection.vendor == "sqlite":
            with sqlite3.connect(self.file) as reader:
                found = reader.execute(statement).fetchall()
            reader.close()
            return found
        with psycopg.connect(**self.parameters()) as server:
            return server.execute(statement).fetchall()

    def parameters(self) -> dict[str, Any]:
        chosen = connection.settings_dict
        return {"dbname": chosen["NAME"], "user": chosen["USER"], "host": chosen["HOST"]}


def brief(reply: Reply) -> str:
    """The first word of a reply, and why."""
    return f"{reply.status} {reply.text.split()[0]} {reply.reasons}".strip()


def run(*words: str, code: int = 0) -> Result:
    """Run ``releve outbound``."""
    found = CliRunner().invoke(main, ["outbound", *words])
    assert found.exit_code == code, found.output
    return found
