"""Telephone numbers: the one meant, its class, and where its holder may be; one or a column.

Overseas numbers come first: +262, +590, +594 and +596 are country codes of their own, and 0262… or
+33 262… means them; ``phonenumbers`` would read an invalid French number. Classes and places come
from the longest prefix in force on the day, a table of rows like the law's; the digit counts of
other countries are asked of ``phonenumbers``. The meaning of a number of the table depends on its
first characters and its length alone, so a column comes down to some thousand kinds, each asked
once; a number of another country is a kind of its own.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache

import phonenumbers
import polars as pl

_SEPARATORS = re.compile(r"[\s\x1c-\x1f.\-/]|\(0\)|[()]", re.ASCII)
_TYPE = phonenumbers.PhoneNumberType
_SERVICES = frozenset({_TYPE.PREMIUM_RATE, _TYPE.SHARED_COST, _TYPE.TOLL_FREE, _TYPE.UAN, _TYPE.VOICEMAIL, _TYPE.PAGER})
"""Types of numbers of other countries on which no person is called."""
_NO_COUNTRY = "001"
"""The region of country codes that are no country's: free, premium and satellite numbers."""
FOREIGN = "foreign"
"""The class of numbers of other countries; unlike those of the table, all their digits count."""
_MISWRITTEN = frozenset({"empty", "foreign-digits", "leading-zero-lost", "malformed",
                         "spreadsheet-figure", "wrong-length"})  # fmt: skip
"""Faults in the writing of a number: no telephone has it, whatever the day."""
_SHAPE = re.compile(r"(?:\+|00)[1-9][0-9]{5,14}|0[1-9][0-9]{8}")


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the numbers under a prefix are, between two days (inclusive, None is open)."""

    prefix: str
    number_class: str
    territories: tuple[str, ...] = ()
    callee: bool = True
    """Whether a person is called on it."""
    length: int | None = None
    """Digits after the country code."""
    first: date | None = None
    last: date | None = None
    sure: tuple[str, ...] = ()

    def binds_on(self, day: date) -> bool:
        """Return whether the prefix means this on a day."""
        after = self.first is None or self.first <= day
        return after and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Number:
    """A number understood: international form, class, and the codes of possible territories.

    ``fault`` says what is wrong with it, empty when nothing is.
    """

    text: str
    number_class: str = ""
    territories: tuple[str, ...] = ()
    callee: bool = False
    fault: str = ""


class NumberTable:
    """Prefixes, national rewrites and short numbers; immutable once made."""

    def __init__(
        self, prefixes: tuple[Prefix, ...], rewrites: tuple[tuple[str, str], ...], short: tuple[tuple[str, str], ...]
    ) -> None:
        self.prefixes = prefixes
        self.rewrites = tuple(sorted(rewrites, key=lambda pair: -len(pair[0])))
        self._short = tuple((re.compile(pattern), name) for pattern, name in short)
        self._by_length: dict[int, dict[str, list[Prefix]]] = {}
        for row in prefixes:
            self._by_length.setdefault(len(row.prefix), {}).setdefault(row.prefix, []).append(row)
        self._lengths = sorted(self._by_length, reverse=True)

    @property
    def longest(self) -> int:
        """The characters of the longest prefix: no further ones say what a number is."""
        return self._lengths[0] if self._lengths else 0

    def classes(self) -> frozenset[str]:
        """Return every class that a number may have."""
        return frozenset(p.number_class for p in self.prefixes) | {name for _, name in self._short}

    def changes(self) -> frozenset[date]:
        """Return the days on which a prefix starts or has just ended."""
        starts = {row.first for row in self.prefixes if row.first}
        return frozenset(starts | {row.last + timedelta(1) for row in self.prefixes if row.last})

    @lru_cache(maxsize=4096)  # noqa: B019 (few tables, and they stay)
    def number(self, text: str, day: date) -> Number:
        """Return what a number written by people is on a day."""
        digits = strip_separators(text)
        found = to_international(digits, self.rewrites)
        if found is None:
            return Number(digits, fault=_explain_unreadable(digits))
        return self._classify(found, day)

    def shown(self, text: str, day: date) -> Number:
        """Return what a number shown to the callee is: also short ones."""
        digits = strip_separators(text)
        for pattern, name in self._short:
            if pattern.fullmatch(digits):
                return Number(digits, name)
        return self.number(text, day)

    def find_form_fault(self, text: str, *, shown: bool = False) -> str:
        """Return what is wrong with how a number is written, on whatever day; empty when nothing.

        ``shown``: a short number, which is shown and never called, is well written too.
        """
        read = self.shown if shown else self.number
        faults = [read(text, day).fault for day in (date.min, *sorted(self.changes()))]
        return faults[-1] if _MISWRITTEN.issuperset(faults) else ""

    def list_meant(self, digits: str) -> list[str]:
        """Return the number that digits may stand for where they fit no form.

        The French one, if any: nine digits lost their zero, whatever other country has numbers that
        begin like them. One number at most; none where the text is not made of digits 0 to 9.
        """
        if not (digits.isascii() and digits.isdecimal()):
            return []
        french = digits.removeprefix("33").removeprefix("0")
        if digits.startswith("33") and len(french) == 9:
            tried = [f"+33{french}"]
        else:
            tried = [f"0{digits}"] if len(digits) == 9 else [digits, f"+{digits}"]
        return [one for one in tried if not self.find_form_fault(one)]

    def _classify(self, number: str, day: date) -> Number:
        row = self._find_prefix(number, day)
        if row is None:
            return _classify_foreign(number)
        if not _has_right_length(number, row.length):
            return Number(number, fault="wrong-length")
        fault = "" if row.callee else "not-a-subscriber"
        return Number(number, row.number_class, row.territories, row.callee, fault)

    def _find_prefix(self, number: str, day: date) -> Prefix | None:
        for length in self._lengths:
            for row in self._by_length[length].get(number[:length], ()):
                if row.binds_on(day):
                    return row
        return None


def strip_separators(text: str) -> str:
    """Return a number without what people and programs write between its digits.

    Every entrance (tables, commands, gate, screening) reads numbers by this function: invisible
    characters, spaces, dashes and full-width forms are normalised. Digits of other scripts stay,
    and no form of a number fits them.
    """
    return _SEPARATORS.sub("", text if text.isascii() else "".join(map(_simplify, text)))


def _simplify(character: str) -> str:
    """Return the ASCII form of a full-width character, space or dash; nothing for an invisible one.

    Any other character is returned as it is.
    """
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    category = unicodedata.category(character)
    if category == "Cf":  # zero width, byte order and bidi marks, soft hyphen
        return ""
    return " " if character.isspace() else "-" if category == "Pd" else character


def find_rewrite(digits: str, rewrites: tuple[tuple[str, str], ...]) -> tuple[int, str] | None:
    """Return how many first characters give way to what, for the international form.

    None when it is no telephone number. Only the first characters and the length matter.
    """
    if not _SHAPE.fullmatch(digits):
        return None
    if digits.startswith(("+330", "00330")):
        drop = digits.index("330") + 3
        national = "0" + digits[drop:]
    elif digits.startswith(("+33", "0033")):
        drop = digits.index("33") + 2
        national = "0" + digits[drop:]
    elif digits.startswith(("+", "00")):
        return (1 if digits[0] == "+" else 2), "+"
    else:
        drop, national = 1, digits
    for start, country in rewrites:
        if national.startswith(start) and len(national) == 10:
            return drop, country
    return drop, "+33"


def to_international(digits: str, rewrites: tuple[tuple[str, str], ...]) -> str | None:
    """Return the international form of a cleaned number, None when it is none."""
    found = find_rewrite(digits, rewrites)
    return None if found is None else found[1] + digits[found[0] :]


def _explain_unreadable(digits: str) -> str:
    if not digits:
        return "empty"
    if any(one.isdigit() and not one.isascii() for one in digits):
        return "foreign-digits"
    if re.fullmatch(r"[1-9][0-9]{8}", digits):
        return "leading-zero-lost"
    if re.fullmatch(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+", digits):
        return "spreadsheet-figure"
    return "malformed"


def _has_right_length(number: str, length: int | None) -> bool:
    if length is not None:
        return len(number) == 1 + _find_code_length(number[1:4]) + length
    parsed = _parse_foreign(number)
    return parsed is not None and phonenumbers.is_possible_number(parsed)


@cache
def _find_code_length(start: str) -> int:
    """Return how many of a number's first three digits are its country code; 0: none are."""
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((n for n in (1, 2, 3) if int(start[:n]) in codes), 0)


