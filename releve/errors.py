"""Errors and their messages: every error of Relève descends from :class:`ReleveError`.

Each package draws its own branch where it defines it::

    ReleveError
    ├── AccessError         accounts: an account, role or key that cannot be used
    ├── AnswerTooLate       live: a no to a message that is not the newest any more
    ├── AssociationError    association: members, contributions, bulletins, contracts
    ├── AuditSheetFaults    inspection: a filled-in sheet of an audit
    ├── BackupFault         upkeep: a backup that cannot be made, read or restored
    ├── ContractTextError   association: the text of a contract that cannot be set
    ├── CrashTestError      crash test inputs that contradict each other
    ├── DrawError           situation: a draw that cannot be made
    ├── EditRefused         plan: an edit by hand that cannot be made
    ├── EffectDocumentError  demand: a document of effects of telework
    ├── ErasedMeanwhile     live: an erasure overtook the work
    ├── EventFaults         situation: an event that is not valid
    ├── FolderError         files: no operator's files, or no right to write them
    ├── GateError           gate: calls, facts, campaigns
    ├── HomeError           files: no home folder, or one of another user
    ├── IntervalFault       network: a row of the history (internal)
    ├── LedgerError         ledger: entries, roots, keys
    ├── LiveError           live: events, plans, contacts
    ├── LostLease           live: another worker took the effect over (internal)
    ├── MappingFault        service record: the columns of a source
    ├── MigrationError      upkeep: a database that does not fit this program
    ├── MissingExtra        a library that an extra brings is not installed
    ├── NotAPhoto           live: a file that is not a photo
    ├── OperatorFaults      network: all faults of an operator's tables
    ├── OutagesError        crash test: hazards and outages
    ├── OutboundError       outbound: rules, words, calls, lists, proofs
    ├── OutbreakError       crash test: disease, population, controls
    ├── Overtaken           live: newer facts make a relief obsolete (internal)
    ├── PackError           evidence: a pack that cannot be made, read or stored
    ├── PackFileError       files: the chosen rule packs
    ├── PlanError           plan: a problem that cannot be planned
    ├── PlanFolderError     files: a plan folder
    ├── PlanFormatError     plan: a plan's JSON
    ├── PluginError         a plug-in that is none, or claims what another has
    ├── QueueOverflow       demand: more simulated calls than the simulator holds
    ├── RecordFaults        demand: work records with faults
    ├── RegistryError       registry: versions, rows, uploads
    ├── RequestRefused      desk: a request of the API, with its code
    ├── RotaError           demand: a rota that cannot be drawn
    ├── RoutingError        routing: a publication that failed
    ├── RunError            runs: long work that cannot be done as asked
    ├── SectorError         sector: rows of a clearing that cannot be used
    ├── SectorFolderError   files: a folder of several operators
    ├── SheetOverflow       network: a table with more rows than a sheet
    ├── SituationRuleFaults  situation: rows of its rules
    ├── SolverError         plan: the linear solver failed
    ├── TransportFolderError  files: a folder of runs of vehicles
    ├── Unreadable          network: a file's encoding or format (internal)
    ├── UnrecognizedReportError  demand: a file whose headers and cells say no calls
    └── WorkRowError        network: a row of working time that is not valid

``releve.ledger.verify`` stands alone and is the one exception. Most errors are also a
ValueError, OSError, LookupError or RuntimeError, so that code which knows Python alone can catch
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Self

_PLACES = re.compile(r"(?:[^{}]|\{\{|\}\}|\{\d{1,2}(?:!r)?\})*")
"""A template with numbered places alone: ``format`` could be made to do more by another's text."""


