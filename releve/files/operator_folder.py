"""Operator files on disk: a folder or a workbook as bytes by name, and a folder written at once.

The error tree::

    OSError
    └── FolderError     the path holds no operator's files, or may not be written
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from releve.errors import ReleveError
from releve.files.atomic import replace_folder
from releve.network.table_words import find_table

__all__ = ["FolderError", "read_operator_files", "write_operator_files"]

_SUFFIXES = frozenset((".csv", ".parquet", ".xlsx"))


class FolderError(ReleveError, OSError):
    """A path that holds no operator's files, or that may not be written."""


def read_operator_files(path: Path) -> dict[str, bytes]:
    """Return the files of an operator folder, or of one workbook, by name.

    Files that are not tables (a README, hidden files, Excel's lock files) are left out; a file
    that has a table's name but another format is kept, so that the reader can name it.
    """
    if path.is_file():
        if path.suffix.lower() != ".xlsx":
            raise FolderError(f"{path} is neither a folder nor an XLSX workbook")
        return {path.name: path.read_bytes()}
    if not path.is_dir():
        raise FolderError(f"{path} does not exist")
    found = {file.name: file.read_bytes() for file in sorted(path.iterdir()) if _is_table(file)}
    if not found:
        raise FolderError(f"{path} holds no CSV, Parquet or XLSX file")
    return found


def _is_table(file: Path) -> bool:
    if not file.is_file() or file.name.startswith((".", "~$")):
        return False
    return file.suffix.lower() in _SUFFIXES or find_table(file.stem) is not None


def write_operator_files(path: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a folder of files; it appears whole or not at all.

    FolderError when the path is there already and is not empty; with ``replace`` an operator
    folder (nothing but tables and Markdown in it) gives way.
    """
    if path.exists() and not path.is_dir():
        raise FolderError(f"{path} is a file")
    held = sorted(path.iterdir()) if path.exists() else []
    if held and not replace:
        raise FolderError(f"{path} is not empty")
    strange = [file.name for file in held if not (_is_table(file) or file.suffix == ".md")]
    if strange:
        raise FolderError(
            f"{path} also holds {strange[0]}, which is not an operator's; not replaced"
        )
    with replace_folder(path) as draft:
        for name, data in files.items():
            (draft / name).write_bytes(data)
