"""Text of files and users made safe for a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["replace_unprintable"]


def replace_unprintable(text: str) -> str:
    """Return a text with control characters replaced; the spaces of French stay as they are."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )
