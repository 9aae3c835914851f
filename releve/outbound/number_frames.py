"""Many numbers at once: each is understood through one number that is like it.

What a number means depends on its first characters and its length alone, so a million numbers come
down to some thousand kinds, each asked of :class:`releve.outbound.numbers.NumberTable` once.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from releve.outbound.numbers import KEY_LENGTH, NumberTable, cleaned, recipe

__all__ = ["shown_column", "understood"]

_SEPARATORS = r"[\s.\-\u00a0\u202f\u2011/]|\(0\)|[()]"


def _keyed(numbers: pl.Series) -> pl.DataFrame:
    """Return each number cleaned, with the key of its kind; one that is odd is its own kind."""
    digits = numbers.fill_null("").str.strip_chars().str.replace_all(_SEPARATORS, "")
    plain = digits.str.contains(r"^\+?[0-9]{1,18}$")
    frame = pl.DataFrame({"digits": digits, "plain": plain})
    kind = (
        pl.col("digits").str.slice(0, KEY_LENGTH)
        + "/"
        + pl.col("digits").str.len_chars().cast(pl.String)
    )
    return frame.with_columns(key=pl.when("plain").then(kind).otherwise("!" + pl.col("digits")))


def understood(numbers: pl.Series, table: NumberTable, day: date) -> pl.DataFrame:
    """Return the international ``number``, ``fault`` and ``territories`` (by ``|``) of each."""
    frame = _keyed(numbers)
    kinds = frame.group_by("key").agg(pl.col("digits").first())
    told = []
    for key, digits in kinds.iter_rows():
        meant = table.number(digits, day)
        drop, country = recipe(cleaned(digits), table.rewrites) or (0, "")
        told.append((key, drop, country, meant.fault, "|".join(meant.territories)))
    schema = {"key": pl.String, "drop": pl.Int64, "country": pl.String}
    schema |= {"fault": pl.String, "territories": pl.String}
    found = frame.join(
        pl.DataFrame(told, schema=schema, orient="row"), on="key", how="left", maintain_order="left"
    )
    number = (
        pl.when(pl.col("country") == "")
        .then("digits")
        .otherwise(pl.col("country") + pl.col("digits").str.slice(pl.col("drop")))
    )
    return found.select(number=number, fault="fault", territories="territories")


def shown_column(numbers: pl.Series, table: NumberTable, day: date) -> pl.Series:
    """Return numbers in international form; one that has none (a short number) as its digits."""
    return understood(numbers, table, day)["number"]
