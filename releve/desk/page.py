"""The base of page objects: one typed object per page, in no language.

A template renders it as HTML, through the filters of its subject's ``words``; the same object is
sent as JSON under the same address, answered by the API and described in its document.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

_Order = TypeVar("_Order")


class PageModel(BaseModel):
    """A page or a part of one: codes, ids, instants in UTC, shares from 0 to 1; None: unknown."""

    model_config = ConfigDict(frozen=True)

    @property
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


Said = Annotated[str, PlainValidator(lambda text: text), WithJsonSchema({"type": "string"})]
"""A text of an engine that keeps its template and values, so that a template translates it."""

Figure = Annotated[float | None, BeforeValidator(known)]
"""A figure of an engine as pages hold it."""


def pick_fields(row: object, *names: str) -> dict[str, Any]:
    """Return some fields of an object by name, as JSON has them."""
    return {name: getattr(row, name) for name in names}
