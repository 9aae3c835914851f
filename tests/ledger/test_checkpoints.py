"""Standard forms: verified by openssl; a witness cosigns growth and refuses a rewrite."""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from pytest_django.fixtures import Settings

from releve.cli import main
from releve.ledger.chain import append_all
from releve.ledger.guards import ProofError
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import (
    SignedRoot,
    build_checkpoint,
    build_tlog_proof,
    format_verifier_key,
    read_origin,
    sign_root,
    verify_note_line,
)
from releve.ledger.verify import is_included
from releve.ledger.witnesses import WitnessAlarm, ask_known_witnesses, ask_witness, list_cosignatures, list_witnesses
from releve.upkeep.doctor_data import check_ledger
from releve.upkeep.findings import Examination
from tests.ledger.sample_entries import at, draft_case, draft_closure
from tests.ledger.witness_server import KEY, WitnessServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def grow(count: int, day: int) -> SignedRoot:
    with transaction.atomic():
        append_all([draft_case(n) for n in range(1, count)] + [draft_closure(count)])
    return sign_root(at(day))


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr("releve.cli.ledger.open_database", lambda **_how: None)
    return lambda *arguments: CliRunner().invoke(main, ["ledger", *map(str, arguments)])


def test_a_checkpoint_is_verified_by_openssl(settings: Settings, tmp_path: Path) -> None:
    settings.LEDGER_ORIGIN = "desk.example/ledger"
    note = build_checkpoint(grow(7, 5))
    text, line = note[: note.index("\n\n") + 1], note.splitlines()[-1]
    name, _, encoded = format_verifier_key().split("+", 2)
    assert name == "desk.example/ledger"
    assert verify_note_line(text, line, format_verifier_key())
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    (tmp_path / "key.pem").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signature").write_bytes(base64.b64decode(line.split(" ")[2])[4:])
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem"]
    command += ["-sigfile", "signature", "-in", "text"]
    for said, status in ((text, 0), (text.replace("\n7\n", "\n8\n"), 1)):
        (tmp_path / "text").write_text(said, encoding="utf-8")
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == status
    assert not verify_note_line(text + "x\n", line, format_verifier_key())
    assert not verify_note_line(text, line, KEY)
    assert not verify_note_line(text, "— nothing", format_verifier_key())
    assert not verify_note_line(text, line, "no key")


def test_a_tlog_proof_leads_from_the_entry_to_the_checkpoint() -> None:
    root = grow(11, 5)
    for seq in (1, 7, 11):
        head, _, note = build_tlog_proof(seq, root).partition("\n\n")
        form, index, *path = head.split("\n")
        assert (form, index) == ("c2sp.org/tlog-proof@v1", f"index {seq - 1}")
        tree = base64.b64decode(note.split("\n")[2]).hex()
        entry = LedgerEntry.objects.get(seq=seq).hash
        assert is_included(entry, seq, 11, [base64.b64decode(p).hex() for p in path], tree)
    with pytest.raises(ProofError, match="entry 12 is not under root 1"):
        build_tlog_proof(12, root)


def test_the_origin_is_the_ledgers_own_and_never_a_text_that_the_key_signs(settings: Settings) -> None:
    grow(2, 5)
    assert read_origin().startswith("releve.invalid/")
    for wrong in ("desk example", "a+b", "releve ledger root 1"):
        settings.LEDGER_ORIGIN = wrong
        with pytest.raises(ProofError, match="RELEVE_LEDGER_ORIGIN"):
            read_origin()


def test_a_witness_cosigns_growth_and_refuses_a_rewritten_history(
    witness: str, ledger: Callable[..., Result], tmp_path: Path
) -> None:
    first = grow(5, 5)
    done = ledger("witness", witness, "--key", KEY)
    assert done.exit_code == 0, done.output
    second = grow(8, 6)
    ask_known_witnesses(second)
    (known,) = list_witnesses()
    assert (known.size, known.root) == (13, 2)
    shown = ledger("checkpoint").output
    assert shown == build_checkpoint(second) + list_cosignatures(second)
    assert verify_note_line(shown[: shown.index("\n\n") + 1], shown.splitlines()[-1], KEY)
    assert list_cosignatures(first).count("\n") == 1, "kept for packs under the earlier root"
    proof = ledger("prove", 3, "--tlog", "--out", tmp_path / "p.tlog-proof")
    assert proof.exit_code == 0, proof.output
    assert (tmp_path / "p.tlog-proof").read_text().endswith(shown)

    WitnessServer.seen["tree"] = "00" * 32  # what it saw is not the beginning of this
    third = grow(2, 7)
    with pytest.raises(WitnessAlarm, match=r"ALARM: the witness .* refused root 3"):
        ask_witness(witness, third, KEY)
    assert LedgerEntry.objects.filter(kind="ledger.refused").count() == 1
    assert "ALARM refused root 3" in ledger("witnesses").output
    assert ledger("witnesses").exit_code == 1
    asked = Examination(tmp_path, at(7))
    assert any("refused root 3" in found.says for found in check_ledger(asked))
    WitnessServer.seen.update(size=10_000)  # the house went back
    with pytest.raises(WitnessAlarm):
        ask_witness(witness, third, KEY)


def test_a_witness_that_lies_or_is_away_is_named(witness: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = grow(3, 5)
    monkeypatch.setattr(WitnessServer, "answer", staticmethod(lambda line: line.replace("A", "B")))
    with pytest.raises(ProofError, match=r"answered no cosignature by witness\.example/w"):
        ask_witness(witness, root, KEY)
    assert list_witnesses() == []
    ask_known_witnesses(root)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        away = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(ProofError, match="cannot be reached"):
            ask_witness(away, root, KEY)
    with pytest.raises(ProofError, match="begins with http"):
        ask_witness("file:///etc", root, KEY)


def test_a_witness_that_answers_after_a_day_cosigns_what_grew_since(
    witness: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = grow(5, 5)
    ask_witness(witness, first, KEY)
    second = grow(8, 6)
    with monkeypatch.context() as away:
        away.setattr("urllib.request.urlopen", refuse)
        ask_known_witnesses(second)
    assert [one.alarm for one in list_witnesses()] == [""], "late is not an alarm"
    third = grow(2, 7)
    ask_known_witnesses(third)
    counts = [list_cosignatures(root).count("\n") for root in (first, second, third)]
    assert counts == [1, 0, 1]


def refuse(*_request: object, **_options: object) -> None:
    raise TimeoutError("timed out")
