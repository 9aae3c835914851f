"""The file of a plan folder that names the packs of rules its operator has chosen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from releve.errors import ReleveError
from releve.situation import ChosenPack

__all__ = ["PACK_FILE", "PackFileError", "format_packs", "read_packs"]

PACK_FILE = "packs.json"


class PackFileError(ReleveError, ValueError):
    """The file of packs of a plan folder cannot be read."""


def format_packs(chosen: Iterable[ChosenPack]) -> str:
    """Return packs and their days as JSON; ``to`` null: until ended."""
    rows = [
        {"pack": one.pack, "from": str(one.first), "to": one.last and str(one.last)}
        for one in chosen
    ]
    return json.dumps(rows, indent=1) + "\n"


def read_packs(folder: Path) -> tuple[ChosenPack, ...]:
    """Return the packs that a plan folder names; none where it has no such file."""
    path = folder / PACK_FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            ChosenPack(
                row["pack"],
                date.fromisoformat(row["from"]),
                None if row["to"] is None else date.fromisoformat(row["to"]),
            )
            for row in rows
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackFileError(
            f'{path}: {error}: write [{{"pack": "health-2020", "from": "2026-12-01", "to": null}}]'
        ) from None
