"""Faults of an operator's files, named so that a person can mend them.

::

    ValueError
    └── OperatorFaults      the files have faults; ``faults`` holds every one of them
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from releve.errors import Phrase, ReleveError

Otherwise = TypeVar("Otherwise", bound=str)

_SHOWN = 20
"""How many faults the text of an error shows."""
_MOST_COMPARED = 3000
"""Above this many candidates no likely spelling is looked for: it would take seconds."""
MOST_SOUGHT = 50
"""Of how many wrong words of a column likely spellings are looked for: it may hold thousands."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What mends cells of a column: ``written`` in the place of ``found``, also as one of several values.

    Of a column of times ``found`` is an owner, and ``written`` the zone, or the offset, of its times without one.
    Without a column it mends the header: ``found`` is one of its cells, ``written`` the column that it means, empty to
    leave it out; where ``found`` is empty, ``written`` is the row of the header.
    """

    table: str
    column: str
    found: str
    written: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where it stands, what is wrong, and how to mend it.

    ``row`` is the row as a user sees it in the file (1 is the header, 0 the table as a whole).
    ``column`` is empty when the whole row or table is meant. ``value`` is the text of the cell;
    ``correction`` what the fix proposes, None where a person has to know more.
    """

    table: str
    row: int
    column: str
    value: str
    reason: str
    fix: str
    correction: Correction | None = None

    def __str__(self) -> str:
        place = self.table
        if self.row:
            place += f" row {self.row}"
        if self.column:
            place += f", {self.column}"
        if self.value:
            place += f" {self.value!r}"
        return f"{place}: {self.reason}; {self.fix}"


class OperatorFaults(ReleveError, ValueError):  # noqa: N818 (it is the faults, all of them)
    """The files of an operator, written in a language, have faults; nothing was loaded."""

    def __init__(self, faults: tuple[Fault, ...], language: str = "en") -> None:
        super().__init__(faults, language)
        self.faults = faults
        self.language = language

    def __str__(self) -> str:
        count = len(self.faults)
        lines = [f"{count} fault{'' if count == 1 else 's'} in the operator's files"]
        lines += [str(fault) for fault in self.faults[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"... and {count - _SHOWN} more")
        return "\n".join(lines)


def find_nearest(word: str, known: Collection[str]) -> list[str]:
    """Return the known words that ``word`` may be a slip of: all that resemble it most."""
    if len(known) > _MOST_COMPARED:
        return []
    by_folded = {name.casefold(): name for name in sorted(known)}
    folded = word.casefold()
    found = difflib.get_close_matches(folded, by_folded, n=10, cutoff=0.75)
    likeness = {name: difflib.SequenceMatcher(None, name, folded).ratio() for name in found}
    return [by_folded[name] for name in found if likeness[name] == likeness[found[0]]]


class NearestNames:
    """Finds the known names that wrong words may be slips of, for the first MOST_SOUGHT of them."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self._found: dict[str, list[str]] = {}

    def find(self, word: str) -> list[str]:
        """Return the names that resemble a word most; none once enough words were sought."""
        if word not in self._found and len(self._found) < MOST_SOUGHT:
            self._found[word] = find_nearest(word, self._known)
        return self._found.get(word, [])


def find_closest(word: str, known: Collection[str]) -> str | None:
    """Return the one known word that ``word`` most resembles, or None."""
    return next(iter(find_nearest(word, known)), None)


def suggest_fix(near: list[str], otherwise: Otherwise) -> Phrase | Otherwise:
    """Return how to mend a word that is not known: by those it resembles, or otherwise."""
    if len(near) == 1:
        return Phrase("write {0!r}", near[0])
    return Phrase("write the one meant, perhaps {0}", " or ".join(map(repr, near[:3]))) if near else otherwise
