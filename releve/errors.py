"""Errors and their messages: every error of Relève descends from :class:`ReleveError`.

Each package draws its own branch where it defines it::

    ReleveError
    ├── AccessError         accounts: an account, role or key that cannot be used
    ├── BankLogError        the call log of the bank cannot be read
    ├── CrashTestError      crash test inputs that contradict each other
    ├── ErasedMeanwhile     live: an erasure overtook the work
    ├── EventFaults         situation: an event that is not valid
    ├── FolderError         files: no operator's files, or no right to write them
    ├── GateError           gate: calls, facts, campaigns
    ├── IntervalFault       network: a row of the history (internal)
    ├── LedgerError         ledger: entries, roots, keys
    ├── LiveError           live: events, plans, contacts
    ├── LostLease           live: another worker took the effect over (internal)
    ├── NotAPhoto           live: a file that is not a photo
    ├── OperatorFaults      network: all faults of an operator's tables
    ├── OutagesError        crash test: hazards and outages
    ├── OutboundError       outbound: rules, words, calls, lists, proofs
    ├── OutbreakError       crash test: disease, population, controls
    ├── Overtaken           live: newer facts make a relief obsolete (internal)
    ├── PlanError           plan: a problem that cannot be planned
    ├── PlanFolderError     files: a plan folder
    ├── PlanFormatError     plan: a plan's JSON
    ├── QueueOverflow       demand: more simulated calls than the simulator holds
    ├── RegistryError       registry: versions, rows, uploads
    ├── RoutingError        routing: a publication that failed
    ├── RunError            runs: a crash test that cannot be run as asked
    ├── RunFolderError      files: a folder of crash test runs
    ├── SeoulDataError      the data of the Seoul call centre cannot be read
    ├── SituationRuleFaults  situation: rows of its rules
    ├── SolverError         plan: the linear solver failed
    ├── TooManyEntries      desk: more ledger entries than a check takes
    └── Unreadable          network: a file's encoding or format (internal)

``releve.evidence.verify`` stands alone and is the one exception. Most errors are also a ValueError,
OSError, LookupError or RuntimeError, so that code which knows Python alone can catch them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Phrase", "ReleveError"]


class Phrase(str):
    """English text that keeps its template and its values, so that it can be translated.

    The template has ``{0}``, ``{1}``... where values stand, and is the source of the desk's French
    catalogue. A value may be a phrase. Without values the template is the text.
    """

    __slots__ = ("params", "template")
    template: str
    params: tuple[object, ...]

    def __new__(cls, template: str, *params: object) -> Phrase:
        phrase = super().__new__(cls, template.format(*params) if params else template)
        phrase.template = str(template)
        phrase.params = params
        return phrase

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.template, *self.params)

    def translate_with(self, gettext: Callable[[str], str]) -> str:
        """Return the text in the language of ``gettext``."""
        params = (
            param.translate_with(gettext) if isinstance(param, Phrase) else param
            for param in self.params
        )
        template = gettext(self.template)
        return template.format(*params) if self.params else template


class ReleveError(Exception):
    """The root of all errors of this package."""

    @classmethod
    def require(cls, holds: bool, condition: str, value: Any) -> None:
        """Raise this error, with the condition and the value found, unless it holds."""
        if not holds:
            raise cls(f"expected {condition}, got {value}")
