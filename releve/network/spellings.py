"""Spellings made comparable: what a person types against the words of a closed vocabulary."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["fold"]

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


def fold(text: str) -> str:
    """Return a text without case, accents and ligatures, its words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^0-9a-z]+", "-", bare).strip("-")
