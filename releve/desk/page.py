"""The base of page objects: one typed object per page, in no language.

A template renders it as HTML, through the filters of its subject's ``words``; the same object is
sent as JSON under the same address, answered by the API and described in its document.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from releve.accounts.scopes import roles_held
from releve.files.database_state import read_state
from releve.live.api import IdentityCache

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_Order = TypeVar("_Order")
_T = TypeVar("_T")


class PageModel(BaseModel):
    """A page or a part of one: codes, ids, instants in UTC, shares from 0 to 1; None: unknown."""

    model_config = ConfigDict(frozen=True)

    @cached_property
    def json_bytes(self) -> bytes:
        """The page as JSON; what is not a number becomes null."""
        return self.model_dump_json().encode()

    @classmethod
    def from_row(cls, row: object, /, **others: Any) -> Self:
        """Return an object with the fields of ``row`` that have the same names, and ``others``."""
        same = {name: getattr(row, name) for name in cls.model_fields if name not in others and hasattr(row, name)}
        return cls(**same, **others)


class StreamPage(PageModel):
    """What every page of a stream begins with; ``drill`` is empty where all is real."""

    stream: str = Field(description="live, or drill:NUMBER", examples=["live"])
    drill: str = Field(description="Title of the drill: nothing of it is real")
    at: datetime = Field(description="The stream's time, to the minute")
    time_zone: str = Field(description="Of the operator, or of the page's site")


class RunHead(PageModel, Generic[_Order]):
    """A run of long work: its order and how it stands; ``active``: at work, or it waits to be."""

    id: str
    state: str
    reason: str = Field(description="Why it failed; empty: it did not")
    order: _Order
    active: bool
    may_stop: bool
    may_resume: bool


def known(value: float | None) -> float | None:
    """Return a figure as pages hold it: NaN becomes None, which is not known."""
    return None if value is None or math.isnan(value) else float(value)


Figure = Annotated[float | None, BeforeValidator(known)]
"""A figure of an engine as pages hold it."""


def pick_fields(row: object, *names: str) -> dict[str, Any]:
    """Return some fields of an object by name, as JSON has them."""
    return {name: getattr(row, name) for name in names}


SHARED_SECONDS = 5
"""What readers share is made again after so long: the clock alone changes it too."""


class _SharedPages:
    """What was made of one state of the database: that of an older one is let go, with all that is erased since."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._moment: Hashable = None
        self._pages: IdentityCache[Any] = IdentityCache()

    def choose(self, moment: Hashable) -> IdentityCache[Any]:
        with self._lock:
            if moment != self._moment:
                self._moment, self._pages = moment, IdentityCache(64)
            return self._pages


_shared = _SharedPages()


def share_page(key: Hashable, user: AnyUser, build: Callable[[], _T]) -> _T:
    """Return what ``build`` makes of the database, the clock and the roles of a user, and of nothing else.

    It is built once for all readers with the same roles, while nothing is committed to the database.
    """
    state = read_state()
    if state is None:
        return build()
    pages = _shared.choose((state, int(time.time() / SHARED_SECONDS)))
    found: _T = pages.get((key, roles_held(user)), (), build)
    return found
