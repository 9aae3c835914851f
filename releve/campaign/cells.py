"""Cells of tables that people open in a spreadsheet: no text of others becomes a formula there."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["harmless"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"\+[0-9][0-9 .()\u00a0\u202f]*")


def harmless(value: Any) -> Any:
    """Return a value as a spreadsheet shows it; a telephone number may begin with its +."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else ""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else value
