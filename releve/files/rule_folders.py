"""The folders of the home that hold rows of the house: what counts in them, and what is refused.

A folder that was renamed, or a file saved as ``.yml``, would drop the house's stricter rows without
a word. Both are refused, with the fix.
"""

from __future__ import annotations

import os
from pathlib import Path

from releve.files.home import HomeError, is_home

__all__ = ["CHARTERS", "LAW", "RULES", "find_stray_files", "list_rule_files", "refuse_missing"]

LAW, RULES, CHARTERS = "law", "rules", "charters"
_SUFFIX = ".yaml"


def list_rule_files(home: Path, name: str) -> tuple[Path, ...]:
    """Return the files of a folder of the home, in order; HomeError where one would not count."""
    folder = home / name
    try:
        found = [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        refuse_missing(home, name)
        return ()
    strays = find_stray_files(found)
    if strays:
        raise HomeError(
            f"{folder}: {', '.join(strays)} would not be read: a file of rules is named"
            f" NAME{_SUFFIX}; rename it, or move it out of the folder"
        )
    return tuple(folder / file for file in sorted(found) if _is_rule_file(file))


def find_stray_files(names: list[str]) -> list[str]:
    """Return the names that are not files of rules; hidden files and copies of editors aside."""
    return sorted(
        name for name in names if not _is_rule_file(name) and name[:1] != "." and name[-1:] != "~"
    )


def refuse_missing(home: Path, name: str) -> None:
    """Refuse a home without one of its folders; other folders need not have them."""
    if is_home(home):
        raise HomeError(
            f"the folder {home / name} is missing, and with it the house's own rows: put it back,"
            f" or make it empty if the house has none"
        )


def _is_rule_file(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".")
