"""Roots, the stored tree, proofs, and the key with its rotation."""

from __future__ import annotations

import json
import logging
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from releve.ledger import roots, verify
from releve.ledger.chain import append_all
from releve.ledger.digests import NO_HASH, ROOT_TAG, ROTATION_TAG, canonical_json, hash_root
from releve.ledger.disclosure import prove_entry, prove_growth
from releve.ledger.export import export_lines
from releve.ledger.guards import NothingToSealError, ProofError, SigningKeyError
from releve.ledger.keys import public_key
from releve.ledger.merkle import leaf_hash, node_hash
from releve.ledger.models import KeyCheck, LedgerEntry, LedgerNode
from releve.ledger.roots import iter_roots, load_last_root, load_root, publish_root, sign_root
from releve.ledger.seal import KeyRotation, list_own_keys, replace_key, rotate_key
from releve.ledger.verify import Keys, VerifyError, check_growth, check_proof, check_root
from tests.homes import make_test_home
from tests.ledger.sample_entries import at, draft_case, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def plain_root(count: int) -> str:
    """The root by the definition of RFC 9162, over all leaves at once."""

    def over(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaf_hash(leaves[0])
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return node_hash(over(leaves[:half]), over(leaves[half:]))

    rows = LedgerEntry.objects.order_by("seq").values_list("hash", flat=True)[:count]
    return over([bytes.fromhex(row) for row in rows]).hex()


def test_a_root_covers_all_entries_and_is_signed() -> None:
    last = append_all([draft_closure(n) for n in range(5)])[-1]
    root = sign_root(at(10))
    statement = json.loads(root.statement)
    assert statement == {
        "format": "releve ledger root 1",
        "head": last.hash,
        "key": public_key(),
        "number": 1,
        "previous": NO_HASH,
        "sealed_at": "2026-11-24T08:10:00.000010Z",
        "size": 5,
        "tree": plain_root(5),
    }
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key()))
    key.verify(bytes.fromhex(root.signature), ROOT_TAG + root.statement.encode())
    assert (root.number, root.size, root.sealed_at) == (1, 5, at(10))


def test_roots_name_the_one_before() -> None:
    append_all([draft_closure(1)])
    first = sign_root(at(10))
    append_all([draft_closure(2)])
    second = sign_root(at(11))
    assert json.loads(second.statement)["previous"] == hash_root(json.loads(first.statement))
    assert list(iter_roots()) == [first, second]
    assert list(iter_roots(after=1)) == [second] == [load_last_root()]


def test_sealing_twice_with_nothing_new_gives_the_same_root() -> None:
    append_all([draft_closure(1)])
    assert sign_root(at(10)) == sign_root(at(99)) == load_root(1)


def test_an_empty_ledger_has_no_root() -> None:
    with pytest.raises(NothingToSealError, match="empty"):
        sign_root(at(1))
    assert load_last_root() is None


def test_a_root_is_written_as_a_file_that_a_verifier_reads(tmp_path: Path) -> None:
    append_all([draft_closure(1)])
    root = sign_root(at(10))
    path = publish_root(root, tmp_path / "outside")
    assert path == publish_root(root, tmp_path / "outside")
    assert [file.name for file in path.parent.iterdir()] == ["root-000001.json"]
    assert path.read_text(encoding="utf-8") == root.text
    assert check_root(json.loads(root.text), Keys([public_key()]))["size"] == 1


