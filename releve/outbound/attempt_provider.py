"""Whose attempts a table holds, where it does not say.

An attempt's id is its provider's: the same id of another provider is another attempt, and both
count. A table that names nobody is its own provider, known again by what it holds: so two tables
with the same ids are counted both, and the same table twice once. A longer table of the same
provider is another one, and counts its first part again: too many are counted, never too few.
"""

from __future__ import annotations

import hashlib

import polars as pl

__all__ = ["fill_provider"]

_DIGITS = 16


def fill_provider(attempts: pl.DataFrame, provider: str = "") -> pl.DataFrame:
    """Return attempts of which each names a provider: its own, the one given, or the table."""
    if not attempts.height:
        return attempts
    name = provider or f"table:{_digest_rows(attempts)}"
    unnamed = pl.col("provider").fill_null("").str.strip_chars() == ""
    return attempts.with_columns(
        provider=pl.when(unnamed).then(pl.lit(name)).otherwise(pl.col("provider"))
    )


def _digest_rows(attempts: pl.DataFrame) -> str:
    """Return what a table is known again by, whatever the order of its rows."""
    rows = attempts.select(sorted(attempts.columns)).sort(pl.all()).write_csv()
    return hashlib.sha256(rows.encode()).hexdigest()[:_DIGITS]
