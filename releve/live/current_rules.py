"""The rules in force: those of the installation, with the packs that its stream has chosen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from releve.files.operator_folder import CHARTERS, RULES, list_rule_files
from releve.live.clock import LIVE
from releve.live.situation_cache import situation_now
from releve.situation import ChosenPack, Situation, SituationRules
from releve.situation.shipped import load_rules_with

_File = tuple[str, int]


def rules_now(stream: str = LIVE) -> SituationRules:
    """Return the rules by which a stream is judged now: see :func:`select_rules`."""
    return select_rules(situation_now(stream))


def select_rules(situation: Situation) -> SituationRules:
    """Return the rules of the installation, with the packs chosen in a situation in force."""
    return load_installed_rules(situation.packs)


def load_installed_rules(chosen: Iterable[ChosenPack] = ()) -> SituationRules:
    """Return the shipped rules and charter with those of the installation and of chosen packs.

    The installation's own are ``rules/*.yaml`` and ``charters/*.yaml`` in the home folder, read
    again when a file changes. SituationRuleFaults names every fault of any of them, HomeError a
    file or folder whose name is not right.
    """
    return _load_rules(_list_files(RULES), _list_files(CHARTERS), tuple(chosen))


def _list_files(name: str) -> tuple[_File, ...]:
    found = list_rule_files(Path(settings.HOME), name)
    return tuple((str(path), path.stat().st_mtime_ns) for path in found)


@lru_cache(maxsize=8)
def _load_rules(
    rules: tuple[_File, ...], charters: tuple[_File, ...], chosen: tuple[ChosenPack, ...]
) -> SituationRules:
    texts, charter_texts = ([Path(name).read_text(encoding="utf-8") for name, _ in kind] for kind in (rules, charters))
    return load_rules_with(texts, charter_texts, chosen)
