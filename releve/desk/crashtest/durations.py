"""Durations in words."""

from __future__ import annotations

import math

from django.utils.translation import ngettext

from releve.desk.text import Text

__all__ = ["duration", "lasting"]


def duration(seconds: float, text: Text) -> str:
    """Return a duration as one says it: whole minutes, at least one."""
    minutes = max(1, math.ceil(seconds / 60))
    if minutes < 120:
        words = ngettext("{count} minute", "{count} minutes", minutes)
        return words.format(count=text.number(minutes))
    hours = round(minutes / 60)
    return ngettext("{count} hour", "{count} hours", hours).format(count=text.number(hours))


def lasting(seconds: float, text: Text) -> str:
    """Return how long something has lasted: seconds below two minutes, by tens."""
    if seconds >= 120:
        return duration(seconds - 59, text)
    count = 10 * int(seconds / 10)
    words = ngettext("{count} second", "{count} seconds", count)
    return words.format(count=text.number(count))
