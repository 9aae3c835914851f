"""Template filters that write values: numbers, shares, instants, in the reader's language."""

from __future__ import annotations

from datetime import datetime

from django.template import Library

from releve.desk.live.words import when
from releve.desk.text import text_now

__all__ = ["coverage", "euros", "instant", "missing", "number", "register"]

register = Library()
_ANY_ZONE = "UTC"


@register.filter
def coverage(share: float | None, digits: int = 0) -> str:
    """Return a coverage rounded down; a dash where nothing is known or required."""
    return "–" if share is None else text_now(_ANY_ZONE).coverage(share, digits)


@register.filter
def missing(share: float | None, digits: int = 1) -> str:
    """Return a share that is missing; a dash where it is not known."""
    return "–" if share is None else text_now(_ANY_ZONE).missing(share, digits)


@register.filter
def instant(at: datetime | None, time_zone: str) -> str:
    """Return an instant as in a sentence, in a time zone; empty where there is none."""
    return "" if at is None else when(at, text_now(time_zone))


@register.filter
def number(value: float | None, digits: int = 0) -> str:
    """Return a rounded number; empty where there is none."""
    return "" if value is None else text_now(_ANY_ZONE).number(value, digits)


@register.filter
def euros(value: float) -> str:
    """Return an amount in whole euros."""
    return text_now(_ANY_ZONE).euros(value)
