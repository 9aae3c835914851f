"""Options that hold a word of a closed vocabulary, in any of its spellings."""

from __future__ import annotations

from typing import Any

import click

from releve.outbound.errors import WordFault
from releve.outbound.vocabulary import get_vocabulary, parse_word

__all__ = ["MODE", "OBJECT", "ORIGIN", "PURPOSE", "SECTOR", "WordType"]

_MOST_SHOWN = 8


class WordType(click.ParamType[str]):
    """A word; converted to its id."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id of the word; BadParameter names the words that it resembles."""
        if value == "" and param is not None and not param.required:
            return ""
        try:
            return parse_word(self.name, str(value)).id
        except WordFault as error:
            self.fail(str(error), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the words where they are few, else the name of the vocabulary."""
        ids = get_vocabulary(self.name).ids
        return f"[{'|'.join(ids)}]" if len(ids) <= _MOST_SHOWN else self.name.upper()


MODE, OBJECT, ORIGIN = WordType("mode"), WordType("object"), WordType("origin")
PURPOSE, SECTOR = WordType("purpose"), WordType("sector")
