"""The operator of the live chain."""

from __future__ import annotations

from releve.live.errors import NoOperator
from releve.network import Operator
from releve.registry import storage as registry

__all__ = ["operator_at", "operator_now"]


def operator_now() -> Operator:
    """Return the operator of the registry's current version; :class:`NoOperator` without one."""
    version = registry.get_current_version()
    if version is None:
        raise NoOperator("the registry is empty: import an operator first (releve registry import)")
    return registry.load_operator(version)


def operator_at(number: int) -> Operator:
    """Return the operator of one version of the registry."""
    return registry.load_operator(registry.get_version(number))
