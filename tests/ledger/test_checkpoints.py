"""Standard forms by openssl, a witness and foreign tools; and ``releve ledger``."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from pytest_django.fixtures import Settings

from releve.cli import main
from releve.ledger import roots, verify, witnesses
from releve.ledger.chain import append, append_all
from releve.ledger.disclosure import _format_number, write_tiles
from releve.ledger.guards import ProofError
from releve.ledger.keys import public_key
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
from releve.live.models import Contact
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
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Run a command on the database of the tests."""
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
    witnesses.ask_known_witnesses(second)
    (known,) = witnesses.list_witnesses()
    assert (known.size, known.root) == (13, 2)
    shown = ledger("checkpoint").output
    assert shown == build_checkpoint(second) + witnesses.list_cosignatures(second)
    assert verify_note_line(shown[: shown.index("\n\n") + 1], shown.splitlines()[-1], KEY)
    assert witnesses.list_cosignatures(first).count("\n") == 1, "kept for packs under the earlier root"
    proof = ledger("prove", 3, "--tlog", "--out", tmp_path / "p.tlog-proof")
    assert proof.exit_code == 0, proof.output
    assert (tmp_path / "p.tlog-proof").read_text().endswith(shown)

    WitnessServer.seen["tree"] = "00" * 32  # what it saw is not the beginning of this
    third = grow(2, 7)
    with pytest.raises(witnesses.WitnessAlarm, match=r"ALARM: the witness .* refused root 3"):
        witnesses.ask_witness(witness, third, KEY)
    assert LedgerEntry.objects.filter(kind="ledger.refused").count() == 1
    assert "ALARM refused root 3" in ledger("witnesses").output
    assert ledger("witnesses").exit_code == 1
    asked = Examination(tmp_path, at(7))
    assert any("refused root 3" in found.says for found in check_ledger(asked))
    WitnessServer.seen.update(size=10_000)  # the house went back
    with pytest.raises(witnesses.WitnessAlarm):
        witnesses.ask_witness(witness, third, KEY)


