"""The desk's French texts for commands, without Django."""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources

from releve import errors
from releve.network.table_words import LANGUAGES

__all__ = ["Speech", "find_locale_language", "load_gettext"]


def load_gettext(language: str) -> Callable[[str], str]:
    """Return how to translate a sentence into a language; English sentences stay as they are."""
    if language == "en":
        return str
    found = resources.files("releve.desk").joinpath("locale", language, "LC_MESSAGES", "django.mo")
    with found.open("rb") as file:
        return gettext.GNUTranslations(file).gettext


def find_locale_language() -> str | None:
    """Return the language of the user's locale, None where it is none of ours or is not set."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    code = re.split("[_.@]", locale.lower())[0]
    return code if code in LANGUAGES else None


@dataclass(frozen=True)
class Speech:
    """What a command says in the language that was chosen."""

    language: str
    gettext: Callable[[str], str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gettext", load_gettext(self.language))

    def say(self, text: str) -> str:
        """Return a text in the language; one that is not a phrase as it is."""
        return errors.say(text, self.gettext, self.language)

    def say_error(self, error: Exception) -> str:
        """Return what an error says, in the language where it was raised with a phrase."""
        return self.say(error.args[0] if error.args else str(error))
