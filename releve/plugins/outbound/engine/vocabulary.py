"""Closed vocabularies: every word that bears on a verdict, with its spellings in two languages.

One file in ``words/`` holds one vocabulary: an id per word, its French and English label, and
further spellings. Case, accents, ligatures, hyphens, underscores and spaces make no difference. Any
other text is refused with the words it resembles; it never counts as a word left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from releve.errors import BilingualPhrase, Phrase
from releve.network.faults import find_nearest, suggest_fix
from releve.network.table_words import fold
from releve.plugins.outbound.engine.errors import WordFault
from releve.plugins.outbound.engine.legal_rows import Words

_KEYS = frozenset({"id", "fr", "en", "also", "family", "sector", "coarse"})
_MOST_KEPT = 4096
_MOST_LISTED = 12
"""The most words that a refusal lists; the command lists all."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word: its id, its label, other spellings; an object's family and sector (else empty).

    ``coarse``: an object that names no nature of goods; the words of its family do.
    """

    id: str
    label: Words
    also: tuple[str, ...] = ()
    family: str = ""
    sector: str = ""
    coarse: bool = False


class Vocabulary:
    """The words of one kind; immutable once loaded."""

    def __init__(self, name: str, title: Words, columns: tuple[str, ...], words: Iterable[Word]) -> None:
        self.name, self.title, self.columns = name, title, columns
        self.words = tuple(words)
        self.by_id: Mapping[str, Word] = {word.id: word for word in self.words}
        self.precise_ids = frozenset(word.id for word in self.words if not word.coarse)
        """The words that a table may hold: all but the coarse ones."""
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

    def advice(self, text: str, *, several: bool = False, near: bool = True) -> Phrase:
        """Return how to mend an unknown or coarse text; its cell may hold ``several`` words.

        ``near``: the words that it resembles are looked for, which takes a while.
        """
        if self.canonical(text):
            finer = find_finer_words(text)
            listed = self._list([self.by_id[word] for word in finer[:_MOST_LISTED]])
            if len(finer) > _MOST_LISTED:
                return Phrase("write what is meant, one of {0}, …", listed)
            return Phrase("write what is meant, one of {0}", listed)
        parts = [self.spellings.get(fold(part), "") for part in re.split("[,;/+]", text)]
        if several and all(parts):
            return Phrase("join words by |: write '{0}'", "|".join(parts))
        listed = self._list(self.words[:_MOST_LISTED])
        more = Phrase("write one of {0}", listed)
        if len(self.words) > _MOST_LISTED:
            more = Phrase("write one of {0}, …; all are listed by `releve outbound words {1}`", listed, self.name)
        met = self.near(text) if near else ()
        return suggest_fix([self._name(word) for word in met], more)

    def _name(self, word: str) -> BilingualPhrase:
        return BilingualPhrase(word, self.by_id[word].label.fr)

    @staticmethod
    def _list(words: Iterable[Word]) -> BilingualPhrase:
        words = tuple(words)
        return BilingualPhrase(", ".join(word.id for word in words), ", ".join(word.label.fr for word in words))


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
        if word.family and (word.family not in by_id or word.id in _list_families(word, by_id)):
            raise ValueError(f"{name}: {word.id} is of a family {word.family!r} that is none")
        if word.coarse and not any(other.family == word.id for other in words):
            raise ValueError(f"{name}: {word.id} is coarse, and no finer word is of its family")
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
    family, sector = entry.get("family", ""), entry.get("sector", "")
    return Word(entry["id"], label, tuple(also), family, sector, entry.get("coarse", False))


def _list_families(word: Word, by_id: Mapping[str, Word]) -> list[str]:
    """Return the family of a word, the family of that one, and so on; a circle is cut."""
    found: list[str] = []
    family = word.family
    while family in by_id and family not in found:
        found.append(family)
        family = by_id[family].family
    return found


def _inherit_sector(word: Word, by_id: Mapping[str, Word]) -> Word:
    """Return a word with the sector of its family, where it has one."""
    families = _list_families(word, by_id)
    return replace(word, sector=by_id[families[-1]].sector) if families else word


@cache
def get_vocabularies() -> Mapping[str, Vocabulary]:
    """Return every vocabulary that comes with this package, by name."""
    folder = resources.files("releve.plugins.outbound.engine").joinpath("words")
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


def describe_unfit_word(name: str, text: str) -> Phrase:
    """Return what is wrong with a text that a table may not hold as a word."""
    if find_word_id(name, text):
        return Phrase("too coarse: it does not say the nature of the goods")
    return Phrase("not a word of the vocabulary {0}", name)


def parse_word(name: str, text: str) -> Word:
    """Return the word of a vocabulary that a text stands for, or raise WordFault."""
    return get_vocabulary(name).parse(text)


@lru_cache(maxsize=_MOST_KEPT)
def find_word_id(name: str, text: str) -> str | None:
    """Return the id of the word that a text stands for, None when it is no word."""
    return get_vocabulary(name).canonical(text)


@lru_cache(maxsize=_MOST_KEPT)
def find_lineage(object_: str) -> frozenset[str]:
    """Return an object and its families: a row that names one of them binds it."""
    words = get_vocabulary("object").by_id
    word = words.get(find_word_id("object", object_) or "")
    return frozenset() if word is None else frozenset((word.id, *_list_families(word, words)))


@lru_cache(maxsize=_MOST_KEPT)
def find_covering(object_: str, *, wide: bool = False) -> frozenset[str]:
    """Return the words of a consent, a contract or a request that cover a call about an object.

    That object alone; ``wide``: its family and every word of it too. None cover a coarse word.
    """
    words = get_vocabulary("object").by_id
    word = words.get(find_word_id("object", object_) or "")
    if word is None or word.coarse:
        return frozenset()
    family = word.family or word.id
    others = (one.id for one in words.values() if family in find_lineage(one.id))
    return frozenset((word.id, *others)) if wide else frozenset((word.id,))


@lru_cache(maxsize=_MOST_KEPT)
def find_finer_words(object_: str) -> tuple[str, ...]:
    """Return the words that say what a coarse one does not; none where it is not coarse."""
    words = get_vocabulary("object").by_id
    word = words.get(find_word_id("object", object_) or "")
    if word is None or not word.coarse:
        return ()
    return tuple(one.id for one in words.values() if word.id in find_lineage(one.id) and not one.coarse)


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
