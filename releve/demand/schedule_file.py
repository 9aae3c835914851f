"""Schedules and time off of workforce suites: rows of agent, activity, start and end, by their headers and cells.

The layouts are those that public documentation shows: NICE IEX (Agent Schedule Detail: schedDate, tvID, activity code,
start and stop time; a stop before its start is past midnight), Genesys Cloud (activity with a start and a length in
minutes), Calabrio and Teleopti (Person, Activity, StartDate, EndDate), Verint, injixo (StartDate, StartTime, AgentID,
AgentActivityID) and Deputy (Employee, Start Date, Start Time, End Date, End Time, Meal Break). docs/registry.md cites
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from releve.demand.import_report import FIRST_ROW, UNKNOWN, ImportFault, parse_numbers, read_texts, require_columns
from releve.demand.log_table import LogTable
from releve.demand.mapping import ASIDE, TimeColumn, read_times, take_starts
from releve.demand.report_recognition import OpenQuestion, UnrecognizedReportError
from releve.demand.report_times import find_clock_format, find_shape, fit, list_day_forms, list_number_forms
from releve.demand.report_words import squeeze
from releve.errors import Phrase
from releve.kernels.arrays import Floats
from releve.network.moments import UTC
from releve.network.table_words import fold

_WORDS: Mapping[str, tuple[str, ...]] = {
    "agent": (
        "agent id", "logon id", "tvid", "employee id", "employee number", "employment number", "matricule",
        "personnel number", "agent", "agent name", "employee", "employee name", "person", "person name",
        "téléconseiller", "collaborateur", "conseiller", "salarié", "email", "user", "name", "nom",
    ),
    "activity": (
        "activity", "activity name", "activity code", "agent activity id", "activity type id", "exc code", "excname",
        "exception", "absence", "absence name", "time off type", "activité", "motif", "type d'absence", "code activité",
        "état", "state", "type", "code",
    ),
    "day": (
        "sched date", "schedule date", "date", "day", "jour", "start date", "startdate", "exc date", "date de début",
    ),
    "start": (
        "start", "start time", "starttime", "from", "exc start time", "start date", "startdate", "start date time",
        "début", "heure de début", "de", "du",
    ),
    "end_day": ("end date", "enddate", "date de fin"),
    "end": (
        "end", "end time", "endtime", "stop", "stop time", "to", "until", "exc stop time", "end date", "enddate",
        "end date time", "fin", "heure de fin", "à", "au",
    ),
    "length": ("length in minutes", "length", "duration", "minutes", "durée", "durée en minutes"),
    "break": ("meal break (mins)", "meal break", "break", "pause", "pause repas"),
}  # fmt: skip
_MOSTLY = 0.5
"""A column under another header names the agents where more than this share of its values are their ids."""
MEANINGS = tuple(_WORDS)
"""What a column of a schedule may hold; ``answers`` name the column by one of these."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "work": ("work", "calls", "phone", "on-queue", "open", "production", "appels", "telephone", "travail", "shift",
             "on-queue-work", "back-office", "emails", "chat", "available", "appels-entrants", "appels-sortants",
             "prise-d-appels", "au-telephone", "inbound", "inbound-calls", "outbound-calls", "phone-time"),
    "break": ("break", "pause", "rest-break", "coffee"),
    "meal": ("meal", "lunch", "dejeuner", "repas", "pause-dejeuner", "pause-repas", "meal-break", "lunch-break"),
    "training": ("training", "formation", "e-learning", "elearning"),
    "coaching": ("coaching", "debrief", "debriefing", "accompagnement"),
    "meeting": ("meeting", "reunion", "team-meeting", "brief", "briefing", "brief-equipe",
                "reunion-d-equipe"),
    "leave": ("leave", "annual-leave", "holiday", "time-off", "pto", "conge", "conges", "conge-paye",
              "conges-payes", "cp", "rtt"),
    "absent": ("absent", "absence", "unavailable", "indisponible"),
    "off": ("off", "day-off", "repos", "jour-de-repos", "not-scheduled", "rest"),
}  # fmt: skip
"""What an activity may be, with words of it. Illness has no word of its own: a user makes it ``absent``, so that no
reason is stored."""


