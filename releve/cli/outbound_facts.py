"""The folder of facts, read from disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from releve.outbound.reading import TABLES, empty_frames, read_tables

__all__ = ["read_facts"]


def read_facts(folder: Path | None) -> tuple[dict[str, pl.DataFrame], str]:
    """Return the tables of facts, empty without a folder, and a digest of their files."""
    if folder is None:
        return empty_frames(), ""
    files = {file.name: file.read_bytes() for file in _tables(folder)}
    digest = hashlib.sha256()
    for name, data in files.items():
        digest.update(f"{name}:{len(data)}:".encode() + data)
    return read_tables(files), digest.hexdigest()


def _tables(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.stem in TABLES]
