"""The words by which people answer a message, in French and in English: a text that is no other word is no answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from releve.live.contacts import Answer

_PHRASES: Final[Mapping[Answer, str]] = {
    "yes": "1|oui|yes|je viens|oui je viens|i come|yes i come|i am coming|im coming",
    "late": "2|retard|en retard|late|je viens en retard|oui en retard|i come late|yes late",
    "transport": "3|transport|besoin de transport|besoin dun transport|i need transport|need transport",
    "no": "4|non|no|je ne viens pas|je ne peux pas venir|non je ne peux pas venir|i cannot come|i cant come",
}
_BY_PHRASE: Final[Mapping[str, Answer]] = {
    phrase: answer for answer, rows in _PHRASES.items() for phrase in rows.split("|")
}
_POLITE = frozenset(
    "bonjour|bonsoir|hello|hi|merci|beaucoup|thanks|thank|you|svp|please|ok|reponse|answer".split("|")  # noqa: SIM905
)
_QUOTED = re.compile(r"\s*(>|--\s*$|_{5,}|-{5,}|(le|on)\b.*\b(ecrit|wrote)\s*:?\s*$|(de|from)\s*:)")


def read_answer(text: str) -> Answer | None:
    """Return what a text answers; empty: nothing but thanks, which says that it was read; None: it is not understood.

    The whole text counts, but for accents, case, punctuation and words of politeness: one that says more than an
    answer ("non pas de souci", "oui mais en retard") is left to people.
    """
    words = [word for word in _normalise(text).split() if word not in _POLITE]
    if not words:
        return "" if _normalise(text) else None
    return _BY_PHRASE.get(" ".join(words))


def read_mail_answer(text: str) -> Answer | None:
    """Return what the first line of a mail says that is neither empty nor a greeting; quoted lines end it."""
    seen = False
    for line in text.splitlines():
        if _QUOTED.match(_fold(line)):
            break
        if not _normalise(line):
            continue
        said, seen = read_answer(line), True
        if said != "":
            return said
    return "" if seen else None


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _normalise(text: str) -> str:
    """Return the words of a text in small letters without accents; an apostrophe joins, other signs part."""
    joined = re.sub(r"['’`´]", "", _fold(text))
    return re.sub(r"[^a-z0-9]+", " ", joined).strip()