@dataclass(frozen=True)
class ScheduleMapping:
    """The columns of a schedule by meaning, the form of its times, and what has to be asked."""

    chosen: Mapping[str, str]
    time_format: str = ""
    questions: tuple[OpenQuestion, ...] = ()

    def list_open(self, answers: Mapping[str, str]) -> tuple[OpenQuestion, ...]:
        """Return the questions without an answer."""
        return tuple(one for one in self.questions if answers.get(one.key) not in one.choices)


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """What an agent does from ``start`` to ``end``; ``break_minutes`` inside it, None where the file does not say."""

    agent: str
    activity: str
    start: datetime
    end: datetime
    break_minutes: float | None = None


@dataclass(frozen=True)
class Schedule:
    """The rows of a schedule, and the faults of those that were set aside."""

    entries: tuple[ScheduleEntry, ...]
    faults: tuple[ImportFault, ...] = ()
    read: int = 0
    agents: tuple[str, ...] = field(init=False)
    activities: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "agents", tuple(dict.fromkeys(entry.agent for entry in self.entries)))
        object.__setattr__(self, "activities", tuple(dict.fromkeys(entry.activity for entry in self.entries)))

    def sum_hours(self) -> dict[str, float]:
        """Return the hours of each activity."""
        hours = dict.fromkeys(self.activities, 0.0)
        for entry in self.entries:
            hours[entry.activity] += (entry.end - entry.start) / timedelta(hours=1)
        return hours


def guess_kind(activity: str) -> str:
    """Return what an activity is by its word, empty where none says it; without an activity a row is work."""
    word = fold(activity)
    return next((kind for kind, words in KINDS.items() if word in words), "" if activity else "work")


def recognize_schedule(
    frame: pl.DataFrame, answers: Mapping[str, str] | None = None, agents: Iterable[str] = ()
) -> ScheduleMapping:
    """Return how a schedule is read; UnrecognizedReportError names what no column is recognised for.

    ``answers`` name the column of a meaning of :data:`MEANINGS` and the ``time_format``. Of several columns that may
    name the agents, the one with most of the ids ``agents`` counts.
    """
    answers = answers or {}
    given = {key: answers[key] for key in MEANINGS if key in answers}
    require_columns(frame, [header for header in given.values() if header])
    chosen = {key: header for key, header in (given or _find_columns(frame, agents)).items() if header}
    for key, name in (("agent", Phrase("agent")), ("start", Phrase("start"))):
        if key not in chosen:
            _refuse(frame, name)
    if not chosen.keys() & {"end", "length"}:
        _refuse(frame, Phrase("end or length"))
    starts = _list_texts(frame, chosen["start"])
    shape = find_shape(starts)
    if shape == "moment":
        chosen = {key: header for key, header in chosen.items() if key not in ("day", "end_day")}
    elif shape != "clock" or "day" not in chosen:
        _refuse(frame, Phrase("day and time of day of the start"))
    elif "end_day" in chosen and find_shape(_list_texts(frame, chosen["end_day"])) != "day":
        del chosen["end_day"]
    form, questions = _find_format(_list_texts(frame, chosen.get("day", chosen["start"])), starts, answers)
    return ScheduleMapping(chosen, form, questions)


def _refuse(frame: pl.DataFrame, name: Phrase) -> None:
    raise UnrecognizedReportError(
        Phrase("no column of the {0} is recognised among {1}: name it", name, ", ".join(frame.columns))
    )


def _find_columns(frame: pl.DataFrame, agents: Iterable[str]) -> dict[str, str]:
    """Return the column of each meaning by its words; of days and times of day by what their cells hold too.

    Of agents by the share of ids that are known first: suites write several numbers of a person side by side.
    """
    headers = {squeeze(header): header for header in reversed(frame.columns)}
    shapes = {header: find_shape(_list_texts(frame, header)) for header in frame.columns}
    wanted = {"day": ("day",), "end_day": ("day",), "start": ("moment", "clock"), "end": ("moment", "clock")}
    known = _find_agents(frame, agents)
    found = {"agent": known} if known else {}
    for key, words in _WORDS.items():
        if key in found:
            continue
        for word in map(squeeze, words):
            header = headers.get(word, "")
            if header and header not in found.values() and (key not in wanted or shapes[header] in wanted[key]):
                found[key] = header
                break
    return found


