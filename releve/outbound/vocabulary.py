"""Closed vocabularies: every word that bears on a verdict, with its spellings in two languages.

One file in ``words/`` holds one vocabulary: an id per word, its French and English label, and
further spellings. Case, accents, ligatures, hyphens, underscores and spaces make no difference.
A text that is none of the spellings is refused with the words it resembles; it never counts as a
word that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from releve.network.faults import find_nearest, suggest_fix
from releve.network.spellings import fold
from releve.outbound.errors import WordFault
from releve.outbound.legal_rows import Words

__all__ = [
    "Vocabulary",
    "Word",
    "find_lineage",
    "find_sector",
    "find_word_id",
    "get_vocabularies",
    "get_vocabulary",
    "list_word_columns",
    "normalize_basis",
    "normalize_word",
    "normalize_words",
    "parse_vocabulary",
    "parse_word",
]

_KEYS = frozenset({"id", "fr", "en", "also", "family", "sector"})
_MOST_KEPT = 4096
_MOST_LISTED = 12
"""The most words that a refusal lists; the command lists all."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word: its id, its label, other spellings; an object's family and sector (else empty)."""

    id: str
    label: Words
    also: tuple[str, ...] = ()
    family: str = ""
    sector: str = ""


class Vocabulary:
    """The words of one kind; immutable once loaded."""

    def __init__(
        self, name: str, title: Words, columns: tuple[str, ...], words: Iterable[Word]
    ) -> None:
        self.name, self.title, self.columns = name, title, columns
        self.words = tuple(words)
        self.by_id: Mapping[str, Word] = {word.id: word for word in self.words}
        self.spellings = _index_spellings(name, self.words)
        """Each folded spelling with the id that it stands for."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids, in the order of the file."""
        return tuple(self.by_id)

    def canonical(self, text: str) -> str | None:
        """Return the id that a text stands for, None when it is no word."""
        return self.spellings.get(fold(text))

    def parse(self, text: str) -> Word:
        """Return the word that a text stands for; WordFault names the words that it resembles."""
        found = self.canonical(text)
        if found is None:
            raise WordFault(self.name, text, self.near(text), self.advice(text))
        return self.by_id[found]

    def near(self, text: str) -> tuple[str, ...]:
        """Return the ids of the words that a text resembles most."""
        met = find_nearest(fold(text), self.spellings)
        return tuple(dict.fromkeys(self.spellings[spelling] for spelling in met))

    def advice(self, text: str, *, several: bool = False) -> str:
        """Return how to mend an unknown text; its cell may hold ``several`` words."""
        parts = [self.spellings.get(fold(part), "") for part in re.split("[,;/+]", text)]
        if several and all(parts):
            return f"join words by |: write '{'|'.join(parts)}'"
        more = f"write one of {', '.join(self.ids[:_MOST_LISTED])}"
        if len(self.words) > _MOST_LISTED:
            more += f", …; all are listed by `releve outbound words {self.name}`"
        return suggest_fix(list(self.near(text)), more)


