"""The base of page objects: one typed object per page, in no language.

A template renders it as HTML, through the filters of its subject's ``words``; the same object is
sent as JSON under the same address, answered by the API and described in its document.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeVar

from django.utils.translation import get_language
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from releve.accounts.scopes import roles_held
from releve.files.database_state import read_state

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


Said = Annotated[str, PlainValidator(lambda text: text), WithJsonSchema({"type": "string"})]
"""A text of an engine that keeps its template and values, so that a template translates it."""


class RunHead(PageModel, Generic[_Order]):
    """A run of long work: its order and how it stands; ``active``: at work, or it waits to be."""

    id: str
    state: str
    reason: Said = Field(description="Why it failed; empty: it did not")
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


SHARED_SECONDS = 5.0
"""What readers share is made again after so long: the clock alone changes it too."""
_MOST_SHARED = 64


@dataclass
class _SharedPage:
    """What was made last of a key: when that began, and of which state of the database."""

    lock: Lock = field(default_factory=Lock)
    asked: float = 0.0
    began: float = -math.inf
    state: Hashable = None
    page: Any = None


class _SharedPages:
    """The pages asked for lately; others are let go, with all that was erased since."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[Hashable, _SharedPage] = {}

    def choose(self, key: Hashable, now: float) -> _SharedPage:
        with self._lock:
            found = self._rows.pop(key, None) or _SharedPage()
            lately = [(name, row) for name, row in self._rows.items() if now - row.asked < SHARED_SECONDS]
            found.asked = now
            self._rows = {**dict(lately[1 - _MOST_SHARED :]), key: found}
            return found


_shared = _SharedPages()


def share_page(key: Hashable, user: AnyUser, build: Callable[[], _T]) -> _T:
    """Return what ``build`` makes of the database, the clock, the language and a user's roles, and of nothing else.

    Readers with the same roles share what was made of the state that the database is in, or was begun after they
    asked: while much is recorded, those who wait for a page that is being made get the next one together.
    """
    asked = time.monotonic()
    if read_state() is None:
        return build()
    row = _shared.choose((key, get_language(), roles_held(user)), asked)
    with row.lock:
        began, state = time.monotonic(), read_state()
        if row.began <= asked and (row.state != state or began - row.began >= SHARED_SECONDS):
            page = build()
            row.began, row.state, row.page = began, state, page
        found: _T = row.page
        return found
