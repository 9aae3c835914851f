"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest

from releve.files.atomic import create_file, make_folder, replace_file, replace_folder, write_file


def test_a_written_file_replaces_the_old_one_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_file(path, "ancien")
    write_file(path, "été")
    assert path.read_bytes() == "été".encode()
    assert os.listdir(tmp_path) == ["a.json"]


def test_readers_see_the_old_file_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_file(path, "old")
    with replace_file(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_failed_write_keeps_the_old_file_and_removes_its_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_file(path, "old")

    def fail_halfway() -> None:
        with replace_file(path) as stream:
            stream.write(b"half")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail_halfway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    write_file(path, "old")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_durable_file_and_its_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    write_file(tmp_path / "durable", "x")
    assert synced == [False, True]
    write_file(tmp_path / "quick", "x", durable=False)
    assert synced == [False, True]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_is_exact_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "a", "x", mode=mode)
        write_file(tmp_path / "b", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


def test_a_private_file_is_private_while_it_is_written(tmp_path: Path) -> None:
    with replace_file(tmp_path / "a", mode=0o600) as stream:
        assert stat.S_IMODE(os.fstat(stream.fileno()).st_mode) == 0o600


def test_a_file_is_created_once(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert create_file(path, "first")
    assert not create_file(path, "second")
    assert path.read_text() == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_of_several_creators_at_once_one_wins(tmp_path: Path) -> None:
    path, start, won = tmp_path / "key", Barrier(8), []

    def create(number: int) -> None:
        start.wait()
        if create_file(path, str(number)):
            won.append(str(number))

    threads = [Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [path.read_text()]
    assert os.listdir(tmp_path) == ["key"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    for name in ("old", "new"):
        with replace_folder(path) as draft:
            (draft / name).write_text(name)
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["plan"]


def test_a_folder_that_fails_halfway_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    with replace_folder(path) as draft:
        (draft / "old").write_text("old")

    def fail_halfway() -> None:
        with replace_folder(path) as draft:
            (draft / "half").write_text("half")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail_halfway()
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["plan"]


def test_a_new_folder_outlives_a_power_cut_and_one_that_is_there_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synchronised.append(Path(f"/proc/self/fd/{handle}").resolve()))
    make_folder(tmp_path / "a" / "b", mode=0o700)
    assert sorted(synchronised) == [tmp_path, tmp_path / "a"]
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    make_folder(tmp_path / "a" / "b")
    assert len(synchronised) == 2


def test_a_disk_without_hard_links_creates_a_file_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    assert create_file(tmp_path / "a", "first", mode=0o640)
    assert not create_file(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "first"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a"]