def _index_spellings(name: str, words: Iterable[Word]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        for text in (word.id, word.label.fr, word.label.en, *word.also):
            folded = fold(text)
            if not folded or found.setdefault(folded, word.id) != word.id:
                raise ValueError(f"{name}: {text!r} is empty or stands for two words")
    return found


def parse_vocabulary(name: str, text: str) -> Vocabulary:
    """Read a vocabulary from YAML; ValueError says what is wrong with it."""
    document = yaml.load(text, yaml.CSafeLoader)
    words = [_read_word(name, entry) for entry in document["words"]]
    by_id = {word.id: word for word in words}
    if len(by_id) != len(words):
        raise ValueError(f"{name}: an id is given twice")
    for word in words:
        family = by_id.get(word.family)
        if word.family and (family is None or family.family):
            raise ValueError(f"{name}: {word.id} is of a family {word.family!r} that is none")
    words = [_inherit_sector(word, by_id) for word in words]
    return Vocabulary(name, Words(**document["title"]), tuple(document["columns"]), words)


def _read_word(name: str, entry: Mapping[str, Any]) -> Word:
    if entry.keys() - _KEYS or not {"id", "fr", "en"} <= entry.keys():
        raise ValueError(f"{name}: {dict(entry)} must have id, fr, en, and at most {sorted(_KEYS)}")
    also = entry.get("also", ())
    for text in (entry["id"], entry["fr"], entry["en"], *also):
        if not isinstance(text, str):
            raise ValueError(f"{name}: {text!r} is read as {type(text).__name__}; quote it")
    label = Words(entry["fr"], entry["en"])
    return Word(entry["id"], label, tuple(also), entry.get("family", ""), entry.get("sector", ""))


def _inherit_sector(word: Word, by_id: Mapping[str, Word]) -> Word:
    """Return a word with the sector of its family, where it has one."""
    if not word.family:
        return word
    return Word(word.id, word.label, word.also, word.family, by_id[word.family].sector)


@cache
def get_vocabularies() -> Mapping[str, Vocabulary]:
    """Return every vocabulary that comes with this package, by name."""
    folder = resources.files("releve.outbound").joinpath("words")
    files = sorted(folder.iterdir(), key=lambda item: item.name)
    return {
        item.name.removesuffix(".yaml"): parse_vocabulary(
            item.name.removesuffix(".yaml"), item.read_text(encoding="utf-8")
        )
        for item in files
        if item.name.endswith(".yaml")
    }


@cache
def list_word_columns() -> Mapping[str, Mapping[str, str]]:
    """Return, a table of facts, its columns that hold words, with their vocabularies."""
    found: dict[str, dict[str, str]] = {}
    for one in get_vocabularies().values():
        for place in one.columns:
            table, _, column = place.partition(".")
            found.setdefault(table, {})[column] = one.name
    return found


def get_vocabulary(name: str) -> Vocabulary:
    """Return a vocabulary; WordFault when there is none of this name."""
    found = get_vocabularies().get(name)
    if found is None:
        near = tuple(find_nearest(name, get_vocabularies()))
        fix = suggest_fix(list(near), f"write one of {', '.join(get_vocabularies())}")
        raise WordFault("vocabulary", name, near, fix)
    return found


def parse_word(name: str, text: str) -> Word:
    """Return the word of a vocabulary that a text stands for, or raise WordFault."""
    return get_vocabulary(name).parse(text)


@lru_cache(maxsize=_MOST_KEPT)
def find_word_id(name: str, text: str) -> str | None:
    """Return the id of the word that a text stands for, None when it is no word."""
    return get_vocabulary(name).canonical(text)


@lru_cache(maxsize=_MOST_KEPT)
def find_lineage(object_: str) -> frozenset[str]:
    """Return an object with its family: what covers one of them covers it."""
    word = get_vocabulary("object").by_id.get(find_word_id("object", object_) or "")
    return frozenset() if word is None else frozenset(filter(None, (word.id, word.family)))


def normalize_word(name: str, text: str) -> str:
    """Return the id of the word that a text stands for, the text as it is when it is no word."""
    return find_word_id(name, text) or text


def normalize_words(name: str, texts: frozenset[str]) -> frozenset[str]:
    """Return the ids of words, those that are no word as they are."""
    return frozenset(normalize_word(name, text) for text in texts)


def normalize_basis(text: str) -> str:
    """Return a basis (``consent:C1``) with the id of its word; the reference stays as it is."""
    word, colon, reference = text.partition(":")
    return normalize_word("basis", word) + colon + reference


def find_sector(object_: str) -> str:
    """Return the sector that an object belongs to, empty when it is no word."""
    word = get_vocabulary("object").by_id.get(find_word_id("object", object_) or "")
    return "" if word is None else word.sector