def _find_agents(frame: pl.DataFrame, agents: Iterable[str]) -> str:
    """Return the column with the largest share of known agents, empty where none holds any.

    A header that says agent comes before others, which may be of supervisors.
    """
    known = {fold(agent) for agent in agents}
    shares: dict[str, float] = {}
    for header in frame.columns if known else ():
        values = {fold(text) for text in _list_texts(frame, header)}
        shares[header] = len(values & known) / max(1, len(values))
    words = {squeeze(word) for word in _WORDS["agent"]}
    named = {header: share for header, share in shares.items() if squeeze(header) in words and share}
    found = named or {header: share for header, share in shares.items() if share > _MOSTLY}
    return max(found, key=lambda header: found[header], default="")


def _list_texts(frame: pl.DataFrame, header: str) -> list[str]:
    return [text for text in read_texts(frame[header]).drop_nulls() if text.lower() not in UNKNOWN]


def _find_format(
    days: Sequence[str], clocks: Sequence[str], answers: Mapping[str, str]
) -> tuple[str, tuple[OpenQuestion, ...]]:
    clock = find_clock_format(clocks)
    forms = [f"{day} {clock}" for day in list_day_forms(days) or list_number_forms(days)]
    if len(forms) == 1 and re.fullmatch(r"%d.%m.%Y %H:%M(:%S)?", forms[0]):
        return "", ()  # what is read anyway
    if len(forms) < 2:
        return (forms or [""])[0], ()
    given = answers.get("time_format", "")
    return given if given in forms else forms[0], (OpenQuestion("time_format", ("start",), tuple(forms)),)


def read_schedule(table: LogTable, mapping: ScheduleMapping, zone_name: str) -> Schedule:
    """Read the rows of a schedule; times without offset are of ``zone_name``.

    An end that is not after its start is of the next day where the file gives its time of day alone; a row whose times
    cannot be read, or without an agent, is set aside with its fault.
    """
    frame, chosen = table.frame, mapping.chosen
    faults: list[ImportFault] = []
    kept = np.ones(frame.height, dtype=np.bool_)

    def read(day: str, clock: str) -> TimeColumn:
        found = read_times(
            take_starts(frame, [day, clock] if day else clock, mapping.time_format), zone_name, mapping.time_format
        )
        faults.extend(fault for fault in found.faults if fault.kind != "other_zone")
        return found

    start = read(chosen.get("day", ""), chosen["start"])
    kept &= start.good
    seconds = start.seconds
    if "end" in chosen:
        end = read(chosen.get("end_day", chosen.get("day", "")), chosen["end"])
        kept &= end.good
        last = end.seconds
        if "day" in chosen:
            last = np.where(last <= seconds, last + 86_400, last)
    else:
        last = seconds + (np.nan_to_num(_read_minutes(frame, chosen["length"])) * 60).astype(np.int64)
    agents = read_texts(frame[chosen["agent"]]).to_list()
    names = read_texts(frame[chosen["activity"]]).to_list() if "activity" in chosen else [""] * frame.height
    breaks = _read_minutes(frame, chosen["break"]) if "break" in chosen else np.full(frame.height, np.nan)
    entries = []
    for row in np.flatnonzero(kept).tolist():
        if not agents[row] or last[row] <= seconds[row]:
            ended = chosen.get("end", chosen.get("length", ""))
            column = chosen["agent"] if not agents[row] else ended
            reason = Phrase("it does not end after its start") if agents[row] else Phrase("no agent is named")
            value = read_texts(frame[column])[row] or ""
            faults.append(
                ImportFault("time", row + FIRST_ROW, column, value, reason, ASIDE, Phrase("correct the cell"))
            )
            continue
        first = datetime.fromtimestamp(int(seconds[row]), UTC)
        until = first + timedelta(seconds=int(last[row] - seconds[row]))
        minutes = None if np.isnan(breaks[row]) else float(breaks[row])
        entries.append(ScheduleEntry(str(agents[row]), names[row] or "", first, until, minutes))
    placed = tuple(replace(fault, row=int(table.rows[fault.row - FIRST_ROW])) for fault in faults)
    return Schedule(tuple(entries), placed, frame.height)


def _read_minutes(frame: pl.DataFrame, header: str) -> Floats:
    """Return a column of minutes; ``h:mm`` and durations of seconds with their parts too, NaN where there is none."""
    texts = read_texts(frame[header])
    if fit(r"\d+:[0-5]\d", [text for text in texts if text]):
        texts = texts + ":00"
    read = parse_numbers(texts).fill_null(np.nan).to_numpy().astype(np.float64)
    parted = texts.str.contains(r":|\d\s*[hms]").fill_null(False).to_numpy()
    return np.where(parted, read / 60.0, read)
