"""Many numbers at once: each is understood through one number that is like it.

What a number of the table means depends on its first characters and its length alone, so a million
numbers come down to some thousand kinds, each asked of
:class:`releve.outbound.numbers.NumberTable` once; a number of another country is a kind of its own.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from releve.outbound.numbers import FOREIGN, NumberTable, find_rewrite, strip_separators

__all__ = [
    "mark_miswritten_numbers", "normalize_sayer", "normalize_shown_numbers", "parse_number_column",
]  # fmt: skip

_SEPARATORS = r"[ \t\n\r\f\v\x1c-\x1f.\-/]|\(0\)|[()]"
"""What ``strip_separators`` takes out of ASCII text."""


def _classify_digits(digits: str, table: NumberTable) -> pl.Expr:
    """Return what tells the meaning of cleaned numbers: their first characters and their length.

    As many as the longest prefix has, in the form in which the number is written.
    """
    longest = max(table.longest, *(2 + len(start) for start, _ in table.rewrites), 4)
    text = pl.col(digits)
    international = text.str.starts_with("+") & ~text.str.starts_with("+330")
    national = text.str.starts_with("0") & ~text.str.starts_with("00")
    return pl.struct(
        pl.when(international)
        .then(text.str.slice(0, longest))
        .when(national)
        .then(text.str.slice(0, longest - 2))
        .otherwise(text.str.slice(0, longest + 3))
        .alias("start"),
        text.str.len_bytes().alias("length"),
    )


def _strip_separators(numbers: pl.Series) -> pl.Series:
    """Return what ``strip_separators`` does of each number, with one pass over the plain ones."""
    numbers = numbers.fill_null("")
    digits = numbers.str.replace_all(_SEPARATORS, "")
    wide = numbers.str.len_bytes() != numbers.str.len_chars()
    if not wide.any():
        return digits
    cleaned = {text: strip_separators(text) for text in numbers.filter(wide).unique()}
    return digits.scatter(wide.arg_true(), numbers.filter(wide).replace_strict(cleaned))


def _group_numbers(numbers: pl.Series, table: NumberTable) -> pl.DataFrame:
    """Return each number cleaned, with the key of its kind; one that is odd is its own kind."""
    digits = _strip_separators(numbers)
    frame = pl.DataFrame({"digits": digits, "plain": digits.str.contains(r"^\+?[0-9]{1,18}$")})
    kind = _classify_digits("digits", table)
    key = kind.struct.field("start") + "/" + kind.struct.field("length").cast(pl.String)
    return frame.with_columns(key=pl.when("plain").then(key).otherwise("!" + pl.col("digits")))


def parse_number_column(numbers: pl.Series, table: NumberTable, day: date) -> pl.DataFrame:
    """Return the international ``number``, ``fault`` and ``territories`` (by ``|``) of each."""
    frame = _group_numbers(numbers, table)
    kinds = frame.group_by("key").agg(pl.col("digits").first())
    foreign = [
        key
        for key, digits in kinds.iter_rows()
        if table.number(digits, day).number_class == FOREIGN
    ]
    if foreign:
        alone = pl.when(pl.col("key").is_in(foreign)).then("!" + pl.col("digits"))
        frame = frame.with_columns(key=alone.otherwise("key"))
        kinds = frame.group_by("key").agg(pl.col("digits").first())
    records = []
    for key, digits in kinds.iter_rows():
        meant = table.number(digits, day)
        drop, country = find_rewrite(strip_separators(digits), table.rewrites) or (0, "")
        records.append((key, drop, country, meant.fault, "|".join(meant.territories)))
    schema = {"key": pl.String, "drop": pl.Int64, "country": pl.String}
    schema |= {"fault": pl.String, "territories": pl.String}
    found = frame.join(
        pl.DataFrame(records, schema=schema, orient="row"),
        on="key",
        how="left",
        maintain_order="left",
    )
    number = (
        pl.when(pl.col("country") == "")
        .then("digits")
        .otherwise(pl.col("country") + pl.col("digits").str.slice(pl.col("drop")))
    )
    return found.select(number=number, fault="fault", territories="territories")


def normalize_shown_numbers(numbers: pl.Series, table: NumberTable, day: date) -> pl.Series:
    """Return numbers in international form; one that has none (a short number) as its digits.

    Most numbers of a register are in that form already; those are found first, by their kind.
    """
    frame = pl.DataFrame({"number": numbers.fill_null("")}).with_columns(
        plain=pl.col("number").str.contains(r"^\+[0-9]{1,18}$"),
        kind=_classify_digits("number", table),
    )
    kinds = frame.filter("plain").group_by("kind").agg(pl.col("number").first())
    same = kinds["number"] == parse_number_column(kinds["number"], table, day)["number"]
    whole = kinds.filter(same).select("kind", whole=pl.lit(True))
    frame = frame.join(whole, on="kind", how="left", maintain_order="left")
    whole_already = frame["plain"] & frame["whole"].fill_null(False)
    if whole_already.all():
        return frame["number"]
    rest = parse_number_column(frame["number"].filter(~whole_already), table, day)["number"]
    return frame["number"].scatter((~whole_already).arg_true(), rest)


def mark_miswritten_numbers(
    numbers: pl.Series, table: NumberTable, *, shown: bool = False
) -> pl.Series:
    """Return whether each number is written as no telephone number is (``find_form_fault``)."""
    frame = _group_numbers(numbers, table)
    kinds = frame.group_by("key").agg(pl.col("digits").first())
    wrong = [key for key, digits in kinds.iter_rows() if table.find_form_fault(digits, shown=shown)]
    return frame["key"].is_in(wrong).alias(numbers.name)


def normalize_sayer(table: NumberTable, day: date) -> pl.Expr:
    """Return the persons of what was said, a number among them in international form."""
    person = pl.col("person")
    return (
        pl.when(person.str.starts_with("+"))
        .then(
            person.map_batches(
                lambda cells: normalize_shown_numbers(cells, table, day).alias(cells.name),
                return_dtype=pl.String,
                is_elementwise=True,
            )
        )
        .otherwise(person)
        .alias("person")
    )
