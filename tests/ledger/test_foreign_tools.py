"""The standard forms by tools that others wrote: a verifier of logs, a witness, a COSE library."""

from __future__ import annotations

import base64
import json
import sys
import threading
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from releve.ledger import roots
from releve.ledger.chain import append_all
from releve.ledger.guards import ProofError
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.proofs import _format_number, write_tiles
from releve.ledger.roots import (
    SignedRoot,
    build_checkpoint,
    build_tlog_proof,
    format_verifier_key,
    read_origin,
    sign_root,
)
from releve.ledger.verify import is_included
from releve.ledger.witnesses import WitnessAlarm, ask_witness, build_receipt, encode_cbor, list_cosignatures
from tests.ledger.sample_entries import at, draft_closure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
LOGS = pytest.mark.skipif(sys.version_info < (3, 12), reason="aics-tlog and aics-witness take Python 3.12 or newer")


@pytest.fixture(autouse=True)
def _origin(settings: Settings) -> None:
    settings.LEDGER_ORIGIN = "desk.example/ledger"


def grow(count: int) -> SignedRoot:
    with transaction.atomic():
        append_all([draft_closure(number) for number in range(1, count + 1)])
    return sign_root(at(5))


@LOGS
def test_a_verifier_of_others_takes_checkpoint_proof_and_tiles(tmp_path: Path) -> None:
    aics_tlog = pytest.importorskip("aics_tlog")
    write_tiles(tmp_path, grow(258))
    root = grow(300)
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


@LOGS
def test_a_witness_of_others_cosigns_growth_and_refuses_a_rewritten_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aics_witness = pytest.importorskip("aics_witness")
    aics_tlog = pytest.importorskip("aics_tlog")
    first = grow(5)
    store = aics_witness.WitnessStore(tmp_path / "witness.db", create=True)
    key, _source, _made = aics_witness.load_or_create_key(tmp_path / "witness.key")
    log = aics_witness.LogConfig.from_strings(read_origin(), [format_verifier_key()])
    witness = aics_witness.Witness("witness.example/w", key, store, [log])
    server = aics_witness.make_server(witness)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        ask_witness(server.url, first, witness.vkey_text)
        second = grow(8)
        ask_witness(server.url, second, witness.vkey_text)
        cosigned = build_checkpoint(second) + list_cosignatures(second)
        found = aics_tlog.verify_checkpoint(
            aics_tlog.parse_note(cosigned),
            aics_tlog.parse_vkey(format_verifier_key()),
            [aics_tlog.parse_vkey(witness.vkey_text)],
            quorum=1,
        )
        assert found.ok
        third = grow(2)
        monkeypatch.setattr(roots, "read_stored", lambda *place: [b"\x07" * 32] * place[2])
        with pytest.raises(WitnessAlarm, match="ALARM"):
            ask_witness(server.url, third, witness.vkey_text)
    finally:
        server.shutdown()
        server.server_close()
        store.close()
        thread.join()


def test_a_cose_library_of_others_verifies_a_receipt() -> None:
    cbor2 = pytest.importorskip("cbor2")
    keys = pytest.importorskip("pycose.keys")
    messages = pytest.importorskip("pycose.messages")
    root = grow(300)
    for seq in (1, 300):
        receipt = build_receipt(seq, root)
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
        build_receipt(301, root)
    for value in (23, 24, 255, 256, 65_536, 1 << 32, -25, "x" * 300, [b"", {1: [2]}]):
        assert cbor2.loads(encode_cbor(value)) == value
    with pytest.raises(TypeError, match="float"):
        encode_cbor(0.5)
    with pytest.raises(ValueError, match="64 bits"):
        encode_cbor(1 << 64)


def root_statement(root: SignedRoot) -> dict[str, str]:
    found: dict[str, str] = json.loads(root.statement)
    return found


@pytest.mark.parametrize(("number", "name"), [(0, "000"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")])
def test_tiles_are_named_in_groups_of_three_digits(number: int, name: str) -> None:
    assert _format_number(number) == name
