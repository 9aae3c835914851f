"""The provider of attempts in a table that does not name one.

An attempt's id belongs to its provider: two providers may use the same id, and both attempts count.
A table without a provider is its own provider, identified by its content: two tables with the same
ids count twice, the same table loaded twice counts once. A longer table counts its first part
again, so that attempts may be counted too often, never too rarely.
"""

from __future__ import annotations

import hashlib

import polars as pl

__all__ = ["fill_provider", "is_own_provider"]

_DIGITS = 16
_TABLE = "table:"


def fill_provider(attempts: pl.DataFrame, provider: str = "") -> pl.DataFrame:
    """Return attempts with a provider each: their own, ``provider``, or one named by the table."""
    if not attempts.height:
        return attempts
    name = provider or f"{_TABLE}{_digest_rows(attempts)}"
    unnamed = pl.col("provider").fill_null("").str.strip_chars() == ""
    return attempts.with_columns(
        provider=pl.when(unnamed).then(pl.lit(name)).otherwise(pl.col("provider"))
    )


def is_own_provider(provider: str) -> bool:
    """Return whether a table that names no provider stands for one."""
    return provider.startswith(_TABLE)


def _digest_rows(attempts: pl.DataFrame) -> str:
    """Return a digest of a table that does not depend on the order of its rows."""
    rows = attempts.select(sorted(attempts.columns)).sort(pl.all()).write_csv()
    return hashlib.sha256(rows.encode()).hexdigest()[:_DIGITS]
