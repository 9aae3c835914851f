"""The rules that the gate goes by: those that come with the package, and the installation's own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from django.conf import settings

from releve.files.home import HomeError
from releve.files.operator_folder import LAW, list_rule_files, refuse_missing
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.rule_files import built_in_texts, load_rules
from releve.upkeep.findings import Examination, Finding, fault

_SETTLED_NANOSECONDS = 10**9
"""After so long another change of a folder has another time: those tick in milliseconds."""


def load_current_rules() -> LegalRules:
    """Return the table with the rows of ``law/*.yaml`` in the home folder, which close and amend.

    Read again when a file changes. RuleFaults names every fault of any of them.
    """
    return load_current_table()[0]


def check_law(asked: Examination) -> Iterator[Finding]:
    """The house's own law is named so that it counts, and can be read: a check of `releve doctor`."""
    try:
        load_current_rules()
    except HomeError as error:
        yield fault("rules", str(error), "the gate refuses every call until then")


def load_current_texts() -> Mapping[str, str]:
    """Return the files of that table, by name: what ``load_rules`` makes it of."""
    return load_current_table()[1]


def load_current_table() -> tuple[LegalRules, Mapping[str, str]]:
    """Return the table and its files, of one reading."""
    return _load_table(_list_changes())


def _list_changes() -> tuple[tuple[str, int], ...]:
    """Return the path of each file and when it changed; asked for before each call.

    HomeError where the folder is missing or holds a file that would not count, FileNotFoundError
    where a file goes while it is looked at: without it the law would be another.
    """
    folder = f"{settings.HOME}/{LAW}"
    try:
        changed = os.stat(folder).st_mtime_ns
    except FileNotFoundError:
        refuse_missing(Path(settings.HOME), LAW)
        return ()
    settled = time.time_ns() - changed > _SETTLED_NANOSECONDS
    paths = _cache_paths(folder, changed) if settled else _list_paths(folder)
    return tuple((path, os.stat(path).st_mtime_ns) for path in paths)


def _list_paths(folder: str) -> tuple[str, ...]:
    path = Path(folder)
    return tuple(str(file) for file in list_rule_files(path.parent, path.name))


@lru_cache(maxsize=2)
def _cache_paths(folder: str, changed: int) -> tuple[str, ...]:
    """Return the files of a folder that had last changed then."""
    return _list_paths(folder)


@lru_cache(maxsize=2)
def _load_table(files: tuple[tuple[str, int], ...]) -> tuple[LegalRules, Mapping[str, str]]:
    own = {f"law/{Path(name).name}": Path(name).read_text(encoding="utf-8") for name, _ in files}
    texts = {**built_in_texts(), **own}
    return load_rules(texts), MappingProxyType(texts)
