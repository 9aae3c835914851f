"""A gate goes on asking whether its database is behind its ledger, and waits for no answer long."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, transaction

from releve.ledger import rollback
from releve.ledger.chain import append_all
from releve.ledger.guards import LedgerBehind
from releve.ledger.rollback import roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.plugins.outbound.gate import decider as deciders
from releve.plugins.outbound.gate import journal, wal_checkpoints
from releve.plugins.outbound.gate.asgi import application
from releve.plugins.outbound.gate.connections import GateConnection, open_connection
from releve.plugins.outbound.gate.decider import Decider
from releve.plugins.outbound.gate.decision import PendingQuestion
from releve.plugins.outbound.gate.errors import DatabaseUnavailable
from releve.plugins.outbound.gate.journal import check_ledger
from tests.gate.sample_campaign import GateDatabase, brief, question
from tests.gate.sync_decisions import answer_group, build_decider
from tests.ledger.sample_entries import at, draft_closure

pytestmark = pytest.mark.database


class LedgerCheck:
    """What the ledger is found to be: complete, or the error that says what else."""

    def __init__(self, found: Exception | None = None, seconds: float = 0.0) -> None:
        self.found, self.seconds, self.asked = found, seconds, 0

    def __call__(self) -> None:
        self.asked += 1
        time.sleep(self.seconds)
        if self.found is not None:
            raise self.found


def ask(decider: Decider, call: str) -> str:
    (reply,) = answer_group(decider, PendingQuestion(question(0, call), time.monotonic() + 5))
    return brief(reply)


def test_a_gate_that_is_connected_refuses_once_its_database_is_behind(
    ground: GateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = LedgerCheck()
    decider = build_decider(lambda: ground.rules, ground.store, check=check)
    assert ask(decider, "c0").startswith("200 allow")
    check.found = LedgerBehind("the database was rolled back")
    assert ask(decider, "c1").startswith("200 allow"), "asked once in some seconds only"
    monkeypatch.setattr(deciders, "TRUSTED_SECONDS", 0.0)
    assert [ask(decider, call) for call in ("c2", "c3")] == ["503 refuse GATE-BEHIND"] * 2
    check.found = None
    assert ask(decider, "c4").startswith("200 allow")
    decider.close()


def test_a_ledger_found_complete_is_not_read_for_every_question(ground: GateDatabase) -> None:
    check = LedgerCheck()
    decider = build_decider(lambda: ground.rules, ground.store, check=check)
    for n in range(3):
        ask(decider, f"c{n}")
    assert check.asked == 1
    decider.close()


def test_a_ledger_that_is_not_read_in_time_refuses(ground: GateDatabase) -> None:
    check = LedgerCheck(seconds=1.0)
    decider = build_decider(lambda: ground.rules, ground.store, 0.1, check=check)
    begun = time.monotonic()
    assert ask(decider, "c0") == "503 refuse GATE-DATABASE"
    assert time.monotonic() - begun < 0.9
    decider.close()


def test_a_database_that_cannot_be_reached_is_named_before_its_ledger_is_read(ground: GateDatabase) -> None:
    def open_nothing(_: float) -> GateConnection:
        raise DatabaseUnavailable("no server")

    check = LedgerCheck()
    decider = build_decider(lambda: ground.rules, open_nothing, check=check)
    assert ask(decider, "c0") == "503 refuse GATE-DATABASE"
    assert check.asked == 0, "its connection has no time limit"


def test_an_error_of_the_database_is_not_one_of_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(journal, "require_complete", fail)
    with pytest.raises(DatabaseUnavailable, match="connection refused"):
        check_ledger()


@pytest.fixture
def _forgotten() -> Iterator[None]:
    rollback.forget()
    yield
    rollback.forget()


@pytest.mark.usefixtures("_forgotten", "transactional_db")
def test_a_database_rolled_back_behind_a_root_in_the_home_is_behind() -> None:
    with transaction.atomic():
        append_all([draft_closure(1)])
        publish_root(sign_root(at(1)), roots_folder())
    check_ledger()
    with transaction.atomic():
        append_all([draft_closure(2)])
        publish_root(sign_root(at(2)), roots_folder())
        transaction.set_rollback(True)
    rollback.forget()
    with pytest.raises(LedgerBehind, match="is root 2 over 2 entries"):
        check_ledger()


def test_the_gate_that_is_served_checks_its_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal_checkpoints, "start_checkpoints", lambda path: None)
    found = application()._deciders._all
    assert [one._check for one in found] == [check_ledger] * len(found)
    assert [one._opened for one in found] == [open_connection] * len(found)
