"""Cells of tables that people open in a spreadsheet: no text of others becomes a formula there."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

__all__ = ["escape_cell", "escape_column"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = r"\+[0-9][0-9 .()\u00a0\u202f]*"
"""A telephone number may begin with its +: digits and spaces do nothing."""


def escape_cell(value: Any) -> Any:
    """Return a value as a spreadsheet shows it; what would be a formula begins with a quote."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else ""
    return f"'{text}" if text.startswith(_FORMULA) and not re.fullmatch(_NUMBER, text) else value


def escape_column(name: str) -> pl.Expr:
    """Return a column of text with :func:`harmless` done to each cell; null stays null."""
    column = pl.col(name)
    formula = column.str.head(1).is_in(_FORMULA) & ~column.str.contains(f"^{_NUMBER}$")
    return pl.when(formula).then(pl.lit("'") + column).otherwise(column).alias(name)
