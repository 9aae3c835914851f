"""An operator's files on disk: read without what is not a table, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from releve.files.operator_folder import FolderError, read_operator_files, write_operator_files


def test_a_folder_is_read_without_what_is_not_a_table(tmp_path: Path) -> None:
    for name in ("sites.csv", "agents.PARQUET", "README.md", ".hidden.csv", "~$all.xlsx", "seats.ods"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "old.csv").mkdir()
    assert sorted(read_operator_files(tmp_path)) == ["agents.PARQUET", "seats.ods", "sites.csv"]


def test_a_workbook_is_read_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "all.xlsx").write_bytes(b"x")
    assert read_operator_files(tmp_path / "all.xlsx") == {"all.xlsx": b"x"}


def test_what_holds_no_operator_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path, words in (
        (tmp_path, "holds no CSV"),
        (tmp_path / "notes.txt", "neither a folder nor"),
        (tmp_path / "nowhere", "does not exist"),
    ):
        with pytest.raises(FolderError, match=words):
            read_operator_files(path)


def test_a_written_folder_is_read_back_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    files = {"sites.csv": b"id\n", "README.md": b"hello"}
    write_operator_files(tmp_path / "a" / "op", files)
    assert read_operator_files(tmp_path / "a" / "op") == {"sites.csv": b"id\n"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["op"]


def test_a_folder_gives_way_only_when_asked_and_only_if_it_is_an_operators(tmp_path: Path) -> None:
    path = tmp_path / "op"
    write_operator_files(path, {"sites.csv": b"old", "floors.csv": b"old"})
    with pytest.raises(FolderError, match="is not empty"):
        write_operator_files(path, {"sites.csv": b"new"})
    write_operator_files(path, {"sites.csv": b"new"}, replace=True)
    assert read_operator_files(path) == {"sites.csv": b"new"}
    (path / "thesis.doc").write_text("precious")
    with pytest.raises(FolderError, match=r"thesis\.doc"):
        write_operator_files(path, {}, replace=True)
    assert (path / "thesis.doc").read_text() == "precious"
    with pytest.raises(FolderError, match="is a file"):
        write_operator_files(path / "sites.csv", {}, replace=True)


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "op"
    write_operator_files(path, {"sites.csv": b"old"})
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(source).name == "new":
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk full"):
        write_operator_files(path, {"sites.csv": b"new"}, replace=True)
    assert read_operator_files(path) == {"sites.csv": b"old"}
