"""The files and keys of a home, in a backup and out of it; nothing here needs Django."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyrage

from releve.evidence.verify import VerifyError, read_signed_root
from releve.files.atomic import write_file
from releve.upkeep.archive import BackupFault, extract

__all__ = [
    "FOLDERS",
    "NAMES",
    "list_files",
    "list_key_files",
    "list_root_keys",
    "unpack_home",
]

FOLDERS = ("charters", "law", "packs", "photos", "roots", "rules")
"""Folders of the home whose files are in a backup."""
NAMES = "identity/names.box"
"""Under which the file of names stands in a backup, wherever the installation keeps it."""


def list_files(home: Path, names: Path) -> dict[str, Path]:
    """Return the files of a backup by the names that they have in it."""
    found = {
        str(path.relative_to(home)): path
        for folder in FOLDERS
        for path in sorted((home / folder).rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    }
    return {**found, NAMES: names} if names.is_file() else found


def list_key_files(home: Path) -> list[Path]:
    """Return the files of a home that hold keys, those of a rotation under way too."""
    found = {*home.glob("*.key*"), *home.glob("secret-key*")}
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def list_root_keys(folder: Path) -> set[str]:
    """Return the public keys of the signed roots in a folder; BackupFault for one that is not."""
    keys = set()
    for path in sorted(folder.glob("root-*.json")):
        try:
            keys.add(str(read_signed_root(json.loads(path.read_bytes()))["key"]))
        except (VerifyError, ValueError) as error:
            raise BackupFault(f"{path} is not a signed root: {error}") from error
    return keys


def unpack_home(
    path: Path, home: Path, identities: Sequence[pyrage.x25519.Identity]
) -> tuple[str, ...]:
    """Write a backup's files and keys into an empty folder; return their names.

    Needs no Django: its settings read the keys that are put here.
    """
    if home.exists() and any(home.iterdir()):
        raise BackupFault(f"{home} is not empty: restore into a new folder, nothing is overwritten")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    names: list[str] = []
    with tempfile.TemporaryFile(dir=home) as target:
        extract(path, "keys.age", target, identities)
        target.seek(0)
        for name, text in json.load(target).items():
            write_file(home / Path(name).name, text, mode=0o600)
            names.append(name)
        target.seek(0)
        target.truncate()
        extract(path, "files.age", target, identities)
        target.seek(0)
        with tarfile.open(fileobj=target, mode="r:gz") as files:
            files.extractall(home, filter="data")
            names += files.getnames()
    for folder in home.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o700)
    return tuple(names)
