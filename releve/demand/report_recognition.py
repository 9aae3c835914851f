"""What the headers and cells of a telephony export say: the mapping of its columns to ours.

The words are those that the suites' public documentation and exports show (Genesys, NICE, Avaya, Cisco, Five9,
Talkdesk, RingCentral, Amazon Connect, injixo, Vocalcom) and French spreadsheets use. A file whose rows are
intervals is never read as one call a row; what its cells leave open (a unit, the order of day and month) is a
question, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from releve.demand.import_report import UNKNOWN, parse_numbers, read_durations, read_texts
from releve.demand.mapping import take_label_start
from releve.errors import Phrase, ReleveError
from releve.network import Operator
from releve.network.table_words import fold

_FRENCH: Mapping[str, tuple[str, ...]] = {
    "time": (
        "date et heure", "date heure", "horodatage", "date et heure de l'appel", "date heure appel",
        "début de l'appel", "début", "intervalle", "début d'intervalle", "début de l'intervalle", "date", "jour",
        "date de l'appel", "date appel", "heure", "heure de l'appel", "heure appel", "heure de début", "tranche",
        "tranche horaire", "plage", "plage horaire",
    ),
    "end": ("fin", "heure de fin", "fin d'intervalle", "fin de l'intervalle"),
    "programme": (
        "file", "file d'attente", "nom de la file", "compétence", "campagne", "opération", "activité", "service",
    ),
    "offered": (
        "reçus", "appels reçus", "présentés", "appels présentés", "offerts", "appels offerts", "offertes", "entrants",
        "appels entrants", "contacts entrants", "nb appels reçus", "nombre d'appels reçus", "nb appels présentés",
    ),
    "answered": (
        "décrochés", "appels décrochés", "traités", "appels traités", "répondus", "appels répondus", "pris",
        "répondues", "nb appels traités", "nb appels décrochés",
    ),
    "abandoned": (
        "abandons", "abandonnés", "abandonnées", "abandon", "appels abandonnés", "appels perdus", "perdus",
        "nb abandons",
    ),
    "aht_s": ("dmt", "tmt", "temps moyen de traitement", "durée moyenne de traitement", "traitement moyen"),
    "handle_s": ("durée totale de traitement", "temps total de traitement"),
    "outcome": ("statut", "résultat", "issue", "état", "issue de l'appel", "statut de l'appel"),
    "wait_s": ("attente", "temps d'attente", "durée d'attente"),
    "service_s": ("durée", "durée de traitement", "durée de communication", "durée de l'appel"),
}  # fmt: skip
_ENGLISH: Mapping[str, tuple[str, ...]] = {
    "time": (
        "interval start", "interval start time", "start interval", "interval start utc date", "timestamp",
        "calldate", "start time", "call start time", "conversation start", "initiation timestamp", "started at",
        "call local time", "datetime", "date time", "date_from", "row_date", "start", "came in", "date", "day",
        "call date", "time", "call time", "interval", "period", "starttime",
    ),
    "end": ("interval end", "interval end time", "end interval", "end time", "end"),
    "programme": (
        "queue name", "queue", "csq name", "split/skill", "split", "skill", "skill set", "vdn", "last campaign",
        "campaign", "ring groups", "service", "programme",
    ),
    "offered": (
        "offered", "calls offered", "offer", "n offered", "entered", "incoming calls", "incoming contact volume",
        "calls presented", "contacts queued", "acd calls offered", "offd_direct_call_cnt", "calls received",
    ),
    "answered": (
        "answered", "calls answered", "answer", "answered calls", "acd calls", "accepted", "handled",
        "calls handled", "contacts handled", "interactions handled", "answ_call_cnt", "handle",
    ),
    "abandoned": (
        "abandoned", "calls abandoned", "abandon", "aban calls", "abn calls", "contacts abandoned",
        "aband_call_cnt", "router calls aband q",
    ),
    "aht_s": ("aht", "average handle time", "avg handle time", "avg handle"),
    "handle_s": ("total handle time", "total handle", "handled calls time", "t handle"),
    "outcome": ("disposition", "outcome", "result", "status", "contact type", "abandon"),
    "wait_s": ("wait", "wait time", "queue time", "waited", "wait duration"),
    "service_s": ("handle time", "talk time", "billsec", "talked", "conv duration", "duration"),
}  # fmt: skip
_CALL_WORDS = (
    "call id", "contact id", "interaction id", "conversation id", "session id", "unique id", "master contact id",
    "ani", "dnis", "caller id", "caller", "called", "indice", "identifiant de l'appel", "id appel", "appelant",
    "numéro appelant",
)  # fmt: skip
_INTERVAL_WORDS = (
    "interval start", "interval start time", "interval end", "interval end time", "interval complete", "interval",
    "interval start utc date", "interval duration", "start interval", "end interval", "intrvl", "period",
    "intervalle", "tranche", "tranche horaire", "plage", "plage horaire",
)  # fmt: skip
_AGENT_WORDS = ("agent", "agent id", "agent name", "collaborateur", "conseiller", "matricule", "employee")
_SCHEDULE_WORDS = (
    "activity", "agent activity id", "activity type id", "logged in", "on queue", "off queue", "idle", "meal break",
    "start date", "end date", "end_time", "absence", "congés", "motif", "connexion", "déconnexion", "pause", "retrait",
)  # fmt: skip
_ANSWERED = frozenset(("repondu", "traite", "decroche", "answered", "handled", "abouti", "servi", "connected", "oui"))
_NO = frozenset(("n", "no", "non", "0", "false", "faux"))
_YES = frozenset(("y", "yes", "o", "oui", "1", "true", "vrai"))
_TOTALS = frozenset(
    ("total", "totals", "summary", "grand-total", "totaux", "sous-total", "total-general", "subtotal", "all")
)
_MOST_QUEUES = 200
_SPOKEN_S = (30.0, 3600.0)
"""A mean handling time outside is one read in a wrong unit."""
_UNIT_WORDS = re.compile(
    r"[\s_(\[]+(ms|msec|millisecondes|milliseconds|s|sec|seconds|secondes|min|minutes|hh:mm:ss|mm:ss)[)\]]?$",
    re.IGNORECASE,
)
_UNIT_OF = {"ms": "ms", "msec": "ms", "mil": "ms", "min": "min", "mm:": "m:s"}
_CLOCKED = re.compile(r"\d{1,3}:[0-5]\d")
_CLOCK = re.compile(r"\d[:hH]([0-5]\d)(?::([0-5]\d))?")


_QUESTIONS = {
    "aht_unit": Phrase("the unit of {0}").template,
    "date_order": Phrase("the order of day and month in {0}").template,
}


class UnrecognizedReportError(ReleveError, ValueError):
    """The file cannot be read by its headers; the message says what it seems to be, and the way out."""


@dataclass(frozen=True)
class OpenQuestion:
    """What the cells of a file leave open: the value of ``key`` in its mapping, one of ``choices``."""

    key: str
    columns: tuple[str, ...]
    choices: tuple[str, ...]

    def describe(self) -> Phrase:
        """Return the question."""
        return Phrase(_QUESTIONS[self.key], ", ".join(self.columns))


@dataclass(frozen=True)
class Recognition:
    """The mapping of a file as its TOML document, and what has to be asked before it is used."""

    mapping: dict[str, Any]
    questions: tuple[OpenQuestion, ...] = ()


def _squeeze(header: str) -> str:
    """Return a header without case, accents, spaces, signs and a unit at its end: CallsOffered is calls offered."""
    return fold(_UNIT_WORDS.sub("", header.strip())).replace("-", "")


_WORDS = {key: tuple(dict.fromkeys(_squeeze(text) for text in (*_FRENCH[key], *_ENGLISH[key]))) for key in _FRENCH}
_KNOWN = frozenset(word for words in _WORDS.values() for word in words)


def count_known(headers: Iterable[str | None]) -> int:
    """Return how many cells of a row are headers that exports have: where the header of a file stands."""
    return len({_squeeze(header) for header in headers if header} & _KNOWN)


def guess_language(headers: Iterable[str]) -> str:
    """Return the language of a file's headers: ``fr`` where more of them are French than English."""
    squeezed = {_squeeze(header) for header in headers}

    def count(words: Mapping[str, tuple[str, ...]]) -> int:
        return len(squeezed & {_squeeze(text) for texts in words.values() for text in texts})

    return "fr" if count(_FRENCH) > count(_ENGLISH) else "en"


