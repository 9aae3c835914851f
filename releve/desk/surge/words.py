"""Template filters that say the figures of a relief for a surge."""

from __future__ import annotations

from django.template import Library

from releve.desk.text import text_now

__all__ = ["register"]

register = Library()


@register.filter
def surge_number(value: float) -> str:
    """Return a number in words of the reader's language."""
    return text_now("UTC").number(value)


@register.filter
def surge_share(value: float) -> str:
    """Return a share that is missing."""
    return text_now("UTC").missing(value)


@register.filter
def surge_percent(factor: float) -> str:
    """Return a factor of calls as a percentage."""
    return text_now("UTC").percent(factor)