def _classify_foreign(number: str) -> Number:
    """Return a number of a country whose rules are not here, or one that no country has."""
    parsed = _parse_foreign(number)
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        return Number(number, fault="malformed")
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if region in ("FR", "GP", "GF", "MQ", "RE"):
        return Number(number, fault="not-allocated")
    if region == _NO_COUNTRY or phonenumbers.number_type(parsed) in _SERVICES:
        return Number(number, FOREIGN, fault="not-a-subscriber")
    return Number(number, FOREIGN, callee=True)


@lru_cache(maxsize=4096)  # callers' numbers, and those that stand in for others, come again
def _parse_foreign(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None


_SEPARATOR_PATTERN = r"[ \t\n\r\f\v\x1c-\x1f.\-/]|\(0\)|[()]"
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
    text = pl.col("text").fill_null("")
    digits, wide = numbers.to_frame("text").select(
        digits=text.str.replace_all(_SEPARATOR_PATTERN, ""), wide=text.str.len_bytes() != text.str.len_chars()
    )
    if not wide.any():
        return digits
    odd = numbers.filter(wide)
    cleaned = {text: strip_separators(text) for text in odd.unique()}
    return digits.scatter(wide.arg_true(), odd.replace_strict(cleaned))


def _group_numbers(numbers: pl.Series, table: NumberTable) -> pl.DataFrame:
    """Return each number cleaned, with the key of its kind; one that is odd is its own kind."""
    digits = _strip_separators(numbers)
    plain = pl.col("digits").str.contains(r"^\+?[0-9]{1,18}$")
    kind = _classify_digits("digits", table)
    key = kind.struct.field("start") + "/" + kind.struct.field("length").cast(pl.String)
    key = pl.when(plain).then(key).otherwise("!" + pl.col("digits"))
    return digits.to_frame("digits").with_columns(key=key)


def parse_number_column(numbers: pl.Series, table: NumberTable, day: date) -> pl.DataFrame:
    """Return the international ``number``, ``fault`` and ``territories`` (by ``|``) of each."""
    frame = _group_numbers(numbers, table)
    kinds = frame.group_by("key").agg(pl.col("digits").first())
    foreign = [key for key, digits in kinds.iter_rows() if table.number(digits, day).number_class == FOREIGN]
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
    found = frame.join(pl.DataFrame(records, schema=schema, orient="row"), on="key", how="left", maintain_order="left")
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
    if not numbers.len():
        return numbers.alias("number")
    frame = pl.DataFrame({"number": numbers.fill_null("")}).with_columns(
        plain=pl.col("number").str.contains(r"^\+[0-9]{1,18}$"), kind=_classify_digits("number", table)
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


def mark_miswritten_numbers(numbers: pl.Series, table: NumberTable, *, shown: bool = False) -> pl.Series:
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
