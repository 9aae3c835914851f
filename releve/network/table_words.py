"""The names of tables, columns and values in English and French, from ``words/*.yaml``.

Reading accepts every spelling of both languages; templates, exports and the desk write the labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import Any

import yaml

from releve.errors import BilingualPhrase, Phrase
from releve.network.columns import TableColumn, TableRow, list_columns

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


@lru_cache(maxsize=4096)  # the same headers and words come again with each table
def fold(text: str) -> str:
    """Return a text without case, accents and ligatures, its words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^0-9a-z]+", "-", bare).strip("-")


DATE_COLUMN = "date"
"""The day of a table whose times stand in columns of their own."""
DATED_TABLES = frozenset(("shifts", "history"))
"""Tables whose day may stand in a column of its own."""

_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")


@dataclass(frozen=True, slots=True)
class Naming:
    """The labels of one thing in both languages, and further spellings that are read."""

    en: str
    fr: str
    also: tuple[str, ...] = ()

    def label(self, language: str) -> str:
        """Return the label in a language; English where there is no other."""
        return self.fr if language == "fr" else self.en

    def is_french(self, text: str) -> bool:
        """Return whether a text is the French label and not the English one too."""
        return fold(text) == fold(self.fr) != fold(self.en)

    def is_english(self, text: str) -> bool:
        """Return whether a text is the English label and not the French one too."""
        return fold(text) == fold(self.en) != fold(self.fr)

    def spellings(self) -> Iterator[str]:
        yield from (self.en, self.fr, *self.also)


@dataclass(frozen=True)
class TableForm:
    """The columns of a table, and what it and they are called: all that reading its header takes.

    ``names`` may hold further columns, which are read and become others.
    """

    table: str
    naming: Naming
    columns: tuple[TableColumn, ...]
    names: Mapping[str, Naming]

    def find_column(self, header: str) -> str | None:
        """Return the column that a header means; a unit in brackets makes no difference."""
        return self._index.get(fold(header)) or self._index.get(fold(strip_brackets(header)))

    def name_column(self, column: str) -> Phrase:
        """Return a column's name for a sentence: its id in English, its label in French."""
        return BilingualPhrase(column, self.names[column].fr)

    @cached_property
    def _index(self) -> Mapping[str, str]:
        return build_index(self.names.items())


_DATE = Naming("Date", "Date", ("jour", "day", "date de la vacation", "journée"))


@cache
def _load_words(name: str) -> Any:
    text = resources.files("releve.network").joinpath("words", f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, yaml.CSafeLoader)


def _build_naming(entry: Mapping[str, Any]) -> Naming:
    return Naming(entry["en"], entry["fr"], tuple(entry.get("also", ())))


@cache
def get_table_naming(table: str) -> Naming:
    """Return what a table is called; KeyError for a name of no table."""
    return _build_naming(_load_words("tables")[table])


@cache
def get_column_naming(table: str, column: str) -> Naming:
    """Return what a column is called; KeyError for a name of no column."""
    if column == DATE_COLUMN and table in DATED_TABLES:
        return _DATE
    return _build_naming(_load_words("tables")[table]["columns"][column])


@cache
def _index_tables() -> Mapping[str, str]:
    return build_index((name, get_table_naming(name)) for name in _load_words("tables"))


def build_form(kind: type[TableRow]) -> TableForm:
    table = kind.table
    names = [*_load_words("tables")[table]["columns"]]
    names += [DATE_COLUMN] if table in DATED_TABLES else []
    naming = {name: get_column_naming(table, name) for name in names}
    return TableForm(table, get_table_naming(table), list_columns(kind), naming)


@cache
def map_value_spellings(table: str, column: str) -> Mapping[str, str]:
    """Return the values of a column by folded spelling; empty where any text is a value."""
    entries = _load_words("values").get(f"{table}.{column}", ())
    return build_index((entry["id"], _build_naming(entry)) for entry in entries)


def build_index(named: Iterable[tuple[str, Naming]]) -> Mapping[str, str]:
    """Return ids by folded spelling; ValueError for a spelling of two ids."""
    found: dict[str, str] = {}
    for name, naming in named:
        for text in (name, *naming.spellings()):
            if found.setdefault(fold(text), name) != name:
                raise ValueError(f"{text!r} stands for {name} and for {found[fold(text)]}")
    return found


def find_table(text: str) -> str | None:
    """Return the table that a sheet or file name means, or None."""
    return _index_tables().get(fold(text))


_UNIT_WORDS: Mapping[str, str] = {
    "EUR": "€",
    "m3": "m³",
    "degrees": "°",
    "days": BilingualPhrase("days", "jours"),
    "share": Phrase("share from 0 to 1"),
    "ratio": Phrase("ratio"),
}
_UNSAID = frozenset(("share", "ratio", "degrees", "1/h"))


def label_header(table: str, column: str, unit: str, language: str) -> str:
    """Return the header of a column in a language, with its unit in brackets."""
    label = get_column_naming(table, column).label(language)
    if not unit or unit in _UNSAID:
        return label
    said = _UNIT_WORDS.get(unit, unit)
    return f"{label} ({said.french if isinstance(said, BilingualPhrase) and language == 'fr' else said})"


def name_unit(unit: str) -> str:
    """Return what a unit is called, a phrase where it is a word; empty where there is none."""
    return _UNIT_WORDS.get(unit, unit)


def strip_brackets(header: str) -> str:
    """Return a header without what it says in brackets."""
    return _BRACKETS.sub(" ", header)


_UNITS: Mapping[str, frozenset[str]] = {
    unit: frozenset(fold(spelling) for spelling in spellings)
    for unit, spellings in {
        "s": ("s", "sec", "seconde", "secondes", "second", "seconds"),
        "min": ("min", "mn", "minute", "minutes"),
        "h": ("h", "heure", "heures", "hour", "hours"),
        "ms": ("ms", "millisecondes", "milliseconds"),
        "EUR": ("€", "EUR", "euro", "euros"),
        "k€": ("k€", "keur"),
        "Mbit/s": ("Mbit/s", "Mb/s", "Mbps"),
        "kbit/s": ("kbit/s", "kb/s", "kbps", "Gbit/s", "Mo/s"),
        "m": ("m", "mètre", "mètres", "metre", "metres"),
        "cm": ("cm", "centimètres", "mm"),
    }.items()
}


def find_header_unit(header: str) -> str | None:
    """Return the unit that a header states in brackets, None without one that is known."""
    stated = {fold(text) for text in _BRACKETS.findall(header)} - {""}
    return next((unit for unit, spellings in _UNITS.items() if stated & spellings), None)


def name_table(table: str) -> Phrase:
    """Return a table's name for a sentence: its id in English, its label in French."""
    return BilingualPhrase(table, get_table_naming(table).fr)


def name_column(table: str, column: str) -> Phrase:
    """Return a column's name for a sentence: its id in English, its label in French."""
    return BilingualPhrase(column, get_column_naming(table, column).fr)


def list_value_labels(table: str, column: str, language: str) -> list[str]:
    """Return what the values of a closed vocabulary are called; empty where any text is one."""
    entries = _load_words("values").get(f"{table}.{column}", ())
    return [_build_naming(entry).label(language) for entry in entries]


def name_value(table: str, column: str, value: str, language: str) -> str:
    """Return what a value of a closed vocabulary is called; itself where it has no name."""
    for entry in _load_words("values").get(f"{table}.{column}", ()):
        if entry["id"] == value:
            return _build_naming(entry).label(language)
    return value