@pytest.mark.parametrize("stride", [1, 2, 3, 8])
def test_the_tree_is_the_same_whatever_is_kept_of_it(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a short stride a small ledger has as many kept levels as a large one."""
    monkeypatch.setattr(roots, "STRIDE", stride)
    count = 0
    for step in (1, 2, 5, 1, 7, 16, 33):
        append_all([draft_closure(n) for n in range(step)])
        count += step
        root = sign_root(at(count))
        assert json.loads(root.statement)["tree"] == plain_root(count)
    expected = {(level, index) for level in range(stride, 7, stride) for index in range(count >> level)}
    assert set(LedgerNode.objects.values_list("level", "index")) == expected


def test_every_entry_is_proved_under_every_later_root() -> None:
    keys = Keys([public_key()])
    for size in (1, 2, 3, 7, 12):
        append_all([draft_case(n) for n in range(size - LedgerEntry.objects.count())])
        sign_root(at(size))
    for root in iter_roots():
        for seq in range(1, root.size + 1):
            assert check_proof(prove_entry(seq, root), keys, []).startswith(f"entry {seq} is under root")
        for later in iter_roots(after=root.number - 1):
            check_growth(prove_growth(root, later), keys, [])


def test_a_proof_shows_the_values_asked_for_and_no_other() -> None:
    append_all([draft_case(1), draft_case(2)])
    root = sign_root(at(3))
    assert prove_entry(1, root)["values"] == []
    (value,) = prove_entry(2, root, disclose=["agent"])["values"]
    assert value["value"] == "agent-2"
    assert "agent-1" not in json.dumps(prove_entry(2, root, disclose=["agent"]))
    with pytest.raises(ProofError, match="entry 2 has no value to show for: site"):
        prove_entry(2, root, disclose=["agent", "site"])


def test_what_is_not_under_a_root_cannot_be_proved() -> None:
    append_all([draft_closure(1)])
    first = sign_root(at(1))
    append_all([draft_closure(2)])
    second = sign_root(at(2))
    with pytest.raises(ProofError, match="entry 2 is not under root 1: it was added later"):
        prove_entry(2, first)
    with pytest.raises(ProofError, match="entry 9 is not under root 2: there is no such entry"):
        prove_entry(9, second)
    with pytest.raises(ProofError, match="root 2 covers more entries than root 1"):
        prove_growth(second, first)
    with pytest.raises(ProofError, match="there is no root 3"):
        load_root(3)


def test_a_proof_reads_few_rows_and_sealing_only_what_is_new() -> None:
    append_all([draft_closure(n) for n in range(1500)])
    root = sign_root(at(1))
    assert LedgerNode.objects.count() == 5
    with CaptureQueriesContext(connection) as queries:
        proof = prove_entry(777, root)
    assert len(proof["path"]) == 11
    assert len(queries) <= 2 * 11  # a node of the path each, the peaks of its right edge, the entry
    append_all([draft_closure(n) for n in range(3)])
    with CaptureQueriesContext(connection) as queries:
        sign_root(at(2))
    assert len(queries) <= 20


def test_the_key_is_made_once_for_its_owner_alone_and_said(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LEDGER_KEY = ""
    settings.HOME = make_test_home(tmp_path / "home")
    with caplog.at_level(logging.WARNING):
        made = public_key()
    path = tmp_path / "home" / "ledger.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"a new key to sign the ledger's roots was made: {path}" in caplog.text
    assert path.read_text(encoding="ascii").strip() not in caplog.text
    caplog.clear()
    assert public_key() == made
    assert caplog.text == ""
    assert [file.name for file in path.parent.glob("*key*")] == ["ledger.key"]


@pytest.mark.parametrize("text", ["short", "z" * 64, "1" * 63])
def test_a_key_that_is_none_is_refused_without_being_quoted(settings: Settings, tmp_path: Path, text: str) -> None:
    settings.LEDGER_KEY = text
    with pytest.raises(SigningKeyError, match="RELEVE_LEDGER_KEY must be 64 hex") as error:
        public_key()
    assert text not in str(error.value)
    settings.LEDGER_KEY = ""
    (tmp_path / "ledger.key").write_text(text, encoding="utf-8")
    with pytest.raises(SigningKeyError, match=r"ledger\.key must be 64 hex"):
        public_key()
    (tmp_path / "ledger.key").unlink()
    (tmp_path / "ledger.key").mkdir()
    with pytest.raises(SigningKeyError, match="cannot be used"):
        public_key()


@pytest.fixture
def sealed(db: None, settings: Settings, tmp_path: Path) -> Path:
    """A ledger whose root is signed with the key in the file that is returned."""
    settings.LEDGER_KEY, settings.HOME = "", make_test_home(tmp_path)
    append_all([draft_closure(1)])
    sign_root(at(10))
    return tmp_path / "ledger.key"


@pytest.mark.parametrize("checked", [True, False], ids=["check value", "root alone"])
def test_no_key_is_made_or_taken_beside_roots_that_another_signed(
    sealed: Path, settings: Settings, *, checked: bool
) -> None:
    kept = sealed.read_text()
    if not checked:  # from before there were check values
        KeyCheck.objects.all().delete()
    append_all([draft_closure(2)])
    sealed.unlink()
    with pytest.raises(SigningKeyError, match=r"is missing: restore ledger\.key from its copy"):
        sign_root(at(20))
    assert not sealed.exists()
    sealed.write_text("7" * 64)
    for given in ("", "8" * 64):
        settings.LEDGER_KEY = given
        with pytest.raises(SigningKeyError, match="is not the one that the database was written"):
            sign_root(at(20))
        with pytest.raises(SigningKeyError, match="or set RELEVE_LEDGER_KEY"):
            public_key()
    settings.LEDGER_KEY = ""
    sealed.write_text(kept)
    assert sign_root(at(20)).number == 2


def test_a_lost_key_is_replaced_on_purpose_alone(sealed: Path) -> None:
    first = public_key()
    sealed.unlink()
    append_all([draft_closure(2)])
    second = replace_key(at(15))
    assert second == public_key() != first
    assert json.loads(sign_root(at(20)).statement)["key"] == second
    found = [json.loads(root.text) for root in iter_roots()]
    assert [check_root(root, Keys([first, second]))["number"] for root in found] == [1, 2]


@pytest.fixture
def home(db: None, settings: Settings, tmp_path: Path) -> Path:
    settings.LEDGER_KEY = ""
    append_all([draft_closure(1)])
    sign_root(at(5))
    append_all([draft_closure(2)])
    return tmp_path


def rotated() -> tuple[str, str, KeyRotation]:
    """Rotate the key, write more and seal it; return both public keys and the rotation."""
    old = public_key()
    rotation, roots = rotate_key(at(10))
    assert [root.number for root in roots] == [2, 3]
    append_all([draft_closure(3)])
    sign_root(at(20))
    return old, public_key(), rotation


def private_key(home: Path) -> Ed25519PrivateKey:
    text = (home / "ledger.key").read_text().strip()
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def faults(keys: Keys, change: Callable[[list[Any]], None] | None = None) -> list[str]:
    """Return what the stand-alone verifier finds in the export, after a change of its lines."""
    lines = [json.loads(line) for line in export_lines(values=True)]
    if change is not None:
        change(lines)
    export = verify.Export(keys, [])
    export.read(f"{canonical_json(line)}\n".encode() for line in lines)
    return export.faults


def test_a_holder_of_either_key_verifies_all_roots(home: Path) -> None:
    old, new, rotation = rotated()
    assert old != new == rotation.key
    named = [json.loads(load_root(number).statement)["key"] for number in (1, 2, 3, 4)]
    assert named == [old, old, new, new]
    for given in (old, new):
        assert faults(Keys([given])) == []
    assert "signed by another key" in faults(Keys(["5" * 64]))[0]


def test_the_old_private_key_is_destroyed(home: Path) -> None:
    before = (home / "ledger.key").read_text()
    rotated()
    (left,) = home.glob("ledger*key*")
    assert left.name == "ledger.key"
    assert left.read_text() != before


def test_each_key_holds_for_its_own_roots_alone(home: Path) -> None:
    stolen = private_key(home)
    old, new, rotation = rotated()

    def sign_again(lines: list[Any]) -> None:
        """Sign the last root with the old key, as its thief could."""
        root = lines[-2]["root"]
        root["key"] = old
        lines[-2]["signature"] = stolen.sign(ROOT_TAG + canonical_json(root).encode()).hex()

    for given in ([old], [new], [old, new]):
        found = faults(Keys(given), sign_again)
        assert any("signed by a key that held up to root 2" in fault for fault in found), found
    keys = Keys([old])
    keys.add(rotation.document)
    early = json.loads(load_root(1).statement)
    assert keys.fault({**early, "key": new}) == "root 1 is signed by a key that holds from root 3"


@pytest.mark.parametrize("name", ["signature", "next_signature"])
def test_a_rotation_that_one_key_did_not_sign_is_refused(home: Path, name: str) -> None:
    _, new, rotation = rotated()
    with pytest.raises(VerifyError, match="the rotation is not signed by the key"):
        Keys([new]).add({**rotation.document, name: "00" * 64})


def test_a_rotation_at_another_place_than_it_says_is_a_fault(home: Path) -> None:
    signing, (old, new, _) = private_key(home), rotated()
    moved = {"format": "releve ledger rotation 1", "key": new, "last_root": 1, "previous": old,
             "rotated_at": "2026-11-24T10:00:00.000000Z"}  # fmt: skip
    message = ROTATION_TAG + canonical_json(moved).encode()
    body = {
        "rotation": moved,
        "signature": signing.sign(message).hex(),
        "next_signature": private_key(home).sign(message).hex(),
    }

    def put(lines: list[Any]) -> None:
        kinds = [line.get("entry", {}).get("kind") for line in lines]
        line = lines[kinds.index("ledger.key_rotated")]
        line["entry"]["body"] = body
        line["hash"] = verify.entry_hash(line["entry"])

    assert any("it rotates the key after root 1" in fault for fault in faults(Keys([old]), put))


def test_a_thief_of_the_old_key_makes_no_second_rotation(home: Path) -> None:
    stolen, own = private_key(home), Ed25519PrivateKey.generate()
    old, _, rotation = rotated()
    statement = {**rotation.document["rotation"], "key": own.public_key().public_bytes_raw().hex()}
    message = ROTATION_TAG + canonical_json(statement).encode()
    forged = {"rotation": statement, "signature": stolen.sign(message).hex(), "next_signature": own.sign(message).hex()}
    keys = Keys([old])
    keys.add(rotation.document)
    with pytest.raises(VerifyError, match="another rotation names the key"):
        keys.add(forged)


def test_proofs_are_checked_with_the_rotation_beside_them(home: Path, tmp_path: Path) -> None:
    old, new, rotation = rotated()
    files = {"proof.json": prove_entry(1, load_root(1)), "growth.json": prove_growth(load_root(1), load_root(4))}
    for name, proof in files.items():
        (tmp_path / name).write_text(canonical_json(proof) + "\n")
    path = str(rotation.publish(tmp_path))
    assert path.endswith("rotation-000002.json")
    for name in files:
        assert verify.main([str(tmp_path / name), "--key", new]) == 1
        assert verify.main([str(tmp_path / name), "--key", new, "--rotation", path]) == 0
    assert verify.main([str(tmp_path / "growth.json"), "--key", old, "--rotation", path]) == 0
    (tmp_path / "odd.json").write_text("{}\n")
    odd = ["--rotation", str(tmp_path / "odd.json")]
    assert verify.main([str(tmp_path / "proof.json"), "--key", old, *odd]) == 2


def test_a_key_of_the_environment_is_rotated_to_the_next_one_given(db: None, settings: Settings) -> None:
    settings.LEDGER_KEY, settings.LEDGER_NEXT_KEY = secrets.token_hex(32), ""
    append_all([draft_closure(1)])
    with pytest.raises(SigningKeyError, match="set RELEVE_LEDGER_NEXT_KEY to the next one"):
        rotate_key(at(10))
    settings.LEDGER_NEXT_KEY = settings.LEDGER_KEY
    with pytest.raises(SigningKeyError, match="the next key is the one in force"):
        rotate_key(at(10))
    settings.LEDGER_NEXT_KEY = secrets.token_hex(32)
    rotation, roots = rotate_key(at(10))
    assert len(roots) == 1
    with pytest.raises(SigningKeyError, match="is not the one that the database was written with"):
        sign_root(at(11))
    settings.LEDGER_KEY = settings.LEDGER_NEXT_KEY
    sign_root(at(12))
    assert public_key() == rotation.key
    assert faults(Keys([rotation.key])) == []


def test_a_rotation_that_was_killed_before_the_file_moved_is_finished(home: Path) -> None:
    kept = (home / "ledger.key").read_text()
    rotation, _ = rotate_key(at(10))
    (home / "ledger.next.key").write_text((home / "ledger.key").read_text())
    (home / "ledger.key").write_text(kept)
    assert public_key() == rotation.key
    assert not (home / "ledger.next.key").exists()


def test_a_lost_key_that_was_replaced_verifies_here_and_is_named_to_others(home: Path) -> None:
    first = public_key()
    (home / "ledger.key").unlink()
    second = replace_key(at(10))
    append_all([draft_closure(3)])
    sign_root(at(20))
    assert list_own_keys() == [second, first]
    assert faults(Keys(list_own_keys())) == []
    assert any("signed by another key" in fault for fault in faults(Keys([second])))
    assert KeyCheck.objects.get(name="ledger").value == second


def test_a_key_that_another_one_followed_does_not_come_back(home: Path) -> None:
    """Any key given was taken for any root."""
    kept, first = (home / "ledger.key").read_text(), public_key()
    (home / "ledger.key").unlink()
    second = replace_key(at(10))
    sign_root(at(11))
    (home / "ledger.key").write_text(kept)
    replace_key(at(12))
    append_all([draft_closure(3)])
    sign_root(at(13))
    found = faults(Keys([first, second]))
    assert any("root 3 is signed by a key that another has followed" in one for one in found)
