"""The base of page objects: one typed object per page, in no language.

A template renders it as HTML, through the filters of its subject's ``words``; the same object is
sent as JSON under the same address, answered by the API and described in its document.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

__all__ = ["PageModel", "known"]


class PageModel(BaseModel):
    """A page or a part of one: codes, ids, instants in UTC, shares from 0 to 1; None: unknown."""

    model_config = ConfigDict(frozen=True)

    @property
    def json_bytes(self) -> bytes:
        """The page as JSON; what is not a number becomes null."""
        return self.model_dump_json().encode()


def known(value: float | None) -> float | None:
    """Return a figure as pages hold it: NaN becomes None, which is not known."""
    return None if value is None or math.isnan(value) else float(value)
