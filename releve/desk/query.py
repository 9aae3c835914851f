"""Read what an address or a form asks for: a day, a number, a thing that has to be there."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from django.http import Http404

_T = TypeVar("_T")


def read_day(text: str) -> date | None:
    """Return a day as ``2026-11-30``; None where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_number(text: str, most_digits: int = 8) -> int | None:
    """Return a whole number from 0; None where it is none, or has more digits."""
    sound = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if sound else None


def require_found(found: _T | None, message: str) -> _T:
    """Return what was found; Http404 with a sentence where nothing was."""
    if found is None:
        raise Http404(message)
    return found
