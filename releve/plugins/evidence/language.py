"""Sentences, numbers and instants of packs in French and English."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from django.utils.translation import gettext, override

from releve.errors import NumberPhrase, Phrase
from releve.ledger import verify
from releve.network.moments import city, zone

_NARROW, _NO_BREAK = "\u202f", "\u00a0"
_WORDS = {
    "kept": Phrase("kept"),
    "partly": Phrase("partly"),
    "not_kept": Phrase("not kept"),
    "not_applicable": Phrase("not applicable"),
    "met": Phrase("met"),
    "not_met": Phrase("not met"),
    "major": Phrase("major"),
    "minor": Phrase("minor"),
}


class DayPhrase(Phrase):
    __slots__ = ("day",)
    day: date

    def __new__(cls, day: date) -> Self:
        phrase = super().__new__(cls, day.isoformat())
        phrase.day = day
        return phrase

    def translate_with(self, gettext: Callable[[str], str], language: str = "en") -> str:
        return Wording(language).day(self.day)


@dataclass(frozen=True, slots=True)
class Wording:
    """Writes values in one language (``fr`` or ``en``); times in one time zone."""

    language: str
    time_zone: str = "UTC"

    @property
    def french(self) -> bool:
        return self.language == "fr"

    def say(self, text: str) -> str:
        """Return a phrase in the language; another text as it is."""
        if not isinstance(text, Phrase):
            return text
        with override(self.language):
            return text.translate_with(gettext, self.language)

    def number(self, value: float, decimals: int = 0) -> str:
        return self.say(NumberPhrase(value, decimals))

    def day(self, day: date) -> str:
        return f"{day:%d/%m/%Y}" if self.french else f"{day:%Y-%m-%d}"

    def instant(self, at: datetime) -> str:
        """Return a day and a time, of the time zone's clocks."""
        local = at.astimezone(zone(self.time_zone))
        if self.french:
            return f"{self.day(local.date())} {local.hour}{_NO_BREAK}h{_NO_BREAK}{local:%M}"
        return f"{self.day(local.date())} {local:%H:%M}"

    @property
    def zone_name(self) -> str:
        return city(self.time_zone)

    def value(self, value: Any, unit: str) -> str:
        """Return a statement's value with its unit; a dash where it is not known.

        A share that is not all is never written as 100, and one that is not nothing never as 0.
        """
        if value is None:
            return "–"
        if isinstance(value, bool | str):
            return self.say(_WORDS.get(str(value), str(value)))
        if unit == "share":
            percent = 100 * value
            whole = round(percent, 6) == round(percent)
            if 0 < value < 1 and not whole:
                percent = min(max(percent, 0.1), 99.9)
            return self.number(percent, 0 if whole else 1) + (f"{_NARROW}%" if self.french else "%")
        if unit == "delay":
            return verify.delay_text(value, self.language).replace(" ", _NO_BREAK)
        if unit == "min":
            hours, minutes = divmod(int(value), 60)
            return f"{self.number(hours)}{_NO_BREAK}h{_NO_BREAK}{minutes:02d}{_NO_BREAK}min"
        digits = 0 if float(value).is_integer() else 2
        return self.number(value, digits) + (f"{_NO_BREAK}{unit}" if unit else "")
