"""The operator and the rules in force for the live chain."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from releve.live.errors import NoOperator
from releve.network import Operator
from releve.registry import storage as registry
from releve.situation import SituationRules
from releve.situation.shipped import load_rules_with

__all__ = ["operator_at", "operator_now", "rules_now"]

_File = tuple[str, int]


def operator_now() -> Operator:
    """Return the operator of the registry's current version; :class:`NoOperator` without one."""
    version = registry.get_current_version()
    if version is None:
        raise NoOperator("the registry is empty: import an operator first (releve registry import)")
    return registry.load_operator(version)


def operator_at(number: int) -> Operator:
    """Return the operator of one version of the registry."""
    return registry.load_operator(registry.get_version(number))


def rules_now() -> SituationRules:
    """Return the shipped rules and charter with those of the installation.

    The installation's own are ``rules/*.yaml`` and ``charters/*.yaml`` in the home folder, read
    again when a file changes. SituationRuleFaults names every fault of any of them.
    """
    return _load_rules(_list_files("rules"), _list_files("charters"))


def _list_files(name: str) -> tuple[_File, ...]:
    found = sorted((settings.HOME / name).glob("*.yaml"))
    return tuple((str(path), path.stat().st_mtime_ns) for path in found)


@lru_cache(maxsize=2)
def _load_rules(rules: tuple[_File, ...], charters: tuple[_File, ...]) -> SituationRules:
    read = [
        [Path(name).read_text(encoding="utf-8") for name, _ in kind] for kind in (rules, charters)
    ]
    return load_rules_with(*read)
