"""Opening hours as people write them, in one form: ``Mon-Fri 08:00-20:00; Sat 09:00-18:00``.

French and English days, long or short, are read, and hours like ``8h30`` and ``de 8h à 20h``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from releve.network.spellings import fold

__all__ = ["DAYS", "normalize_opening", "translate_opening"]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FRENCH_DAYS = ("Lun", "Mar", "Mer", "Jeu", "Ven", "Sam", "Dim")
_LONG = (
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
)
_DAY_WORDS: Mapping[str, str] = {
    fold(word): day
    for words in (DAYS, _FRENCH_DAYS, *_LONG)
    for word, day in zip(words, DAYS, strict=True)
} | {"tues": "Tue", "thur": "Thu", "thurs": "Thu", "merc": "Wed", "vend": "Fri"}

_CLOCK = re.compile(r"(\d{1,2})\s*h(?:eures?)?\s*(\d{2})?(?![\d:])", re.IGNORECASE)
_EVERY_DAY = re.compile(
    r"\b(?:tous les jours|7\s*j?\s*/\s*7(?:\s*j)?|every day|daily)\b", re.IGNORECASE
)
_ALL_DAY = re.compile(r"\b24\s*h?\s*/\s*24(?:\s*h)?\b", re.IGNORECASE)
_CLOSED = re.compile(r"\b(?:fermée?s?|closed)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+\.?")
_FILLERS = frozenset(("du", "de", "des", "le", "les", "from", "on"))
_UNTIL = frozenset(("a", "au", "to", "until", "jusqu"))
_AND = frozenset(("et", "and"))
_HOURS = re.compile(r"\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}")


def normalize_opening(text: str) -> str:
    """Return opening hours with English days and hours like 08:00; what is not read stays.

    A part with several ranges of hours or days is written as one part for each, and a part that
    says closed is left out.
    """
    text = _ALL_DAY.sub("00:00-24:00", text)
    parts = re.split(r"[;\n]", _EVERY_DAY.sub("Mon-Sun", text))
    return "; ".join(
        part
        for piece in parts
        if not _CLOSED.search(piece)
        for part in _split_part(_tidy(piece.strip()))
        if part
    )


def _tidy(part: str) -> str:
    """Return a part with known words replaced, and blanks where the form has them."""
    part = re.sub("[\u2010-\u2015]", "-", part)
    part = _CLOCK.sub(lambda m: f"{int(m[1]):02}:{m[2] or '00'}", part)
    part = re.sub(r"\b(\d):(\d\d)\b", r"0\1:\2", part)
    part = _WORD.sub(lambda m: _replace_word(m[0]), part)
    part = re.sub(r"\s+:\s*|:\s+", " ", part)
    part = re.sub(r"\s*-\s*", "-", re.sub(r"\s*,\s*", ",", part))
    return re.sub(r"\s+", " ", part).strip(" ,:")


def _replace_word(word: str) -> str:
    folded = fold(word)
    if folded in _DAY_WORDS:
        return _DAY_WORDS[folded]
    if folded in _FILLERS:
        return " "
    if folded in _UNTIL:
        return "-"
    return "," if folded in _AND else word


def _split_part(part: str) -> list[str]:
    """Return one part for each pair of days and hours; the part itself where it has no pairs."""
    first = _HOURS.search(part)
    if first is None:
        return [part]
    days = [day.strip(" :") for day in part[: first.start()].split(",") if day.strip(" :")]
    hours = [piece.strip() for piece in part[first.start() :].replace(" ", ",").split(",")]
    if not days or len(days) * len(hours) == 1:
        return [part]
    return [f"{day} {span}" for day in days for span in hours if span]


def translate_opening(text: str, language: str) -> str:
    """Return opening hours in their one form with the days of a language."""
    if language != "fr":
        return text
    french = dict(zip(DAYS, _FRENCH_DAYS, strict=True))
    return re.sub("|".join(DAYS), lambda match: french[match[0]], text)
