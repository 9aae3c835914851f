"""What the headers and cells of a telephony export say: the mapping of its columns to ours.

A file whose rows are intervals is never read as one call a row, and one whose rows are distinguished by more than queue
and interval (a medium, an agent, an unknown queue column) is refused with the column's name. What its cells leave
open (a unit, the order of day and month) is a question, never a guess; a user may choose what a column means, and what
such a choice cannot be is refused all the same. The words are those of :mod:`releve.demand.report_words`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import numpy as np
import polars as pl

from releve.demand.import_report import (
    UNKNOWN,
    find_repeated,
    parse_numbers,
    read_durations,
    read_texts,
    require_columns,
)
from releve.demand.mapping import Drop, measure_label, read_times, take_label_start, take_starts
from releve.demand.report_times import (
    find_clock_format,
    find_shape,
    fit,
    list_clocks,
    list_day_forms,
    list_number_forms,
)
from releve.demand.report_words import (
    AGENT_WORDS,
    AMBIGUOUS,
    ANSWERED,
    BOTH_WAYS,
    CALL_WORDS,
    DIRECTION_WORDS,
    INTERVAL_WORDS,
    LENGTH_WORDS,
    MEDIA_WORDS,
    NO,
    OUTBOUND,
    PARTS,
    SCHEDULE_WORDS,
    TOTALS,
    VOICE,
    WORDS,
    YES,
    find_unit,
    is_forecast,
    squeeze,
)
from releve.errors import NumberPhrase, Phrase, ReleveError
from releve.kernels.arrays import Floats
from releve.network import Operator
from releve.network.table_words import fold

_MOST_QUEUES = 200
_HANDLED = ("aht_s", "handle_s", "service_s", "duration_s")
_SPOKEN_S = (30.0, 3600.0)
"""A mean handling time outside is one read in a wrong unit."""
_MOST_REPEATED = 0.05
"""Up to this share of rows may repeat a queue and interval: more are distinguished by another column."""
_MOST_UNEXPLAINED = 0.2
"""A larger share of calls offered that were neither answered nor abandoned is said."""
MEANINGS = (
    "start", "day", "clock", "end", "programme", "offered", "answered", "abandoned", "handle", "talk", "hold", "wrap",
    "outcome", "wait", "call",
)  # fmt: skip
"""What a user may say that a column holds: ``answers`` name the column by one of these, none where it is empty."""
_FOUND = {"handle": "service_s", "wait": "wait_s"}
QUESTIONS: Mapping[str, Callable[[str], Phrase]] = {
    "aht_unit": lambda columns: Phrase("the unit of {0}", columns),
    "aht_kind": lambda columns: Phrase("whether {0} is the mean of a call or the total of an interval", columns),
    "date_order": lambda columns: Phrase("the order of day and month in {0}", columns),
    "time_format": lambda columns: Phrase("the form of the times in {0}", columns),
    "counts": lambda columns: Phrase("whether {0} counts all calls offered or only those answered", columns),
    "nature": lambda columns: Phrase("whether {0} are calls that came or a forecast", columns),
}
"""What may have to be asked, by its key in the answers."""


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
        return QUESTIONS[self.key](", ".join(self.columns))


@dataclass(frozen=True)
class Recognition:
    """The mapping of a file as its TOML document, what has to be asked before it is used, the meanings for which
    no column was recognised, and what a reader should know of the figures.

    ``chosen``: the column of each of :data:`MEANINGS` that has one.
    """

    mapping: dict[str, Any]
    questions: tuple[OpenQuestion, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[Phrase, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)


def recognize_report(
    frame: pl.DataFrame,
    operator: Operator | None = None,
    answers: Mapping[str, str] | None = None,
    *,
    title: str = "",
    now: datetime | None = None,
) -> Recognition:
    """Return the mapping that the headers and cells of a file suggest.

    ``answers`` to the questions of an earlier look, and the column of each of :data:`MEANINGS` that a user chose.
    Queues become the programmes of the operator with that id or name; others keep a name of their own. What stands
    above the header (``title``) and times after ``now`` may say that the calls are a forecast. Raises
    UnrecognizedReportError where the headers are not understood, or where the file is something else: an agents'
    report, a schedule, intervals without offered calls or of more than half an hour.
    """
    report = _ExportedTable(frame, answers or {})
    report.refuse_other_files()
    mapping = report.map_start(operator.row.time_zone if operator else "Europe/Paris")
    intervals = report.has_intervals()
    mapping |= report.map_intervals() if intervals else report.map_calls()
    mapping |= report.map_programmes(operator)
    report.ask_nature(mapping, title, now)
    wanted = {"answered": ("answered",), "aht_s": ("aht_s", "handle_s")} if intervals else {
        "outcome": ("outcome",), "service_s": ("service_s",)
    }  # fmt: skip
    missing = [key for key, names in wanted.items() if not mapping.keys() & set(names)]
    return Recognition(mapping, tuple(report.questions), tuple(missing), tuple(report.notes), report.list_chosen())


class _ExportedTable:
    """A file while it is recognised: its rows that count, its columns by meaning, and the questions so far."""

    def __init__(self, frame: pl.DataFrame, answers: Mapping[str, str]) -> None:
        self.answers = answers
        self.questions: list[OpenQuestion] = []
        self.notes: list[Phrase] = []
        self.by_word = {squeeze(header): header for header in reversed(frame.columns)}
        self.frame = frame
        self.chosen = {key: answers[key] for key in MEANINGS if key in answers}
        require_columns(frame, [header for header in self.chosen.values() if header])
        self.drops = self._list_drops()
        for drop in self.drops:
            self.frame = self.frame.filter(~pl.Series(drop.match(self.frame)))
        self.from_end = False
        self.times = self._find_times()
        self.found = self._find_columns()
        if "offered" in self.found and "programme" not in self.found and self.has(["call type"]):
            self.found["programme"] = self.has(["call type"])[0]  # what Cisco calls a queue

    def has(self, words: Sequence[str]) -> list[str]:
        """Return the headers that are one of ``words``."""
        return [self.by_word[word] for word in dict.fromkeys(map(squeeze, words)) if word in self.by_word]

    def texts(self, header: str) -> list[str]:
        """Return the cells of a column that hold something."""
        return [text for text in read_texts(self.frame[header]).drop_nulls() if text.lower() not in UNKNOWN]

    def numbers(self, header: str) -> Floats:
        """Return the cells of a column of counts, NaN where there is none."""
        cells = self.frame[header]
        read = cells.cast(pl.Float64) if cells.dtype.is_numeric() else parse_numbers(cells, whole=True)
        return read.fill_null(np.nan).to_numpy().astype(np.float64)

    def _list_drops(self) -> list[Drop]:
        """Return the rows that are no call offered by telephone: totals, headers again, outbound calls, other media."""
        found = []

        def drop(name: str, headers: Sequence[str], takes: Callable[[str, str], bool]) -> None:
            for header in headers:
                texts = [text for text in dict.fromkeys(self.texts(header)) if takes(header, text)]
                if texts:
                    found.append(Drop(name, {header: texts}))

        names = [self.by_word[word] for key in ("time", "programme") for word in WORDS[key] if word in self.by_word]
        names += [self.chosen[key] for key in ("start", "day", "clock", "programme") if self.chosen.get(key)]
        drop("total", list(dict.fromkeys(names)), lambda header, text: fold(text) in TOTALS or text == header)
        drop("outbound", self.has(DIRECTION_WORDS), lambda _, text: fold(text).split("-")[0] in OUTBOUND)
        for header in self.has(MEDIA_WORDS):
            kinds = {fold(text) for text in self.texts(header)}
            if kinds & VOICE:
                drop("not by telephone", [header], lambda _, text: fold(text) not in VOICE)
            elif kinds:
                self._refuse(Phrase("{0} names no telephone calls ({1})", header, ", ".join(sorted(kinds)[:5])))
        return found

    def _find_times(self) -> list[str]:
        """Return the column of the start, or those of its day and its time of day, by what their cells hold."""
        start, day, clock, end = (self.chosen.get(key, "") for key in ("start", "day", "clock", "end"))
        if start or (day and clock) or end:
            self.from_end = not start and not (day and clock)
            times = [start or end] if start or self.from_end else [day, clock]
            for header, shape in zip(times, ["moment"] if len(times) == 1 else ["day", "clock"], strict=True):
                if find_shape(self.texts(header)) != shape and not self.answers.get("time_format"):
                    some = ", ".join(self.texts(header)[:3])
                    self._refuse(Phrase("{0} holds no {1}: {2}", header, _TIMES[shape], some))
            return times
        if self.chosen.keys() & {"start", "day", "clock"}:
            return []
        shapes = {
            header: find_shape(self.texts(header))
            for header in dict.fromkeys(self.by_word[word] for word in WORDS["time"] if word in self.by_word)
        }
        whole = [header for header, shape in shapes.items() if shape == "moment"]
        days = [header for header, shape in shapes.items() if shape == "day"]
        clocks = [header for header, shape in shapes.items() if shape == "clock"]
        if whole:
            return whole[:1]
        if days and clocks:
            return [days[0], clocks[0]]
        ends = [self.by_word[word] for word in WORDS["end"] if word in self.by_word]
        self.from_end = bool(ends) and find_shape(self.texts(ends[0])) == "moment"
        return ends[:1] if self.from_end else []

    def _find_columns(self) -> dict[str, str]:
        """Return the header of each meaning; the earlier word wins, a header serves once."""
        found: dict[str, str] = {}
        for key, words in WORDS.items():
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
        return self._apply_choice(found)

    def _apply_choice(self, found: dict[str, str]) -> dict[str, str]:
        """Return the header of each meaning with those that were chosen; UnrecognizedReportError for counts that are
        none."""
        used = {header for header in self.chosen.values() if header}
        kept = {key: header for key, header in found.items() if header not in used}
        for key, header in self.chosen.items():
            if key == "handle":
                kept = {name: one for name, one in kept.items() if name not in _HANDLED}
            kept.pop(_FOUND.get(key, key), None)
            if header and key in ("offered", "answered", "abandoned") and not self._is_counted(header):
                self._refuse(Phrase("{0} holds no whole numbers: it cannot be a count of calls", header))
            if header and _FOUND.get(key, key) in WORDS:
                kept[_FOUND.get(key, key)] = header
        return kept

    def list_chosen(self) -> dict[str, str]:
        """Return the column of each of MEANINGS: as it was chosen, else as it was recognised."""
        times = ("end",) if self.from_end else ("start",) if len(self.times) == 1 else ("day", "clock")
        found = dict(zip(times, self.times, strict=True))
        names = {"handle": _HANDLED, "wait": ("wait_s",), "call": ()}
        for key in MEANINGS:
            headers = [self.found[name] for name in names.get(key, (key,)) if name in self.found]
            if headers and headers[0] not in found.values():
                found[key] = headers[0]
        if "handle" not in found:
            found |= {key: header for key, header in self._list_parts().items() if header not in found.values()}
        if calls := self.has(CALL_WORDS):
            found.setdefault("call", calls[0])
        return {**found, **{key: header for key, header in self.chosen.items() if header}}

    def _is_counted(self, header: str) -> bool:
        """Return whether a column holds whole numbers, not yes and no."""
        values = self.numbers(header)
        values = values[np.isfinite(values)]
        return bool(len(values) >= 0.9 * max(1, len(self.texts(header))) and (values == np.round(values)).all())

    def _refuse(self, reason: Phrase) -> NoReturn:
        raise UnrecognizedReportError(reason)

    @property
    def _headers(self) -> str:
        return ", ".join(self.frame.columns)

    def refuse_other_files(self) -> None:
        """Raise UnrecognizedReportError for what is neither calls nor their statistics."""
        people, schedule = self.has(AGENT_WORDS), self.has(SCHEDULE_WORDS)
        counted = "offered" in self.found or self.chosen.keys() & {"offered", "answered", "outcome"}
        if people and schedule and not counted and not self.has(CALL_WORDS):
            self._refuse(
                Phrase(
                    "this seems to be a report of agents or a schedule ({0}), not one of calls: export calls by queue"
                    " and interval",
                    ", ".join((*people, *schedule)),
                )
            )
        if not self.times:
            self._refuse(
                Phrase(
                    "no column of dates and times of day is recognised among {0}: a row must be a call or half an hour"
                    " at most; name it date and time, or date and time of day in two columns",
                    self._headers,
                )
            )

    def has_intervals(self) -> bool:
        """Return whether a row is an interval; UnrecognizedReportError where it is one without offered calls."""
        calls = [*self.has(CALL_WORDS), *filter(None, [self.chosen.get("call")])]
        counted = [key for key in ("offered", "answered", "abandoned") if key in self.found]
        many = any(np.nanmax(self.numbers(self.found[key]), initial=0.0) > 1 for key in counted)
        if calls and not many:
            return False
        if "offered" in self.found or (many and {"answered", "abandoned"} <= self.found.keys()):
            return True
        if "answered" in self.found and many:
            self._refuse(
                Phrase(
                    "{0} counts the calls answered, and no column says how many were offered or abandoned: export the"
                    " calls offered, or take {0} for them (the calls given up are then missing)",
                    self.found["answered"],
                )
            )
        if counted or self.has(INTERVAL_WORDS) or self._is_grid():
            self._refuse(
                Phrase(
                    "a row of this file is an interval, and no column of offered calls is recognised among {0}: name it"
                    " calls offered",
                    self._headers,
                )
            )
        if not calls and not self.found.keys() & {"programme", "outcome", "wait_s", "service_s", "duration_s"}:
            self._refuse(
                Phrase(
                    "nothing says that a row of this file is a call: {0} holds no queue, outcome, wait or handling"
                    " time",
                    self._headers,
                )
            )
        return False

    def _is_grid(self) -> bool:
        """Return whether all times are on a few minutes of the hour, without seconds: those of intervals are."""
        clocks = list_clocks(self.texts(self.times[-1]))
        return len(clocks) > 48 and len({minute for minute, _ in clocks}) <= 12 and not any(s for _, s in clocks)

    def map_start(self, zone_name: str) -> dict[str, Any]:
        """Return the part of the mapping that says when a row is, and which rows count."""
        in_utc = any("utc" in squeeze(header) for header in self.times)
        if fit(r".*\d(Z|[+-]00:?00)", self.texts(self.times[-1])):
            self.notes.append(Phrase("the times of {0} are written in UTC, and read so", self.times[-1]))
        mapping: dict[str, Any] = {"time_zone": "UTC" if in_utc else zone_name}
        mapping["start"] = self.times[0] if len(self.times) == 1 else list(self.times)
        if self.from_end:
            mapping["from_end"] = True
        if form := self._find_time_format():
            mapping["time_format"] = form
        if self.drops:
            mapping["drop"] = [{"name": drop.name, "where": dict(drop.where)} for drop in self.drops]
        return mapping

    def _find_time_format(self) -> str:
        """Return the strptime format of the times, empty where they are read without one."""
        if given := self.answers.get("time_format", ""):
            return given
        texts = [take_label_start(text) for text in self.texts(self.times[0])]
        clock = texts if len(self.times) == 1 else [take_label_start(text) for text in self.texts(self.times[1])]
        clock_form = find_clock_format(clock)
        if fit(r"(19|20)\d{12}", texts):
            return "%Y%m%d%H%M%S"
        if forms := [f"{form} {clock_form}" for form in list_day_forms(texts)]:
            return forms[0] if len(forms) == 1 else self._ask("time_format", tuple(self.times[:1]), tuple(forms))
        days = list_number_forms(texts)
        if len(days) > 1:
            order = self._ask("date_order", tuple(self.times[:1]), ("d/m", "m/d"))
            days = days[:1] if order == "d/m" else days[1:]
        if not days or (days[0].startswith("%d") and days[0].endswith("%Y") and "%p" not in clock_form):
            return ""  # what is read anyway, or what the reader of moments names as a fault of its row
        return f"{days[0]} {clock_form}"

    def _ask(self, key: str, columns: tuple[str, ...], choices: tuple[str, ...]) -> str:
        """Return the answer to a question, the first choice while there is none."""
        self.questions.append(OpenQuestion(key, columns, choices))
        given = self.answers.get(key, "")
        return given if given in choices else choices[0]

    def map_intervals(self) -> dict[str, Any]:
        """Return the columns of counts and of handling time, with its unit."""
        self._refuse_long_intervals()
        self._refuse_repeated()
        if "offered" in self.found:
            mapping: dict[str, Any] = {"offered": self.found["offered"]}
            self._ask_counts()
        else:  # what was answered or given up was offered
            mapping = {"offered": [self.found["answered"], self.found["abandoned"]]}
        if "answered" in self.found:
            mapping["answered"] = self.found["answered"]
            if squeeze(self.found["answered"]) in map(squeeze, BOTH_WAYS):
                self.notes.append(Phrase("{0} may hold outgoing contacts, too", self.found["answered"]))
        self._compare_counts()
        return mapping | self._map_handling()

    def _ask_counts(self) -> None:
        """Ask whether a count is of calls offered where its word leaves it open and no other column tells; say where
        it is not."""
        header = self.found["offered"]
        word, answered = squeeze(header), "answered" in self.found
        kind = "offered"
        if word in map(squeeze, AMBIGUOUS) and not answered and "abandoned" not in self.found:
            kind = self._ask("counts", (header,), ("offered", "answered"))
        if kind == "answered" or (word in WORDS["answered"] and word not in WORDS["offered"]):
            self.notes.append(
                Phrase("{0} counts the calls answered: those given up are missing, and the need is too low", header)
            )

    def _compare_counts(self) -> None:
        """Refuse more calls answered than offered in all; say where many calls are neither answered nor abandoned."""
        offered, answered, abandoned = (
            float(np.nansum(self.numbers(self.found[key]))) if key in self.found else None
            for key in ("offered", "answered", "abandoned")
        )
        if offered is None or answered is None:
            return
        if answered > offered:
            self._refuse(
                Phrase(
                    "{0} holds more calls answered in all ({1}) than {2} holds calls offered ({3}): one of the two is"
                    " another column",
                    self.found["answered"], NumberPhrase(answered), self.found["offered"], NumberPhrase(offered),
                )
            )  # fmt: skip
        if abandoned is not None and abs(offered - answered - abandoned) > _MOST_UNEXPLAINED * offered:
            self.notes.append(
                Phrase(
                    "of {0} calls offered {1} were answered and {2} abandoned: the rest is not explained",
                    NumberPhrase(offered), NumberPhrase(answered), NumberPhrase(abandoned),
                )
            )  # fmt: skip

    def ask_nature(self, mapping: Mapping[str, Any], title: str, now: datetime | None) -> None:
        """Ask whether calls are a forecast where the title, a header or the times make it likely; refuse one."""
        offered = mapping.get("offered", ())
        used = [offered] if isinstance(offered, str) else [*offered]
        bare = {squeeze(header) for header in self.frame.columns} <= _FORECAST_FILE
        if not (is_forecast(title) or any(map(is_forecast, used)) or bare or self._is_ahead(mapping, now)):
            return
        if self._ask("nature", tuple(used or self.times), ("history", "forecast")) == "forecast":
            self._refuse(Phrase("a forecast is not stored as calls that came: send the calls of the past"))

    def _is_ahead(self, mapping: Mapping[str, Any], now: datetime | None) -> bool:
        """Return whether the last time of a file lies after ``now``."""
        if now is None or not self.texts(self.times[0]):
            return False
        days = self.frame.select(self.times).unique()
        starts = take_starts(days, mapping["start"], mapping.get("time_format", ""))
        read = read_times(starts, mapping["time_zone"], mapping.get("time_format", ""))
        return bool(read.good.any() and int(read.seconds[read.good].max()) > now.timestamp())

    def _refuse_long_intervals(self) -> None:
        """Raise UnrecognizedReportError for rows of an hour or a day: they are no half hours."""
        said = [fold(text) for header in self.has(LENGTH_WORDS) for text in self.texts(header)]
        lengths = Counter(
            length for text in self.texts(self.times[-1]) if (length := measure_label(text)) is not None
        )  # fmt: skip
        longest = max(lengths, key=lambda length: lengths[length], default=0)
        minutes = {minute for minute, _ in list_clocks(self.texts(self.times[-1]))}
        hourly = minutes == {0} and len(self.frame) > 12
        if longest > 30 or hourly or any(re.search("day|dai|jour|week|hour|heure|^(60|1440)", text) for text in said):
            self._refuse(
                Phrase(
                    "a row of this file is longer than half an hour: export intervals of 30 minutes, or of a part of it"
                )
            )

    def _refuse_repeated(self) -> None:
        """Raise UnrecognizedReportError where rows of one queue and interval are distinguished by another column."""
        keys = [*self.times, *([self.found["programme"]] if "programme" in self.found else [])]
        again = find_repeated(self.frame.select(keys))
        if again.sum() <= _MOST_REPEATED * len(again):
            return
        others = [
            header
            for header in self.frame.columns
            if header not in (*keys, *(self.found[key] for key in ("offered", "answered") if key in self.found))
            and not np.isfinite(self.numbers(header)).any()
            and 1 < self.frame[header].n_unique() < len(self.frame)
        ]
        self._refuse(
            Phrase(
                "{0} of {1} rows repeat a queue and interval; they are distinguished by {2}: name the column of the"
                " queue “queue”, or export calls by queue and interval alone",
                NumberPhrase(int(again.sum())), NumberPhrase(len(again)), ", ".join(others) or Phrase("no column"),
            )
        )  # fmt: skip

    def _map_handling(self) -> dict[str, Any]:
        """Return the columns of the mean or total handling time and their unit; only what gives a time that a call can
        take is left."""
        mean = self.found.get("aht_s") or ""
        headers = [mean or self.found.get("handle_s") or self.found.get("service_s") or ""]
        if not headers[0]:
            headers = self._find_parts()
            if not headers:
                return {}
            self._say_parts()
        kinds = ["aht_s", "handle_s"]
        if mean or _MEAN.search(fold(headers[0])):
            kinds = ["aht_s"]
        elif "handle_s" in self.found:
            kinds = ["handle_s"]
        read = [
            (kind, unit)
            for kind in kinds
            for unit in self._list_units(headers[0])
            if (kind == "aht_s" or "answered" in self.found) and self._is_spoken(headers, kind, unit)
        ]
        if not read:
            self._refuse(
                Phrase(
                    "{0} is not a handling time in seconds, milliseconds, minutes or days: no unit gives one between"
                    " {1} and {2} seconds a call",
                    ", ".join(headers), *(f"{limit:g}" for limit in _SPOKEN_S),
                )
            )  # fmt: skip
        possible = list(dict.fromkeys(kind for kind, _ in read))
        kind = possible[0] if len(possible) == 1 else self._ask("aht_kind", tuple(headers), tuple(possible))
        units = [unit for one, unit in read if one == kind]
        unit = units[0] if len(units) == 1 else self._ask("aht_unit", tuple(headers), tuple(units))
        return {kind: headers[0] if len(headers) == 1 else headers} | ({} if unit == "s" else {"aht_unit": unit})

    def _list_parts(self) -> dict[str, str]:
        """Return the columns of talk, hold and after-call work."""
        found = {key: self.chosen[key] if key in self.chosen else "".join(self.has(words)[:1])
                 for key, words in PARTS.items()}  # fmt: skip
        used = {header for key, header in self.chosen.items() if key not in PARTS}
        return {key: header for key, header in found.items() if header and header not in used}

    def _find_parts(self) -> list[str]:
        """Return the columns of talk, hold and after-call work, where talk is one of them; else none."""
        parts = self._list_parts()
        return list(parts.values()) if "talk" in parts else []

    def _say_parts(self) -> None:
        """Say which parts of a handling time have no column."""
        parts = self._list_parts()
        names = {"hold": Phrase("hold"), "wrap": Phrase("after-call work")}
        lacking = [name for key, name in names.items() if key not in parts]
        for name in lacking:
            self.notes.append(
                Phrase("the handling time is the sum of {0}, without {1}: it may be too short",
                       ", ".join(parts.values()), name)
            )  # fmt: skip

    def _list_units(self, header: str) -> list[str]:
        """Return the units that the header and the form of its cells leave."""
        texts = self.texts(header)
        if any(text.count(":") == 2 or re.search(r"\d\s*(min|mn|m|s)\b", text) for text in texts):
            return ["s"]  # h:mm:ss, 5m 04s
        if any(re.fullmatch(r"\d{0,3}:[0-5]\d", text) for text in texts):
            return ["m:s", "h:m"]
        if unit := find_unit(header):
            return [unit]
        values = parse_numbers(self.frame[header].cast(pl.String)).drop_nulls().to_numpy()
        broken = bool((values % 1 > 0).any())
        return ["s", "ms", *(("min", "day") if broken else ())]

    def _is_spoken(self, headers: Sequence[str], kind: str, unit: str) -> bool:
        """Return whether a unit gives a mean handling time that a call can take."""
        calls = self.numbers(self.found.get("answered") or self.found["offered"])
        values = np.nansum([read_durations(self.frame[header], unit) for header in headers], axis=0)
        known = np.isfinite(read_durations(self.frame[headers[0]], unit)) & np.isfinite(calls) & (calls > 0)
        if not known.any() or not values[known].any():
            return unit == "s"  # nothing to judge by
        weight = calls[known] if kind == "aht_s" else np.ones(int(known.sum()))
        mean = float((values[known] * weight).sum() / calls[known].sum())
        return _SPOKEN_S[0] <= mean <= _SPOKEN_S[1]

    def map_calls(self) -> dict[str, Any]:
        """Return the columns of a file with one row a call."""
        mapping: dict[str, Any] = {"wait_s": self.found["wait_s"]} if "wait_s" in self.found else {}
        parts = self._find_parts()
        if spoken := self.found.get("service_s") or parts or self.found.get("duration_s"):
            mapping["service_s"] = spoken[0] if isinstance(spoken, list) and len(spoken) == 1 else spoken
            if isinstance(spoken, list):
                self._say_parts()
        for header in [self.found[key] for key in ("outcome", "abandoned") if key in self.found]:
            folded = {text: fold(text) for text in self.texts(header)}
            given_up = "abandon" in squeeze(header) and set(folded.values()) <= YES | NO
            answered = [text for text, word in folded.items() if word in (NO if given_up else ANSWERED)]
            if answered:
                mapping |= {"outcome": header, "answered": answered}
                break
        calls = [self.chosen["call"]] if self.chosen.get("call") else self.has(CALL_WORDS)
        keys = [header for header in calls if self.frame[header].n_unique() == self.frame.height]
        return mapping | ({"key": keys[:1]} if keys else {})

    def map_programmes(self, operator: Operator | None) -> dict[str, Any]:
        """Return the column of the queue, and the programme of each of its values."""
        if "programme" not in self.found:
            return {"programmes": {"": "programme"}}
        header = self.found["programme"]
        queues = list(dict.fromkeys(self.texts(header)))
        if len(queues) > _MOST_QUEUES:
            self._refuse(Phrase("{0} holds {1} different values, too many for queues", header, len(queues)))
        known = {fold(text): row.id for row in (operator.programmes if operator else ()) for text in (row.name, row.id)}
        return {"programme": header, "programmes": {text: known.get(fold(text), fold(text)) for text in queues}}


_TIMES = {
    "moment": Phrase("day with a time of day"),
    "day": Phrase("day that can be read"),
    "clock": Phrase("time of day"),
}
_FORECAST_FILE = frozenset(("timestamp", "offered", "aht", "offeredauto", "ahtauto"))
"""The columns of injixo's forecast file."""
_MEAN = re.compile(r"\b(avg|average|mean|moyen|moyenne|dmc|dmt)\b")
