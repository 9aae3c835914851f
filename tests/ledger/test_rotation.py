"""The key that signs roots is rotated: both sign it, and each holds for its own roots alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_django.fixtures import Settings

from releve.ledger import verify
from releve.ledger.chain import append_all
from releve.ledger.digests import ROOT_TAG, ROTATION_TAG, canonical_json
from releve.ledger.export import export_lines
from releve.ledger.guards import SigningKeyError
from releve.ledger.keys import public_key
from releve.ledger.models import KeyCheck
from releve.ledger.proofs import prove_entry, prove_growth
from releve.ledger.roots import load_root, sign_root
from releve.ledger.seal import KeyRotation, list_own_keys, replace_key, rotate_key
from releve.ledger.verify import Keys, VerifyError
from tests.ledger.sample_entries import at, draft_closure

pytestmark = [pytest.mark.database, pytest.mark.django_db]


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
