"""The desk's French texts for commands, without Django."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources

from releve import errors

__all__ = ["Speech", "load_gettext"]


def load_gettext(language: str) -> Callable[[str], str]:
    """Return how to translate a sentence into a language; English sentences stay as they are."""
    if language == "en":
        return str
    found = resources.files("releve.desk").joinpath("locale", language, "LC_MESSAGES", "django.mo")
    with found.open("rb") as file:
        return gettext.GNUTranslations(file).gettext


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
