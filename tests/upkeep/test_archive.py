"""A backup's file: encrypted, whole or not at all, and refused when a byte of it changed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.cli.main import main
from releve.upkeep import archive

IDENTITY = pyrage.x25519.Identity.generate()
KEY = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
PUBLIC = KEY.public_key().public_bytes_raw().hex()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    (found / "photos").mkdir(parents=True)
    (found / "photos" / "a").write_bytes(bytes(3_000_000))
    (found / "gate.key").write_text("5" * 64)
    (found / "ledger.key.next").write_text("6" * 64)
    return found


@pytest.fixture
def backup(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "backup.tar"
    members = {
        "database.age": archive.compress([b"agent-7\n"] * 100_000),
        "files.age": archive.compress(archive.tar_files({"photos/a": home / "photos" / "a"})),
        "keys.age": iter([b'{"gate.key": "5"}']),
    }
    archive.pack(path, members, [IDENTITY.to_public()], lambda: {"made_at": "now"}, KEY)
    return path


def test_it_holds_nothing_in_clear_and_is_its_owner_s_alone(backup: Path, tmp_path: Path) -> None:
    assert b"agent-7" not in backup.read_bytes()
    assert backup.stat().st_mode & 0o077 == 0
    assert archive.check_members(backup)["made_at"] == "now"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    out = io.BytesIO()
    archive.extract(backup, "keys.age", out, [IDENTITY])
    assert out.getvalue() == b'{"gate.key": "5"}'


def test_one_changed_or_missing_byte_is_seen_without_any_key(backup: Path) -> None:
    whole = backup.read_bytes()
    data = bytearray(whole)
    data[data.index(b"age-encryption.org/v1") + 300] ^= 1
    backup.write_bytes(data)
    with pytest.raises(archive.BackupFault, match=r"database\.age is damaged"):
        archive.check_members(backup)
    for size in (0, 100, len(whole) // 2):
        backup.write_bytes(whole[:size])
        with pytest.raises(archive.BackupFault, match="not a backup, or not whole"):
            archive.check_members(backup)


def test_another_database_offered_by_a_holder_of_the_recipient_is_refused(backup: Path, tmp_path: Path) -> None:
    assert archive.read_signer(backup) == PUBLIC
    assert archive.check_signer(backup, {PUBLIC}) == f"signed by the ledger's key {PUBLIC}"
    forged = tmp_path / "forged.tar"
    for key, found in ((None, "it is not signed"), (Ed25519PrivateKey.generate(), "it is signed")):
        members = {"database.age": archive.compress([b"{}"])}
        archive.pack(forged, members, [IDENTITY.to_public()], dict, key)
        for known in ({PUBLIC}, set[str]()):
            with pytest.raises(archive.BackupFault, match=f"{found}.*--key KEY.*--unsigned"):
                archive.check_signer(forged, known)
        assert archive.check_signer(forged, {PUBLIC}, unsigned=True).startswith("WARNING: nothing says")


def test_a_manifest_changed_under_its_signature_is_seen(backup: Path) -> None:
    data = backup.read_bytes()
    backup.write_bytes(data.replace(b'"made_at": "now"', b'"made_at": "new"'))
    with pytest.raises(archive.BackupFault, match="the signature of its manifest is wrong"):
        archive.read_signer(backup)


def test_only_the_holder_of_the_identity_reads_it(backup: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.txt"
    stranger.write_text(f"# created\n{pyrage.x25519.Identity.generate()}\n")
    with pytest.raises(archive.BackupFault, match="not encrypted for this identity"):
        archive.extract(backup, "keys.age", io.BytesIO(), archive.read_identities(stranger))
    stranger.write_text("# nothing\n")
    with pytest.raises(archive.BackupFault, match="holds no identity"):
        archive.read_identities(stranger)


def test_a_backup_that_fails_leaves_the_one_before(backup: Path) -> None:
    def fails() -> Iterator[bytes]:
        yield b"x"
        raise OSError("full")

    before = backup.read_bytes()
    with pytest.raises(archive.BackupFault, match=r"cannot be written: .*full"):
        archive.pack(backup, {"database.age": fails()}, [IDENTITY.to_public()], dict)
    assert backup.read_bytes() == before
    with pytest.raises(archive.BackupFault, match="needs a recipient"):
        archive.pack(backup, {}, [], dict)


def test_a_home_is_unpacked_into_an_empty_folder_for_its_owner(backup: Path, home: Path, tmp_path: Path) -> None:
    with pytest.raises(archive.BackupFault, match="is not empty"):
        archive.unpack_home(backup, home, [IDENTITY])
    new = tmp_path / "new"
    archive.unpack_home(backup, new, [IDENTITY])
    assert (new / "photos" / "a").stat().st_size == 3_000_000
    assert (new / "gate.key").stat().st_mode & 0o777 == 0o600
    assert new.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in archive.list_key_files(home)] == ["gate.key", "ledger.key.next"]


def test_what_was_there_before_a_restore_is_not_told_to_be_removed(
    backup: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RELEVE_HOME", "RELEVE_DATABASE_URL"):  # the command sets them
        monkeypatch.setenv(name, "")
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{IDENTITY}\n")
    line = ["restore", str(backup), "--identity", str(identity), "--without-outside"]
    line += ["--key", PUBLIC, "--home"]
    done = CliRunner().invoke(main, [*line, str(home)])
    assert done.exit_code == 1
    assert "is not empty: restore into a new folder" in done.output
    assert "remove" not in done.output


def test_a_restore_without_what_left_the_house_has_to_be_said(backup: Path, tmp_path: Path) -> None:
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{IDENTITY}\n")
    done = CliRunner().invoke(
        main, ["restore", str(backup), "--home", str(tmp_path / "x"), "--identity", str(identity)]
    )
    assert done.exit_code == 2
    assert "--without-outside" in done.output