def test_a_witness_that_lies_or_is_away_is_named(witness: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = grow(3, 5)
    monkeypatch.setattr(WitnessServer, "answer", staticmethod(lambda line: line.replace("A", "B")))
    with pytest.raises(ProofError, match=r"answered no cosignature by witness\.example/w"):
        witnesses.ask_witness(witness, root, KEY)
    assert witnesses.list_witnesses() == []
    witnesses.ask_known_witnesses(root)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        away = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(ProofError, match="cannot be reached"):
            witnesses.ask_witness(away, root, KEY)
    with pytest.raises(ProofError, match="begins with http"):
        witnesses.ask_witness("file:///etc", root, KEY)


def test_a_witness_that_answers_after_a_day_cosigns_what_grew_since(
    witness: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = grow(5, 5)
    witnesses.ask_witness(witness, first, KEY)
    second = grow(8, 6)
    with monkeypatch.context() as away:
        away.setattr("urllib.request.urlopen", refuse)
        witnesses.ask_known_witnesses(second)
    assert [one.alarm for one in witnesses.list_witnesses()] == [""], "late is not an alarm"
    third = grow(2, 7)
    witnesses.ask_known_witnesses(third)
    counts = [witnesses.list_cosignatures(root).count("\n") for root in (first, second, third)]
    assert counts == [1, 0, 1]


def refuse(*_request: object, **_options: object) -> None:
    raise TimeoutError("timed out")


LOGS = pytest.mark.skipif(sys.version_info < (3, 12), reason="aics-tlog and aics-witness take Python 3.12 or newer")


@pytest.fixture
def own_origin(settings: Settings) -> None:
    settings.LEDGER_ORIGIN = "desk.example/ledger"


def foreign_tools_grow(count: int) -> SignedRoot:
    with transaction.atomic():
        append_all([draft_closure(number) for number in range(1, count + 1)])
    return sign_root(at(5))


@pytest.mark.usefixtures("own_origin")
@LOGS
def test_a_verifier_of_others_takes_checkpoint_proof_and_tiles(tmp_path: Path) -> None:
    aics_tlog = pytest.importorskip("aics_tlog")
    write_tiles(tmp_path, foreign_tools_grow(258))
    root = foreign_tools_grow(300)
    written = write_tiles(tmp_path, root)
    assert written < 9, "tiles that are full stay"
    note = aics_tlog.parse_note((tmp_path / "checkpoint").read_text(encoding="utf-8"))
    key = aics_tlog.parse_vkey(format_verifier_key())
    assert aics_tlog.verify_checkpoint(note, key).ok
    changed = aics_tlog.parse_note(build_checkpoint(root).replace("\n558\n", "\n559\n"))
    assert not aics_tlog.verify_checkpoint(changed, key).ok

    head = aics_tlog.parse_checkpoint(note.text)
    assert head.size == root.size == 558
    reader = aics_tlog.FileSystemTileReader(tmp_path)
    aics_tlog.audit_tiles(reader, head.size, head.root)
    for seq in (1, 257, 558):
        lines = build_tlog_proof(seq, root).partition("\n\n")[0].split("\n")[2:]
        proof = aics_tlog.inclusion_proof_from_tiles(reader, seq - 1, head.size)
        assert [line.encode() for line in lines] == [base64.b64encode(node) for node in proof]
        entry = bytes.fromhex(LedgerEntry.objects.get(seq=seq).hash)
        assert aics_tlog.verify_leaf_inclusion(entry, seq - 1, head.size, proof, head.root)
        other = bytes([entry[0] ^ 1]) + entry[1:]
        assert not aics_tlog.verify_leaf_inclusion(other, seq - 1, head.size, proof, head.root)


@pytest.mark.usefixtures("own_origin")
@LOGS
def test_a_witness_of_others_cosigns_growth_and_refuses_a_rewritten_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aics_witness = pytest.importorskip("aics_witness")
    aics_tlog = pytest.importorskip("aics_tlog")
    first = foreign_tools_grow(5)
    store = aics_witness.WitnessStore(tmp_path / "witness.db", create=True)
    key, _source, _made = aics_witness.load_or_create_key(tmp_path / "witness.key")
    log = aics_witness.LogConfig.from_strings(read_origin(), [format_verifier_key()])
    witness = aics_witness.Witness("witness.example/w", key, store, [log])
    server = aics_witness.make_server(witness)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        witnesses.ask_witness(server.url, first, witness.vkey_text)
        second = foreign_tools_grow(8)
        witnesses.ask_witness(server.url, second, witness.vkey_text)
        cosigned = build_checkpoint(second) + witnesses.list_cosignatures(second)
        found = aics_tlog.verify_checkpoint(
            aics_tlog.parse_note(cosigned),
            aics_tlog.parse_vkey(format_verifier_key()),
            [aics_tlog.parse_vkey(witness.vkey_text)],
            quorum=1,
        )
        assert found.ok
        third = foreign_tools_grow(2)
        monkeypatch.setattr(roots, "read_stored", lambda *place: [b"\x07" * 32] * place[2])
        with pytest.raises(witnesses.WitnessAlarm, match="ALARM"):
            witnesses.ask_witness(server.url, third, witness.vkey_text)
    finally:
        server.shutdown()
        server.server_close()
        store.close()
        thread.join()


@pytest.mark.usefixtures("own_origin")
def test_a_cose_library_of_others_verifies_a_receipt() -> None:
    cbor2 = pytest.importorskip("cbor2")
    keys = pytest.importorskip("pycose.keys")
    messages = pytest.importorskip("pycose.messages")
    root = foreign_tools_grow(300)
    for seq in (1, 300):
        receipt = witnesses.build_receipt(seq, root)
        message = messages.Sign1Message.decode(receipt)
        message.key = keys.OKPKey(crv="ED25519", x=bytes.fromhex(public_key()))
        assert cbor2.loads(message.phdr_encoded) == {1: -8, 395: 1}
        ((packed,),) = cbor2.loads(receipt).value[1][396].values()
        size, leaf, path = cbor2.loads(packed)
        assert (size, leaf) == (300, seq - 1)
        tree_hash = bytes.fromhex(root_statement(root)["tree"])
        entry = LedgerEntry.objects.get(seq=seq).hash
        assert is_included(entry, leaf + 1, size, [node.hex() for node in path], tree_hash.hex())
        assert message.verify_signature(detached_payload=tree_hash)
        assert not message.verify_signature(detached_payload=b"\x00" * 32)
    with pytest.raises(ProofError, match="entry 301 is not under root 1"):
        witnesses.build_receipt(301, root)
    for value in (23, 24, 255, 256, 65_536, 1 << 32, -25, "x" * 300, [b"", {1: [2]}]):
        assert cbor2.loads(witnesses.encode_cbor(value)) == value
    with pytest.raises(TypeError, match="float"):
        witnesses.encode_cbor(0.5)
    with pytest.raises(ValueError, match="64 bits"):
        witnesses.encode_cbor(1 << 64)


def root_statement(root: SignedRoot) -> dict[str, str]:
    found: dict[str, str] = json.loads(root.statement)
    return found


@pytest.mark.parametrize(("number", "name"), [(0, "000"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")])
def test_tiles_are_named_in_groups_of_three_digits(number: int, name: str) -> None:
    assert _format_number(number) == name


Ledger = Callable[..., Result]


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
