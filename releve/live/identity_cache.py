"""A cache of computed values, each valid while its sources are the same objects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["IdentityCache"]

_T = TypeVar("_T")


class IdentityCache(Generic[_T]):
    """The last few values by key; each is valid while its sources are identical, not just equal.

    Comparing an operator or a situation of tens of thousands of people costs more than it saves.
    Who asks for a value that is being computed waits for it: fifty readers of a new minute would
    else compute it fifty times, each slowed by the others. A computation may not ask for its own
    key.
    """

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._rows: OrderedDict[Hashable, tuple[tuple[object, ...], _T]] = OrderedDict()
        self._lock = Lock()
        self._making: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, sources: tuple[object, ...], make: Callable[[], _T]) -> _T:
        """Return the value of a key; compute it again when one of its sources is another object."""
        if (kept := self._find(key, sources)) is not None:
            return kept[0]
        with self._lock:
            making = self._making.setdefault(key, Lock())
        try:
            with making:
                if (kept := self._find(key, sources)) is not None:
                    return kept[0]
                made = make()
                with self._lock:
                    self._rows[key] = (sources, made)
                    self._rows.move_to_end(key)
                    while len(self._rows) > self._most:
                        self._rows.popitem(last=False)
                return made
        finally:
            with self._lock:
                if self._making.get(key) is making:
                    del self._making[key]

    def _find(self, key: Hashable, sources: tuple[object, ...]) -> tuple[_T] | None:
        with self._lock:
            row = self._rows.get(key)
            if row is None or not all(a is b for a, b in zip(row[0], sources, strict=True)):
                return None
            self._rows.move_to_end(key)
            return (row[1],)
