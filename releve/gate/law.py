"""The rules that the gate goes by: those that come with the package, and the installation's own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from releve.outbound import Rules, built_in_texts, load_rules

__all__ = ["rules_now", "texts_now"]


def rules_now() -> Rules:
    """Return the table with the rows of ``law/*.yaml`` in the home folder, which close and amend.

    Read again when a file changes. RuleFaults names every fault of any of them.
    """
    found = sorted((Path(settings.HOME) / "law").glob("*.yaml"))
    return _rules(tuple((str(path), path.stat().st_mtime_ns) for path in found))


def texts_now() -> dict[str, str]:
    """Return the files of that table, by name: what ``load_rules`` makes it of."""
    return _texts(str(path) for path in sorted((Path(settings.HOME) / "law").glob("*.yaml")))


@lru_cache(maxsize=2)
def _rules(files: tuple[tuple[str, int], ...]) -> Rules:
    return load_rules(_texts(name for name, _ in files))


def _texts(names: Iterable[str]) -> dict[str, str]:
    own = {f"law/{Path(name).name}": Path(name).read_text(encoding="utf-8") for name in names}
    return {**built_in_texts(), **own}