class Phrase(str):
    """English text that keeps its template and its values, so that it can be translated.

    The template has ``{0}``, ``{1}``... where values stand, and is the source of the desk's French
    catalogue. A value may be a phrase. Without values the template is the text.
    """

    __slots__ = ("params", "template")
    template: str
    params: tuple[object, ...]

    def __new__(cls, template: str, *params: object) -> Self:
        phrase = super().__new__(cls, template.format(*params) if params else template)
        phrase.template = str(template)
        phrase.params = params
        return phrase

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.template, *self.params)

    @classmethod
    def restore(cls, template: str, params: Iterable[object]) -> Self:
        """Return a phrase that was stored as its template and its values."""
        return cls(template, *params)

    def with_params(self, *params: object) -> Self:
        """Return the same template with other values."""
        return type(self)(self.template, *params)

    def translate_with(self, gettext: Callable[[str], str], language: str = "en") -> str:
        """Return the text in the language of ``gettext``, whose code labels are chosen by."""
        params = (
            param.translate_with(gettext, language) if isinstance(param, Phrase) else param for param in self.params
        )
        template = gettext(self.template)
        return template.format(*params) if self.params else template


class NumberPhrase(Phrase):
    """A number inside a sentence: ``11,326.5`` in English, ``11 326,5`` in French."""

    __slots__ = ("decimals", "number")
    number: float
    decimals: int

    def __new__(cls, number: float, decimals: int = 0) -> Self:
        phrase = super().__new__(cls, f"{number:,.{decimals}f}")
        phrase.number = number
        phrase.decimals = decimals
        return phrase

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.number, self.decimals)

    def translate_with(self, gettext: Callable[[str], str], language: str = "en") -> str:
        """Return the number as a language writes it; spaces are narrow and do not break."""
        text = str(self)
        return text.translate({44: "\u202f", 46: ","}) if language == "fr" else text


class BilingualPhrase(Phrase):
    """A text given in both languages: translated by itself, not by the catalogue."""

    __slots__ = ("french",)
    french: str

    def __new__(cls, english: str, french: str) -> Self:
        phrase = super().__new__(cls, english)
        phrase.french = french
        return phrase

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (str(self), self.french)

    def translate_with(self, gettext: Callable[[str], str], language: str = "en") -> str:
        """Return the text in a language."""
        return self.french if language == "fr" else str(self)


def say(text: str, gettext: Callable[[str], str], language: str) -> str:
    """Return a text in a language; one that is not a phrase as it is."""
    return text.translate_with(gettext, language) if isinstance(text, Phrase) else text


def read_reason(error: Exception) -> str:
    """Return what an error says, as the phrase that it was raised with where there is one."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, Phrase) else str(error)


def join_lines(lines: Iterable[str]) -> Phrase:
    """Return texts as one, a line each; those that are phrases stay translatable."""
    texts = tuple(lines)
    return Phrase.restore("\n".join(f"{{{i}}}" for i in range(len(texts))), texts)


def encode_phrase(text: object) -> object:
    """Return a phrase as JSON values with its template and values, to be read in any language.

    Of a text that is not a phrase, and of a number, itself.
    """
    if isinstance(text, BilingualPhrase):
        return {"en": str(text), "fr": text.french}
    if isinstance(text, Phrase) and not isinstance(text, NumberPhrase):
        return {"template": text.template, "params": [encode_phrase(one) for one in text.params]}
    return text if isinstance(text, int | float | None) else str(text)


def decode_phrase(text: Any) -> Any:
    """Return what :func:`encode_phrase` was given; ValueError where it is another form."""
    if not isinstance(text, dict):
        return text
    try:
        if "fr" in text:
            return BilingualPhrase(str(text["en"]), str(text["fr"]))
        template, params = str(text["template"]), [decode_phrase(one) for one in text["params"]]
        if params and not _PLACES.fullmatch(template):
            raise ValueError(f"{template!r} has other places than {{0}}, {{1}}...")
        return Phrase.restore(template, params)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"not a phrase: {error!r}") from error


class ReleveError(Exception):
    """The root of all errors of this package."""

    @classmethod
    def require(cls, holds: bool, condition: str, value: Any) -> None:
        """Raise this error, with the condition and the value found, unless it holds."""
        if not holds:
            raise cls(f"expected {condition}, got {value}")