def recognize_report(
    frame: pl.DataFrame, operator: Operator | None = None, answers: Mapping[str, str] | None = None
) -> Recognition:
    """Return the mapping that the headers and cells of a file suggest.

    ``answers`` to the questions of an earlier look. Queues become the programmes of the operator with that id or
    name; others keep a name of their own. Raises UnrecognizedReportError where the headers are not understood, or where
    the file is something else: an agents' report, a schedule, intervals without offered calls.
    """
    report = _ExportedTable(frame, answers or {})
    report.refuse_other_files()
    mapping = report.map_start(operator.row.time_zone if operator else "Europe/Paris")
    mapping |= report.map_intervals() if report.has_intervals() else report.map_calls()
    mapping |= report.map_programmes(operator)
    return Recognition(mapping, tuple(report.questions))


class _ExportedTable:
    """A file while it is recognised: its columns by meaning, and the questions so far."""

    def __init__(self, frame: pl.DataFrame, answers: Mapping[str, str]) -> None:
        self.frame = frame
        self.answers = answers
        self.questions: list[OpenQuestion] = []
        self.by_word = {_squeeze(header): header for header in reversed(frame.columns)}
        self.times = self._find_times()
        self.found = self._find_columns()

    def has(self, words: Sequence[str]) -> list[str]:
        """Return the headers that are one of ``words``."""
        return [self.by_word[word] for word in dict.fromkeys(map(_squeeze, words)) if word in self.by_word]

    def _find_times(self) -> list[str]:
        """Return the column of the start, or those of its day and its time of day, by what their cells hold."""
        shapes = {
            header: _find_shape(self.texts(header))
            for header in dict.fromkeys(self.by_word[word] for word in _WORDS["time"] if word in self.by_word)
        }
        whole = [header for header, shape in shapes.items() if shape == "moment"]
        days = [header for header, shape in shapes.items() if shape == "day"]
        clocks = [header for header, shape in shapes.items() if shape == "clock"]
        if whole:
            return whole[:1]
        return [days[0], clocks[0]] if days and clocks else []

    def _find_columns(self) -> dict[str, str]:
        """Return the header of each meaning; the earlier word wins, a header serves once."""
        found: dict[str, str] = {}
        for key, words in _WORDS.items():
            if key in ("time", "end"):
                continue
            for word in words:
                header = self.by_word.get(word)
                if header is None or header in found.values() or header in self.times:
                    continue
                if key in ("offered", "answered", "abandoned") and not self._is_counted(header):
                    continue
                found[key] = header
                break
        return found

    def texts(self, header: str) -> list[str]:
        """Return the cells of a column that hold something."""
        return [text for text in read_texts(self.frame[header]).drop_nulls() if text.lower() not in UNKNOWN]

    def numbers(self, header: str, *, whole: bool = False) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the cells of a column as numbers, NaN where there is none."""
        cells = self.frame[header]
        read = cells.cast(pl.Float64) if cells.dtype.is_numeric() else parse_numbers(cells, whole=whole)
        return read.fill_null(np.nan).to_numpy().astype(np.float64)

    def _is_counted(self, header: str) -> bool:
        """Return whether a column holds whole numbers, not yes and no."""
        texts = self.texts(header)
        values = self.numbers(header, whole=True)
        values = values[np.isfinite(values)]
        return bool(len(values) >= 0.9 * max(1, len(texts)) and (values == np.round(values)).all())

    def refuse_other_files(self) -> None:
        """Raise UnrecognizedReportError for what is neither calls nor their statistics."""
        people, schedule = self.has(_AGENT_WORDS), self.has(_SCHEDULE_WORDS)
        if people and schedule and "offered" not in self.found and not self.has(_CALL_WORDS):
            raise UnrecognizedReportError(
                Phrase(
                    "this seems to be a report of agents or a schedule ({0}), not one of calls: export calls by queue"
                    " and interval",
                    ", ".join((*people, *schedule)),
                )
            )
        if not self.times:
            raise UnrecognizedReportError(
                Phrase(
                    "no column of dates and times is recognised among {0}: name it date and time, or date and time of"
                    " day in two columns",
                    ", ".join(self.frame.columns),
                )
            )

    def has_intervals(self) -> bool:
        """Return whether a row is an interval; UnrecognizedReportError where it is one without offered calls."""
        calls, intervals = self.has(_CALL_WORDS), self.has(_INTERVAL_WORDS)
        counted = [key for key in ("offered", "answered", "abandoned") if key in self.found]
        many = any(np.nanmax(self.numbers(self.found[key], whole=True), initial=0.0) > 1 for key in counted)
        if "offered" in self.found and (many or not calls):
            return True
        if calls and not many:
            return False
        if {"answered", "abandoned"} <= self.found.keys() and many:
            return True
        if counted or intervals or self._is_grid():
            raise UnrecognizedReportError(
                Phrase(
                    "a row of this file is an interval, and no column of offered calls is recognised among {0}: name it"
                    " calls offered",
                    ", ".join(self.frame.columns),
                )
            )
        if not calls and not self.found.keys() & {"programme", "outcome", "wait_s", "service_s"}:
            raise UnrecognizedReportError(
                Phrase(
                    "nothing says that a row of this file is a call: among {0} is no queue, outcome, wait or handling"
                    " time",
                    ", ".join(self.frame.columns),
                )
            )
        return False

    def _is_grid(self) -> bool:
        """Return whether all times are on a few minutes of the hour, without seconds: those of intervals are."""
        clocks = [match.groups() for text in self.texts(self.times[-1]) if (match := _CLOCK.search(text))]
        minutes = {minute for minute, _second in clocks}
        return len(clocks) > 48 and len(minutes) <= 12 and all(int(second or 0) == 0 for _minute, second in clocks)

    def map_start(self, zone_name: str) -> dict[str, Any]:
        """Return the part of the mapping that says when a row is."""
        in_utc = any("utc" in _squeeze(header) for header in self.times)
        mapping: dict[str, Any] = {"time_zone": "UTC" if in_utc else zone_name}
        mapping["start"] = self.times[0] if len(self.times) == 1 else list(self.times)
        form = self._find_time_format()
        return mapping | ({"time_format": form} if form else {})

    def _find_time_format(self) -> str:
        """Return the strptime format of the times, empty where they are read without one."""
        texts = [take_label_start(text) for text in self.texts(self.times[0])]
        if _fit(r"\d{14}", texts):
            return "%Y%m%d%H%M%S"
        clock = texts if len(self.times) == 1 else [take_label_start(text) for text in self.texts(self.times[1])]
        clock_form = _find_clock_format(clock)
        if _fit(r"\d{8}.*", texts):
            return f"%Y%m%d {clock_form}"
        parts = [match for text in texts if (match := re.match(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)\b", text))]
        if len(parts) <= len(texts) / 2:
            return ""  # ISO, or what the reader of moments names as a fault of its row
        order = self._find_day_order([(int(part[1]), int(part[3]), int(part[4])) for part in parts])
        sep, year = parts[0][2], "%Y" if len(parts[0][4]) == 4 else "%y"
        if order == "d/m" and year == "%Y" and clock_form in ("%H:%M", "%H:%M:%S", "%Hh%M", "%H%M"):
            return ""  # what is read anyway
        first, second = ("%d", "%m") if order == "d/m" else ("%m", "%d")
        return f"{first}{sep}{second}{sep}{year} {clock_form}"

    def _find_day_order(self, dates: Sequence[tuple[int, int, int]]) -> str:
        """Return ``d/m`` or ``m/d``: a part above 12 decides, else the days that follow each other; else a question."""
        if max(first for first, _, _ in dates) > 12:
            return "d/m"
        if max(second for _, second, _ in dates) > 12:
            return "m/d"
        distinct = set(dates)

        def is_run(read: Callable[[int, int, int], date]) -> bool:
            days = sorted(read(*one) for one in distinct)
            return (days[-1] - days[0]).days < len(days) + 3

        runs = is_run(lambda a, b, y: date(y, b, a)), is_run(lambda a, b, y: date(y, a, b))
        if runs[0] != runs[1] and len(distinct) > 1:
            return "d/m" if runs[0] else "m/d"
        return self._ask("date_order", tuple(self.times[:1]), ("d/m", "m/d"))

    def _ask(self, key: str, columns: tuple[str, ...], choices: tuple[str, ...]) -> str:
        """Return the answer to a question, the first choice while there is none."""
        self.questions.append(OpenQuestion(key, columns, choices))
        given = self.answers.get(key, "")
        return given if given in choices else choices[0]

    def map_intervals(self) -> dict[str, Any]:
        """Return the columns of counts and of handling time, with its unit."""
        if "offered" in self.found:
            mapping: dict[str, Any] = {"offered": self.found["offered"]}
        else:  # what was answered or given up was offered
            mapping = {"offered": [self.found["answered"], self.found["abandoned"]]}
        if "answered" in self.found:
            mapping["answered"] = self.found["answered"]
        dropped = self._list_totals()
        if dropped:
            mapping["drop"] = [{"name": "total", "where": {header: texts}} for header, texts in dropped.items()]
        return mapping | self._map_handling()

    def _list_totals(self) -> dict[str, list[str]]:
        """Return the cells that say that a row is a total, or the header again."""
        columns = dict.fromkeys((*self.times, *([self.found["programme"]] if "programme" in self.found else [])))
        return {
            header: texts
            for header in columns
            if (
                texts := [text for text in dict.fromkeys(self.texts(header)) if fold(text) in _TOTALS or text == header]
            )
        }

    def _map_handling(self) -> dict[str, Any]:
        """Return the column of the mean or total handling time and its unit; only those are left that give a time
        that a call can take."""
        mean = self.found.get("aht_s") or ""
        header = mean or self.found.get("handle_s") or ""
        if not header:
            return {}
        key = "aht_s" if mean else "handle_s"
        units = [unit for unit in self._list_units(header) if self._is_spoken(header, key, unit)]
        if not units:
            raise UnrecognizedReportError(
                Phrase(
                    "{0} is no handling time in seconds, milliseconds, minutes or days: no unit gives one between"
                    " {1} and {2} seconds a call",
                    header, *(f"{limit:g}" for limit in _SPOKEN_S),
                )
            )  # fmt: skip
        unit = units[0] if len(units) == 1 else self._ask("aht_unit", (header,), tuple(units))
        return {key: header} | ({} if unit == "s" else {"aht_unit": unit})

    def _list_units(self, header: str) -> list[str]:
        """Return the units that the header and the form of its cells leave."""
        texts = self.texts(header)
        if any(text.count(":") == 2 for text in texts):
            return ["s"]  # h:mm:ss
        if any(_CLOCKED.fullmatch(text) for text in texts):
            return ["m:s", "h:m"]
        if match := _UNIT_WORDS.search(header):
            return [_UNIT_OF.get(match[1].lower()[:3], _UNIT_OF.get(match[1].lower(), "s"))]
        values = self.numbers(header)
        broken = bool((values[np.isfinite(values)] % 1 > 0).any())
        return ["s", "ms", *(("min", "day") if broken else ())]

    def _is_spoken(self, header: str, key: str, unit: str) -> bool:
        """Return whether a unit gives a mean handling time that a call can take."""
        calls = self.numbers(self.found.get("answered") or self.found["offered"], whole=True)
        values = read_durations(self.frame[header], unit)
        known = np.isfinite(values) & np.isfinite(calls) & (calls > 0)
        if not known.any() or not values[known].any():
            return unit == "s"  # nothing to judge by
        weight = calls[known] if key == "aht_s" else np.ones(int(known.sum()))
        mean = float((values[known] * weight).sum() / calls[known].sum())
        return _SPOKEN_S[0] <= mean <= _SPOKEN_S[1]

    def map_calls(self) -> dict[str, Any]:
        """Return the columns of a file with one row a call."""
        mapping: dict[str, Any] = {key: self.found[key] for key in ("wait_s", "service_s") if key in self.found}
        outcome = self.found.get("outcome") or self.found.get("abandoned") or ""
        if outcome:
            folded = {text: fold(text) for text in self.texts(outcome)}
            given_up = "abandon" in _squeeze(outcome) and set(folded.values()) <= _YES | _NO
            answered = [text for text, word in folded.items() if word in (_NO if given_up else _ANSWERED)]
            if answered:
                mapping |= {"outcome": outcome, "answered": answered}
        keys = [header for header in self.has(_CALL_WORDS) if self.frame[header].n_unique() == self.frame.height]
        return mapping | ({"key": keys[:1]} if keys else {})

    def map_programmes(self, operator: Operator | None) -> dict[str, Any]:
        """Return the column of the queue, and the programme of each of its values."""
        if "programme" not in self.found:
            return {"programmes": {"": "programme"}}
        header = self.found["programme"]
        totals = self._list_totals().get(header, [])
        queues = [text for text in dict.fromkeys(self.texts(header)) if text not in totals]
        if len(queues) > _MOST_QUEUES:
            raise UnrecognizedReportError(
                Phrase("{0} holds {1} different values, too many for queues", header, len(queues))
            )
        known = {fold(text): row.id for row in (operator.programmes if operator else ()) for text in (row.name, row.id)}
        return {"programme": header, "programmes": {text: known.get(fold(text), fold(text)) for text in queues}}


def _find_shape(texts: Sequence[str]) -> str:
    """Return what the cells of a column are: ``moment``, ``day``, ``clock``, or nothing of that."""
    starts = [take_label_start(text) for text in texts[:2000] if fold(text) not in _TOTALS]
    forms = {
        "clock": r"\d{1,2}\s*[:hH]\s*(\d\d)?(:\d\d)?(\s*[AaPp][Mm])?|\d{3,4}|0[.,]\d+"
        r"|1(899-12-3[01]|900-01-0[01])[T ].*",
        "day": r"\d{4}-\d\d-\d\d([T ]00:00(:00(\.0+)?)?)?"
        r"|\d{1,2}(?P<s>[/.-])\d{1,2}(?P=s)(\d{4}|\d\d)|(19|20)\d{6}|\d{5}",
        "moment": r"(\d{4}-\d\d-\d\d|\d{1,2}(?P<s>[/.-])\d{1,2}(?P=s)(\d{4}|\d\d)|(19|20)\d{6})[ T]+(à\s*)?\d.*"
        r"|(19|20)\d{12}|\d{5}[.,]\d+",
    }
    for shape, form in forms.items():
        if _fit(form, starts):  # the others are faults of their rows
            return shape
    return ""


def _fit(form: str, texts: Sequence[str]) -> bool:
    """Return whether most texts are of a form."""
    return sum(re.fullmatch(form, text) is not None for text in texts) > len(texts) / 2


def _find_clock_format(texts: Sequence[str]) -> str:
    """Return the strptime format of the times of day that texts end with."""
    last = [text.split()[-1] if not re.search(r"[AaPp][Mm]$", text) else text for text in texts]
    if any(re.search(r"[AaPp][Mm]$", text) for text in last):
        seconds = any(re.search(r"\d:\d\d:\d\d\s*[AaPp]", text) for text in last)
        return "%I:%M:%S %p" if seconds else "%I:%M %p"
    if any(text.count(":") == 2 for text in last):
        return "%H:%M:%S"
    if _fit(r"\d{3,4}", last):
        return "%H%M"
    return "%Hh%M" if any("h" in text.lower() for text in last) else "%H:%M"
