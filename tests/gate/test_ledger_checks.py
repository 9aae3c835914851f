"""The key and the ledger of a gate: it answers by no other key, and behind no root."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db import OperationalError, transaction

from releve.cli.main import main
from releve.ledger import rollback
from releve.ledger.chain import append_all
from releve.ledger.guards import LedgerBehind
from releve.ledger.models import KeyCheck, Restoration
from releve.ledger.rollback import roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import Withdrawal
from releve.plugins.outbound.gate import decider as deciders
from releve.plugins.outbound.gate import journal, pseudonyms, wal_checkpoints
from releve.plugins.outbound.gate.connections import GateConnection, ensure_gate_key, open_connection
from releve.plugins.outbound.gate.decider import Decider
from releve.plugins.outbound.gate.decision import PendingQuestion, explain_refusal
from releve.plugins.outbound.gate.errors import DatabaseUnavailable, KeyFault
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.journal import check_ledger
from releve.plugins.outbound.gate.models import AttemptRow, PersonRow
from releve.plugins.outbound.gate.request_feeds import record_reading
from releve.plugins.outbound.gate.server import application
from tests.gate.sample_campaign import CLIENT, GateDatabase, brief, question, read_feeds, record_people
from tests.gate.sync_decisions import answer_group, build_decider
from tests.homes import make_test_home
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


OTHER = "6" * 64
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def use(key: str) -> None:
    """Go on as another process would, with this key in the environment; empty = with the file."""
    settings.GATE_KEY = key
    pseudonyms.forget_key()


def ask_gate(ground: GateDatabase, call: str = "c1") -> str:
    decider = build_decider(lambda: ground.rules, ground.store)
    try:
        (reply,) = answer_group(decider, PendingQuestion(question(0, call), time.monotonic() + 5))
    finally:
        decider.close()
    return brief(reply)


def test_a_key_that_cannot_be_written_is_a_fault_of_the_key(tmp_path: Path) -> None:
    (home := tmp_path / "taken").write_text("a file in place of the folder")
    settings.HOME = home
    with pytest.raises(KeyFault, match=r"gate\.key cannot be made: "):
        pseudonyms.make_key()


def lost(home: Path) -> None:
    (home / "gate.key").unlink()
    pseudonyms.forget_key()


def test_a_gate_without_the_key_of_its_database_refuses_every_call(ground: GateDatabase) -> None:
    right = settings.GATE_KEY
    assert ask_gate(ground, "c0").startswith("200 allow")
    for wrong in (OTHER, ""):
        use(wrong)
        assert ask_gate(ground) == "503 refuse GATE-KEY"
        assert not (settings.HOME / "gate.key").exists(), "none is made beside the rows"
    use("short")
    assert ask_gate(ground) == "503 refuse GATE-KEY"
    use(right)
    assert ask_gate(ground, "c2").startswith("200 allow")


def test_a_key_that_is_put_back_is_taken_without_a_new_process(ground: GateDatabase) -> None:
    right = settings.GATE_KEY
    use("")
    (settings.HOME / "gate.key").write_text(OTHER)
    assert ask_gate(ground) == "503 refuse GATE-KEY"
    (settings.HOME / "gate.key").write_text(right)
    assert ask_gate(ground, "c2").startswith("200 allow")


def test_a_database_without_a_check_value_allows_nothing(ground: GateDatabase) -> None:
    KeyCheck.objects.all().delete()
    ground.ready()
    assert ask_gate(ground) == "503 refuse GATE-KEY"


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["", OTHER])
def test_nothing_is_loaded_or_forgotten_under_another_key(wrong: str) -> None:
    record_people(range(2))
    before = PersonRow.objects.count()
    use(wrong)
    with pytest.raises(KeyFault, match=r"restore gate\.key from its copy"):
        record_people(range(2))
    with pytest.raises(KeyFault, match="or set RELEVE_GATE_KEY"):
        load_facts([Withdrawal(CLIENT, "P1", NOW, NOW)], source="x", by="tests")
    assert PersonRow.objects.count() == before
    result = CliRunner().invoke(main, ["outbound", "forget", "P1"])
    assert result.exit_code == 1
    assert "restore gate.key" in result.output
    result = CliRunner().invoke(main, ["outbound", "serve"])
    assert result.exit_code == 1
    assert "restore gate.key" in result.output
    assert not (settings.HOME / "gate.key").exists()


@pytest.mark.django_db
def test_a_restored_database_takes_its_key_back_and_no_new_one() -> None:
    use("")
    record_people(range(1))
    kept = (settings.HOME / "gate.key").read_text()
    lost(settings.HOME)
    with pytest.raises(KeyFault, match="is missing"):
        ensure_gate_key()
    (settings.HOME / "gate.key").write_text(secrets.token_hex(32))
    pseudonyms.forget_key()
    with pytest.raises(KeyFault, match="is not the one that the database was written with"):
        ensure_gate_key()
    (settings.HOME / "gate.key").write_text(kept)
    ensure_gate_key()


@pytest.mark.django_db
def test_a_second_host_makes_no_key_of_its_own(tmp_path: Path) -> None:
    use("")
    record_people(range(1))
    settings.HOME = make_test_home(tmp_path / "second")
    pseudonyms.forget_key()
    with pytest.raises(KeyFault, match="from the first host"):
        ensure_gate_key()
    assert not (tmp_path / "second" / "gate.key").exists()


@pytest.mark.django_db
def test_rows_from_before_there_were_check_values_take_the_key_they_fit() -> None:
    record_people(range(1))
    KeyCheck.objects.all().delete()
    right = settings.GATE_KEY
    for wrong in ("", OTHER):
        use(wrong)
        with pytest.raises(KeyFault):
            ensure_gate_key()
        assert not KeyCheck.objects.exists()
    use(right)
    ensure_gate_key()
    assert KeyCheck.objects.get().name == "gate"


@pytest.mark.django_db
def test_the_check_value_tells_nothing_of_the_key_and_no_row_is_made_twice() -> None:
    ensure_gate_key()
    ensure_gate_key()
    (row,) = KeyCheck.objects.all()
    assert len(row.value) == 32
    assert row.value not in settings.GATE_KEY
    assert not AttemptRow.objects.exists()


def test_after_a_restore_every_call_is_refused_until_all_registers_are_read(ground: GateDatabase) -> None:
    assert ask_gate(ground, "c0").startswith("200 allow"), "the registers were read"
    Restoration.objects.create(seq=1, at=read_clock())
    ground.ready()
    assert ask_gate(ground) == "503 refuse GATE-RESTORED"
    record_reading(("attempts", "consents", "refusals"), by="tests")
    ground.ready()
    assert ask_gate(ground) == "503 refuse GATE-RESTORED", "withdrawals were not"
    read_feeds()
    ground.ready()
    assert ask_gate(ground).startswith("200 allow")


def test_a_database_behind_its_ledger_has_a_refusal_of_its_own(ground: GateDatabase) -> None:
    def open_behind(_: float) -> GateConnection:
        raise LedgerBehind("the database is behind its ledger")

    decider = build_decider(lambda: ground.rules, open_behind)
    (reply,) = answer_group(decider, PendingQuestion(question(0, "c0"), time.monotonic() + 5))
    assert brief(reply) == "503 refuse GATE-BEHIND"
    says = explain_refusal(reply)["reasons"][0]["says"]
    assert says["en"].startswith("The database is behind its signed roots")
