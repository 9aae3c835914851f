"""The instants of a fact, in UTC."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Any, TypeVar, cast

from releve.network.clock import UTC

__all__ = ["convert_to_utc"]

F = TypeVar("F")


def convert_to_utc(fact: F) -> F:
    """Return a fact with its instants in UTC; one without offset stays as it is.

    Python compares, adds and subtracts instants of one zone by their wall clock: where the clocks
    change, an hour would be lost or counted twice.
    """
    kind: Any = type(fact)
    given = ((name, getattr(fact, name)) for name in _list_instants(kind))
    moved = {
        name: value.astimezone(UTC)
        for name, value in given
        if value is not None and value.tzinfo not in (None, UTC)
    }
    changed: F = replace(cast(Any, fact), **moved) if moved else fact
    return changed


@cache
def _list_instants(kind: Any) -> tuple[str, ...]:
    """Return the fields of a kind of fact that hold an instant."""
    return tuple(one.name for one in fields(kind) if "datetime" in str(one.type))
