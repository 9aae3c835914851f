"""The errors of this package.

::

    ValueError
    └── OutboundError
        ├── LegalRowFaults  the rows of the law hold nonsense; ``faults`` names each row and its fix
        ├── CallFault       a call that cannot be judged at all: an instant without offset
        ├── WordFault       a text that is no word of its vocabulary; ``near``: similar words
        ├── FactFaults      the tables of facts cannot be used: a table or a column is missing
        ├── ListFault       a list whose header has no column of numbers
        └── ProofFault      a file of evidence that is none, or whose rules are not those it names
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from releve.errors import ReleveError
from releve.network.faults import Fault

_SHOWN = 20
_SHOWN_FACTS = 50


class OutboundError(ReleveError, ValueError):
    """Anything that this package refuses."""


@dataclass(frozen=True, slots=True)
class LegalRowFault:
    """One fault in the rows: the file, the row's id (or its place), what is wrong, how to mend."""

    file: str
    row: str
    reason: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}, {self.row}: {self.reason}; {self.fix}"


class LegalRowFaults(OutboundError):  # noqa: N818 (it is the faults, all of them)
    """The rows of the law have faults; nothing was loaded."""

    def __init__(self, faults: tuple[LegalRowFault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults[:_SHOWN]))


class CallFault(OutboundError):  # noqa: N818 (named like the others)
    """A call that cannot be judged at all."""


class WordFault(OutboundError):  # noqa: N818 (named like the others)
    """A text that is no word of its vocabulary; ``near`` are the ids that it resembles."""

    def __init__(self, vocabulary: str, text: str, near: tuple[str, ...], fix: str) -> None:
        super().__init__(vocabulary, text, near, fix)
        self.vocabulary, self.text, self.near, self.fix = vocabulary, text, near, fix

    def __str__(self) -> str:
        return f"{self.vocabulary} {self.text!r} is not a known word; {self.fix}"


class FactFaults(OutboundError):  # noqa: N818 (it is the faults, all of them)
    """Tables of facts that cannot be used: every fault, for files written in a language.

    ``sources`` names the file of each table.
    """

    def __init__(
        self, faults: tuple[Fault, ...] | str, language: str = "en", sources: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(faults, language, sources)
        self.faults = () if isinstance(faults, str) else faults
        self.language, self.sources = language, sources or {}

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults[:_SHOWN_FACTS]]
        if (more := len(self.faults) - _SHOWN_FACTS) > 0:
            lines.append(f"... and {more} more")
        return "\n".join(lines) if self.faults else str(self.args[0])


class ListFault(OutboundError):  # noqa: N818 (named like the others)
    """A list that cannot be screened at all."""


class ProofFault(OutboundError):  # noqa: N818 (named like the others)
    """A file of evidence that cannot be judged again."""
