"""The files of a bulletin: signed JSON, CSV, PDF, checkpoint and proof, in one folder."""

from __future__ import annotations

from pathlib import Path

from releve.association.bulletin_paper import print_bulletin
from releve.association.clerk import wrap_bulletin
from releve.association.models import DayBulletin
from releve.files.atomic import write_file
from releve.sector import parse_bulletin, write_bulletin_csv

__all__ = ["write_bulletin_files"]


def write_bulletin_files(row: DayBulletin, folder: Path, language: str) -> list[Path]:
    """Write the files of a bulletin into a folder; return their paths."""
    name = f"bulletin-{row.day}"
    files: dict[str, str | bytes] = {
        f"{name}.json": wrap_bulletin(row).content,
        f"{name}.csv": write_bulletin_csv(parse_bulletin(row.text)),
        f"{name}.pdf": print_bulletin(row, language),
        f"{name}.checkpoint.txt": row.checkpoint,
        f"{name}.proof.json": row.proof,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        write_file(folder / file, content)
    return [folder / file for file in files]
