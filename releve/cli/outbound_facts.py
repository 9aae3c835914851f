"""The folder of facts, read from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from releve.outbound.reading import TABLES, empty_frames, read_tables
from releve.outbound.scanning import SCANNED, scanned

__all__ = ["read_facts", "scan_facts"]


def read_facts(folder: Path | None) -> tuple[dict[str, pl.DataFrame], str]:
    """Return the tables of facts, empty without a folder, and a digest of their files."""
    if folder is None:
        return empty_frames(), ""
    files = {file.name: file.read_bytes() for file in _tables(folder)}
    digest = hashlib.sha256()
    for name, data in files.items():
        digest.update(f"{name}:{len(data)}:".encode() + data)
    return read_tables(files), digest.hexdigest()


def scan_facts(folder: Path | None) -> tuple[dict[str, pl.DataFrame | pl.LazyFrame], str]:
    """Return the tables of facts, those about people only scanned where they can be; a digest."""
    found: dict[str, pl.DataFrame | pl.LazyFrame] = {**empty_frames()}
    whole: dict[str, bytes] = {}
    if folder is None:
        return found, ""
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_digest, _tables(folder))
        for file in _tables(folder):
            scan = None
            if file.suffix.lower() == ".parquet" and file.stem in SCANNED:
                scan = scanned(file.stem, pl.scan_parquet(file))
            if scan is None:
                whole[file.name] = file.read_bytes()
            else:
                found[file.stem] = scan
        read = read_tables(whole)
        found |= {name.rpartition(".")[0]: read[name.rpartition(".")[0]] for name in whole}
        return found, digest.result()


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}:{file.stat().st_size}:".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _tables(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.stem in TABLES]
