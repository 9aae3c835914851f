"""``releve ledger``: what it prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from django.db import transaction

from releve.cli import main
from releve.ledger import verify
from releve.ledger.chain import append, append_all
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot, sign_root
from releve.live.models import Contact
from tests.ledger.sample_entries import at, draft_case, draft_closure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

Ledger = Callable[..., Result]


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Run a command on the database of the tests."""
    monkeypatch.setattr("releve.cli.ledger.open_database", lambda **_how: None)
    return lambda *arguments: CliRunner().invoke(main, ["ledger", *map(str, arguments)])


@pytest.fixture
def sealed() -> SignedRoot:
    with transaction.atomic():
        append_all([draft_case(1), draft_case(2), draft_closure(3)])
    return sign_root(at(5))


def test_sealing_writes_the_root_and_says_where(ledger: Ledger, tmp_path: Path) -> None:
    with transaction.atomic():
        append_all([draft_closure(1)])
    done = ledger("seal")
    path = tmp_path / "roots" / "root-000001.json"
    assert (done.exit_code, done.stdout) == (
        0,
        f"root 1 over 2 entries: {path}\ncheckpoint: {path.with_name('checkpoint-000001.txt')}\n",
    )
    found = verify.check_file(path, verify.Keys([public_key()]), [], "en")
    assert found == ([], "root 1 over 2 entries is signed", 0)
    assert ledger("seal", "--out", tmp_path / "other").exit_code == 0
    assert (tmp_path / "other" / "root-000001.json").read_bytes() == path.read_bytes()


def test_an_empty_ledger_is_said_to_be(ledger: Ledger) -> None:
    for arguments, message in (
        (["seal"], "the ledger is empty: there is nothing to seal"),
        (["prove", 1], "there is no root yet: `releve ledger seal` makes one"),
        (["growth", 1], "there is no root 1"),
    ):
        done = ledger(*arguments)
        assert (done.exit_code, done.stderr) == (1, f"Error: {message}\n")


def test_the_key_alone_is_printed(ledger: Ledger) -> None:
    assert ledger("key").stdout == public_key() + "\n"


def test_an_export_comes_with_its_verifier_and_how_to_run_it(
    ledger: Ledger, sealed: SignedRoot, tmp_path: Path
) -> None:
    out, script = tmp_path / "ledger.jsonl", tmp_path / "verify.py"
    done = ledger("export", out, "--verifier", script)
    assert done.stdout.splitlines() == [
        f"{out}: personal values not shown",
        f"python {script} {out} --key {public_key()}",
    ]
    assert script.read_bytes() == Path(verify.__file__).read_bytes()
    assert verify.check_file(out, verify.Keys([public_key()]), [], "en")[0] == []
    assert "agent-1" not in out.read_text(encoding="utf-8")
    assert ledger("export", out, "--values").stdout == f"{out}: personal values shown\n"
    assert "agent-1" in out.read_text(encoding="utf-8")


def test_the_ledger_is_verified_in_place_beside_a_root_from_outside(
    ledger: Ledger, sealed: SignedRoot, tmp_path: Path
) -> None:
    path = tmp_path / sealed.file_name
    path.write_text(sealed.text, encoding="utf-8")
    done = ledger("verify", "--root", path)
    assert done.exit_code == 0
    assert done.stdout.startswith("VERIFIED 3 entries in one unbroken chain, 1 roots\n")
    assert "personal values: 2 shown, 0 not" in done.stdout
    path.write_text(sealed.text.replace('"size":3', '"size":4'), encoding="utf-8")
    done = ledger("verify", "--root", path)
    assert done.exit_code == 2
    assert "the signature of root 1 is wrong" in done.stderr


def test_a_fault_of_the_database_is_named(ledger: Ledger, sealed: SignedRoot) -> None:
    from django.db import connection

    from releve.ledger import guards

    guards.remove_triggers(connection)
    try:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE ledger_entry SET kind = 'site.opened' WHERE seq = 2")
    finally:
        guards.install_triggers(connection)
    done = ledger("verify")
    assert done.exit_code == 1
    assert "entry 2: its content or its hash was changed" in done.stdout


def test_an_entry_is_proved_on_standard_output_or_in_a_file(ledger: Ledger, sealed: SignedRoot, tmp_path: Path) -> None:
    done = ledger("prove", 2, "--show", "agent")
    assert json.loads(done.stdout)["values"][0]["value"] == "agent-2"
    out = tmp_path / "proof.json"
    assert ledger("prove", 2, "--root", 1, "--out", out).stdout == f"{out}\n"
    faults, summary, _ = verify.check_file(out, verify.Keys([public_key()]), [], "en")
    assert faults == []
    assert summary.startswith("entry 2 is under root 1")
    assert "entry 4 is not under root 1" in ledger("prove", 4).stderr


def test_a_proof_of_what_tells_of_health_in_clear_takes_a_yes(ledger: Ledger) -> None:
    with transaction.atomic():
        append("tests.done", {"site": "casa-1", "positive": 3}, recorded_at=at(1))
    sign_root(at(2))
    refused = ledger("prove", 1)
    assert refused.exit_code == 1
    assert "--health" in refused.stderr
    assert json.loads(ledger("prove", 1, "--health").stdout)["entry"]["body"]["positive"] == 3


def test_growth_is_proved_up_to_the_last_root(ledger: Ledger, sealed: SignedRoot, tmp_path: Path) -> None:
    with transaction.atomic():
        append_all([draft_closure(4)])
    sign_root(at(6))
    out = tmp_path / "growth.json"
    assert ledger("growth", 1, "--out", out).exit_code == 0
    assert verify.check_file(out, verify.Keys([public_key()]), [], "en")[0] == []
    assert "root 2 covers more entries than root 1" in ledger("growth", 2, 1).stderr


def test_what_is_due_is_erased_and_a_person_on_request(
    ledger: Ledger, sealed: SignedRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=lambda _zone: at(10))
    monkeypatch.setattr("releve.cli.ledger.datetime", clock)
    assert ledger("erase").stdout == "0 rows, values and files erased\n"
    assert ledger("erase", "--subject", "agent-1").stdout == "1 rows, values and files erased\n"
    assert LedgerEntry.objects.count() == 4
    assert ledger("verify").exit_code == 0
    assert "is empty" in ledger("erase", "--subject", "").stderr
    assert ledger("erase", "--subject", "agent-1").stderr == ""


def test_what_is_held_outside_the_ledger_of_a_person_is_named(ledger: Ledger) -> None:
    Contact.objects.create(role="agent", who="agent-1", rank=1, channel="mail", address="a@example.org", language="fr")
    done = ledger("erase", "--subject", "agent-1")
    assert done.stdout == "0 rows, values and files erased\n"
    assert "outside the ledger: live; an administrator" in done.stderr
